//! Names, selectors, taints, configuration and other parts that kinds of this group share.

use crate::field_error::FieldError;
use crate::names;
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::{Fields, Seen};
use crate::validation::path::Path;
use crate::validation::volume::sources::csi_driver;
use crate::value::{Object, Value};
use std::borrow::Cow;

pub const CONFIGURATIONS_MAX: usize = 32;
const POOL_NAME_MAX_BYTES: usize = 253;
const SELECTORS_MAX: usize = 32;
const EXPRESSION_MAX_BYTES: usize = 10 * 1024;
const PARAMETERS_MAX_BYTES: usize = 10 * 1024;
const ID_MAX_BYTES: usize = 32;
/// A domain, a slash and an identifier.
pub const QUALIFIED_NAME_MAX_BYTES: usize = 63 + 1 + ID_MAX_BYTES;
const BINDING_CONDITIONS_MAX: usize = 4;

/// Whether a list may be judged: beyond its limit that would cost too much.
pub fn bounded(count: usize, count_max: usize, path: &Path<'_>, errors: &mut Errors) -> bool {
    if count > count_max {
        errors.push(FieldError::too_many(path, count, count_max));
    }
    count <= count_max
}

/// Items that are there twice, by the text that makes them what they are.
pub fn repeated<'t>(keys: impl Iterator<Item = &'t str>, path: &Path<'_>, errors: &mut Errors) {
    let mut seen = Seen::default();
    for (at, key) in keys.enumerate() {
        if seen.again(key) {
            errors.push(FieldError::duplicate(path.index(at), key));
        }
    }
}

/// The name of a pool: subdomains with slashes between them.
pub fn pool_name(name: &str, path: &Path<'_>, errors: &mut Errors) {
    if name.is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    if name.len() > POOL_NAME_MAX_BYTES {
        errors.push(FieldError::too_long(path, POOL_NAME_MAX_BYTES));
    }
    for part in name.split('/') {
        check::dns_subdomain(errors, path, part);
    }
}

/// A UUID in its usual form.
pub fn uuid(text: &str, path: &Path<'_>, errors: &mut Errors) {
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let formed = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match byte {
            b'-' => dash(at),
            byte => !dash(at) && byte.is_ascii_hexdigit(),
        });
    if !formed {
        let detail = if text.len() == 36 {
            "error validating uid: invalid UUID format".to_owned()
        } else {
            format!("error validating uid: invalid UUID length: {}", text.len())
        };
        errors.push(FieldError::invalid(path, text, &detail));
    } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let detail = "uid must be in RFC 4122 normalized form, \
                      `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters";
        errors.push(FieldError::invalid(path, text, detail));
    }
}

/// An identifier as in C, perhaps behind a domain and a slash.
pub fn qualified_name(name: &str, path: &Path<'_>, errors: &mut Errors) {
    let mut parts = name.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(id), None, _) => identifier(id, path, errors),
        (Some(domain), Some(id), None) => {
            if domain.is_empty() {
                errors.push(FieldError::invalid(path, "", "the domain must not be empty"));
            } else {
                csi_driver(domain, path, errors);
            }
            if id.is_empty() {
                errors.push(FieldError::invalid(path, "", "the name must not be empty"));
            } else {
                identifier(id, path, errors);
            }
        }
        // Upstream lets more than one slash pass.
        _ => {}
    }
}

pub fn fully_qualified_name(name: &str, path: &Path<'_>, errors: &mut Errors) {
    qualified_name(name, path, errors);
    if !name.contains('/') {
        let detail = "a fully qualified name must be a domain and a name separated by a slash";
        errors.push(FieldError::invalid(path, name, detail));
    }
}

fn identifier(id: &str, path: &Path<'_>, errors: &mut Errors) {
    if id.len() > ID_MAX_BYTES {
        errors.push(FieldError::too_long(path, ID_MAX_BYTES));
    }
    let first = |byte: u8| byte == b'_' || byte.is_ascii_alphabetic();
    let rest = |byte: &u8| first(*byte) || byte.is_ascii_digit();
    let fits = match id.as_bytes() {
        [] => false,
        [one, others @ ..] => first(*one) && others.iter().all(rest),
    };
    if !fits {
        let message = "a valid C identifier must start with alphabetic character or '_', followed \
                       by a string of alphanumeric characters or '_'";
        let examples = ["my_name", "MY_NAME", "MyName"];
        let detail = names::expression(message, "[A-Za-z_][A-Za-z0-9_]*", &examples);
        errors.push(FieldError::invalid(path, id, &detail));
    }
}

/// A key as errors show it: long ones lose their middle.
pub fn shortened(key: &str, bytes_max: usize) -> Cow<'_, str> {
    let bytes_max = bytes_max.max(16);
    if key.len() <= bytes_max {
        return Cow::Borrowed(key);
    }
    let kept = bytes_max - 3;
    let bytes = key.as_bytes();
    let head = String::from_utf8_lossy(&bytes[..kept.div_ceil(2)]);
    let tail = String::from_utf8_lossy(&bytes[bytes.len() - kept / 2..]);
    Cow::Owned(format!("{head}...{tail}"))
}

/// Expressions that say which devices are meant. Whether they compile is found elsewhere.
pub fn selectors(parent: &Object, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("selectors");
    if !bounded(parent.list("selectors").len(), SELECTORS_MAX, &path, errors) {
        return;
    }
    for (at, selector) in parent.objects("selectors") {
        let path = path.index(at);
        let Some(cel) = selector.object("cel") else {
            errors.push(FieldError::required(path.child("cel"), ""));
            continue;
        };
        let expression = cel.text("expression");
        let path = path.child("cel.expression");
        if expression.len() > EXPRESSION_MAX_BYTES {
            errors.push(FieldError::too_long(path, EXPRESSION_MAX_BYTES));
        } else if expression.is_empty() {
            let detail = "compilation failed: ERROR: <input>:1:0: Syntax error: mismatched input \
                          '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', \
                          'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
            errors.push(FieldError::invalid(path, expression, detail));
        }
    }
}

/// What a driver is told about devices.
pub fn configuration(parent: &Object, stored: bool, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("opaque");
    let Some(opaque) = parent.object("opaque") else {
        errors.push(FieldError::required(path, ""));
        return;
    };
    csi_driver(opaque.text("driver"), &path.child("driver"), errors);
    let bytes_max = if stored { usize::MAX } else { PARAMETERS_MAX_BYTES };
    raw_object(opaque.value("parameters"), bytes_max, &path.child("parameters"), errors);
}

/// JSON of any form, as long as it is an object.
pub fn raw_object(value: Option<&Value>, bytes_max: usize, path: &Path<'_>, errors: &mut Errors) {
    let Some(value) = value else {
        errors.push(FieldError::required(path, ""));
        return;
    };
    let size_bytes = || serde_json::to_string(value).map_or(0, |text| text.len());
    if bytes_max < usize::MAX && size_bytes() > bytes_max {
        errors.push(FieldError::too_long(path, bytes_max));
    } else if value.as_object().is_none() {
        let detail = "must be a valid JSON object";
        errors.push(FieldError::invalid(path, "<value omitted>", detail));
    }
}

const EFFECTS: [&str; 3] = ["NoExecute", "NoSchedule", "None"];

pub fn taint(taint: &Object, old: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    check::label_key(errors, path.child("key"), taint.text("key"));
    let value = taint.text("value");
    check::each(errors, path.child("value"), value, names::label_value(value));
    let effect = taint.text("effect");
    if old.is_some_and(|old| old.text("effect") == effect) {
        return;
    }
    match effect {
        "" => errors.push(FieldError::required(path.child("effect"), "")),
        _ => check::one_of(errors, path.child("effect"), effect, &EFFECTS),
    }
}

pub fn tolerations(parent: &Object, path: &Path<'_>, errors: &mut Errors) {
    for (at, toleration) in parent.objects("tolerations") {
        let path = path.child("tolerations");
        let path = path.index(at);
        let (key, value) = (toleration.text("key"), toleration.text("value"));
        if !key.is_empty() {
            check::label_key(errors, path.child("key"), key);
        }
        match toleration.text("operator") {
            "Exists" if !value.is_empty() => {
                let detail = "must be empty for operator `Exists`";
                errors.push(FieldError::invalid(path.child("value"), value, detail));
            }
            "Exists" => {}
            "Equal" => check::each(errors, path.child("value"), value, names::label_value(value)),
            "" => errors.push(FieldError::required(path.child("operator"), "")),
            other => {
                let allowed = ["Equal", "Exists"];
                errors.push(FieldError::not_supported(path.child("operator"), other, &allowed));
            }
        }
        let effect = toleration.text("effect");
        if !effect.is_empty() {
            check::one_of(errors, path.child("effect"), effect, &EFFECTS);
        }
    }
}

/// Conditions that a device must meet before it is used, and those that say it never will.
pub fn binding_conditions(device: &Object, path: &Path<'_>, errors: &mut Errors) {
    let names = ["bindingConditions", "bindingFailureConditions"];
    for name in names {
        let path = path.child(name);
        if bounded(device.list(name).len(), BINDING_CONDITIONS_MAX, &path, errors) {
            for (at, condition) in device.texts(name).enumerate() {
                check::label_key(errors, path.index(at), condition);
            }
        }
    }
    repeated(device.texts(names[0]), &path.child(names[0]), errors);
    let mut seen = Seen::default();
    for (at, condition) in device.texts(names[1]).enumerate() {
        let path = path.child(names[1]);
        let path = path.index(at);
        if seen.again(condition) {
            errors.push(FieldError::duplicate(path, condition));
        }
        if device.texts(names[0]).any(|other| other == condition) {
            let detail = "bindingFailureConditions must not overlap with bindingConditions";
            errors.push(FieldError::invalid(path, condition, detail));
        }
    }
    for (missing, given) in [(names[0], names[1]), (names[1], names[0])] {
        if device.list(missing).is_empty() && !device.list(given).is_empty() {
            let detail = format!("{missing} are required to use {given}");
            errors.push(FieldError::invalid(path.child(missing), &Value::Null, &detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_keys_lose_their_middle() {
        assert_eq!(shortened("short", 4), "short");
        assert_eq!(shortened("abcdefghijklmnopqrstuvwxyz", 16), "abcdefg...uvwxyz");
    }

    #[test]
    fn uuids() {
        let count = |text| {
            let mut errors = Errors::new();
            uuid(text, &Path::root("uid"), &mut errors);
            errors.len()
        };
        assert_eq!(count("123e4567-e89b-12d3-a456-426614174000"), 0);
        assert_eq!(count("123E4567-e89b-12d3-a456-426614174000"), 1);
        assert_eq!(count("123e4567"), 1);
    }
}
