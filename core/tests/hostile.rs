//! Bytes from outside never panic: whatever they are, there is an object or an error.

use proptest::prelude::*;
use xebec_core::codec::{json, proto};
use xebec_core::schema::{BUILT_IN, MessageId};
use xebec_core::value::{Object, Value};

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
