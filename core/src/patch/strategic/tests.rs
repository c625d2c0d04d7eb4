//! What strategic merge patches do, directive by directive.

use super::*;
use crate::schema::BUILT_IN;

fn run(kind: &str, original: &str, patch: &str) -> Result<String, String> {
    let parse = |text| match serde_json::from_str(text).expect("valid JSON") {
        Value::Object(object) => object,
        other => panic!("not an object: {other:?}"),
    };
    let id = BUILT_IN.find(kind).expect("a kind of the table");
    apply(&BUILT_IN, id, parse(original), parse(patch))
        .map(|object| serde_json::to_string(&Value::Object(object)).expect("serializable"))
        .map_err(|error| error.to_string())
}

fn pod(original: &str, patch: &str) -> Result<String, String> {
    run("k8s.io.api.core.v1.PodSpec", original, patch)
}

fn check(original: &str, patch: &str, expected: &str) {
    assert_eq!(pod(original, patch).as_deref(), Ok(expected), "{patch}");
}

fn fails(original: &str, patch: &str, error: &str) {
    assert_eq!(pod(original, patch), Err(error.to_owned()), "{patch}");
}

const TWO: &str = r#"{"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"}]}"#;

#[test]
fn merges_by_key() {
    check(
        TWO,
        r#"{"containers":[{"name":"b","image":"3"}]}"#,
        r#"{"containers":[{"name":"a","image":"1"},{"name":"b","image":"3"}]}"#,
    );
    check(
        TWO,
        r#"{"containers":[{"name":"c","image":"3"}]}"#,
        r#"{"containers":[{"name":"c","image":"3"},{"name":"a","image":"1"},{"name":"b","image":"2"}]}"#,
    );
    check(
        TWO,
        r#"{"containers":[{"name":"b","image":null,"tty":true}]}"#,
        r#"{"containers":[{"name":"a","image":"1"},{"name":"b","tty":true}]}"#,
    );
}

#[test]
fn deletes_and_replaces_items() {
    check(
        TWO,
        r#"{"containers":[{"name":"a","$patch":"delete"}]}"#,
        r#"{"containers":[{"name":"b","image":"2"}]}"#,
    );
    check(
        TWO,
        r#"{"containers":[{"name":"x"},{"$patch":"replace"}]}"#,
        r#"{"containers":[{"name":"x"}]}"#,
    );
    check(TWO, r#"{"containers":[{"name":"z","$patch":"delete"}]}"#, TWO);
}

#[test]
fn directives_on_objects() {
    let original = r#"{"securityContext":{"runAsUser":1,"fsGroup":2},"hostname":"h"}"#;
    check(
        original,
        r#"{"securityContext":{"$patch":"replace","runAsUser":3}}"#,
        r#"{"securityContext":{"runAsUser":3},"hostname":"h"}"#,
    );
    check(
        original,
        r#"{"securityContext":{"$patch":"delete"}}"#,
        r#"{"securityContext":{},"hostname":"h"}"#,
    );
    check("{}", r#"{"securityContext":{"$patch":"delete"}}"#, "{}");
    fails(
        original,
        r#"{"securityContext":{"$patch":"merge"}}"#,
        "unknown patch type: merge in map: map[$patch:merge]",
    );
}

#[test]
fn retain_keys() {
    let original = r#"{"volumes":[{"name":"v","emptyDir":{}}]}"#;
    check(
        original,
        r#"{"volumes":[{"$retainKeys":["name","hostPath"],"name":"v","hostPath":{"path":"/"}}]}"#,
        r#"{"volumes":[{"name":"v","hostPath":{"path":"/"}}]}"#,
    );
    fails(
        original,
        r#"{"volumes":[{"$retainKeys":["name"],"name":"v","hostPath":{}}]}"#,
        "invalid patch format of retainKeys",
    );
}

#[test]
fn sets_of_scalars() {
    let meta = |original: &str, patch: &str| {
        run("k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta", original, patch)
    };
    let original = r#"{"finalizers":["a","b","c"]}"#;
    let expect = |patch: &str, expected: &str| {
        assert_eq!(meta(original, patch).as_deref(), Ok(expected), "{patch}");
    };
    expect(r#"{"finalizers":["d","b"]}"#, r#"{"finalizers":["d","a","b","c"]}"#);
    expect(r#"{"$deleteFromPrimitiveList/finalizers":["b","z"]}"#, r#"{"finalizers":["a","c"]}"#);
    expect(
        r#"{"$setElementOrder/finalizers":["c","a"],"$deleteFromPrimitiveList/finalizers":["b"]}"#,
        r#"{"finalizers":["c","a"]}"#,
    );
    assert_eq!(
        meta(original, r#"{"$deleteFromPrimitiveList":["b"]}"#),
        Err("invalid patch format of primitive list".to_owned())
    );
}

#[test]
fn sets_the_order() {
    check(
        TWO,
        r#"{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}],"containers":[{"name":"a","image":"9"}]}"#,
        r#"{"containers":[{"name":"b","image":"2"},{"name":"a","image":"9"}]}"#,
    );
    check(
        r#"{"containers":[{"name":"a"},{"name":"s"},{"name":"b"}]}"#,
        r#"{"$setElementOrder/containers":[{"name":"b"},{"name":"c"},{"name":"a"}],"containers":[{"name":"c"}]}"#,
        r#"{"containers":[{"name":"s"},{"name":"b"},{"name":"c"},{"name":"a"}]}"#,
    );
    let error =
        pod(TWO, r#"{"$setElementOrder/containers":[{"name":"b"}],"containers":[{"name":"a"}]}"#);
    assert!(
        error
            .expect_err("not in the order")
            .starts_with("The order in patch list:\n[map[name:a]]\n doesn't match")
    );
}

#[test]
fn lists_without_a_strategy_are_replaced() {
    check(
        r#"{"tolerations":[{"key":"a"}]}"#,
        r#"{"tolerations":[{"key":"b"}]}"#,
        r#"{"tolerations":[{"key":"b"}]}"#,
    );
}

#[test]
fn upstreams_errors() {
    fails(
        TWO,
        r#"{"containers":[{"image":"x"}]}"#,
        "map: map[image:x] does not contain declared merge key: name",
    );
    fails(
        TWO,
        r#"{"containers":[{"name":"a","$patch":"explode"}]}"#,
        "unknown patch type: explode in map: map[$patch:explode name:a]",
    );
    fails(
        TWO,
        r#"{"containers":[[1]]}"#,
        "list element types are not identical: [[map[image:1 name:a] map[image:2 name:b]] [[1]]]",
    );
    fails(r#"{"containers":[]}"#, r#"{"containers":[[1]]}"#, "lists of lists are not supported");
    fails(
        TWO,
        r#"{"containers":[{"name":"a","$patch":"merge"}]}"#,
        "merging lists cannot yet be specified in the patch",
    );
}

#[test]
fn many_items_merge_quickly() {
    let items = |range: std::ops::Range<usize>| {
        let items: Vec<_> = range.map(|n| format!(r#"{{"name":"c{n}"}}"#)).collect();
        format!(r#"{{"containers":[{}]}}"#, items.join(","))
    };
    let merged = pod(&items(0..20_000), &items(10_000..30_000)).expect("merges");
    assert_eq!(merged.matches("name").count(), 30_000);
}
