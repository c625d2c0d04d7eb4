//! What is demanded of the numbers that `scale` shows of a custom object.

use crate::field_error::FieldError;
use crate::registry::ScalePaths;
use crate::validation::Errors;
use crate::value::{Object, Value};

/// Why a path leads to nothing that `scale` could show: upstream's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
struct ScaleError(String);

/// What is wrong with the numbers that `scale` shows. A write through `status` looks at those of
/// the status alone.
pub(super) fn validate(
    paths: &ScalePaths,
    object: &Object,
    status_only: bool,
    errors: &mut Errors,
) {
    if !status_only {
        count(object, &paths.replicas, errors);
    }
    count(object, &paths.status_replicas, errors);
    if let Some(path) = &paths.selector
        && let Err(error) = text(object, path)
    {
        errors.push(FieldError::invalid(path, "", &error.0));
    }
}

fn count(object: &Object, path: &str, errors: &mut Errors) {
    const COUNT_MAX: i64 = i32::MAX as i64;
    let (number, detail) = match integer(object, path) {
        Err(error) => (0, error.0),
        Ok(Some(number)) if number < 0 => (number, "should be a non-negative integer".to_owned()),
        Ok(Some(number)) if number > COUNT_MAX => {
            (number, format!("should be less than or equal to {COUNT_MAX}"))
        }
        Ok(_) => return,
    };
    errors.push(FieldError::invalid(path, &Value::Int(number), &detail));
}

fn steps(path: &str) -> Vec<&str> {
    path.strip_prefix('.').unwrap_or(path).split('.').collect()
}

/// The value at a path, or why there can be none.
fn at<'o>(object: &'o Object, path: &str) -> Result<Option<&'o Value>, ScaleError> {
    let steps = steps(path);
    let Some((first, rest)) = steps.split_first() else { return Ok(None) };
    let Some(mut value) = object.get(first) else { return Ok(None) };
    for (at, step) in rest.iter().enumerate() {
        if value.is_null() {
            return Ok(None);
        }
        let Some(inner) = value.as_object() else {
            let so_far = steps[..=at].join(".");
            let got = go_type(value);
            return Err(wrong(&so_far, value, got, "map[string]interface {}"));
        };
        match inner.get(step) {
            Some(found) => value = found,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

fn go_type(value: &Value) -> &'static str {
    crate::apply::gotext::type_name(value)
}

fn wrong(path: &str, value: &Value, got: &str, expected: &str) -> ScaleError {
    let shown = crate::apply::gotext::plain(value);
    ScaleError(format!(".{path} accessor error: {shown} is of the type {got}, expected {expected}"))
}

fn integer(object: &Object, path: &str) -> Result<Option<i64>, ScaleError> {
    match at(object, path)? {
        None => Ok(None),
        Some(Value::Int(number)) => Ok(Some(*number)),
        Some(other) => Err(wrong(&steps(path).join("."), other, go_type(other), "int64")),
    }
}

fn text<'o>(object: &'o Object, path: &str) -> Result<Option<&'o str>, ScaleError> {
    match at(object, path)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong(&steps(path).join("."), other, go_type(other), "string")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Object {
        match serde_json::from_str(text).expect("valid JSON") {
            Value::Object(object) => object,
            _ => Object::new(),
        }
    }

    fn paths() -> ScalePaths {
        ScalePaths {
            replicas: ".spec.count".into(),
            status_replicas: ".status.replicas".into(),
            selector: Some(".status.selector".into()),
        }
    }

    #[test]
    fn what_is_no_count_is_refused() {
        let check = |text: &str| {
            let mut errors = Errors::new();
            validate(&paths(), &object(text), false, &mut errors);
            errors.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(check("{}").is_empty());
        assert_eq!(
            check(r#"{"spec":{"count":-1},"status":{"replicas":4294967296,"selector":1}}"#),
            [
                ".spec.count: Invalid value: -1: should be a non-negative integer",
                ".status.replicas: Invalid value: 4294967296: should be less than or equal to 2147483647",
                ".status.selector: Invalid value: \"\": .status.selector accessor error: 1 is of the type int64, expected string",
            ]
        );
    }
}
