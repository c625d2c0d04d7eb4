//! What the schema table declares of a message (required, immutable, bounds, formats), checked by
//! one walk. Upstream enforces such declarations for its newer kinds alone; older ones say the same
//! in code of their own, and rules of theirs are not here.

use super::fields::{Fields, same};
use super::meta::IMMUTABLE;
use super::path::Path;
use super::{Errors, check};
use crate::field_error::FieldError;
use crate::names;
use crate::schema::{Arity, Field, Kind, MessageId, Rule, Schema};
use crate::value::{Object, Value};

/// Checks a message and all below it; `old` is what it replaces.
pub fn check(
    schema: &Schema,
    id: MessageId,
    new: &Object,
    old: Option<&Object>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    for field in &schema.message(id).fields {
        match field.kind {
            Kind::Message(inner) if field.inline => check(schema, inner, new, old, path, errors),
            _ if field.json.is_empty() || matches!(&*field.json, "metadata" | "status") => {}
            _ => {
                let old = old.map(|old| old.value(&field.json));
                let path = path.child(&field.json);
                check_field(schema, field, (new.value(&field.json), old), &path, errors);
            }
        }
    }
}

/// `old` is absent on create, and holds nothing where the field was not set.
type Change<'v> = (Option<&'v Value>, Option<Option<&'v Value>>);

fn check_field(
    schema: &Schema,
    field: &Field,
    (new, old): Change<'_>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    // What was stored is not judged again.
    if old.is_some_and(|old| same(new, old)) {
        return;
    }
    if field.rules.contains(&Rule::Immutable) && old.is_some() {
        let null = Value::Null;
        errors.push(FieldError::invalid(path, new.unwrap_or(&null), IMMUTABLE));
        return;
    }
    let Some(new) = new.filter(|new| !is_zero(field, new)) else {
        if field.required {
            errors.push(FieldError::required(path, ""));
        }
        return;
    };
    for rule in &field.rules {
        check_rule(rule, new, path, errors);
    }
    let Kind::Message(inner) = field.kind else { return };
    let old = old.flatten();
    match (field.arity, new) {
        (Arity::One, Value::Object(new)) => {
            check(schema, inner, new, old.and_then(Value::as_object), path, errors);
        }
        (Arity::List, Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                let Value::Object(new) = item else { continue };
                let old = old.and_then(|old| old.as_array()?.get(at)?.as_object());
                check(schema, inner, new, old, &path.index(at), errors);
            }
        }
        _ => {}
    }
}

/// The zero of a field that cannot be told from one not given.
fn is_zero(field: &Field, value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Int(number) => *number == 0 && !field.pointer,
        _ => false,
    }
}

fn check_rule(rule: &Rule, value: &Value, path: &Path<'_>, errors: &mut Errors) {
    match (rule, value) {
        (Rule::Minimum(least), Value::Int(number)) if number < least => {
            let detail = format!("must be greater than or equal to {least}");
            errors.push(FieldError::invalid(path, value, &detail));
        }
        (Rule::Maximum(most), Value::Int(number)) if number > most => {
            let detail = format!("must be less than or equal to {most}");
            errors.push(FieldError::invalid(path, value, &detail));
        }
        (Rule::ItemsMax(most), Value::Array(items)) if items.len() as u64 > *most => {
            errors.push(FieldError::too_many(path, items.len(), *most as usize));
        }
        (Rule::SizeMaxBytes(most), Value::String(text)) if text.len() as u64 > *most => {
            errors.push(FieldError::too_long(path, *most as usize));
        }
        (Rule::Format(format), Value::String(text)) => {
            check::each(errors, path, text, format_messages(format, text));
        }
        _ => {}
    }
}

/// What breaks one of upstream's named formats.
fn format_messages(format: &str, text: &str) -> Vec<String> {
    match format {
        "k8s-short-name" => names::in_bytes(names::dns_1123_label(text)),
        "k8s-long-name" => names::in_bytes(names::dns_1123_subdomain(text)),
        "k8s-long-name-caseless" => names::dns_1123_subdomain_caseless(text),
        "k8s-label-key" => names::label_key(text),
        "k8s-path-segment-name" => names::path_segment(text),
        "k8s-resource-pool-name" => text
            .split('/')
            .flat_map(|part| names::in_bytes(names::dns_1123_subdomain(part)))
            .collect(),
        _ => Vec::new(),
    }
}
