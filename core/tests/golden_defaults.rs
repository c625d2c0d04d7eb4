//! Recorded creates and updates that an upstream server answered: what decoding the same bodies,
//! completing them and taking them to their stored version and back makes of them. What strategies,
//! admission and allocation put in is left out of the comparison.

mod shared;

use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use xebec_core::codec::{json, normal};
use xebec_core::registry::{Registry, Resource, Selection, Version};
use xebec_core::schema::BUILT_IN;
use xebec_core::target::Target;
use xebec_core::value::Value;
use xebec_core::{convert, defaults};

/// Steps that must agree; fewer say that the recordings were not read.
const CHECKED_MIN: usize = 970;

#[test]
fn completed_bodies_are_what_was_answered() {
    let Some(cases) = shared::all_golden() else { return };
    let registry = Registry::built_in(Selection::Default);
    let (mut checked, mut wrong) = (BTreeMap::<String, usize>::new(), Vec::new());
    for case in &cases {
        for step in case["steps"].as_array().into_iter().flatten() {
            let Some(differences) = check(&registry, step) else { continue };
            *checked.entry(case["area"].to_string()).or_default() += 1;
            if let Some(first) = differences.first() {
                wrong.push(format!("{}: {first}", case["id"]));
            }
        }
    }
    let total: usize = checked.values().sum();
    println!("{checked:?}, {} of {total} differ", wrong.len());
    assert!(total >= CHECKED_MIN, "only {total} steps could be checked");
    assert!(wrong.is_empty(), "{} of {total}:\n{}", wrong.len(), wrong.join("\n"));
}

/// How our outcome of a create or update differs from the one answered; nothing for any other step.
fn check(registry: &Registry, step: &Json) -> Option<Vec<String>> {
    let is_done = matches!(step["code"].as_i64(), Some(200 | 201));
    let is_update = step["m"] == "PUT";
    // The specification of a signing request never changes, whatever a client sends.
    let is_kept = is_update && step["b"]["kind"] == "CertificateSigningRequest";
    let is_write = is_update || step["m"] == "POST";
    if !is_write || is_kept || !is_done || !step["b"].is_object() {
        return None;
    }
    let (resource, version) = resource_of(registry, step["p"].as_str()?)?;
    if step["r"]["kind"] != step["b"]["kind"] {
        return None;
    }
    let target = Target { resource, version, subresource: "" };
    let body = serde_json::to_vec(&step["b"]).expect("serializable");
    let decoded = json::decode(target.schema(), target.message(), &body).ok()?;
    let mut object = decoded.object;
    defaults::complete(target, &mut object);
    let mut again = object.clone();
    defaults::complete(target, &mut again);
    assert_eq!(object, again, "completing twice changes something");
    let text = serde_json::to_vec(&Value::Object(object.clone())).expect("serializable");
    let redecoded = json::decode(&BUILT_IN, target.message(), &text).expect("decodes").object;
    assert_eq!(
        serde_json::to_string(&Value::Object(redecoded)).expect("serializable"),
        String::from_utf8(text).expect("UTF-8"),
        "the outcome is not in normal form"
    );
    normal::forget_empty(target.schema(), target.message(), &mut object);
    let stored = convert::to_stored(resource, object).expect("convertible");
    let mut settled = stored.clone();
    convert::settle(resource, &mut settled);
    assert_eq!(stored, settled, "settling twice changes something");
    let object = convert::from_stored(resource, stored, version).expect("convertible");
    let mut got = serde_json::to_value(Value::Object(object)).expect("serializable");
    let mut expected = step["r"].clone();
    for side in [&mut got, &mut expected] {
        leave_out(side);
        if is_update {
            // Goes where the type of a service changes so that it says nothing.
            remove(&mut side["spec"], "externalTrafficPolicy");
        }
    }
    let mut found = Vec::new();
    shared::differences("", &expected, &got, &mut found);
    Some(found)
}

/// The resource that a path without subresource names.
fn resource_of<'r>(registry: &'r Registry, path: &str) -> Option<(&'r Resource, &'r Version)> {
    let path = path.split('?').next()?;
    let steps: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group, rest) = match steps.split_first()? {
        (&"api", rest) => ("", rest),
        (&"apis", rest) => (*rest.first()?, rest.get(1..)?),
        _ => return None,
    };
    let (version, rest) = rest.split_first()?;
    let plural = match rest {
        ["namespaces", _, plural] | ["namespaces", _, plural, _] => plural,
        [plural] | [plural, _] => plural,
        _ => return None,
    };
    registry.find(group, version, plural).map(|(resource, version)| (&**resource, version))
}

/// Takes away what others than the defaults decide.
fn leave_out(object: &mut Json) {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let labels = object["metadata"]["labels"].take();
    object["metadata"] = json!({ "labels": labels });
    remove(object, "status");
    let spec: &[&str] = match kind.as_str() {
        "Pod" => {
            leave_out_of_pod(&mut object["spec"]);
            &["serviceAccountName", "serviceAccount", "tolerations", "priority", "preemptionPolicy"]
        }
        "Service" => {
            for port in object["spec"]["ports"].as_array_mut().into_iter().flatten() {
                remove(port, "nodePort");
            }
            &["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"]
        }
        "Job" => {
            remove(object, "metadata");
            let template = &mut object["spec"]["template"]["metadata"]["labels"];
            let made = |name: &String| name.contains("controller-uid") || name.contains("job-name");
            if let Some(labels) = template.as_object_mut() {
                labels.retain(|name, _| !made(name));
            }
            if template.as_object().is_none_or(serde_json::Map::is_empty) {
                object["spec"]["template"]["metadata"] = Json::Null;
            }
            &["selector"]
        }
        "Namespace" => &["finalizers"],
        "Node" => &["taints"],
        "CertificateSigningRequest" => &["username", "uid", "groups", "extra"],
        "PersistentVolumeClaim" => &["dataSource", "dataSourceRef"],
        _ => &[],
    };
    for name in spec {
        remove(&mut object["spec"], name);
    }
}

/// The volume of the service account's token, and where it is mounted.
fn leave_out_of_pod(spec: &mut Json) {
    let is_token = |name: &Json| name.as_str().is_some_and(|it| it.starts_with("kube-api-access-"));
    retain(spec, "volumes", |volume| !is_token(&volume["name"]));
    for list in ["containers", "initContainers"] {
        for container in spec[list].as_array_mut().into_iter().flatten() {
            retain(container, "volumeMounts", |mount| !is_token(&mount["name"]));
        }
    }
}

fn retain(object: &mut Json, list: &str, keep: impl Fn(&Json) -> bool) {
    let Some(items) = object.get_mut(list).and_then(Json::as_array_mut) else { return };
    items.retain(|item| keep(item));
    if items.is_empty() {
        remove(object, list);
    }
}

fn remove(object: &mut Json, name: &str) {
    if let Some(object) = object.as_object_mut() {
        object.remove(name);
    }
}

#[test]
fn completing_a_vector_twice_changes_nothing() {
    let Some(vectors) = shared::find("testdata") else { return };
    let mut checked = 0;
    for entry in std::fs::read_dir(vectors).expect("readable").flatten() {
        let path = entry.path();
        let text = match path.extension().and_then(|it| it.to_str()) {
            Some("json") => std::fs::read(&path).expect("readable"),
            _ => continue,
        };
        let value: Json = serde_json::from_slice(&text).expect("JSON");
        let kind = value["kind"].as_str().unwrap_or_default();
        let version = value["apiVersion"].as_str().unwrap_or_default();
        let suffix = format!("{}.{kind}", version.rsplit('/').next().unwrap_or_default());
        for (id, _) in BUILT_IN.messages().filter(|(_, message)| message.name.ends_with(&suffix)) {
            let Ok(decoded) = json::decode(&BUILT_IN, id, &text) else { continue };
            let mut once = decoded.object;
            defaults::complete_message(id, &mut once);
            let mut twice = once.clone();
            defaults::complete_message(id, &mut twice);
            assert_eq!(once, twice, "{}", path.display());
            checked += 1;
        }
    }
    assert!(checked > 150, "only {checked} vectors");
}
