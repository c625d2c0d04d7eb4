//! Small checks that many kinds share; each adds what it finds.

use super::Errors;
use super::fields::{Fields, same};
use super::meta::IMMUTABLE;
use super::path::Path;
use crate::field_error::{FieldError, Reason};
use crate::names;
use crate::quantity::Quantity;
use crate::value::{Object, Value};
use std::fmt::Display;

pub const NEGATIVE: &str = "must be greater than or equal to 0";
pub const NOT_POSITIVE: &str = "must be greater than zero";

/// One error for each message about a value.
pub fn each(errors: &mut Errors, path: impl Display, value: &str, messages: Vec<String>) {
    for message in messages {
        errors.push(FieldError::invalid(&path, value, &message));
    }
}

/// One error for each message about a number.
pub fn each_number(errors: &mut Errors, path: impl Display, value: i64, messages: Vec<String>) {
    for message in messages {
        errors.push(FieldError::invalid(&path, &Value::Int(value), &message));
    }
}

pub fn required(errors: &mut Errors, path: impl Display, text: &str, detail: &str) {
    if text.is_empty() {
        errors.push(FieldError::required(path, detail));
    }
}

/// A field of an object that must not be empty.
pub fn need(errors: &mut Errors, path: &Path<'_>, object: &Object, name: &str) {
    required(errors, path.child(name), object.text(name), "");
}

/// A number that is not below zero; absent ones are fine.
pub fn not_negative(errors: &mut Errors, path: &Path<'_>, number: Option<i64>) {
    if let Some(number) = number.filter(|number| *number < 0) {
        errors.push(FieldError::invalid(path, &Value::Int(number), NEGATIVE));
    }
}

/// One of some words; what is empty is one more wrong word.
pub fn one_of(errors: &mut Errors, path: impl Display, text: &str, words: &[&str]) {
    if !words.contains(&text) {
        errors.push(FieldError::not_supported(path, text, words));
    }
}

/// Nothing of a field may change. `absent` is how upstream shows a new value that is not there.
pub fn immutable(
    errors: &mut Errors,
    path: &Path<'_>,
    new: Option<&Value>,
    old: Option<&Value>,
    absent: &str,
) {
    if same(new, old) {
        return;
    }
    errors.push(match new {
        Some(new) => FieldError::invalid(path, new, IMMUTABLE),
        None => shown(Reason::Invalid, path, absent, IMMUTABLE),
    });
}

/// An error about a value whose text is known.
pub fn shown(reason: Reason, path: impl Display, value: &str, detail: &str) -> FieldError {
    FieldError::shown(reason, path, value, detail)
}

pub fn dns_label(errors: &mut Errors, path: impl Display, value: &str) {
    each(errors, path, value, names::dns_1123_label(value));
}

pub fn dns_subdomain(errors: &mut Errors, path: impl Display, value: &str) {
    each(errors, path, value, names::dns_1123_subdomain(value));
}

pub fn label_key(errors: &mut Errors, path: impl Display, value: &str) {
    each(errors, path, value, names::label_key(value));
}

pub fn port(errors: &mut Errors, path: impl Display, value: i64) {
    each_number(errors, path, value, names::port_number(value));
}

/// A number in a range, both ends in it; absent ones are fine.
pub fn in_range(
    errors: &mut Errors,
    path: &Path<'_>,
    value: Option<i64>,
    range: std::ops::RangeInclusive<i64>,
) {
    if let Some(value) = value {
        each_number(errors, path, value, names::in_range(value, *range.start(), *range.end()));
    }
}

/// The bits of a file's mode; absent ones are fine.
pub fn file_mode(errors: &mut Errors, path: &Path<'_>, mode: Option<i64>) {
    if let Some(mode) = mode.filter(|mode| !(0..=0o777).contains(mode)) {
        let detail = "must be a number between 0 and 0777 (octal), both inclusive";
        errors.push(FieldError::invalid(path, &mode, detail));
    }
}

/// A path that does not lead up.
pub fn no_backsteps(errors: &mut Errors, path: &Path<'_>, target: &str) {
    if target.split('/').any(|step| step == "..") {
        errors.push(FieldError::invalid(path, target, "must not contain '..'"));
    }
}

/// A relative path that does not lead up.
pub fn local_path(errors: &mut Errors, path: &Path<'_>, target: &str) {
    if target.starts_with('/') {
        errors.push(FieldError::invalid(path, target, "must be a relative path"));
    }
    no_backsteps(errors, path, target);
}

/// A relative path that does not lead up, nor to names that volumes keep for themselves.
pub fn unreserved_path(errors: &mut Errors, path: &Path<'_>, target: &str) {
    local_path(errors, path, target);
    if target.starts_with("..") && !target.starts_with("../") {
        errors.push(FieldError::invalid(path, target, "must not start with '..'"));
    }
}

/// A port by number or by name, as probes and Services' targets give it.
pub fn port_or_name(errors: &mut Errors, path: &Path<'_>, value: Option<&Value>) {
    match value {
        Some(Value::String(name)) => each(errors, path, name, names::port_name(name)),
        Some(Value::Int(number)) => port(errors, path, *number),
        _ => port(errors, path, 0),
    }
}

/// A number or a percentage, neither below zero (`Deployment.spec.strategy…maxSurge`).
pub fn count_or_percent(errors: &mut Errors, path: &Path<'_>, value: Option<&Value>) {
    match value {
        Some(Value::String(text)) => each(errors, path, text, names::percent(text)),
        Some(Value::Int(number)) => not_negative(errors, path, Some(*number)),
        _ => {}
    }
}

/// What a quantity says; zero where there is none.
pub fn quantity(value: Option<&Value>) -> Quantity {
    value.and_then(Value::as_str).and_then(|text| Quantity::parse(text).ok()).unwrap_or_default()
}

/// A quantity that is not below zero.
pub fn quantity_not_negative(errors: &mut Errors, path: impl Display, value: Option<&Value>) {
    if quantity(value).is_negative() {
        errors.push(FieldError::invalid(path, text_of(value), NEGATIVE));
    }
}

/// A quantity above zero.
pub fn quantity_positive(errors: &mut Errors, path: impl Display, value: Option<&Value>) {
    let quantity = quantity(value);
    if quantity.is_negative() || quantity.is_zero() {
        errors.push(FieldError::invalid(path, text_of(value), NOT_POSITIVE));
    }
}

/// The text of a value that is one; that of a quantity which is absent is zero.
pub fn text_of(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or("0")
}

/// `metav1.Condition`s, as newer kinds' statuses have.
pub fn conditions(errors: &mut Errors, path: &Path<'_>, status: &Object) {
    let mut seen = super::fields::Seen::default();
    for (at, condition) in status.objects("conditions") {
        let path = path.index(at);
        let kind = condition.text("type");
        if seen.again(kind) {
            errors.push(FieldError::duplicate(path.child("type"), kind));
        }
        self::condition(errors, &path, condition);
    }
}

const CONDITION_REASON_MAX_BYTES: usize = 1024;
const CONDITION_MESSAGE_MAX_BYTES: usize = 32 * 1024;

fn condition(errors: &mut Errors, path: &Path<'_>, condition: &Object) {
    label_key(errors, path.child("type"), condition.text("type"));
    one_of(errors, path.child("status"), condition.text("status"), &["False", "True", "Unknown"]);
    if let Some(number) = condition.int("observedGeneration").filter(|number| *number < 0) {
        let detail = "must be greater than or equal to zero";
        let path = path.child("observedGeneration");
        errors.push(FieldError::invalid(path, &Value::Int(number), detail));
    }
    required(errors, path.child("lastTransitionTime"), condition.text("lastTransitionTime"), "");
    let reason = condition.text("reason");
    let path_of_reason = path.child("reason");
    if reason.is_empty() {
        errors.push(FieldError::required(path_of_reason, ""));
    } else {
        each(errors, path_of_reason, reason, names::condition_reason(reason));
        if reason.len() > CONDITION_REASON_MAX_BYTES {
            errors.push(FieldError::too_long(path_of_reason, CONDITION_REASON_MAX_BYTES));
        }
    }
    if condition.text("message").len() > CONDITION_MESSAGE_MAX_BYTES {
        errors.push(FieldError::too_long(path.child("message"), CONDITION_MESSAGE_MAX_BYTES));
    }
}
