//! What holds of every object: properties of server-side apply and of patches, and bounds on what
//! hostile input costs.

use proptest::prelude::*;
use xebec_core::apply::{Applied, Filter, Manager, Writer};
use xebec_core::codec::json;
use xebec_core::patch::{self, FieldValidation, Patch, PatchKind};
use xebec_core::schema::{BUILT_IN, MessageId};
use xebec_core::status::Status;
use xebec_core::time::Timestamp;
use xebec_core::value::{Object, Value};

fn pod() -> MessageId {
    BUILT_IN.find("k8s.io.api.core.v1.Pod").expect("Pod")
}

fn with<T>(id: MessageId, kind: &str, act: impl FnOnce(Manager<'_>) -> T) -> T {
    let versions = [("v1", id)];
    act(Manager {
        schema: &BUILT_IN,
        id,
        api_version: "v1",
        kind,
        subresource: "",
        filter: &Filter::All,
        versions: &versions,
    })
}

fn writer(manager: &str, seconds: i64) -> Writer<'_> {
    Writer { manager, now: Timestamp { seconds, nanos: 0 } }
}

fn apply(
    live: Option<&Object>,
    config: &Object,
    force: bool,
    manager: &str,
    seconds: i64,
) -> Result<Applied, Status> {
    with(pod(), "Pod", |m| m.on_apply(live, config, force, writer(manager, seconds)))
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other:?}"),
    }
}

fn fields(pairs: Vec<(&str, Value)>) -> Value {
    let mut object = Object::new();
    for (name, value) in pairs {
        object.insert(name, value);
    }
    Value::Object(object)
}

/// Small maps of labels.
fn labels() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[a-d]", "[12]", 1..4).prop_map(|map| {
        let entries = map.into_iter().map(|(name, value)| (name.into_boxed_str(), value.into()));
        Value::Object(entries.collect())
    })
}

/// A container of the list that is a map, with an atomic list and a list that is a map inside.
fn container(name: String) -> impl Strategy<Value = Value> {
    let command = proptest::option::of(proptest::collection::vec("[xy]", 1..3));
    let env = proptest::collection::btree_map("[A-C]", "[12]", 0..3);
    let image = proptest::option::of("[ij]");
    (command, env, image).prop_map(move |(command, env, image)| {
        let mut pairs = vec![("name", Value::from(name.as_str()))];
        if let Some(command) = command {
            let words = command.into_iter().map(Value::from).collect();
            pairs.push(("command", Value::Array(words)));
        }
        if !env.is_empty() {
            let env = env
                .into_iter()
                .map(|(name, value)| fields(vec![("name", name.into()), ("value", value.into())]));
            pairs.push(("env", Value::Array(env.collect())));
        }
        if let Some(image) = image {
            pairs.push(("image", image.into()));
        }
        fields(pairs)
    })
}

/// A configuration of a Pod with every type of list and map.
fn config() -> impl Strategy<Value = Object> {
    let names = proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3).prop_shuffle();
    let containers = names.prop_flat_map(|names| {
        names.into_iter().map(|name| container(name.to_owned())).collect::<Vec<_>>()
    });
    let finalizers = proptest::sample::subsequence(vec!["f", "g", "h"], 0..=3);
    let scalars = (proptest::option::of("[hk]"), proptest::option::of(0..3_i64));
    (
        proptest::option::of(labels()),
        proptest::option::of(labels()),
        containers,
        finalizers,
        scalars,
    )
        .prop_map(|(labels, selector, containers, finalizers, (hostname, grace))| {
            let mut metadata = vec![("name", Value::from("p"))];
            metadata.extend(labels.map(|labels| ("labels", labels)));
            if !finalizers.is_empty() {
                let items = finalizers.into_iter().map(Value::from).collect();
                metadata.push(("finalizers", Value::Array(items)));
            }
            let mut spec = Vec::new();
            spec.extend(selector.map(|selector| ("nodeSelector", selector)));
            spec.extend(hostname.map(|hostname| ("hostname", Value::from(hostname))));
            spec.extend(grace.map(|grace| ("activeDeadlineSeconds", Value::Int(grace))));
            if !containers.is_empty() {
                spec.push(("containers", Value::Array(containers)));
            }
            object(fields(vec![
                ("apiVersion", "v1".into()),
                ("kind", "Pod".into()),
                ("metadata", fields(metadata)),
                ("spec", fields(spec)),
            ]))
        })
}

fn without_entries(mut object: Object) -> Object {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

fn managers(object: &Object) -> Vec<String> {
    let entries = object.get("metadata").and_then(|metadata| metadata.get("managedFields"));
    let entries = entries.and_then(Value::as_array).unwrap_or_default();
    let name = |entry: &Value| entry.get("manager").and_then(Value::as_str).map(str::to_owned);
    entries.iter().filter_map(name).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn applying_twice_changes_nothing(first in config(), second in config()) {
        let live = apply(None, &first, false, "alice", 1).expect("applies").object;
        let live = apply(Some(&live), &second, true, "bob", 2).expect("applies").object;
        let again = apply(Some(&live), &second, false, "bob", 3).expect("no conflict");
        prop_assert!(!again.changed);
        prop_assert_eq!(again.object, live);
    }

    #[test]
    fn one_applier_gets_what_it_applies(first in config(), second in config()) {
        let live = apply(None, &first, false, "alice", 1).expect("applies").object;
        let then = apply(Some(&live), &second, false, "alice", 2).expect("applies").object;
        let fresh = apply(None, &second, false, "alice", 2).expect("applies").object;
        prop_assert_eq!(sorted(without_entries(then)), sorted(without_entries(fresh)));
    }

    #[test]
    fn what_is_forced_and_released_is_gone(first in config(), second in config()) {
        let live = apply(None, &first, false, "alice", 1).expect("applies").object;
        let forced = apply(Some(&live), &second, true, "bob", 2).expect("applies").object;
        let nothing = object(fields(vec![
            ("apiVersion", "v1".into()),
            ("kind", "Pod".into()),
            ("metadata", fields(vec![("name", "p".into())])),
        ]));
        let released = apply(Some(&forced), &nothing, false, "bob", 3).expect("applies").object;
        prop_assert!(!managers(&released).contains(&"bob".to_owned()));
        // Everybody lets go: nothing is left.
        let empty = apply(Some(&released), &nothing, false, "alice", 4).expect("applies").object;
        prop_assert!(managers(&empty).is_empty());
        let fresh = apply(None, &nothing, false, "alice", 4).expect("applies").object;
        prop_assert_eq!(without_entries(empty), without_entries(fresh));
    }

    #[test]
    fn without_force_nothing_is_taken(first in config(), second in config()) {
        let live = apply(None, &first, false, "alice", 1).expect("applies").object;
        match apply(Some(&live), &second, false, "bob", 2) {
            Ok(applied) => {
                // The first applies again without a conflict; at most the order of items changes.
                let again = apply(Some(&applied.object), &first, false, "alice", 3);
                let again = without_entries(again.expect("no conflict").object);
                prop_assert_eq!(sorted(again), sorted(without_entries(applied.object)));
            }
            Err(status) => {
                prop_assert_eq!(status.code, 409);
                prop_assert!(!status.details.expect("details").causes.is_empty());
            }
        }
    }

    #[test]
    fn an_update_that_changes_nothing_leaves_the_owners(first in config()) {
        let live = apply(None, &first, false, "alice", 1).expect("applies").object;
        let mut new = live.clone();
        with(pod(), "Pod", |m| m.on_update(Some(&live), &mut new, false, writer("bob", 2)));
        prop_assert_eq!(new, live);
    }

    #[test]
    fn patches_of_any_kind_never_panic(live in config(), body in json_text(), kind in kinds()) {
        let id = pod();
        let live = json::decode_tree(&BUILT_IN, id, &Value::Object(live)).expect("a pod").object;
        let patch = Patch { kind, body: body.as_bytes(), validation: FieldValidation::Warn };
        let _ = patch::apply(&BUILT_IN, id, &live, patch);
    }

    #[test]
    fn operations_of_any_kind_never_panic(live in config(), operations in operations()) {
        let mut document = Value::Object(live);
        let _ = patch::json::apply(&mut document, operations);
        serde_json::to_string(&document).expect("still a document");
    }

    #[test]
    fn any_configuration_is_applied_or_refused(live in config(), body in json_value()) {
        let live = apply(None, &live, false, "alice", 1).expect("applies").object;
        let mut config = object(fields(vec![("apiVersion", "v1".into()), ("kind", "Pod".into())]));
        config.push("spec", body.clone());
        config.push("metadata", body);
        let _ = apply(Some(&live), &config, true, "bob", 2);
    }

    #[test]
    fn any_managed_fields_are_read_or_ignored(live in config(), fields in json_value()) {
        let live = apply(None, &live, false, "alice", 1).expect("applies").object;
        let mut new = live.clone();
        let entry = object(fields_of_entry(fields));
        if let Some(metadata) = new.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("managedFields", Value::Array(vec![Value::Object(entry)]));
        }
        with(pod(), "Pod", |m| m.on_update(Some(&live), &mut new, false, writer("bob", 2)));
    }
}

fn fields_of_entry(set: Value) -> Value {
    fields(vec![
        ("manager", "x".into()),
        ("operation", "Update".into()),
        ("apiVersion", "v1".into()),
        ("fieldsType", "FieldsV1".into()),
        ("fieldsV1", set),
    ])
}

/// Items of lists by their text: the order in which an object was built may differ.
fn sorted(object: Object) -> Value {
    fn sort(value: Value) -> Value {
        match value {
            Value::Array(items) => {
                let mut items: Vec<_> = items.into_iter().map(sort).collect();
                items.sort_by_key(|item| serde_json::to_string(item).expect("serializable"));
                Value::Array(items)
            }
            Value::Object(object) => {
                Value::Object(object.into_iter().map(|(name, value)| (name, sort(value))).collect())
            }
            scalar => scalar,
        }
    }
    sort(Value::Object(object))
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        "(metadata|spec|containers|name|env|labels|finalizers|a|b)",
        "\\$(patch|retainKeys|setElementOrder/containers|deleteFromPrimitiveList/finalizers)",
        "(f:spec|f:a|k:\\{\"name\":\"a\"\\}|k:x|v:1|v:|i:0|i:x|\\.|z|)",
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-1e30..1e30_f64).prop_map(Value::Float),
        "(replace|delete|merge|a|b|c)".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((names(), inner), 0..5).prop_map(|pairs| {
                let mut object = Object::new();
                for (name, value) in pairs {
                    object.insert(name, value);
                }
                Value::Object(object)
            }),
        ]
    })
}

fn json_text() -> impl Strategy<Value = String> {
    prop_oneof![
        json_value().prop_map(|value| serde_json::to_string(&value).expect("serializable")),
        operations().prop_map(|operations| {
            serde_json::to_string(&Value::Array(operations)).expect("serializable")
        }),
        "[\\[\\]{}:,\"a-z0-9]{0,40}",
    ]
}

fn kinds() -> impl Strategy<Value = PatchKind> {
    proptest::sample::select(vec![PatchKind::Json, PatchKind::Merge, PatchKind::Strategic])
}

fn operations() -> impl Strategy<Value = Vec<Value>> {
    let path = "(/(metadata|spec|containers|labels|a|b|-|0|1|-1|~0|~1|9999999999999999999)){0,4}";
    let kind = "(add|remove|replace|move|copy|test|frob)";
    let operation = (kind, path, path, json_value()).prop_map(|(op, path, from, value)| {
        fields(vec![
            ("op", op.into()),
            ("path", path.into()),
            ("from", from.into()),
            ("value", value),
        ])
    });
    proptest::collection::vec(operation, 0..8)
}

fn config_map() -> MessageId {
    BUILT_IN.find("k8s.io.api.core.v1.ConfigMap").expect("ConfigMap")
}

fn wide(count: usize, value: &str) -> Object {
    let mut entries: Vec<(Box<str>, Value)> =
        (0..count).map(|n| (format!("k{n}").into(), value.into())).collect();
    // In no order, as a client may send them.
    entries.reverse();
    object(fields(vec![
        ("apiVersion", "v1".into()),
        ("kind", "ConfigMap".into()),
        ("metadata", fields(vec![("name", "c".into())])),
        ("data", Value::Object(entries.into_iter().collect())),
    ]))
}

#[test]
fn objects_of_many_fields_cost_no_more_than_their_size() {
    let (first, second) = (wide(50_000, "1"), wide(60_000, "2"));
    with(config_map(), "ConfigMap", |m| {
        let live = m.on_apply(None, &first, false, writer("alice", 1)).expect("applies").object;
        let conflict = m.on_apply(Some(&live), &second, false, writer("bob", 2));
        let causes = conflict.expect_err("a conflict").details.expect("details").causes;
        assert_eq!(causes.len(), 50_000);
        let taken = m.on_apply(Some(&live), &second, true, writer("bob", 2)).expect("applies");
        let nothing = wide(0, "");
        let gone = m.on_apply(Some(&taken.object), &nothing, false, writer("bob", 3));
        assert!(gone.expect("applies").object.get("data").is_none());
    });
}

#[test]
fn lists_of_many_items_cost_no_more_than_their_size() {
    let names = |count: usize| {
        let items = (0..count).map(|n| fields(vec![("name", format!("c{n}").into())]));
        object(fields(vec![
            ("apiVersion", "v1".into()),
            ("kind", "Pod".into()),
            ("metadata", fields(vec![("name", "p".into())])),
            ("spec", fields(vec![("containers", Value::Array(items.rev().collect()))])),
        ]))
    };
    let live = apply(None, &names(20_000), false, "alice", 1).expect("applies").object;
    let grown = apply(Some(&live), &names(30_000), false, "bob", 2).expect("applies").object;
    let shrunk = apply(Some(&grown), &names(10), false, "bob", 3).expect("applies").object;
    let containers = shrunk.get("spec").and_then(|spec| spec.get("containers"));
    assert_eq!(containers.and_then(Value::as_array).map(<[_]>::len), Some(20_000));
}

#[test]
fn operations_on_wide_documents_are_bounded() {
    let live = json::decode_tree(&BUILT_IN, config_map(), &Value::Object(wide(100_000, "1")));
    let live = live.expect("a config map").object;
    let operation = r#"{"op":"replace","path":"/data/k99999","value":"2"}"#;
    let body = format!("[{}]", vec![operation; patch::json::OPERATIONS_MAX].join(","));
    let patch =
        Patch { kind: PatchKind::Json, body: body.as_bytes(), validation: FieldValidation::Strict };
    let status = patch::apply(&BUILT_IN, config_map(), &live, patch).expect_err("too much");
    assert_eq!(status.code, 413);
    let body = format!("[{}]", vec![operation; patch::json::OPERATIONS_MAX + 1].join(","));
    let patch = Patch { body: body.as_bytes(), ..patch };
    let status = patch::apply(&BUILT_IN, config_map(), &live, patch).expect_err("too many");
    assert_eq!(
        status.message,
        "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got \
         10001"
    );
}
