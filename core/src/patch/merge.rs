//! JSON merge patch (RFC 7386).

use crate::value::{Object, ObjectBuilder, Value};

/// Merges a patch into a document. Null removes; lists and scalars replace.
pub fn merge(target: &mut Object, patch: Object) {
    if patch.len() > SCAN_MAX {
        merge_many(target, patch);
        return;
    }
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
            continue;
        }
        match target.get_mut(&name) {
            Some(held) => merge_value(held, value),
            None => target.push(name, pruned(value)),
        }
    }
}

/// Above this a scan for each field would be dear.
const SCAN_MAX: usize = 32;

/// The same for a patch of many fields, in time linear in both.
fn merge_many(target: &mut Object, patch: Object) {
    let mut merged = ObjectBuilder::default();
    for (name, value) in std::mem::take(target) {
        merged.set(name, value);
    }
    for (name, value) in patch {
        match merged.get_mut(&name) {
            Some(held) if value.is_null() => *held = Value::Null,
            Some(held) => merge_value(held, value),
            None if value.is_null() => {}
            None => {
                merged.set(name, pruned(value));
            }
        }
    }
    *target = merged.finish();
    target.retain(|_, value| !value.is_null());
}

fn merge_value(held: &mut Value, patch: Value) {
    match (held, patch) {
        (Value::Object(held), Value::Object(patch)) => merge(held, patch),
        (held, patch) => *held = pruned(patch),
    }
}

/// A value as it enters the document: without the nulls that would remove nothing.
fn pruned(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, pruned(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(pruned).collect()),
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, patch: &str, expected: &str) {
        let parse = |text| match serde_json::from_str(text).expect("valid JSON") {
            Value::Object(object) => object,
            other => panic!("not an object: {other:?}"),
        };
        let mut target: Object = parse(target);
        merge(&mut target, parse(patch));
        let text = serde_json::to_string(&Value::Object(target)).expect("serializable");
        assert_eq!(text, expected);
    }

    #[test]
    fn the_examples_of_the_rfc() {
        check(r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
        check(r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#);
        check(r#"{"a":"b"}"#, r#"{"a":null}"#, "{}");
        check(r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#);
        check(r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
        check(r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#);
        check(r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#);
        check(r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#);
        check("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#);
    }

    #[test]
    fn many_fields_merge_alike() {
        let fields = |range: std::ops::Range<usize>, value: &str| {
            let fields: Vec<_> = range.map(|n| format!("\"k{n}\":{value}")).collect();
            format!("{{{}}}", fields.join(","))
        };
        check(&fields(0..50, "1"), &fields(0..50, "null"), "{}");
        check(&fields(0..40, "1"), &fields(0..50, "2"), &fields(0..50, "2"));
        check("{}", &fields(0..50, "2"), &fields(0..50, "2"));
    }
}
