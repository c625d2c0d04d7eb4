//! Bytes from outside never panic: whatever they are, there is an object or an error.

use proptest::prelude::*;
use xebec_core::apply::{Manager, Writer};
use xebec_core::codec::proto::Transcoder;
use xebec_core::codec::{json, proto};
use xebec_core::custom::Structural;
use xebec_core::custom::validate;
use xebec_core::patch::strategic;
use xebec_core::registry::{Registry, Selection};
use xebec_core::schema::{BUILT_IN, MessageId};
use xebec_core::target::Target;
use xebec_core::time::Timestamp;
use xebec_core::value::{Object, Value};
use xebec_core::{defaults, edit, strategy, validation};

fn kinds() -> impl Strategy<Value = MessageId> {
    let names = [
        "k8s.io.api.core.v1.Pod",
        "k8s.io.api.apps.v1.Deployment",
        "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
        "k8s.io.api.resource.v1.ResourceSlice",
    ];
    proptest::sample::select(names.map(|name| BUILT_IN.find(name).expect("known")).to_vec())
}

fn pod() -> Vec<u8> {
    let id = BUILT_IN.find("k8s.io.api.core.v1.Pod").expect("known");
    let json =
        br#"{"metadata":{"name":"a","labels":{"x":"y"},"creationTimestamp":"2026-01-01T00:00:00Z"},
        "spec":{"containers":[{"name":"c","resources":{"limits":{"cpu":"1"}},
        "livenessProbe":{"httpGet":{"port":"http"}}}]}}"#;
    let decoded = json::decode(&BUILT_IN, id, json).expect("valid");
    proto::encode(&BUILT_IN, id, &decoded.object).expect("encodes")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn protobuf_of_any_bytes(id in kinds(), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = proto::open(&bytes);
        if let Ok(object) = proto::decode(&BUILT_IN, id, &bytes) {
            // What was read can be written.
            proto::encode(&BUILT_IN, id, &object).expect("encodes");
        }
    }

    #[test]
    fn protobuf_of_a_spoiled_pod(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let id = BUILT_IN.find("k8s.io.api.core.v1.Pod").expect("known");
        let mut bytes = pod();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(object) = proto::decode(&BUILT_IN, id, &bytes) {
            let text = serde_json::to_vec(&Value::Object(object)).expect("serializes");
            json::decode(&BUILT_IN, id, &text).expect("what protobuf gave is valid JSON");
        }
    }

    #[test]
    fn json_of_any_text(id in kinds(), text in "[\\[\\]{}:,\"a-z0-9 .\\\\-]{0,80}") {
        let _ = json::decode(&BUILT_IN, id, text.as_bytes());
        let _ = Transcoder::default().encode(&BUILT_IN, id, text.as_bytes());
    }

    /// Text is taken only where the tree of it would be written the same.
    #[test]
    fn protobuf_of_any_text(
        at in any::<prop::sample::Index>(),
        byte in "[\\[\\]{}:,\"0-9a-z.\\\\ -]",
        length in 0..3_usize,
    ) {
        let id = BUILT_IN.find("k8s.io.api.core.v1.Pod").expect("known");
        let object = proto::decode(&BUILT_IN, id, &pod()).expect("valid");
        let mut text = serde_json::to_vec(&Value::Object(object)).expect("serializes");
        let at = at.index(text.len());
        text.splice(at..(at + length).min(text.len()), byte.bytes());
        let mut transcoder = Transcoder::default();
        if let Some(transcoded) = transcoder.encode(&BUILT_IN, id, &text)
            && let Ok(Value::Object(object)) = serde_json::from_slice(&text)
        {
            let encoded = proto::encode(&BUILT_IN, id, &object).expect("encodes");
            prop_assert_eq!(transcoded, encoded);
        }
    }

    #[test]
    fn maps_of_many_keys_are_cheap(count in 10_000..20_000_usize) {
        let id = BUILT_IN.find("k8s.io.api.core.v1.ConfigMap").expect("known");
        let entries: Vec<String> = (0..count).map(|n| format!("\"k{n}\":\"\"")).collect();
        let text = format!("{{\"data\":{{{}}}}}", entries.join(","));
        let object: Object = json::decode(&BUILT_IN, id, text.as_bytes()).expect("valid").object;
        let data = object.get("data").and_then(Value::as_object).expect("an object");
        prop_assert_eq!(data.len(), count);
    }
}

/// So many that a search of one map for every key of another would not end in time.
const MANY: usize = 30_000;

/// `"k0":"v","k1":"v",…` up or down.
fn entries(down: bool) -> String {
    let entry = |n: usize| format!("\"k{n}\":\"v\"");
    let all: Vec<String> =
        if down { (0..MANY).rev().map(entry).collect() } else { (0..MANY).map(entry).collect() };
    all.join(",")
}

fn tree(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn object(text: &str) -> Object {
    tree(text).as_object().expect("an object").clone()
}

/// What is wrong with an update between objects that hold the keys in two orders.
fn on_update(path: &str, new: &str, old: &str) {
    let registry = Registry::built_in(Selection::Default);
    let (group, plural) = path.split_once('/').expect("a group");
    let target = Target::stored(registry.find_resource(group, plural).expect("known"));
    let sent = tree(new);
    let (mut new, old) = (object(new), object(old));
    let mut errors = validation::on_update(target, &new, &old);
    validation::as_sent(&mut errors, &sent);
    validation::warnings(target, &new, Some(&old));
    defaults::complete(target, &mut new);
}

#[test]
fn maps_of_many_keys_in_another_order_are_compared_cheaply() {
    let meta = r#""metadata":{"name":"a","namespace":"b","resourceVersion":"1"}"#;
    for (path, before, after) in [
        ("/configmaps", r#""immutable":true,"data":{"#, "}"),
        ("/secrets", r#""immutable":true,"type":"Opaque","data":{"#, "}"),
        ("/pods", r#""spec":{"nodeSelector":{"#, "}}"),
        ("/pods", r#""spec":{"schedulingGates":[{"name":"a"}],"nodeSelector":{"#, "}}"),
        ("/replicationcontrollers", r#""spec":{"selector":{"#, "}}"),
        ("/persistentvolumeclaims", r#""spec":{"selector":{"matchLabels":{"#, "}}}"),
        ("apps/deployments", r#""spec":{"selector":{"matchLabels":{"#, "}}}"),
        ("batch/jobs", r#""spec":{"template":{"metadata":{"labels":{"#, "}}}}"),
        ("storage.k8s.io/storageclasses", r#""parameters":{"#, "}"),
    ] {
        let of = |down| format!("{{{meta},{before}{}{after}}}", entries(down));
        on_update(path, &of(false), &of(true));
    }
}

#[test]
fn what_was_sent_empty_is_found_cheaply_among_many_keys() {
    let nulls = entries(true).replace("\"v\"", "null");
    let path = "a";
    let shown = format!("{{{nulls}}}");
    let error = xebec_core::field_error::FieldError::shown;
    let mut errors = [error(xebec_core::field_error::Reason::Invalid, path, &shown, "why")];
    let sent = format!("{{\"a\":{{{}}}}}", entries(false).replace("\"v\"", "[]"));
    validation::as_sent(&mut errors, &tree(&sent));
    assert!(!errors[0].body.contains("null"));
}

#[test]
fn many_requests_are_filled_in_cheaply() {
    let registry = Registry::built_in(Selection::Default);
    let target = Target::stored(registry.find_resource("", "pods").expect("known"));
    let limits = entries(false).replace("\"k", "\"hugepages-").replace("\"v\"", "\"1\"");
    let resources = format!(r#"{{"limits":{{{limits}}},"requests":{{"z":"1"}}}}"#);
    let spec = format!(
        r#"{{"containers":[{{"name":"a","resources":{resources}}}],"resources":{resources}}}"#
    );
    let mut pod = object(&format!(r#"{{"kind":"Pod","apiVersion":"v1","spec":{spec}}}"#));
    defaults::complete(target, &mut pod);
    let requests = edit::object(&pod, &["spec", "resources", "requests"]).expect("requests");
    assert_eq!(requests.len(), MANY + 1);
}

#[test]
fn strategic_patches_of_many_keys_are_cheap() {
    let id = BUILT_IN.find("k8s.io.api.core.v1.ConfigMap").expect("known");
    let before = object(&format!("{{\"data\":{{{}}}}}", entries(false)));
    let gone = object(&format!("{{\"data\":{{{}}}}}", entries(true).replace("\"v\"", "null")));
    let merged = strategic::apply(&BUILT_IN, id, Object::new(), before.clone()).expect("merges");
    assert_eq!(merged, before);
    let merged = strategic::apply(&BUILT_IN, id, merged, gone).expect("merges");
    assert_eq!(edit::object(&merged, &["data"]), Some(&Object::EMPTY));
}

/// A Pod whose lists name each other, all of them as long as can be.
#[test]
fn lists_of_many_items_are_judged_cheaply() {
    let many =
        |item: &dyn Fn(usize) -> String| (0..MANY).map(item).collect::<Vec<String>>().join(",");
    let volumes = many(&|n| format!(r#"{{"name":"v{n}","emptyDir":{{}}}}"#));
    let sources = many(&|n| format!(r#"{{"serviceAccountToken":{{"path":"p{n}-"}}}}"#));
    let mounts = many(&|n| format!(r#"{{"name":"v{}","mountPath":"/m{n}"}}"#, MANY - n));
    let devices = many(&|n| format!(r#"{{"name":"d{n}","devicePath":"/d{n}"}}"#));
    let same_ports = many(&|_| r#"{"containerPort":1}"#.to_owned());
    let ports = many(&|n| {
        format!(r#"{{"containerPort":1,"hostPort":7,"hostIP":"10.0.{}.{}"}}"#, n / 250, n % 250)
    });
    let tolerations = many(&|n| format!(r#"{{"key":"k{n}","operator":"Exists"}}"#));
    let back = many(&|n| format!(r#"{{"key":"k{}","operator":"Exists"}}"#, MANY - 1 - n));
    let gates = many(&|n| format!(r#"{{"name":"g{n}"}}"#));
    let keys = many(&|n| format!("\"k{n}\""));
    let other_keys = many(&|n| format!("\"o{n}\""));
    let spread = many(&|n| format!(r#"{{"topologyKey":"t{n}","maxSkew":1}}"#));
    let claims = many(&|n| format!(r#"{{"name":"c{n}"}}"#));
    let used = many(&|n| format!(r#"{{"name":"x{n}"}}"#));
    let meta = r#""metadata":{"name":"a","resourceVersion":"1"}"#;
    for (new, old) in [
        (
            format!(
                r#""volumes":[{volumes}],"containers":[{{"volumeMounts":[{mounts}],"volumeDevices":[{devices}]}}]"#
            ),
            String::new(),
        ),
        (
            format!(r#""volumes":[{{"name":"v","projected":{{"sources":[{sources}]}}}}]"#),
            String::new(),
        ),
        (format!(r#""containers":[{{"ports":[{same_ports}]}}]"#), String::new()),
        (format!(r#""containers":[{{"ports":[{ports}]}}]"#), String::new()),
        (format!(r#""tolerations":[{tolerations}]"#), format!(r#""tolerations":[{back}]"#)),
        (format!(r#""schedulingGates":[{gates}]"#), format!(r#""schedulingGates":[{gates}]"#)),
        (format!(r#""topologySpreadConstraints":[{spread}]"#), String::new()),
        (
            format!(
                r#""affinity":{{"podAffinity":{{"requiredDuringSchedulingIgnoredDuringExecution":[{{"labelSelector":{{}},"matchLabelKeys":[{keys}],"mismatchLabelKeys":[{other_keys}]}}]}}}}"#
            ),
            String::new(),
        ),
        (
            format!(
                r#""resourceClaims":[{claims}],"containers":[{{"resources":{{"claims":[{used}]}}}}]"#
            ),
            String::new(),
        ),
    ] {
        let of = |spec: &str| format!(r#"{{{meta},"spec":{{{spec}}}}}"#);
        on_update("/pods", &of(&new), &of(&old));
    }
}

#[test]
fn many_ephemeral_containers_are_kept_cheaply() {
    let registry = Registry::built_in(Selection::Default);
    let resource = registry.find_resource("", "pods").expect("known");
    let target = Target { subresource: "ephemeralcontainers", ..Target::stored(resource) };
    let pod = |names: &mut dyn Iterator<Item = usize>| {
        let all: Vec<String> = names.map(|n| format!(r#"{{"name":"e{n}"}}"#)).collect();
        object(&format!(r#"{{"spec":{{"ephemeralContainers":[{}]}}}}"#, all.join(",")))
    };
    validation::on_update(target, &pod(&mut (0..MANY).rev()), &pod(&mut (0..MANY)));
}

#[test]
fn many_owners_are_told_apart_cheaply() {
    let owners: Vec<String> =
        (0..MANY).map(|n| format!(r#"{{"uid":"u","name":"o{n}"}}"#)).collect();
    let mut owned =
        object(&format!(r#"{{"metadata":{{"ownerReferences":[{}]}}}}"#, owners.join(",")));
    assert_eq!(xebec_core::lifecycle::deduplicate_owners(&mut owned, false), None);
}

/// What an update leaves as it was is tolerated: the items of a list in another order, too.
#[test]
fn many_items_of_a_custom_list_are_compared_cheaply() {
    let schema = r#"{"type":"object","properties":{"list":{"type":"array","maxItems":1,
        "x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],
        "items":{"type":"object","required":["name"],"properties":{
            "name":{"type":"string"},"size":{"type":"integer","maximum":1}}}}}}"#;
    let structural = Structural::load(&tree(schema)).expect("structural");
    let items = |down: bool| {
        let item = |n: usize| format!(r#"{{"name":"n{n}","size":2}}"#);
        let all: Vec<String> =
            if down { (0..MANY).rev().map(item).collect() } else { (0..MANY).map(item).collect() };
        object(&format!(r#"{{"list":[{}]}}"#, all.join(",")))
    };
    let found = validate::on_update(&structural, &items(true), &items(false));
    assert!(found.by_schema.is_empty(), "nothing changed: {:?}", found.by_schema.first());
}

#[test]
fn many_managers_are_merged_cheaply() {
    let id = BUILT_IN.find("k8s.io.api.core.v1.ConfigMap").expect("known");
    let entries: Vec<String> = (0..MANY)
        .map(|n| {
            format!(
                r#"{{"manager":"m{n}","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{{}}}}"#
            )
        })
        .collect();
    let mut map = object(&format!(
        r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"a","managedFields":[{}]}}}}"#,
        entries.join(",")
    ));
    let registry = Registry::built_in(Selection::Default);
    let target = Target::stored(registry.find_resource("", "configmaps").expect("known"));
    let versions = [("v1", id)];
    let manager = Manager {
        schema: &BUILT_IN,
        id,
        api_version: "v1",
        kind: "ConfigMap",
        subresource: "",
        filter: strategy::reset_fields(target),
        versions: &versions,
    };
    let now = Timestamp::parse("2026-01-01T00:00:00Z").expect("a time");
    manager.on_update(None, &mut map, false, Writer { manager: "me", now });
    assert!(edit::items(&map, &["metadata", "managedFields"]).len() < 20);
}
