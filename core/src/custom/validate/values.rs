//! The walk: types, lists and objects.

use super::super::checks::Checks;
use super::super::structural::{Additional, Structural, Types};
use super::old::Place;
use super::outcome::{Finding, Outcome};
use super::view::View;
use super::{junctors, scalars};
use crate::field_error::FieldError;
use crate::value::{Object, Value};

/// A value that stands at a place of its own: what is wrong with it is tolerated if it was there
/// before.
pub(super) fn check(node: &Structural, value: View<'_>, place: &Place<'_>, outcome: &mut Outcome) {
    let before = outcome.findings.len();
    check_alone(node, value, place, outcome);
    if outcome.findings.len() > before && place.is_unchanged() {
        outcome.findings.truncate(before);
    }
}

/// A value against one of perhaps several schemas of its place. The order is upstream's.
pub(super) fn check_alone(
    node: &Structural,
    value: View<'_>,
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    let checks = node.checks.as_deref();
    let format = checks.and_then(|checks| checks.format.as_ref());
    if matches!(value, View::Null) {
        check_null(node, place, outcome);
        check_values(checks, value, place, outcome);
        return;
    }
    if !node.types.is_empty() || format.is_some() {
        check_type(node, value, place, outcome);
        outcome.matches += 1;
    }
    if let Some(checks) = checks {
        junctors::check(checks, value, place, outcome);
    }
    // One for the alternatives themselves, one for having asked them.
    outcome.matches += 2;
    match value {
        View::Text(text) => {
            scalars::check_string(checks, text, place, outcome);
            outcome.matches += 1;
            if let Some(format) = format.filter(|format| format.fits.is_some()) {
                scalars::check_format(format, text, place, outcome);
                outcome.matches += 1;
            }
        }
        View::Int(_) | View::Float(_) => {
            scalars::check_number(node, value, place, outcome);
            outcome.matches += 2;
        }
        View::List(items) => {
            check_list(node, items, place, outcome);
            outcome.matches += 2;
        }
        _ => {}
    }
    check_values(checks, value, place, outcome);
    outcome.matches += 1;
    if let View::Fields(object) = value {
        check_object(node, object, place, outcome);
        outcome.matches += 1;
    }
    outcome.matches += 1;
}

fn check_null(node: &Structural, place: &Place<'_>, outcome: &mut Outcome) {
    if node.types.is_empty() || node.nullable {
        outcome.matches += 1;
    } else {
        outcome.add(wrong_type(place, node.types.name(), "null"));
    }
}

/// A value of another type or format than `expected`.
pub(super) fn wrong_type(place: &Place<'_>, expected: &str, got: &str) -> Finding {
    let name = place.name();
    let got_text = crate::field_error::quoted(got);
    let text = format!("{name} in body must be of type {expected}: {got_text}");
    let error = FieldError::type_invalid(name, &Value::from(got), &text);
    Finding::at(text, error)
}

/// What a value is, and the format that follows from it.
fn type_of(value: View<'_>) -> (Types, &'static str) {
    match value {
        View::Null => (Types::default(), ""),
        View::Bool(_) => (Types::BOOLEAN, ""),
        View::Int(_) => (Types::INTEGER, "int64"),
        View::Float(_) => (Types::NUMBER, "float64"),
        View::Text(_) => (Types::STRING, ""),
        View::List(_) => (Types::ARRAY, ""),
        View::Fields(_) => (Types::OBJECT, ""),
    }
}

/// The rules of upstream's validator, in which a format can stand in for a type.
fn check_type(node: &Structural, value: View<'_>, place: &Place<'_>, outcome: &mut Outcome) {
    let (types, (kind, kind_format)) = (node.types, type_of(value));
    let format = node.checks.as_ref().and_then(|checks| checks.format.as_ref());
    let format = format.map(|format| &*format.name).unwrap_or_default();
    let whole = matches!(value, View::Float(number) if scalars::is_whole(number))
        && types.has(Types::INTEGER);
    let number = kind == Types::INTEGER && types.has(Types::NUMBER);
    let fits = types.has(kind) || whole || number;
    let texts = matches!(value, View::Text(_) | View::List(_));
    if !(texts || format.is_empty() || fits || kind_format == format) {
        outcome.add(wrong_type(place, format, kind_format));
        return;
    }
    let numeric = types.has(Types::NUMBER) || types.has(Types::INTEGER);
    let by_format = texts && !format.is_empty() && !numeric;
    if fits || by_format {
        outcome.matches += 1;
    } else {
        outcome.add(wrong_type(place, types.name(), kind.name()));
    }
}

/// `enum`.
fn check_values(
    checks: Option<&Checks>,
    value: View<'_>,
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    let Some(checks) = checks.filter(|checks| !checks.values.is_empty()) else { return };
    if checks.values.iter().any(|allowed| is_value(value, allowed)) {
        return;
    }
    let supported: Vec<String> = checks
        .values
        .iter()
        .map(|allowed| match allowed {
            Value::String(text) => text.to_string(),
            other => crate::apply::gotext::json(other),
        })
        .collect();
    let supported: Vec<&str> = supported.iter().map(String::as_str).collect();
    let name = place.name();
    let text = format!("{name} in body should be one of [{}]", supported.join(" "));
    outcome.add(Finding::at(text, FieldError::not_supported(name, &value.to_value(), &supported)));
}

/// Upstream converts the value to the type of the allowed one as Go does, which for a number and a
/// string means the character of that code.
fn is_value(value: View<'_>, allowed: &Value) -> bool {
    match (value, allowed) {
        (View::Null, _) => false,
        (View::Float(given), Value::Int(allowed)) => given as i64 == *allowed,
        (View::Int(given), Value::Float(allowed)) => given as f64 == *allowed,
        (View::Int(given), Value::String(allowed)) => {
            let c = u32::try_from(given).ok().and_then(char::from_u32);
            let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
            allowed.strip_prefix(c).is_some_and(str::is_empty)
        }
        _ => value == View::from(allowed),
    }
}

fn check_list(node: &Structural, items: &[Value], place: &Place<'_>, outcome: &mut Outcome) {
    if let Some(schema) = node.items.as_deref() {
        for (at, item) in items.iter().enumerate() {
            let item = View::from(item);
            check(schema, item, &place.item(at, schema, item), outcome);
        }
    }
    let Some(checks) = node.checks.as_deref() else { return };
    let count = items.len() as i64;
    if let Some(least) = checks.items_min.filter(|least| count < *least) {
        let name = place.name();
        let text = format!("{name} in body should have at least {least} items");
        let error = FieldError::invalid(name, &Value::Int(count), &text);
        outcome.add(Finding::at(text, error));
    }
    if let Some(most) = checks.items_max.filter(|most| count > *most) {
        let name = place.name();
        let text = format!("{name} in body should have at most {most} items");
        outcome.add(Finding::at(text, too_many(name, count, most)));
    }
    if checks.unique_items && has_duplicates(items) {
        let name = place.name();
        let text = format!("{name} in body shouldn't contain duplicates");
        let error = FieldError::invalid(name, &Value::from(""), &text);
        outcome.add(Finding::at(text, error));
    }
}

fn too_many(name: String, count: i64, most: i64) -> FieldError {
    FieldError::too_many(name, count as usize, usize::try_from(most).unwrap_or(0))
}

/// Definitions may not ask for unique items any more, so that this costs nobody.
fn has_duplicates(items: &[Value]) -> bool {
    items.iter().enumerate().any(|(at, item)| items[..at].contains(item))
}

fn check_object(node: &Structural, object: &Object, place: &Place<'_>, outcome: &mut Outcome) {
    let checks = node.checks.as_deref();
    if let Some(checks) = checks {
        check_count(checks, object.len() as i64, place, outcome);
    }
    check_additional(node, object, place, outcome);
    for (name, value) in object.iter() {
        if let Some(property) = node.property(name) {
            let value = View::from(value);
            check(property, value, &place.field(name, property, value), outcome);
        }
    }
    for name in checks.into_iter().flat_map(|checks| &checks.required) {
        if object.get(name).is_none() {
            let name = format!("{}.{name}", place.name());
            let text = format!("{name} in body is required");
            outcome.add(Finding::at(text, FieldError::required(name, "")));
        }
    }
}

fn check_count(checks: &Checks, count: i64, place: &Place<'_>, outcome: &mut Outcome) {
    if let Some(least) = checks.properties_min.filter(|least| count < *least) {
        let name = place.name();
        let text = format!("{name} in body should have at least {least} properties");
        let error = FieldError::invalid(name, &Value::Int(count), &text);
        outcome.add(Finding::at(text, error));
    }
    if let Some(most) = checks.properties_max.filter(|most| count > *most) {
        let name = place.name();
        let text = format!("{name} in body should have at most {most} properties");
        outcome.add(Finding::at(text, too_many(name, count, most)));
    }
}

fn check_additional(node: &Structural, object: &Object, place: &Place<'_>, outcome: &mut Outcome) {
    match &node.additional {
        Additional::Unsaid | Additional::Allowed(true) => {}
        Additional::Allowed(false) => {
            for (key, _) in object.iter().filter(|(key, _)| node.property(key).is_none()) {
                let name = place.name();
                let text = format!("{name}.{key} in body is a forbidden property");
                let error = FieldError::invalid(name, &Value::from(key), &text);
                outcome.add(Finding::at(text, error));
            }
        }
        Additional::Schema(schema) => {
            for (key, value) in object.iter().filter(|(key, _)| node.property(key).is_none()) {
                let value = View::from(value);
                check(schema, value, &place.entry(key, schema, value), outcome);
            }
        }
    }
}
