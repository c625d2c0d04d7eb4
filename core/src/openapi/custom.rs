//! Custom kinds as OpenAPI schemas: the structural schema as its author wrote it, with what every
//! object has, and for version 2 without what that cannot say.

use super::definitions::{Form, Needed, Shown, gvk, meta, push_description, schema_of};
use super::descriptions;
use super::routes::custom_name;
use crate::document::{object, strings};
use crate::registry::{Registry, Resource, Version};
use crate::value::{Object, Value};

const DOCS: &str = "https://git.k8s.io/community/contributors/devel/sig-architecture";

/// Adds the definitions of custom kinds and their lists: of one group version, or of all.
pub(super) fn add(form: Form, registry: &Registry, of: Option<(&str, &str)>, needed: &mut Needed) {
    for resource in registry.resources().filter(|resource| resource.custom) {
        for version in &resource.versions {
            let wanted =
                of.is_none_or(|(group, name)| *resource.group == *group && *version.name == *name);
            if wanted {
                add_kind(form, resource, version, needed);
            }
        }
    }
}

fn add_kind(form: Form, resource: &Resource, version: &Version, needed: &mut Needed) {
    let (group, of) = (&*resource.group, &*version.name);
    let name = custom_name(group, of, &resource.kind);
    needed.add(form, &Shown::Message(meta("ObjectMeta")));
    needed.add(form, &Shown::Message(meta("ListMeta")));
    needed.add_plain(&name, &kind(form, resource, version));
    let list = list(form, resource, version, &name);
    needed.add_plain(&custom_name(group, of, &resource.list_kind), &list);
}

fn kind(form: Form, resource: &Resource, version: &Version) -> Value {
    let mut shown = match version.openapi.as_ref().map(|packed| packed.to_value()) {
        // kubectl would refuse unknown fields if others were named.
        Some(Value::Object(mut shown)) if form == Form::V3 || !flag(&shown, PRESERVE) => {
            node(form, &mut shown);
            let mut properties = take_properties(&mut shown);
            properties.insert("metadata", described(form, "ObjectMeta", METADATA));
            for name in ["apiVersion", "kind"] {
                properties.insert(name, type_meta(name));
            }
            shown.insert("properties", Value::Object(properties));
            shown
        }
        _ => Object::from_iter([("type".into(), Value::from("object"))]),
    };
    let kind = gvk(&resource.group, &version.name, &resource.kind);
    shown.insert("x-kubernetes-group-version-kind", Value::Array(vec![kind]));
    push_selectable(version, &mut shown);
    Value::Object(shown)
}

fn list(form: Form, resource: &Resource, version: &Version, item: &str) -> Value {
    let items = object([
        (
            "description",
            Value::from(format!(
                "List of {}. More info: {DOCS}/api-conventions.md",
                resource.plural
            )),
        ),
        ("type", Value::from("array")),
        ("items", schema_of(form, &Shown::Custom(item.into()))),
    ]);
    let mut shown = Object::new();
    let description = format!("{} is a list of {}", resource.list_kind, resource.kind);
    shown.push("description", Value::from(description));
    shown.push("type", Value::from("object"));
    shown.push("required", strings(["items"]));
    let properties = object([
        ("apiVersion", type_meta("apiVersion")),
        ("items", items),
        ("kind", type_meta("kind")),
        ("metadata", described(form, "ListMeta", LIST_METADATA)),
    ]);
    shown.push("properties", properties);
    let kind = gvk(&resource.group, &version.name, &resource.list_kind);
    shown.push("x-kubernetes-group-version-kind", Value::Array(vec![kind]));
    push_selectable(version, &mut shown);
    Value::Object(shown)
}

fn push_selectable(version: &Version, shown: &mut Object) {
    if version.selectable.is_empty() {
        return;
    }
    let fields = version.selectable.iter();
    let fields = fields.map(|field| object([("fieldPath", Value::from(&*field.name))]));
    shown.push("x-kubernetes-selectable-fields", Value::Array(fields.collect()));
}

/// Kinds whose fields are described as those of every kind are.
const METADATA: (&str, &str) = ("k8s.io.api.core.v1.Pod", "metadata");
const LIST_METADATA: (&str, &str) = ("k8s.io.api.core.v1.PodList", "metadata");

/// A reference with words of its own.
fn described(form: Form, message: &str, (kind, field): (&str, &str)) -> Value {
    let reference = schema_of(form, &Shown::Message(meta(message)));
    let mut shown = Object::new();
    push_description(&mut shown, descriptions::field(kind, field));
    match (form, reference) {
        (Form::V3, reference) => shown.push("allOf", Value::Array(vec![reference])),
        (Form::V2, Value::Object(reference)) => {
            reference.into_iter().for_each(|(name, value)| shown.push(name, value));
        }
        (Form::V2, _) => {}
    }
    Value::Object(shown)
}

fn type_meta(name: &str) -> Value {
    let mut shown = Object::new();
    push_description(&mut shown, descriptions::field("k8s.io.api.core.v1.Pod", name));
    shown.push("type", Value::from("string"));
    Value::Object(shown)
}

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const INT_OR_STRING: &str = "x-kubernetes-int-or-string";

fn flag(schema: &Object, name: &str) -> bool {
    schema.get(name).and_then(Value::as_bool).unwrap_or_default()
}

fn take_properties(shown: &mut Object) -> Object {
    match shown.remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Object::new(),
    }
}

/// One schema, with those below it.
fn node(form: Form, shown: &mut Object) {
    match form {
        Form::V2 => plain(shown),
        Form::V3 => unfold(shown),
    }
    for name in ["items", "additionalProperties"] {
        if let Some(Value::Object(inner)) = shown.get_mut(name) {
            node(form, inner);
        }
    }
    if let Some(Value::Object(properties)) = shown.get_mut("properties") {
        for (_, inner) in properties.iter_mut() {
            if let Value::Object(inner) = inner {
                node(form, inner);
            }
        }
    }
    if flag(shown, EMBEDDED) && !(form == Form::V2 && flag(shown, PRESERVE)) {
        embed(form, shown);
    }
}

/// What every object has, in one that stands inside another.
fn embed(form: Form, shown: &mut Object) {
    let mut properties = take_properties(shown);
    let text = |what: &str, anchor: &str| {
        let description = format!("{what} More info: {DOCS}/api-conventions.md#{anchor}");
        object([("description", Value::from(description)), ("type", Value::from("string"))])
    };
    let api_version =
        "apiVersion defines the versioned schema of this representation of an object.";
    let kind = "kind is a string value representing the type of this object. In CamelCase.";
    properties.insert("apiVersion", text(api_version, "resources"));
    properties.insert("kind", text(kind, "types-kinds"));
    properties.insert("metadata", described(form, "ObjectMeta", METADATA));
    shown.insert("properties", Value::Object(properties));
    let mut required = match shown.remove("required") {
        Some(Value::Array(names)) => names,
        _ => Vec::new(),
    };
    for name in ["kind", "apiVersion"] {
        if !required.iter().any(|one| one.as_str() == Some(name)) {
            required.push(name.into());
        }
    }
    shown.insert("required", Value::Array(required));
}

/// Says in OpenAPI's words what `x-kubernetes-int-or-string` means.
fn unfold(shown: &mut Object) {
    if !flag(shown, INT_OR_STRING) {
        return;
    }
    let of = |name: &str| object([("type", Value::from(name))]);
    let either = || vec![of("integer"), of("string")];
    let is_either = |held: Option<&Value>| {
        held.and_then(Value::as_array).is_some_and(|held| held == either().as_slice())
    };
    let in_first = |held: Option<&Value>| {
        let first = held.and_then(Value::as_array).and_then(<[Value]>::first);
        is_either(first.and_then(|first| first.get("anyOf")))
    };
    if is_either(shown.get("anyOf")) || in_first(shown.get("allOf")) {
        return;
    }
    if shown.get("anyOf").is_none() {
        shown.push("anyOf", Value::Array(either()));
        return;
    }
    let mut all = vec![object([("anyOf", Value::Array(either()))])];
    if let Some(Value::Array(held)) = shown.remove("allOf") {
        all.extend(held);
    }
    shown.push("allOf", Value::Array(all));
}

/// Takes out what version 2 of the specification cannot say, or kubectl cannot read there.
fn plain(shown: &mut Object) {
    let nullable = flag(shown, "nullable");
    let preserve = flag(shown, PRESERVE);
    shown.retain(|name, _| match name {
        "oneOf" | "anyOf" | "allOf" | "not" | "nullable" | "default" => false,
        "type" => !nullable,
        "items" | "properties" => !(nullable || preserve),
        _ => true,
    });
    let of = shown.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let untyped = (of == "array" && shown.get("items").is_none()) || (of == "object" && preserve);
    if untyped {
        shown.remove("type");
    }
    let null = |schema: &Value| schema.get("nullable").and_then(Value::as_bool) == Some(true);
    let may_be_null: Vec<String> = match shown.get("properties") {
        Some(Value::Object(properties)) => {
            let nullable = properties.iter().filter(|(_, schema)| null(schema));
            nullable.map(|(name, _)| name.to_owned()).collect()
        }
        _ => Vec::new(),
    };
    let all = shown.get("additionalProperties").is_some_and(null);
    if let Some(Value::Array(required)) = shown.get_mut("required") {
        required.retain(|name| {
            !all && !name.as_str().is_some_and(|name| may_be_null.iter().any(|n| n == name))
        });
        if required.is_empty() {
            shown.remove("required");
        }
    }
}
