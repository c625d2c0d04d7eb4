//! Messages as OpenAPI schemas, in the form of version 2 or 3 of the specification.

use super::descriptions;
use crate::document::{object, strings};
use crate::schema::{Arity, BUILT_IN, Field, Kind, ListType, Message, MessageId, Omit, Shape};
use crate::value::{Object, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The version of the specification. Only the third shows defaults, and alternatives (`oneOf`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    V2,
    V3,
}

impl Form {
    fn reference(self, name: &str) -> Value {
        let at = match self {
            Self::V2 => "#/definitions/",
            Self::V3 => "#/components/schemas/",
        };
        object([("$ref", Value::from(format!("{at}{name}")))])
    }
}

/// What an operation takes or gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    Message(MessageId),
    /// A custom kind, or the list of one, by the name of its definition.
    Custom(Box<str>),
    /// Plain text.
    Text,
    /// Of meta types that are no message of the table: `Patch`, `version.Info`.
    Named(&'static str),
}

pub(super) const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
pub(super) const VERSION_INFO: &str = "io.k8s.apimachinery.pkg.version.Info";
const META: &str = "k8s.io.apimachinery.pkg.apis.meta.v1.";
const RUNTIME: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";

pub(super) fn meta(name: &str) -> MessageId {
    BUILT_IN.find(&format!("{META}{name}")).expect("a meta message of the table")
}

/// A schema that leads to what is shown.
pub(super) fn schema_of(form: Form, shown: &Shown) -> Value {
    match shown {
        Shown::Message(id) => form.reference(&definition_name(*id)),
        Shown::Custom(name) => form.reference(name),
        Shown::Named(name) => form.reference(name),
        Shown::Text => object([("type", Value::from("string"))]),
    }
}

pub(super) fn definition_name(id: MessageId) -> String {
    descriptions::definition_name(&BUILT_IN.message(id).name)
}

/// Collects the definitions that operations need, with all that those need.
#[derive(Default)]
pub(super) struct Needed {
    seen: BTreeSet<String>,
    pub definitions: BTreeMap<String, Value>,
}

impl Needed {
    pub fn add(&mut self, form: Form, shown: &Shown) {
        match shown {
            Shown::Message(id) => self.add_message(form, *id),
            Shown::Named(PATCH) => {
                self.add_plain(PATCH, &object([("type", Value::from("object"))]));
            }
            Shown::Named(name) => self.add_plain(name, &version_info(form)),
            Shown::Custom(_) | Shown::Text => {}
        }
    }

    pub fn add_plain(&mut self, name: &str, definition: &Value) {
        if self.seen.insert(name.to_owned()) {
            let message = name.replacen("io.k8s.", "k8s.io.", 1);
            let mut described = Object::new();
            push_description(&mut described, descriptions::message(&message));
            for (field, value) in definition.as_object().cloned().unwrap_or_default() {
                described.push(field, value);
            }
            self.definitions.insert(name.to_owned(), Value::Object(described));
        }
    }

    fn add_message(&mut self, form: Form, id: MessageId) {
        let name = definition_name(id);
        if !self.seen.insert(name.clone()) {
            return;
        }
        let message = BUILT_IN.message(id);
        self.definitions.insert(name, definition(form, message));
        self.add_fields(form, message);
    }

    fn add_fields(&mut self, form: Form, message: &Message) {
        for field in &message.fields {
            match field.kind {
                Kind::Message(inner) if field.inline => {
                    self.add_fields(form, BUILT_IN.message(inner));
                }
                Kind::Message(inner) => match BUILT_IN.message(inner).shape {
                    Shape::List => {}
                    _ => self.add_message(form, inner),
                },
                kind => {
                    if let Some((name, schema)) = special(form, kind) {
                        self.add_plain(name, &schema);
                    }
                }
            }
        }
    }
}

/// Scalars with definitions of their own.
fn special(form: Form, kind: Kind) -> Option<(&'static str, Value)> {
    let of = |name: &str| object([("type", Value::from(name))]);
    let formatted =
        |format: &str| object([("type", Value::from("string")), ("format", Value::from(format))]);
    let either = |a: &str, b: &str| Value::Array(vec![of(a), of(b)]);
    Some(match kind {
        Kind::Quantity => (
            "io.k8s.apimachinery.pkg.api.resource.Quantity",
            match form {
                Form::V2 => of("string"),
                Form::V3 => object([("oneOf", either("string", "number"))]),
            },
        ),
        Kind::IntOrString => (
            "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
            match form {
                Form::V2 => formatted("int-or-string"),
                Form::V3 => object([
                    ("format", Value::from("int-or-string")),
                    ("oneOf", either("integer", "string")),
                ]),
            },
        ),
        Kind::Time => ("io.k8s.apimachinery.pkg.apis.meta.v1.Time", formatted("date-time")),
        Kind::MicroTime => {
            ("io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime", formatted("date-time"))
        }
        Kind::Duration => ("io.k8s.apimachinery.pkg.apis.meta.v1.Duration", of("string")),
        Kind::RawExtension => (RUNTIME, of("object")),
        Kind::FieldsV1 => ("io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1", of("object")),
        _ => return None,
    })
}

fn definition(form: Form, message: &Message) -> Value {
    let mut shown = Object::new();
    push_description(&mut shown, descriptions::message(&message.name));
    if message.shape != Shape::Object {
        return Value::Object(shown);
    }
    let (mut properties, mut required) = (Object::new(), Vec::new());
    if message.typed {
        for name in ["apiVersion", "kind"] {
            let mut property = Object::new();
            push_description(
                &mut property,
                descriptions::field(&message.name, name)
                    .or_else(|| descriptions::field("k8s.io.api.core.v1.Pod", name)),
            );
            property.push("type", Value::from("string"));
            properties.push(name, Value::Object(property));
        }
    }
    push_fields(form, message, &message.name, &mut properties, &mut required);
    shown.push("type", Value::from("object"));
    if !required.is_empty() {
        shown.push("required", Value::Array(required));
    }
    if !properties.is_empty() {
        shown.push("properties", Value::Object(properties));
    }
    push_extensions(message, &mut shown);
    Value::Object(shown)
}

fn push_fields(
    form: Form,
    message: &Message,
    described: &str,
    properties: &mut Object,
    required: &mut Vec<Value>,
) {
    for field in &message.fields {
        match field.kind {
            Kind::Message(inner) if field.inline => {
                push_fields(form, BUILT_IN.message(inner), described, properties, required);
            }
            _ if field.json.is_empty() => {}
            _ => {
                if field.required {
                    required.push(Value::from(field.json.as_str()));
                }
                let description = descriptions::field(described, &field.json);
                properties.push(field.json.as_str(), property(form, field, description));
            }
        }
    }
}

fn push_extensions(message: &Message, shown: &mut Object) {
    let kinds = group_version_kinds(message);
    if !kinds.is_empty() {
        shown.push("x-kubernetes-group-version-kind", Value::Array(kinds));
    }
    if message.atomic {
        shown.push("x-kubernetes-map-type", Value::from("atomic"));
    }
    if let Some(union) = &message.union {
        let mut entry = Object::new();
        if let Some(discriminator) = &union.discriminator {
            entry.push("discriminator", Value::from(discriminator.as_str()));
        }
        let fields = union.fields.iter().map(|field| {
            let (first, rest) = field.split_at(1);
            let named = format!("{}{rest}", first.to_ascii_uppercase());
            (field.as_str().into(), Value::from(named))
        });
        entry.push("fields-to-discriminateBy", Value::Object(fields.collect()));
        shown.push("x-kubernetes-unions", Value::Array(vec![Value::Object(entry)]));
    }
}

pub(super) fn push_description(to: &mut Object, description: Option<&str>) {
    if let Some(text) = description {
        to.push("description", Value::from(text));
    }
}

fn property(form: Form, field: &Field, description: Option<&str>) -> Value {
    let mut shown = Object::new();
    push_description(&mut shown, description);
    let mut schema = match field.arity {
        Arity::One => element(form, field.kind),
        Arity::List => Object::from_iter([
            ("type".into(), Value::from("array")),
            ("items".into(), nested(form, field.kind)),
        ]),
        Arity::Map => Object::from_iter([
            ("type".into(), Value::from("object")),
            ("additionalProperties".into(), nested(form, field.kind)),
        ]),
    };
    // Beside a reference nothing counts in version 3, so that it is wrapped.
    if form == Form::V3 && schema.get("$ref").is_some() {
        let inner = std::mem::take(&mut schema);
        schema.push("allOf", Value::Array(vec![Value::Object(inner)]));
    }
    for (name, value) in schema {
        shown.push(name, value);
    }
    if form == Form::V3
        && let Some(default) = default(field)
    {
        shown.push("default", default);
    }
    push_merging(field, &mut shown);
    Value::Object(shown)
}

fn push_merging(field: &Field, shown: &mut Object) {
    if field.list_stated {
        if let ListType::Map(keys) = &field.list {
            let keys = strings(keys.iter().map(String::as_str));
            shown.push("x-kubernetes-list-map-keys", keys);
        }
        let kind = match field.list {
            ListType::Atomic => "atomic",
            ListType::Set => "set",
            ListType::Map(_) => "map",
        };
        shown.push("x-kubernetes-list-type", Value::from(kind));
    }
    if field.atomic {
        shown.push("x-kubernetes-map-type", Value::from("atomic"));
    } else if field.granular {
        shown.push("x-kubernetes-map-type", Value::from("granular"));
    }
    if let Some(key) = &field.merge_key {
        shown.push("x-kubernetes-patch-merge-key", Value::from(key.as_str()));
    }
    let strategies = [
        (field.patch.merge, "merge"),
        (field.patch.replace, "replace"),
        (field.patch.retain_keys, "retainKeys"),
    ];
    let strategies: Vec<&str> =
        strategies.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect();
    if !strategies.is_empty() {
        shown.push("x-kubernetes-patch-strategy", Value::from(strategies.join(",")));
    }
}

/// The schema of a value of a kind.
fn element(form: Form, kind: Kind) -> Object {
    let of = |name: &str, format: &str| {
        let mut schema = Object::from_iter([("type".into(), Value::from(name))]);
        if !format.is_empty() {
            schema.push("format", Value::from(format));
        }
        schema
    };
    let reference = |name: &str| form.reference(name).as_object().cloned().unwrap_or_default();
    match kind {
        Kind::String => of("string", ""),
        Kind::Bool => of("boolean", ""),
        Kind::Int32 => of("integer", "int32"),
        Kind::Int64 => of("integer", "int64"),
        Kind::Double => of("number", "double"),
        Kind::Bytes => of("string", "byte"),
        Kind::Message(id) if BUILT_IN.message(id).shape == Shape::List => {
            let mut list = of("array", "");
            list.push("items", nested(form, BUILT_IN.message(id).fields[0].kind));
            list
        }
        Kind::Message(id) => reference(&definition_name(id)),
        _ => special(form, kind).map(|(name, _)| reference(name)).unwrap_or_default(),
    }
}

/// The schema of a list's or map's elements; version 3 shows their zero.
fn nested(form: Form, kind: Kind) -> Value {
    let mut schema = element(form, kind);
    let zero = match form {
        Form::V2 => None,
        Form::V3 => zero(kind, true),
    };
    if let Some(zero) = zero {
        if schema.get("$ref").is_some() {
            let inner = std::mem::take(&mut schema);
            schema.push("allOf", Value::Array(vec![Value::Object(inner)]));
        }
        schema.push("default", zero);
    }
    Value::Object(schema)
}

/// What the field reads as where it is unset: the stated default, or the zero that is written.
fn default(field: &Field) -> Option<Value> {
    if let Some(text) = &field.default {
        return serde_json::from_str(text).ok();
    }
    if field.pointer || field.arity != Arity::One {
        return None;
    }
    zero(field.kind, field.omit == Omit::Never)
}

/// The zero of a kind, as upstream's generator states it: of plain kinds only where `written`.
fn zero(kind: Kind, written: bool) -> Option<Value> {
    match kind {
        Kind::String => written.then(|| Value::from("")),
        Kind::Bool => written.then_some(Value::Bool(false)),
        Kind::Int32 | Kind::Int64 | Kind::Double => written.then_some(Value::Int(0)),
        Kind::Message(id) if BUILT_IN.message(id).shape == Shape::Object => {
            Some(Value::Object(Object::new()))
        }
        _ => None,
    }
}

/// The kinds under which a message may be sent.
fn group_version_kinds(message: &Message) -> Vec<Value> {
    let Some((package, kind)) = message.name.rsplit_once('.') else { return Vec::new() };
    if let Some(kind) = message.name.strip_prefix(META) {
        return match kind {
            "DeleteOptions" | "WatchEvent" => {
                everywhere().iter().map(|(group, version)| gvk(group, version, kind)).collect()
            }
            "Status" | "APIGroup" | "APIGroupList" | "APIResourceList" | "APIVersions" => {
                vec![gvk("", "v1", kind)]
            }
            _ => Vec::new(),
        };
    }
    match group_version(package) {
        Some((group, version)) if message.typed => vec![gvk(group, version, kind)],
        _ => Vec::new(),
    }
}

pub(super) fn gvk(group: &str, version: &str, kind: &str) -> Value {
    object([
        ("group", Value::from(group)),
        ("kind", Value::from(kind)),
        ("version", Value::from(version)),
    ])
}

/// The group and version of a package that holds kinds.
fn group_version(package: &str) -> Option<(&'static str, &str)> {
    /// Packages and the groups of their kinds.
    const GROUPS: [(&str, &str); 26] = [
        ("k8s.io.api.core", ""),
        ("k8s.io.api.admission", "admission.k8s.io"),
        ("k8s.io.api.admissionregistration", "admissionregistration.k8s.io"),
        ("k8s.io.api.apiserverinternal", "internal.apiserver.k8s.io"),
        ("k8s.io.api.apps", "apps"),
        ("k8s.io.api.authentication", "authentication.k8s.io"),
        ("k8s.io.api.authorization", "authorization.k8s.io"),
        ("k8s.io.api.autoscaling", "autoscaling"),
        ("k8s.io.api.batch", "batch"),
        ("k8s.io.api.certificates", "certificates.k8s.io"),
        ("k8s.io.api.coordination", "coordination.k8s.io"),
        ("k8s.io.api.discovery", "discovery.k8s.io"),
        ("k8s.io.api.events", "events.k8s.io"),
        ("k8s.io.api.extensions", "extensions"),
        ("k8s.io.api.flowcontrol", "flowcontrol.apiserver.k8s.io"),
        ("k8s.io.api.imagepolicy", "imagepolicy.k8s.io"),
        ("k8s.io.api.networking", "networking.k8s.io"),
        ("k8s.io.api.node", "node.k8s.io"),
        ("k8s.io.api.policy", "policy"),
        ("k8s.io.api.rbac", "rbac.authorization.k8s.io"),
        ("k8s.io.api.resource", "resource.k8s.io"),
        ("k8s.io.api.scheduling", "scheduling.k8s.io"),
        ("k8s.io.api.storage", "storage.k8s.io"),
        ("k8s.io.api.storagemigration", "storagemigration.k8s.io"),
        ("k8s.io.apiextensions_apiserver.pkg.apis.apiextensions", "apiextensions.k8s.io"),
        ("k8s.io.kube_aggregator.pkg.apis.apiregistration", "apiregistration.k8s.io"),
    ];
    let (name, version) = package.rsplit_once('.')?;
    let found = GROUPS.iter().find(|(package, _)| *package == name);
    found.map(|(_, group)| (*group, version))
}

/// Every group version of the schema, served or not: where options and events may be sent.
fn everywhere() -> BTreeSet<(&'static str, &'static str)> {
    let packages = BUILT_IN.messages().filter_map(|(_, message)| message.name.rsplit_once('.'));
    packages.filter_map(|(package, _)| group_version(package)).collect()
}

fn version_info(form: Form) -> Value {
    const REQUIRED: [&str; 9] = [
        "major",
        "minor",
        "gitVersion",
        "gitCommit",
        "gitTreeState",
        "buildDate",
        "goVersion",
        "compiler",
        "platform",
    ];
    const OPTIONAL: [&str; 4] =
        ["emulationMajor", "emulationMinor", "minCompatibilityMajor", "minCompatibilityMinor"];
    let property = |required: bool| {
        let mut property = Object::from_iter([("type".into(), Value::from("string"))]);
        if form == Form::V3 && required {
            property.push("default", Value::from(""));
        }
        Value::Object(property)
    };
    let required = REQUIRED.iter().map(|name| (Box::from(*name), property(true)));
    let optional = OPTIONAL.iter().map(|name| (Box::from(*name), property(false)));
    object([
        ("type", Value::from("object")),
        ("required", strings(REQUIRED)),
        ("properties", Value::Object(required.chain(optional).collect())),
    ])
}
