//! Defaults in schemas: values that their own schema allows and knows whole.

use super::structural::is_type;
use super::tree::{items, named};
use crate::custom::{self, Structural};
use crate::field_error::FieldError;
use crate::validation::Errors;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::value::{Object, Value};

const EMBEDDED: &str = "x-kubernetes-embedded-resource";

/// What is wrong with the defaults in the schema of an object. Those below `additionalProperties`
/// are not looked at.
pub fn check(schema: &Object, path: &Path<'_>) -> Errors {
    let mut errors = Errors::new();
    if let Some(default) = schema.value("default") {
        default_fits(schema, default, false, &path.child("default"), &mut errors);
    }
    below(schema, (true, false), path, &mut errors);
    errors
}

/// `embedded`: the schema is that of a whole object. `meta`: it is that of one of the fields that
/// all objects have.
fn walk(schema: &Object, meta: bool, path: &Path<'_>, errors: &mut Errors) {
    let embedded = schema.flag(EMBEDDED);
    let meta = meta && !embedded;
    if let Some(default) = schema.value("default") {
        default_fits(schema, default, meta, &path.child("default"), errors);
    }
    below(schema, (embedded, meta), path, errors);
}

fn below(schema: &Object, (embedded, meta): (bool, bool), path: &Path<'_>, errors: &mut Errors) {
    if let Some(items) = items(schema) {
        walk(items, meta, &path.child("items"), errors);
    }
    let path = path.child("properties");
    for (name, inner) in named(schema, "properties") {
        let is_meta = embedded && matches!(name, "metadata" | "apiVersion" | "kind");
        walk(inner, meta || is_meta, &path.key(name), errors);
    }
}

fn default_fits(
    schema: &Object,
    default: &Value,
    meta: bool,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let Ok(structural) = Structural::load(&Value::Object(schema.clone())) else { return };
    let mut settled = default.clone();
    custom::settle(&mut settled);
    if !meta && structural.default.as_ref().is_some_and(|pruned| *pruned != settled) {
        errors.push(FieldError::invalid(path, default, "must not have unknown fields"));
    }
    let kind = schema.text("type");
    if !kind.is_empty() && !is_type(kind) {
        // Nothing is of a type that there is not.
        let got = type_of(default);
        let detail = format!(" in body must be of type {kind}: {got:?}");
        errors.push(FieldError::type_invalid(path, got, &detail));
    }
    for mut error in custom::validate::of_default(&structural, &settled) {
        error.field = match &*error.field {
            "" | "<nil>" => path.to_string(),
            field if field.starts_with('[') => format!("{path}{field}"),
            field => format!("{path}.{field}"),
        };
        errors.push(error);
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Int(_) => "integer",
        Value::Float(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
