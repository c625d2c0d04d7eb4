//! [`as_sent`]: empty lists and maps, which normal form takes for absent, in the words of errors.

use crate::field_error::FieldError;
use crate::value::{Object, Value};
use std::collections::HashMap;

/// Shows `[]` and `{}` in place of `null` where that is what the client sent (`sent` is the tree of
/// its whole object): objects in normal form do not tell one from the other, errors upstream do.
pub fn as_sent(errors: &mut [FieldError], sent: &Value) {
    for error in errors {
        let body = &error.body;
        let Some((words, rest)) = body.split_once(": ") else { continue };
        if !matches!(words, "Invalid value" | "Unsupported value") {
            continue;
        }
        // Only what holds null has something to restate.
        if !rest.starts_with(['n', '[', '{']) {
            continue;
        }
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(mut shown)) = values.next() else { continue };
        let end = values.byte_offset();
        // Some kinds' rules name fields of the specification without it.
        let field = find(sent, &error.field);
        let Some(sent) = field.or_else(|| find(sent.get("spec")?, &error.field)) else { continue };
        if restate(&mut shown, sent)
            && let Ok(shown) = serde_json::to_string(&shown)
        {
            error.body = format!("{words}: {shown}{}", &rest[end..]);
        }
    }
}

/// Shows what was sent empty as empty, at every depth; whether there was any. The names of what
/// is shown may be those of Go's fields: `DNSPolicy` for `dnsPolicy`.
fn restate(shown: &mut Value, sent: &Value) -> bool {
    match (shown, sent) {
        (shown @ Value::Null, Value::Array(items)) if items.is_empty() => {
            *shown = Value::Array(Vec::new());
            true
        }
        (shown @ Value::Null, Value::Object(fields)) if fields.is_empty() => {
            *shown = Value::Object(Object::default());
            true
        }
        (Value::Array(shown), Value::Array(sent)) => {
            let pairs = shown.iter_mut().zip(sent);
            pairs.fold(false, |any, (shown, sent)| restate(shown, sent) || any)
        }
        (Value::Object(shown), Value::Object(sent)) => {
            let mut sent = Sent { fields: sent, near: 0, index: HashMap::new() };
            let scalar =
                |value: &Value| !matches!(value, Value::Null | Value::Array(_) | Value::Object(_));
            let parts = shown.iter_mut().filter(|(_, shown)| !scalar(shown));
            parts.fold(false, |any, (name, shown)| {
                sent.get(name).is_some_and(|sent| restate(shown, sent)) || any
            })
        }
        _ => false,
    }
}

/// [`Lookup`](crate::value::Lookup) that does not tell upper from lower case.
struct Sent<'s> {
    fields: &'s Object,
    /// Behind the field found last.
    near: usize,
    /// Empty until it is needed.
    index: HashMap<String, usize>,
}

/// Up to here a scan beats a hash.
const SCAN_MAX: usize = 32;

impl<'s> Sent<'s> {
    fn get(&mut self, name: &str) -> Option<&'s Value> {
        let near = self.fields.at(self.near);
        let at = match near {
            Some((near, _)) if near.eq_ignore_ascii_case(name) => self.near,
            _ => self.position(name)?,
        };
        self.near = at + 1;
        self.fields.at(at).map(|(_, value)| value)
    }

    fn position(&mut self, name: &str) -> Option<usize> {
        if self.fields.len() <= SCAN_MAX {
            return self.fields.iter().position(|(one, _)| one.eq_ignore_ascii_case(name));
        }
        if self.index.is_empty() {
            let names = self.fields.iter().enumerate().rev();
            self.index = names.map(|(at, (one, _))| (one.to_ascii_lowercase(), at)).collect();
        }
        self.index.get(&name.to_ascii_lowercase()).copied()
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
    fn what_was_sent_empty_shows_as_empty_at_every_depth() {
        let shown = r#"{"Requests":null,"DNSConfig":[null,1],"Other":null}"#;
        let mut errors = [FieldError::shown(Reason::Invalid, "spec", shown, "field is immutable")];
        let sent = r#"{"spec":{"requests":[],"dnsConfig":[{},1]}}"#;
        as_sent(&mut errors, &serde_json::from_str(sent).expect("a tree"));
        let shown = r#"{"Requests":[],"DNSConfig":[{},1],"Other":null}"#;
        assert_eq!(errors[0].body, format!("Invalid value: {shown}: field is immutable"));
    }

    #[test]
    fn what_was_not_sent_shows_as_null() {
        assert_eq!(restated("a.b", r#"{"a":{}}"#), "Invalid value: null: why");
        assert_eq!(restated("a.b", r#"{"a":{"b":{"c":1}}}"#), "Invalid value: null: why");
        assert_eq!(restated("a[7]", r#"{"a":[]}"#), "Invalid value: null: why");
    }
}
