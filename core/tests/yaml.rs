//! YAML as upstream reads and writes it.

mod shared;

use proptest::prelude::*;
use xebec_core::codec::{json, yaml};
use xebec_core::schema::{BUILT_IN, MessageId};
use xebec_core::value::{Object, Value};

fn parse(text: &str) -> String {
    let parsed = yaml::parse(text.as_bytes()).map_err(|error| error.message);
    parsed.map_or_else(|error| error, |it| serde_json::to_string(&it.value).expect("serializable"))
}

fn kind(name: &str) -> MessageId {
    BUILT_IN.find(name).expect("a kind of the table")
}

#[test]
fn scalars_aliases_and_merges() {
    for (text, json) in [
        ("", "null"),
        ("# nothing\n", "null"),
        ("b: 1\na: [yes, '1', 010, 1.0, 1.5, ~]", r#"{"a":[true,"1",8,1,1.5,null],"b":1}"#),
        ("a: 2026-01-01\nb: 0x10", r#"{"a":"2026-01-01","b":16}"#),
        ("a: &x {b: 1}\nc: *x", r#"{"a":{"b":1},"c":{"b":1}}"#),
        ("x: &x {b: 1, c: 2}\nz:\n  <<: *x\n  c: 3", r#"{"x":{"b":1,"c":2},"z":{"b":1,"c":3}}"#),
        ("z:\n  <<: [{a: 1}, {a: 2, b: 2}]", r#"{"z":{"a":1,"b":2}}"#),
        ("y: 1", r#"{"true":1}"#),
        ("1: a\ntrue: b\n1.5: c", r#"{"1":"a","1.5":"c","true":"b"}"#),
        ("a: !!str 1\nb: !!int '1'\nc: !!float 1\nd: !own 1", r#"{"a":"1","b":1,"c":1,"d":"1"}"#),
        ("a: !!binary aGk=", r#"{"a":"hi"}"#),
        ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", r#"{"a":"x\ny\n","b":"x y"}"#),
        ("a: 1\n---\nb: [", r#"{"a":1}"#),
        ("{\"a\": [1, \"\\u00e9\"]}", r#"{"a":[1,"é"]}"#),
    ] {
        assert_eq!(parse(text), json, "{text}");
    }
}

#[test]
fn what_cannot_be_json_is_an_error() {
    for text in [
        "a: [",
        "a: b: c",
        "a: *x",
        "? [a]\n: b",
        "~: b",
        "a: .nan",
        "a: !!int x",
        "<<: 1",
        "a: &x [*x]",
    ] {
        assert!(parse(text).starts_with("error converting YAML to JSON: yaml: "), "{text}");
    }
    assert!(yaml::parse(b"a: \xff").is_err());
}

#[test]
fn keys_given_twice_are_told_with_their_lines() {
    let text = "metadata:\n  name: a\n  name:\n    b\n  x: 1\ndata:\n  1: a\n  1: b\n";
    let id = kind("k8s.io.api.core.v1.ConfigMap");
    let decoded = yaml::decode(&BUILT_IN, id, text.as_bytes()).expect("valid");
    assert_eq!(
        decoded.strict_errors,
        [
            "yaml: unmarshal errors:\n  line 4: key \"name\" already set in map\n  line 8: key 1 already set in map",
            r#"unknown field "metadata.x""#,
        ]
    );
    let text = serde_json::to_string(&Value::Object(decoded.object)).expect("serializable");
    assert_eq!(text, r#"{"metadata":{"name":"b"},"data":{"1":"b"}}"#);
}

/// Each of these would not end, or take all memory, if aliases were written out.
#[test]
fn cve_2019_11253_aliases_do_not_multiply() {
    let mut laughs = String::from("a0: &a0 [lol]\n");
    for level in 1..40 {
        let before = format!("*a{}", level - 1);
        let many = [before.as_str(); 10].join(",");
        laughs.push_str(&format!("a{level}: &a{level} [{many}]\n"));
    }
    let mut chain = String::from("a0: &a0 [1]\n");
    for level in 1..5_000 {
        chain.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    for (name, text) in [("laughs", &laughs), ("chain", &chain)] {
        let error = parse(text);
        assert!(error.starts_with("error converting YAML to JSON: yaml: "), "{name}");
    }
    let merges = format!("x: &x {{a: 1}}\nz: {{{}}}", "<<: *x, ".repeat(20_000));
    let duplicates = yaml::parse(merges.as_bytes()).expect("valid").strict_error;
    assert_eq!(duplicates.map(|it| it.lines().count()), Some(101));
}

/// Each of these would take hours if reading went back over what was read.
#[test]
fn cve_2019_11254_documents_are_read_once() {
    let deep = "[".repeat(100_000);
    let keys = "? ".repeat(100_000);
    let nested: String =
        (0..100_000).map(|level| format!("{}a:\n", " ".repeat(level % 900))).collect();
    for (name, text) in [("deep", &deep), ("keys", &keys), ("nested", &nested)] {
        let error = parse(text);
        assert!(error.starts_with("error converting YAML to JSON: yaml: "), "{name}");
    }
    let wide = format!("a: [{}]", "x, ".repeat(100_000));
    assert!(yaml::parse(wide.as_bytes()).is_ok());
    let colons = format!("a: {}x", ":".repeat(1_000_000));
    assert!(yaml::parse(colons.as_bytes()).is_ok());
}

#[test]
fn vectors_are_read_and_written() {
    let Some(vectors) = shared::find("testdata") else { return };
    let (mut checked, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(vectors).expect("readable").flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|it| it != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("readable");
        let json_text = std::fs::read(path.with_extension("json")).expect("readable");
        let value: Value = serde_json::from_slice(&json_text).expect("JSON");
        let Value::Object(object) = &value else { panic!("not an object") };
        if yaml::encode(object) != text {
            wrong.push(format!("{} is written otherwise", path.display()));
        }
        let read = yaml::parse(text.as_bytes()).expect("valid").value;
        if serde_json::to_value(&read).ok() != serde_json::to_value(&value).ok() {
            wrong.push(format!("{} is read otherwise", path.display()));
        }
        checked += 1;
    }
    assert!(checked > 150, "only {checked} vectors");
    assert!(wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn yaml_decodes_as_json_does() {
    let id = kind("k8s.io.api.apps.v1.Deployment");
    let text = "spec:\n  replicas: 2\n  template:\n    spec:\n      containers:\n      - name: c\n        resources: {limits: {cpu: 0.5}}\n";
    let given = br#"{"spec":{"replicas":2,"template":{"spec":{"containers":[{"name":"c","resources":{"limits":{"cpu":0.5}}}]}}}}"#;
    let from_yaml = yaml::decode(&BUILT_IN, id, text.as_bytes()).expect("valid");
    let from_json = json::decode(&BUILT_IN, id, given).expect("valid");
    assert_eq!(from_yaml.object, from_json.object);
    assert!(yaml::decode(&BUILT_IN, id, b"spec: {replicas: x}").is_err());
    assert!(yaml::decode(&BUILT_IN, id, b"- a").is_err());
}

fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "\\PC{0,12}",
        "[-+.:#?!&*|>%@'\"\\\\\\[\\]{}, \\t\\r\\na0_y~<=]{0,8}",
        "([a-z]{1,12} {1,3}){8,16}",
        "[0-9_:.eExobT+-]{1,12}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        text.prop_map(Value::from),
    ];
    let key = prop_oneof!["[a-z0-9./_-]{0,12}", "\\PC{0,6}", "[a-z]{100,140}", "[ :?\\n-]{0,3}"];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..4).prop_map(|entries| {
                let entries = entries.into_iter().map(|(key, value)| (key.into(), value));
                Value::Object(entries.collect::<Object>())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_written_is_read_the_same(value in values()) {
        let mut object = Object::new();
        object.push("a", value);
        let text = yaml::encode(&object);
        let read = yaml::parse(text.as_bytes()).map_err(|error| error.message);
        prop_assert_eq!(read.map(|it| it.value), Ok(Value::Object(object)), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-:?,&*!|>'\"%@`#{}\\[\\]<=.~a-c01 \\t\\n\\\\]{0,60}") {
        let _ = yaml::parse(text.as_bytes());
    }
}
