//! [`as_sent`]: empty lists and maps, which normal form takes for absent, in the words of errors.

use crate::field_error::FieldError;
use crate::value::Value;

/// Shows `[]` and `{}` in place of `null` where that is what the client sent (`sent` is the tree of
/// its whole object): objects in normal form do not tell one from the other, errors upstream do.
pub fn as_sent(errors: &mut [FieldError], sent: &Value) {
    for error in errors {
        let Some((before, after)) = error.body.split_once(": null") else { continue };
        if !matches!(before, "Invalid value" | "Unsupported value") {
            continue;
        }
        let empty = match find(sent, &error.field) {
            Some(Value::Array(items)) if items.is_empty() => "[]",
            Some(Value::Object(fields)) if fields.is_empty() => "{}",
            _ => continue,
        };
        error.body = format!("{before}: {empty}{after}");
    }
}

/// The value at a path such as `spec.containers[0].name`.
fn find<'v>(mut value: &'v Value, path: &str) -> Option<&'v Value> {
    let mut rest = path;
    while !rest.is_empty() {
        let step;
        (step, rest) = match rest.strip_prefix('[') {
            Some(inner) => inner.split_once(']')?,
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        value = match step.parse::<usize>() {
            Ok(at) if value.as_array().is_some() => value.as_array()?.get(at)?,
            _ => value.get(step)?,
        };
        rest = rest.strip_prefix('.').unwrap_or(rest);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_error::Reason;

    fn restated(field: &str, sent: &str) -> String {
        let mut errors = [FieldError::shown(Reason::Invalid, field, "null", "why")];
        as_sent(&mut errors, &serde_json::from_str(sent).expect("a tree"));
        let [error] = errors;
        error.body
    }

    #[test]
    fn what_was_sent_empty_shows_as_empty() {
        assert_eq!(restated("a.b", r#"{"a":{"b":{}}}"#), "Invalid value: {}: why");
        assert_eq!(restated("a[1].b", r#"{"a":[1,{"b":[]}]}"#), "Invalid value: []: why");
        assert_eq!(restated("a[x.y/z]", r#"{"a":{"x.y/z":[]}}"#), "Invalid value: []: why");
    }

    #[test]
    fn what_was_not_sent_shows_as_null() {
        assert_eq!(restated("a.b", r#"{"a":{}}"#), "Invalid value: null: why");
        assert_eq!(restated("a.b", r#"{"a":{"b":{"c":1}}}"#), "Invalid value: null: why");
        assert_eq!(restated("a[7]", r#"{"a":[]}"#), "Invalid value: null: why");
    }
}
