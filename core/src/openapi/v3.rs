//! `/openapi/v3`: an index, and one document for each group version.

use super::definitions::{Form, Needed, Shown, schema_of};
use super::routes::{self, Operation, Paths};
use super::v2::{common, push_extensions, reason};
use super::{TITLE, VERSION, custom, gnostic};
use crate::document::{Document, object, strings};
use crate::registry::{Group, Registry};
use crate::value::{Object, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// The documents of a registry, by their name in the index: `api/v1`, `apis/apps/v1`, `version`.
#[derive(Debug, Clone)]
pub struct Documents {
    pub index: Document,
    pub by_name: BTreeMap<String, Arc<Pair>>,
}

/// Both forms of a document.
#[derive(Debug)]
pub struct Pair {
    pub json: Document,
    protobuf: OnceLock<Document>,
}

impl Documents {
    /// They are large: make them once, and [`Self::with_group`] when a custom resource changes.
    pub fn new(registry: &Registry) -> Self {
        let outside = routes::outside(registry).into_iter();
        let outside = outside.map(|(name, paths)| (name, document(&paths, Needed::default())));
        let mut by_name: BTreeMap<String, Arc<Pair>> =
            outside.map(|(name, value)| (name, Pair::new(&value))).collect();
        for group in registry.groups() {
            add_group(registry, group, &mut by_name);
        }
        Self::with_index(by_name)
    }

    /// The documents of a registry that differs in one group.
    pub fn with_group(&self, registry: &Registry, group: &str) -> Self {
        let mut by_name = self.by_name.clone();
        by_name.retain(|name, _| name.split('/').nth(1) != Some(group));
        if let Some(group) = registry.group(group) {
            add_group(registry, group, &mut by_name);
        }
        Self::with_index(by_name)
    }

    fn with_index(by_name: BTreeMap<String, Arc<Pair>>) -> Self {
        let entries = by_name.iter().map(|(name, pair)| {
            let url = format!("/openapi/v3/{name}?hash={}", pair.json.hash);
            (Box::from(name.as_str()), object([("serverRelativeURL", Value::from(url))]))
        });
        let paths = Value::Object(entries.collect());
        let index = Document::json(&object([("paths", paths)]));
        Self { index, by_name }
    }
}

fn add_group(registry: &Registry, group: &Group, by_name: &mut BTreeMap<String, Arc<Pair>>) {
    for version in &group.versions {
        let (name, value) = of_version(registry, &group.name, version);
        by_name.insert(name, Pair::new(&value));
    }
}

impl Pair {
    fn new(value: &Value) -> Arc<Self> {
        Arc::new(Self { json: Document::json(value), protobuf: OnceLock::new() })
    }

    /// `application/com.github.proto-openapi.spec.v3@v1.0+protobuf`, made when it is first asked for.
    pub fn protobuf(&self) -> &Document {
        self.protobuf.get_or_init(|| Document::new(gnostic::v3(&gnostic::reread(&self.json))))
    }
}

/// The document of a group version, with its name.
pub fn of_version(registry: &Registry, group: &str, version: &str) -> (String, Value) {
    let name = match group {
        "" => format!("api/{version}"),
        _ => format!("apis/{group}/{version}"),
    };
    let paths = routes::of_version(registry, group, version);
    let mut needed = Needed::default();
    custom::add(Form::V3, registry, Some((group, version)), &mut needed);
    (name, document(&paths, needed))
}

fn document(paths: &Paths, mut needed: Needed) -> Value {
    for shown in paths.values().flatten().flat_map(Operation::shown) {
        needed.add(Form::V3, shown);
    }
    let shown: Object = paths
        .iter()
        .map(|(path, operations)| (path.as_str().into(), path_item(operations)))
        .collect();
    let token = object([
        ("description", Value::from("Bearer Token authentication")),
        ("in", Value::from("header")),
        ("name", Value::from("authorization")),
        ("type", Value::from("apiKey")),
    ]);
    let schemas = needed.definitions.into_iter().map(|(name, value)| (name.into(), value));
    let mut components = Object::new();
    let schemas: Object = schemas.collect();
    if !schemas.is_empty() {
        components.push("schemas", Value::Object(schemas));
    }
    components.push("securitySchemes", object([("BearerToken", token)]));
    object([
        ("openapi", Value::from("3.0.0")),
        ("info", object([("title", Value::from(TITLE)), ("version", Value::from(VERSION))])),
        ("paths", Value::Object(shown)),
        ("components", Value::Object(components)),
    ])
}

fn path_item(operations: &[Operation]) -> Value {
    let common = common(operations);
    let mut item = Object::new();
    for operation in operations {
        item.push(operation.method, show_operation(operation, &common));
    }
    if !common.is_empty() {
        let common = common.into_iter().map(parameter);
        item.push("parameters", Value::Array(common.collect()));
    }
    Value::Object(item)
}

fn parameter(of: &super::options::Parameter) -> Value {
    let mut shown = Object::new();
    shown.push("name", Value::from(of.name.as_str()));
    shown.push("in", Value::from(if of.in_path { "path" } else { "query" }));
    if !of.description.is_empty() {
        shown.push("description", Value::from(of.description.as_str()));
    }
    if of.in_path {
        shown.push("required", Value::Bool(true));
    }
    let schema = object([("type", Value::from(of.kind)), ("uniqueItems", Value::Bool(true))]);
    shown.push("schema", schema);
    Value::Object(shown)
}

fn show_operation(operation: &Operation, common: &[&super::options::Parameter]) -> Value {
    let mut shown = Object::new();
    shown.push("tags", strings([operation.tag.as_str()]));
    if !operation.description.is_empty() {
        shown.push("description", Value::from(operation.description.as_str()));
    }
    shown.push("operationId", Value::from(operation.id.as_str()));
    let mut own: Vec<_> = operation.parameters.iter().filter(|one| !common.contains(one)).collect();
    own.sort();
    if !own.is_empty() {
        shown.push("parameters", Value::Array(own.into_iter().map(parameter).collect()));
    }
    if let Some((body, required)) = &operation.body {
        let mut request = Object::new();
        request.push("content", content(operation.consumes, body));
        if *required {
            request.push("required", Value::Bool(true));
        }
        shown.push("requestBody", Value::Object(request));
    }
    let mut responses = Object::new();
    for (code, gives) in &operation.responses {
        let mut response = Object::new();
        response.push("description", Value::from(reason(*code)));
        if let Some(gives) = gives {
            response.push("content", content(&operation.produces, gives));
        }
        responses.push(code.to_string(), Value::Object(response));
    }
    responses.push("401", object([("description", Value::from(reason(401)))]));
    shown.push("responses", Value::Object(responses));
    push_extensions(operation, &mut shown);
    Value::Object(shown)
}

fn content(types: &[&str], shown: &Shown) -> Value {
    let of_type =
        |kind: &&str| (Box::from(*kind), object([("schema", schema_of(Form::V3, shown))]));
    Value::Object(types.iter().map(of_type).collect())
}
