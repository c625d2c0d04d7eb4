//! What pods use.

use super::scope::Scope;
use crate::kube::admission::pod_resources::{self, Amounts};
use crate::kube::admission::resource_list::ResourceList;
use std::collections::{BTreeMap, BTreeSet};
use xebec_core::edit;
use xebec_core::names;
use xebec_core::quantity::Quantity;
use xebec_core::value::{Object, Value};

const REQUESTS: &str = "requests.";
const LIMITS: &str = "limits.";
/// What both requests and limits are counted of.
const NATIVE: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
const DEVICE_CLASS_PREFIX: &str = "deviceclass.resource.kubernetes.io/";

pub fn covers(name: &str) -> bool {
    let bare = name.strip_prefix(REQUESTS).or_else(|| name.strip_prefix(LIMITS)).unwrap_or(name);
    if name == "pods" || NATIVE.contains(&bare) {
        return true;
    }
    let request = name.strip_prefix(REQUESTS);
    name.starts_with("hugepages-")
        || request.is_some_and(|bare| {
            bare.starts_with("hugepages-")
                || !is_native(name)
                || bare.starts_with(DEVICE_CLASS_PREFIX)
        })
}

/// Kubernetes' own names have no domain, or its.
fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// What is given by plug-ins of nodes; counted by its requests alone.
fn is_extended(name: &str) -> bool {
    if name.starts_with(DEVICE_CLASS_PREFIX) {
        return true;
    }
    !is_native(name)
        && !name.starts_with(REQUESTS)
        && names::label_key(&format!("{REQUESTS}{name}")).is_empty()
}

/// What a pod uses until it has ended.
pub fn usage(pod: &Object) -> ResourceList {
    if matches!(edit::text(pod, &["status", "phase"]), "Failed" | "Succeeded") {
        return ResourceList::default();
    }
    let requests = pod_resources::by_status(pod, Amounts::Requests);
    let limits = pod_resources::by_status(pod, Amounts::Limits);
    named(&requests, &limits)
}

/// Requests and limits by the names that quotas have for them.
fn named(requests: &ResourceList, limits: &ResourceList) -> ResourceList {
    let mut used = ResourceList::default();
    used.set("pods", Quantity::whole(1));
    for (name, amount) in requests.iter() {
        if NATIVE.contains(&name) || name.starts_with("hugepages-") {
            used.set(name, amount);
            used.set(format!("{REQUESTS}{name}"), amount);
        } else if is_extended(name) {
            used.set(format!("{REQUESTS}{name}"), amount);
        }
    }
    for (name, amount) in limits.iter().filter(|(name, _)| NATIVE.contains(name)) {
        used.set(format!("{LIMITS}{name}"), amount);
    }
    used
}

/// Where processor or memory are limited, every container has to say what it needs: a mistake of
/// upstream's that clients have come to rely on.
pub fn missing(hard: &ResourceList, pod: &Object) -> Option<String> {
    if pod_resources::has_own(pod) {
        return None;
    }
    let demanded = |name: &&str| {
        let bare =
            name.strip_prefix(REQUESTS).or_else(|| name.strip_prefix(LIMITS)).unwrap_or(name);
        matches!(bare, "cpu" | "memory")
    };
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for list in ["containers", "initContainers"] {
        for container in edit::items(pod, &["spec", list]).iter().filter_map(Value::as_object) {
            let said = named(&Amounts::Requests.of(container), &Amounts::Limits.of(container));
            for name in hard.names().filter(demanded).filter(|name| said.get(name).is_none()) {
                missing.entry(name).or_default().insert(edit::text(container, &["name"]));
            }
        }
    }
    if missing.is_empty() {
        return None;
    }
    let told: Vec<String> = missing
        .into_iter()
        .map(|(name, of)| format!("{name} for: {}", Vec::from_iter(of).join(",")))
        .collect();
    Some(format!("must specify {}", told.join("; ")))
}

/// A pod that ends by itself.
pub fn is_terminating(pod: &Object) -> bool {
    edit::int(pod, &["spec", "activeDeadlineSeconds"]).is_some_and(|seconds| seconds >= 0)
}

/// What decides on the scopes that a pod is in.
pub fn scopes_of(pod: &Object) -> (bool, bool, &str) {
    (is_terminating(pod), is_best_effort(pod), edit::text(pod, &["spec", "priorityClassName"]))
}

fn is_best_effort(pod: &Object) -> bool {
    edit::text(pod, &["status", "qosClass"]) == "BestEffort"
}

pub fn is_in(scope: &Scope, pod: &Object) -> bool {
    match scope.name.as_str() {
        "Terminating" => is_terminating(pod),
        "NotTerminating" => !is_terminating(pod),
        "BestEffort" => is_best_effort(pod),
        "NotBestEffort" => !is_best_effort(pod),
        "PriorityClass" => {
            let class = edit::text(pod, &["spec", "priorityClassName"]);
            scope.selects(if class.is_empty() { &[] } else { std::slice::from_ref(&class) })
        }
        "CrossNamespacePodAffinity" => looks_beyond_its_namespace(pod),
        _ => false,
    }
}

fn looks_beyond_its_namespace(pod: &Object) -> bool {
    let is_beyond = |term: &Value| {
        let namespaces = term.get("namespaces").and_then(Value::as_array).unwrap_or_default();
        !namespaces.is_empty() || term.get("namespaceSelector").is_some_and(|one| !one.is_null())
    };
    ["podAffinity", "podAntiAffinity"].iter().any(|kind| {
        let terms = |list| edit::items(pod, &["spec", "affinity", kind, list]).iter();
        terms("requiredDuringSchedulingIgnoredDuringExecution").any(is_beyond)
            || terms("preferredDuringSchedulingIgnoredDuringExecution")
                .filter_map(|term| term.get("podAffinityTerm"))
                .any(is_beyond)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::admission::resource_list::tests::list;
    use crate::kube::object::object;

    #[test]
    fn pods_use_what_they_request_until_they_have_ended() {
        let text = r#"{"spec":{"containers":[{"name":"a","resources":{
            "requests":{"cpu":"1","example.com/gpu":"2","hugepages-2Mi":"4Mi","kubernetes.io/x":"1"},
            "limits":{"memory":"1Gi"}}}]},"status":{"phase":"PHASE"}}"#;
        assert_eq!(
            usage(&object(&text.replace("PHASE", "Running"))).to_string(),
            "cpu=1,hugepages-2Mi=4Mi,limits.memory=1Gi,pods=1,requests.cpu=1,\
             requests.example.com/gpu=2,requests.hugepages-2Mi=4Mi"
        );
        assert!(usage(&object(&text.replace("PHASE", "Succeeded"))).is_empty());
    }

    #[test]
    fn what_is_limited_must_be_said() {
        let pod = object(
            r#"{"spec":{"containers":[{"name":"b"},
            {"name":"a","resources":{"requests":{"cpu":"1"},"limits":{"cpu":"1"}}}],
            "initContainers":[{"name":"i"}]}}"#,
        );
        let hard =
            list(&[("limits.cpu", "1"), ("cpu", "1"), ("pods", "1"), ("requests.storage", "1")]);
        assert_eq!(
            missing(&hard, &pod).expect("something is missing"),
            "must specify cpu for: b,i; limits.cpu for: b,i"
        );
        assert_eq!(
            missing(&list(&[("pods", "1"), ("requests.ephemeral-storage", "1")]), &pod),
            None
        );
        let own =
            object(r#"{"spec":{"resources":{"limits":{"cpu":"1"}},"containers":[{"name":"b"}]}}"#);
        assert_eq!(missing(&hard, &own), None);
    }

    #[test]
    fn pods_are_in_scopes() {
        let scope = |name: &str| {
            let text = format!(r#"{{"spec":{{"scopes":["{name}"]}}}}"#);
            Scope::all(&object(&text)).remove(0)
        };
        let pod = object(
            r#"{"spec":{"activeDeadlineSeconds":5,"priorityClassName":"high","affinity":
            {"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":
            [{"podAffinityTerm":{"namespaceSelector":{}}}]}}},"status":{"qosClass":"BestEffort"}}"#,
        );
        let plain = object(r#"{"spec":{},"status":{"qosClass":"Burstable"}}"#);
        for (name, special, usual) in [
            ("Terminating", true, false),
            ("NotTerminating", false, true),
            ("BestEffort", true, false),
            ("NotBestEffort", false, true),
            ("PriorityClass", true, false),
            ("CrossNamespacePodAffinity", true, false),
            ("Unknown", false, false),
        ] {
            assert_eq!(is_in(&scope(name), &pod), special, "{name}");
            assert_eq!(is_in(&scope(name), &plain), usual, "{name}");
        }
    }
}
