//! What a schema may say at all, at every depth: the part of OpenAPI v3 that upstream serves, and
//! its extensions for lists, maps and rules. Rules are not compiled.

use super::field_path::follow;
use super::structural::is_type;
use super::tree::{self, items, named};
use crate::field_error::FieldError;
use crate::validation::Errors;
use crate::validation::fields::{Fields, Seen};
use crate::validation::path::Path;
use crate::value::{Object, Value};

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
const LIST_TYPE: &str = "x-kubernetes-list-type";
const MAP_TYPE: &str = "x-kubernetes-map-type";
const MAP_KEYS: &str = "x-kubernetes-list-map-keys";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const RULES: &str = "x-kubernetes-validations";

/// What is asked of schemas, but not of those that were stored before it was.
#[derive(Debug, Clone, Copy)]
pub struct Strict {
    pub types: bool,
    pub atomic_sets: bool,
    pub map_keys: bool,
}

/// Where in the whole a schema stands.
#[derive(Debug, Clone, Copy)]
struct Place<'p> {
    strict: Strict,
    root: bool,
    /// Below one of the fields that all objects have.
    meta: bool,
    /// Why defaults are not allowed, if they are not.
    no_defaults: Option<&'p str>,
}

/// All that is wrong with a schema of objects.
pub fn check(schema: &Object, strict: Strict, path: &Path<'_>, errors: &mut Errors) {
    let place = Place { strict, root: true, meta: false, no_defaults: None };
    node(schema, place, path, errors);
}

fn node(schema: &Object, place: Place<'_>, path: &Path<'_>, errors: &mut Errors) {
    allowed(schema, place, path, errors);
    if schema.flag("uniqueItems") {
        let detail =
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(FieldError::forbidden(path.child("uniqueItems"), detail));
    }
    fields(schema, place, path, errors);
    let inner = Place { root: false, ..place };
    if let Some(schema) = schema.object("not") {
        node(schema, inner, &path.child("not"), errors);
    }
    for name in ["allOf", "oneOf", "anyOf"] {
        let path = path.child(name);
        for (at, schema) in schema.objects(name) {
            node(schema, inner, &path.index(at), errors);
        }
    }
    maps("definitions", schema, inner, path, errors);
    if let Some(items) = items(schema) {
        node(items, inner, &path.child("items"), errors);
    }
    let of_items = path.child("items");
    for (at, schema) in schema.objects("items") {
        node(schema, inner, &of_items.index(at), errors);
    }
    maps("dependencies", schema, inner, path, errors);
    extensions(schema, place.strict, path, errors);
    rules(schema, &path.child(RULES), errors);
}

fn maps(name: &str, schema: &Object, place: Place<'_>, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child(name);
    for (key, schema) in named(schema, name) {
        node(schema, place, &path.key(key), errors);
    }
}

/// Declared fields and others.
fn fields(schema: &Object, place: Place<'_>, path: &Path<'_>, errors: &mut Errors) {
    let properties = schema.part("properties");
    let rest = schema.value("additionalProperties");
    let of_rest = path.child("additionalProperties");
    if !properties.is_empty() && rest.is_some_and(|rest| *rest != Value::Bool(true)) {
        let detail = "additionalProperties and properties are mutual exclusive";
        errors.push(FieldError::forbidden(of_rest, detail));
    }
    let inner = Place { root: false, ..place };
    if let Some(schema) = tree::additional(schema) {
        let reason = "inside additionalProperties applying to object metadata";
        let no_defaults = if place.meta { Some(reason) } else { place.no_defaults };
        node(schema, Place { no_defaults, ..inner }, &of_rest, errors);
    }
    let path = path.child("properties");
    for (name, property) in named(schema, "properties") {
        let is_object = place.root || schema.flag(EMBEDDED);
        let path = path.key(name);
        if !is_object || !matches!(name, "metadata" | "kind" | "apiVersion") {
            node(property, inner, &path, errors);
            continue;
        }
        let reason = format!("in top-level {name}");
        let no_defaults = if place.root { Some(&*reason) } else { place.no_defaults };
        node(property, Place { meta: true, no_defaults, ..inner }, &path, errors);
    }
}

/// What upstream serves of OpenAPI.
fn allowed(schema: &Object, place: Place<'_>, path: &Path<'_>, errors: &mut Errors) {
    let kind = schema.text("type");
    if place.strict.types && !kind.is_empty() && !is_type(kind) {
        errors.push(FieldError::not_supported(path.child("type"), kind, &TYPES));
    }
    let mut forbid = |name: &str, is: bool, detail: &str| {
        if is {
            errors.push(FieldError::forbidden(path.child(name), detail));
        }
    };
    if let Some(reason) = place.no_defaults {
        forbid("default", schema.has("default"), &format!("must not be set {reason}"));
    }
    forbid("id", !schema.text("id").is_empty(), "id is not supported");
    let held = |name: &str| {
        let value = schema.value(name);
        value.is_some_and(|value| value.as_object().is_none_or(|value| !value.is_empty()))
    };
    for name in ["additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] {
        forbid(name, held(name), &format!("{name} is not supported"));
    }
    let detail = "type cannot be set to null, use nullable as an alternative";
    forbid("type", kind == "null", detail);
    let is_list = !schema.list("items").is_empty();
    forbid("items", is_list, "items must be a schema object and not an array");
    let detail = "must not be used inside of resource meta";
    forbid(EMBEDDED, place.meta && schema.flag(EMBEDDED), detail);
}

fn extensions(schema: &Object, strict: Strict, path: &Path<'_>, errors: &mut Errors) {
    if schema.set_flag(PRESERVE) == Some(false) {
        let detail = "must be true or undefined";
        errors.push(FieldError::invalid(path.child(PRESERVE), &Value::Bool(false), detail));
    }
    let text = |name: &str| schema.value(name).and_then(Value::as_str);
    let (list, map) = (text(LIST_TYPE), text(MAP_TYPE));
    if map.is_some() {
        typed(schema, ("object", MAP_TYPE), path, errors);
    }
    if let Some(map) = map.filter(|map| !matches!(*map, "atomic" | "granular")) {
        let path = path.child(MAP_TYPE);
        errors.push(FieldError::not_supported(path, map, &["atomic", "granular"]));
    }
    if list.is_some() && schema.text("type") != "array" {
        typed(schema, ("array", LIST_TYPE), path, errors);
    } else if strict.atomic_sets {
        set_of_atoms(schema, path, errors);
    }
    if let Some(list) = list.filter(|list| !matches!(*list, "atomic" | "set" | "map")) {
        let path = path.child(LIST_TYPE);
        errors.push(FieldError::not_supported(path, list, &["atomic", "set", "map"]));
    }
    if !schema.list(MAP_KEYS).is_empty() && list != Some("map") {
        let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
        let path = path.child(LIST_TYPE);
        errors.push(match list {
            None => FieldError::required(path, detail),
            Some(list) => FieldError::invalid(path, list, detail),
        });
    }
    if list == Some("map") {
        map_list(schema, path, errors);
    }
    if strict.map_keys {
        keys_are_there(schema, path, errors);
    }
}

/// An extension is given only to values of one type.
fn typed(schema: &Object, of: (&str, &str), path: &Path<'_>, errors: &mut Errors) {
    let (wanted, extension) = of;
    let kind = schema.text("type");
    let path = path.child("type");
    let detail = format!("must be {wanted} if {extension} is specified");
    if kind.is_empty() {
        errors.push(FieldError::required(path, &detail));
    } else if kind != wanted {
        errors.push(FieldError::invalid(path, kind, &detail));
    }
}

/// The items of a set are compared whole.
fn set_of_atoms(schema: &Object, path: &Path<'_>, errors: &mut Errors) {
    let Some(items) = items(schema).filter(|_| schema.text(LIST_TYPE) == "set") else { return };
    let name = match items.text("type") {
        "array" if !matches!(items.text(LIST_TYPE), "" | "atomic") => LIST_TYPE,
        "object" if items.text(MAP_TYPE) != "atomic" => MAP_TYPE,
        _ => return,
    };
    // Upstream shows the type of the list for either.
    let shown = items.value(LIST_TYPE).unwrap_or(&Value::Null);
    let path = path.child("items");
    let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
    errors.push(FieldError::invalid(path.child(name), shown, detail));
}

/// Whether there is a set whose items are not.
pub fn has_loose_sets(schema: &Object) -> bool {
    tree::any(schema, &mut |node| {
        let mut found = Errors::new();
        set_of_atoms(node, &Path::root(""), &mut found);
        !found.is_empty()
    })
}

fn map_list(schema: &Object, path: &Path<'_>, errors: &mut Errors) {
    let keys = schema.list(MAP_KEYS);
    let (of_keys, of_items) = (path.child(MAP_KEYS), path.child("items"));
    if keys.is_empty() {
        let detail = "must not be empty if x-kubernetes-list-type is map";
        errors.push(FieldError::required(of_keys, detail));
    }
    if !schema.has("items") {
        let detail = "must have a schema if x-kubernetes-list-type is map";
        errors.push(FieldError::required(of_items, detail));
    }
    let Some(items) = items(schema) else { return };
    let kind = items.text("type");
    if kind != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        errors.push(FieldError::invalid(of_items.child("type"), kind, detail));
        return;
    }
    let mut seen = Seen::default();
    for key in schema.texts(MAP_KEYS) {
        let shown = Value::Array(keys.to_vec());
        match items.part("properties").object(key) {
            None => {
                let detail = "entries must all be names of item properties";
                errors.push(FieldError::invalid(of_keys, &shown, detail));
            }
            Some(property) if matches!(property.text("type"), "array" | "object") => {
                let path = of_items.child("properties");
                let path = path.key(key);
                let detail =
                    "must be a scalar type if parent array's x-kubernetes-list-type is map";
                errors.push(FieldError::invalid(path.child("type"), kind, detail));
            }
            Some(_) => {}
        }
        if seen.again(key) {
            let detail = "must not contain duplicate entries";
            errors.push(FieldError::invalid(of_keys, &shown, detail));
        }
    }
}

/// Items of sets and maps are there, and so are the keys of those of maps.
fn keys_are_there(schema: &Object, path: &Path<'_>, errors: &mut Errors) {
    let list = schema.text(LIST_TYPE);
    let Some(items) = items(schema).filter(|_| matches!(list, "set" | "map")) else { return };
    let path = path.child("items");
    if items.flag("nullable") {
        let detail = format!("cannot be nullable when x-kubernetes-list-type is {list}");
        errors.push(FieldError::forbidden(path.child("nullable"), &detail));
    }
    let keys = schema.texts(MAP_KEYS).filter(|_| list == "map");
    for key in keys {
        let Some(property) = items.part("properties").object(key) else { continue };
        let path = path.child("properties");
        let path = path.key(key);
        if !property.has("default") && !items.texts("required").any(|name| name == key) {
            let detail = "this property is in x-kubernetes-list-map-keys, so it must have a \
                          default or be a required property";
            errors.push(FieldError::required(path.child("default"), detail));
        }
        if property.flag("nullable") {
            let detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            errors.push(FieldError::forbidden(path.child("nullable"), detail));
        }
    }
}

/// Whether there is a set or map with items or keys that may be missing.
pub fn has_loose_keys(schema: &Object) -> bool {
    tree::any(schema, &mut |node| {
        let mut found = Errors::new();
        keys_are_there(node, &Path::root(""), &mut found);
        !found.is_empty()
    })
}

/// Whether there is a type that OpenAPI does not know.
pub fn has_bad_types(schema: &Object) -> bool {
    tree::any(schema, &mut |node| {
        let kind = node.text("type");
        !kind.is_empty() && !is_type(kind)
    })
}

const REASONS: [&str; 4] =
    ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

fn rules(schema: &Object, path: &Path<'_>, errors: &mut Errors) {
    let breaks = |text: &str| text.contains(['\n', '\r']);
    for (at, rule) in schema.objects(RULES) {
        let path = path.index(at);
        let (text, message) = (rule.text("rule").trim(), rule.text("message"));
        let told = message.trim();
        if text.is_empty() {
            errors.push(FieldError::required(path.child("rule"), "rule is not specified"));
        } else if !message.is_empty() && told.is_empty() {
            let detail = "must be non-empty if specified";
            errors.push(FieldError::invalid(path.child("message"), message, detail));
        } else if breaks(told) {
            let detail = "must not contain line breaks";
            errors.push(FieldError::invalid(path.child("message"), message, detail));
        } else if breaks(text) && told.is_empty() {
            let detail = "message must be specified if rule contains line breaks";
            errors.push(FieldError::required(path.child("message"), detail));
        }
        let expression = rule.text("messageExpression");
        if !expression.is_empty() && expression.trim().is_empty() {
            let detail = "messageExpression must be non-empty if specified";
            errors.push(FieldError::required(path.child("messageExpression"), detail));
        }
        let reason = rule.value("reason").and_then(Value::as_str);
        if let Some(reason) = reason.filter(|reason| !REASONS.contains(reason)) {
            errors.push(FieldError::not_supported(path.child("reason"), reason, &REASONS));
        }
        let field = rule.text("fieldPath");
        let mut refuse = |is: bool, detail: &str| {
            if is {
                errors.push(FieldError::invalid(path.child("fieldPath"), field, detail));
            }
        };
        refuse(!field.is_empty() && field.trim().is_empty(), "must be non-empty if specified");
        refuse(breaks(field), "must not contain line breaks");
        let leads = field.is_empty() || follow(field, schema, true).is_ok();
        refuse(!leads, "must be a valid path");
    }
}
