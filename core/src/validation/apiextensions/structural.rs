//! Structural schemas (KEP-1002): every value has a type; what stands below `allOf`, `anyOf`,
//! `oneOf` and `not` only checks, and only what is declared outside of them.

use super::tree::{additional, items, named};
use crate::field_error::FieldError;
use crate::pattern::Pattern;
use crate::validation::Errors;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::value::{Object, Value};

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const INT_OR_STRING: &str = "x-kubernetes-int-or-string";

/// Whether OpenAPI has a type of this name.
pub fn is_type(name: &str) -> bool {
    matches!(name, "array" | "boolean" | "integer" | "number" | "object" | "string")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// All that keeps a schema from being structural, in the order of its text.
pub fn check(schema: &Object, path: &Path<'_>) -> Errors {
    let mut errors = Errors::new();
    invariants(schema, Level::Root, path, &mut errors);
    values_complete(schema, Some(schema), (path, path), &mut errors);
    errors.sort_by_cached_key(ToString::to_string);
    errors
}

/// Why a schema cannot even be read as a structural one.
pub fn unreadable(schema: &Object) -> Option<String> {
    let unsupported = |name: &str| format!("OpenAPIV3Schema '{name}' is not supported");
    for (name, shown) in [("id", "id"), ("$schema", "schema"), ("$ref", "$ref")] {
        if !schema.text(name).is_empty() {
            return Some(unsupported(shown));
        }
    }
    for name in ["patternProperties", "dependencies", "additionalItems", "definitions"] {
        let held = schema.value(name);
        if held.is_some_and(|held| held.as_object().is_none_or(|held| !held.is_empty())) {
            return Some(unsupported(name));
        }
    }
    let branches = ["allOf", "anyOf", "oneOf"].into_iter();
    let branches = branches.flat_map(|name| schema.objects(name).map(|(_, one)| one));
    let nested = schema.object("not").into_iter().chain(branches).find_map(unreadable);
    if nested.is_some() {
        return nested;
    }
    if schema.set_flag(PRESERVE) == Some(false) {
        return Some(format!("internal error: '{PRESERVE}' must be true or undefined"));
    }
    if !schema.list("items").is_empty() {
        return Some("OpenAPIV3Schema 'items' must be a schema, but is an array".to_owned());
    }
    let properties = named(schema, "properties").map(|(_, one)| one);
    items(schema).into_iter().chain(properties).chain(additional(schema)).find_map(unreadable)
}

fn invariants(schema: &Object, level: Level, path: &Path<'_>, errors: &mut Errors) {
    let kind = schema.text("type");
    if kind == "array" && items(schema).is_none() {
        errors.push(FieldError::required(path.child("items"), "must be specified"));
    }
    if let Some(items) = items(schema) {
        invariants(items, Level::Item, &path.child("items"), errors);
    }
    let properties = path.child("properties");
    for (name, inner) in named(schema, "properties") {
        invariants(inner, Level::Field, &properties.key(name), errors);
    }
    let of_rest = path.child("additionalProperties");
    if schema.has("additionalProperties") && level == Level::Root {
        errors.push(FieldError::forbidden(of_rest, "must not be used at the root"));
    }
    if let Some(inner) = additional(schema) {
        invariants(inner, Level::Field, &of_rest, errors);
    }
    if schema.flag(INT_OR_STRING) {
        for name in [PRESERVE, EMBEDDED].into_iter().filter(|name| schema.flag(name)) {
            let detail = "must be false if x-kubernetes-int-or-string is true";
            errors.push(FieldError::invalid(path.child(name), &Value::Bool(true), detail));
        }
    }
    let whole = is_int_or_string(schema.list("anyOf"));
    let first = schema.objects("allOf").next();
    let first = first.is_some_and(|(_, first)| is_int_or_string(first.list("anyOf")));
    values(schema, (whole, first), path, errors);
    types(schema, level, path, errors);
    metadata(schema, level, path, errors);
}

fn types(schema: &Object, level: Level, path: &Path<'_>, errors: &mut Errors) {
    let kind = schema.text("type");
    let of_type = path.child("type");
    let embedded = schema.flag(EMBEDDED);
    if embedded && kind != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(match kind {
            "" => FieldError::required(of_type, detail),
            kind => FieldError::invalid(of_type, kind, detail),
        });
    } else if kind.is_empty() && !schema.flag(INT_OR_STRING) && !schema.flag(PRESERVE) {
        let detail = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        errors.push(FieldError::required(of_type, detail));
    }
    if embedded && schema.has("additionalProperties") {
        let detail = "must not be used if x-kubernetes-embedded-resource is set";
        errors.push(FieldError::forbidden(path.child("additionalProperties"), detail));
    }
    if level == Level::Root && !kind.is_empty() && kind != "object" {
        errors.push(FieldError::invalid(of_type, kind, "must be object at the root"));
    }
}

/// The fields that every object has: their types, and that nothing restricts metadata.
fn metadata(schema: &Object, level: Level, path: &Path<'_>, errors: &mut Errors) {
    let embedded = schema.flag(EMBEDDED);
    let is_object = level == Level::Root || embedded;
    let declared = schema.part("properties");
    let properties = path.child("properties");
    for name in ["kind", "apiVersion"] {
        let Some(inner) = declared.object(name).filter(|_| is_object) else { continue };
        let kind = inner.text("type");
        if kind != "string" {
            let path = properties.key(name);
            errors.push(FieldError::invalid(path.child("type"), kind, "must be string"));
        }
    }
    if let Some(inner) = declared.object("metadata") {
        let path = properties.key("metadata");
        let kind = inner.text("type");
        if is_object && kind != "object" {
            errors.push(FieldError::invalid(path.child("type"), kind, "must be object"));
        }
        if level == Level::Root && restricts(inner) {
            let detail = "must not specify anything other than name and generateName, but metadata \
                          is implicitly specified";
            errors.push(FieldError::forbidden(path, detail));
        }
    }
    if embedded && !schema.flag(PRESERVE) && declared.is_empty() {
        let detail = "must not be empty if x-kubernetes-embedded-resource is true without \
                      x-kubernetes-preserve-unknown-fields";
        errors.push(FieldError::required(properties, detail));
    }
}

/// Whether a schema of metadata says more than what names may be.
fn restricts(metadata: &Object) -> bool {
    metadata.iter().any(|(name, value)| match name {
        "type" | "default" => false,
        "properties" => {
            let mut names = value.as_object().into_iter().flat_map(Object::iter);
            names.any(|(name, _)| !matches!(name, "name" | "generateName"))
        }
        _ => !value.is_null() && *value != Value::Bool(false),
    })
}

/// `[{type: integer}, {type: string}]`, the one place where types may stand below `anyOf`.
fn is_int_or_string(any_of: &[Value]) -> bool {
    let is = |value: &Value, kind: &str| {
        value.as_object().is_some_and(|one| one.len() == 1 && one.text("type") == kind)
    };
    matches!(any_of, [first, second] if is(first, "integer") && is(second, "string"))
}

/// The checks of a schema. `skipped`: whether types may stand in `anyOf`, or in that of the first
/// of `allOf`.
fn values(schema: &Object, skipped: (bool, bool), path: &Path<'_>, errors: &mut Errors) {
    for name in ["anyOf", "allOf", "oneOf"] {
        if name == "anyOf" && skipped.0 {
            continue;
        }
        let path = path.child(name);
        for (at, inner) in schema.objects(name) {
            let skip = name == "allOf" && at == 0 && skipped.1;
            nested(inner, skip, &path.index(at), errors);
        }
    }
    if let Some(inner) = schema.object("not") {
        nested(inner, false, &path.child("not"), errors);
    }
    let text = schema.text("pattern");
    if !text.is_empty()
        && let Err(why) = Pattern::parse(text)
    {
        let detail = format!("must be a valid regular expression, but isn't: {why}");
        errors.push(FieldError::invalid(path.child("pattern"), text, &detail));
    }
}

fn nested(schema: &Object, skip_any_of: bool, path: &Path<'_>, errors: &mut Errors) {
    values(schema, (skip_any_of, false), path, errors);
    if let Some(inner) = items(schema) {
        nested(inner, false, &path.child("items"), errors);
    }
    let properties = path.child("properties");
    for (name, inner) in named(schema, "properties") {
        nested(inner, false, &properties.key(name), errors);
    }
    let mut forbid = |name: &str, is: bool, detail: &str| {
        if is {
            let detail = format!("{detail} to be structural");
            errors.push(FieldError::forbidden(path.child(name), &detail));
        }
    };
    let (empty, undefined, off) = ("must be empty", "must be undefined", "must be false");
    forbid("type", !schema.text("type").is_empty(), empty);
    let rest = schema.value("additionalProperties");
    let is_said = rest.is_some_and(|rest| *rest != Value::Bool(false));
    forbid("additionalProperties", is_said, undefined);
    forbid("default", schema.has("default"), undefined);
    forbid("title", !schema.text("title").is_empty(), empty);
    forbid("description", !schema.text("description").is_empty(), empty);
    forbid("nullable", schema.flag("nullable"), off);
    for name in [PRESERVE, EMBEDDED, INT_OR_STRING] {
        forbid(name, schema.flag(name), off);
    }
    let keys = "x-kubernetes-list-map-keys";
    forbid(keys, !schema.list(keys).is_empty(), empty);
    for name in ["x-kubernetes-list-type", "x-kubernetes-map-type"] {
        forbid(name, schema.has(name), undefined);
    }
    let rules = "x-kubernetes-validations";
    forbid(rules, !schema.list(rules).is_empty(), empty);
    if schema.part("properties").has("metadata") {
        let detail = "must not be specified in a nested context";
        errors.push(FieldError::forbidden(properties.key("metadata"), detail));
    }
}

/// Every value that is checked is declared: `paths` are where it would be, and where it is checked.
fn values_complete(
    checks: &Object,
    declared: Option<&Object>,
    paths: (&Path<'_>, &Path<'_>),
    errors: &mut Errors,
) {
    let (here, there) = paths;
    if let Some(inner) = checks.object("not") {
        complete(inner, declared, (here, &there.child("not")), errors);
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        let there = there.child(name);
        for (at, inner) in checks.objects(name) {
            complete(inner, declared, (here, &there.index(at)), errors);
        }
    }
}

fn complete(
    checks: &Object,
    declared: Option<&Object>,
    (here, there): (&Path<'_>, &Path<'_>),
    errors: &mut Errors,
) {
    let missing = |here: &Path<'_>, there: &Path<'_>| {
        FieldError::required(here, &format!("because it is defined in {there}"))
    };
    let Some(schema) = declared else {
        errors.push(missing(here, there));
        return;
    };
    values_complete(checks, declared, (here, there), errors);
    if let Some(inner) = items(checks) {
        let paths = (&here.child("items"), &there.child("items"));
        complete(inner, items(schema), paths, errors);
    }
    let (here, there) = (here.child("properties"), there.child("properties"));
    for (name, inner) in named(checks, "properties") {
        let (here, there) = (here.key(name), there.key(name));
        match schema.part("properties").object(name) {
            None => errors.push(missing(&here, &there)),
            declared => complete(inner, declared, (&here, &there), errors),
        }
    }
}
