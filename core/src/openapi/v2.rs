//! `/openapi/v2`: one document of everything, in JSON and in the protobuf form of gnostic.

use super::definitions::{Form, Needed, schema_of};
use super::options::Parameter;
use super::routes::{self, Operation, Paths};
use super::{TITLE, VERSION, custom, gnostic};
use crate::document::{Document, object, strings};
use crate::registry::Registry;
use crate::value::{Object, Value};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// How often a parameter must occur to be stated once and referred to.
const SHARED_MIN: usize = 2;

/// The document of a registry.
pub fn document(registry: &Registry) -> Value {
    let mut paths = Paths::new();
    for (_, found) in routes::outside(registry) {
        paths.extend(found);
    }
    for group in registry.groups() {
        for version in &group.versions {
            paths.extend(routes::of_version(registry, &group.name, version));
        }
    }
    let mut needed = Needed::default();
    let shown = paths.values().flatten().flat_map(Operation::shown);
    for shown in shown {
        needed.add(Form::V2, shown);
    }
    custom::add(Form::V2, registry, None, &mut needed);
    let mut parameters = Parameters::default();
    parameters.count(&paths);
    let shown: Object = paths
        .iter()
        .map(|(path, operations)| (path.as_str().into(), path_item(operations, &mut parameters)))
        .collect();
    let token = object([
        ("description", Value::from("Bearer Token authentication")),
        ("in", Value::from("header")),
        ("name", Value::from("authorization")),
        ("type", Value::from("apiKey")),
    ]);
    let requirement = object([("BearerToken", Value::Array(Vec::new()))]);
    let definitions = needed.definitions.into_iter();
    object([
        ("swagger", Value::from("2.0")),
        ("info", object([("title", Value::from(TITLE)), ("version", Value::from(VERSION))])),
        ("paths", Value::Object(shown)),
        (
            "definitions",
            Value::Object(definitions.map(|(name, value)| (name.into(), value)).collect()),
        ),
        ("parameters", parameters.into_value()),
        ("securityDefinitions", object([("BearerToken", token)])),
        ("security", Value::Array(vec![requirement])),
    ])
}

/// Both forms of the document, made when they are first asked for.
#[derive(Debug)]
pub struct Documents {
    registry: Arc<Registry>,
    json: OnceLock<Document>,
    protobuf: OnceLock<Document>,
}

impl Documents {
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry, json: OnceLock::new(), protobuf: OnceLock::new() }
    }

    pub fn json(&self) -> &Document {
        self.json.get_or_init(|| Document::json(&document(&self.registry)))
    }

    /// `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`.
    pub fn protobuf(&self) -> &Document {
        self.protobuf.get_or_init(|| Document::new(gnostic::v2(&document(&self.registry))))
    }
}

impl Operation {
    /// Everything that the operation takes and gives.
    pub(super) fn shown(&self) -> impl Iterator<Item = &super::definitions::Shown> {
        let body = self.body.iter().map(|(shown, _)| shown);
        body.chain(self.responses.iter().filter_map(|(_, shown)| shown.as_ref()))
    }
}

/// Parameters that several operations share.
#[derive(Default)]
struct Parameters {
    counts: BTreeMap<Parameter, usize>,
    shared: BTreeMap<String, Value>,
}

impl Parameters {
    fn count(&mut self, paths: &Paths) {
        for parameter in paths.values().flatten().flat_map(|operation| &operation.parameters) {
            *self.counts.entry(parameter.clone()).or_default() += 1;
        }
    }

    /// The parameter, or a reference to it.
    fn show(&mut self, parameter: &Parameter) -> Value {
        let mut shown = Object::new();
        if !parameter.description.is_empty() {
            shown.push("description", Value::from(parameter.description.as_str()));
        }
        shown.push("in", Value::from(if parameter.in_path { "path" } else { "query" }));
        shown.push("name", Value::from(parameter.name.as_str()));
        if parameter.in_path {
            shown.push("required", Value::Bool(true));
        }
        shown.push("type", Value::from(parameter.kind));
        shown.push("uniqueItems", Value::Bool(true));
        let shown = Value::Object(shown);
        if self.counts.get(parameter).is_none_or(|count| *count < SHARED_MIN) {
            return shown;
        }
        let text = serde_json::to_vec(&shown).expect("a tree serializes");
        let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..6]);
        let name = format!("{}-{hash}", parameter.name);
        let reference = Value::from(format!("#/parameters/{name}"));
        self.shared.insert(name, shown);
        object([("$ref", reference)])
    }

    fn into_value(self) -> Value {
        Value::Object(self.shared.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

/// Parameters of all operations of a path stand with the path.
pub(super) fn common(operations: &[Operation]) -> Vec<&Parameter> {
    let Some((first, rest)) = operations.split_first() else { return Vec::new() };
    let mut common: Vec<&Parameter> = first.parameters.iter().collect();
    common.retain(|one| rest.iter().all(|operation| operation.parameters.contains(one)));
    common.sort();
    common
}

fn path_item(operations: &[Operation], parameters: &mut Parameters) -> Value {
    let common = common(operations);
    let mut item = Object::new();
    for operation in operations {
        item.push(operation.method, show_operation(operation, &common, parameters));
    }
    if !common.is_empty() {
        let common = common.into_iter().map(|parameter| parameters.show(parameter));
        item.push("parameters", Value::Array(common.collect()));
    }
    Value::Object(item)
}

fn show_operation(
    operation: &Operation,
    common: &[&Parameter],
    parameters: &mut Parameters,
) -> Value {
    let mut shown = Object::new();
    if !operation.description.is_empty() {
        shown.push("description", Value::from(operation.description.as_str()));
    }
    if !operation.consumes.is_empty() {
        shown.push("consumes", strings(operation.consumes.iter().copied()));
    }
    if !operation.produces.is_empty() {
        shown.push("produces", strings(operation.produces.iter().copied()));
    }
    shown.push("schemes", strings(["https"]));
    shown.push("tags", strings([operation.tag.as_str()]));
    shown.push("operationId", Value::from(operation.id.as_str()));
    let mut own: Vec<&Parameter> = operation.parameters.iter().collect();
    own.retain(|one| !common.contains(one));
    own.sort();
    let mut all: Vec<Value> = own.into_iter().map(|one| parameters.show(one)).collect();
    if let Some((body, required)) = &operation.body {
        let mut parameter = Object::new();
        parameter.push("in", Value::from("body"));
        parameter.push("name", Value::from("body"));
        if *required {
            parameter.push("required", Value::Bool(true));
        }
        parameter.push("schema", schema_of(Form::V2, body));
        all.insert(0, Value::Object(parameter));
    }
    if !all.is_empty() {
        shown.push("parameters", Value::Array(all));
    }
    let mut responses = Object::new();
    for (code, gives) in &operation.responses {
        let mut response = Object::new();
        response.push("description", Value::from(reason(*code)));
        if let Some(gives) = gives {
            response.push("schema", schema_of(Form::V2, gives));
        }
        responses.push(code.to_string(), Value::Object(response));
    }
    responses.push("401", object([("description", Value::from(reason(401)))]));
    shown.push("responses", Value::Object(responses));
    push_extensions(operation, &mut shown);
    Value::Object(shown)
}

pub(super) fn push_extensions(operation: &Operation, shown: &mut Object) {
    if !operation.action.is_empty() {
        shown.push("x-kubernetes-action", Value::from(operation.action));
    }
    if let Some(gvk) = &operation.gvk {
        shown.push("x-kubernetes-group-version-kind", gvk.clone());
    }
}

pub(super) fn reason(code: u16) -> &'static str {
    match code {
        201 => "Created",
        202 => "Accepted",
        401 => "Unauthorized",
        _ => "OK",
    }
}
