//! Structural defaulting: what a schema says stands where the author said nothing, at every depth.

use super::structural::Structural;
use crate::value::{Object, Value};

/// Completes an object; doing it twice changes nothing. Fields stay sorted.
pub fn complete(structural: &Structural, object: &mut Object) {
    if !structural.below.defaults {
        return;
    }
    let mut added = false;
    for (name, property, default) in structural.defaulted() {
        match object.get_mut(name) {
            None => {
                object.push(name, default.clone());
                added = true;
            }
            Some(held) if held.is_null() && !property.nullable => *held = default.clone(),
            Some(_) => {}
        }
    }
    if added {
        object.sort();
    }
    for (name, inner) in object.iter_mut() {
        match structural.property(name) {
            Some(property) => value(property, inner),
            None => {
                if let Some(schema) = structural.additional_schema() {
                    unless_null(schema, inner);
                }
            }
        }
    }
}

fn value(structural: &Structural, inner: &mut Value) {
    if !structural.below.defaults {
        return;
    }
    match inner {
        Value::Object(object) => complete(structural, object),
        Value::Array(list) => {
            let Some(items) = structural.items.as_deref() else { return };
            list.iter_mut().for_each(|item| unless_null(items, item));
        }
        _ => {}
    }
}

/// An entry or item: a null that is not allowed gives way to the default, if there is one.
fn unless_null(structural: &Structural, inner: &mut Value) {
    if inner.is_null()
        && !structural.nullable
        && let Some(default) = &structural.default
    {
        *inner = default.clone();
    }
    value(structural, inner);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: &str, object: &str, expected: &str) {
        let schema = serde_json::from_str(schema).expect("valid JSON");
        let schema = Structural::load(&schema).expect("a structural schema");
        let Ok(Value::Object(mut object)) = serde_json::from_str(object) else {
            panic!("not an object: {object}");
        };
        for _ in 0..2 {
            complete(&schema, &mut object);
            let text = serde_json::to_string(&Value::Object(object.clone())).expect("JSON");
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn fills_in_below_lists_and_maps() {
        check(
            r#"{"type":"object","properties":{
                "list":{"type":"array","items":{"type":"object","default":{"a":0},
                    "properties":{"a":{"type":"integer","default":1},"b":{"type":"integer"}}}},
                "map":{"type":"object","additionalProperties":{"type":"string","default":"x"}},
                "deep":{"type":"object","default":{},"properties":{"c":{"default":[1]}}}}}"#,
            r#"{"list":[{"b":2},null],"map":{"k":null,"l":"y"}}"#,
            r#"{"deep":{"c":[1]},"list":[{"a":1,"b":2},{"a":0}],"map":{"k":"x","l":"y"}}"#,
        );
    }

    #[test]
    fn null_gives_way_unless_it_is_allowed() {
        check(
            r#"{"type":"object","properties":{"a":{"type":"string","nullable":true,"default":"x"},
                "b":{"type":"string","default":"y"}}}"#,
            r#"{"a":null,"b":null}"#,
            r#"{"a":null,"b":"y"}"#,
        );
    }

    #[test]
    fn defaults_are_pruned_by_their_own_schema() {
        check(
            r#"{"type":"object","properties":{"a":{"type":"object","default":{"x":1,"y":2},
                "properties":{"x":{"type":"integer"}}}}}"#,
            "{}",
            r#"{"a":{"x":1}}"#,
        );
    }
}
