//! The OpenAPI documents compared with upstream's of v1.36, in everything but descriptions. CBOR is
//! left out: upstream offers it behind a feature gate that is off by default.

mod shared;

use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use xebec_core::document::Packed;
use xebec_core::openapi::{v2, v3};
use xebec_core::registry::{Registry, Selection};
use xebec_core::value::Value;

fn to_json(value: &Value) -> Json {
    serde_json::to_value(value).expect("a tree serializes")
}

/// Brings a document into a form in which only meaning differs: no descriptions, references to
/// parameters followed, parameters of a path with its operations and by name, no CBOR.
fn settle(document: &Json) -> (BTreeMap<String, Json>, BTreeMap<String, Json>) {
    let entries = |name: &str| document[name].as_object().cloned().unwrap_or_default();
    let definitions = entries("definitions").into_iter().map(|(name, mut value)| {
        undescribe(&mut value);
        (name, value)
    });
    let shared = entries("parameters");
    let mut operations = BTreeMap::new();
    for (path, item) in entries("paths") {
        let common = item["parameters"].as_array().cloned().unwrap_or_default();
        for (method, operation) in item.as_object().expect("a path item") {
            if method == "parameters" {
                continue;
            }
            let mut operation = operation.clone();
            let own = operation["parameters"].as_array().cloned().unwrap_or_default();
            let mut by_name = Map::new();
            for parameter in own.iter().chain(&common) {
                let mut parameter = match parameter["$ref"].as_str() {
                    Some(at) => shared[at.trim_start_matches("#/parameters/")].clone(),
                    None => parameter.clone(),
                };
                undescribe(&mut parameter);
                let name = format!("{}/{}", parameter["in"], parameter["name"]);
                by_name.insert(name, parameter);
            }
            operation["parameters"] = Json::Object(by_name);
            undescribe(&mut operation);
            for list in ["consumes", "produces"] {
                if let Some(types) = operation[list].as_array_mut() {
                    types.retain(|one| !one.as_str().is_some_and(|text| text.contains("cbor")));
                }
                if operation[list].is_null() {
                    operation[list] = Json::Array(Vec::new());
                }
            }
            operations.insert(format!("{path} {method}"), operation);
        }
    }
    (definitions.collect(), operations)
}

/// Removes descriptions, but not properties of that name.
fn undescribe(value: &mut Json) {
    match value {
        Json::Object(object) => {
            if object.get("description").is_some_and(Json::is_string) {
                object.remove("description");
            }
            object.values_mut().for_each(undescribe);
        }
        Json::Array(items) => items.iter_mut().for_each(undescribe),
        _ => {}
    }
}

fn compare(what: &str, expected: &BTreeMap<String, Json>, got: &BTreeMap<String, Json>) -> usize {
    let mut found = Vec::new();
    for (name, value) in expected {
        match got.get(name) {
            Some(other) => shared::differences(name, value, other, &mut found),
            None => found.push(format!("{name}: missing")),
        }
    }
    let unexpected = got.keys().filter(|name| !expected.contains_key(*name));
    found.extend(unexpected.map(|name| format!("{name}: unexpected")));
    println!("{what}: {} compared, {} differences", expected.len(), found.len());
    for line in found.iter().take(60) {
        println!("  {line}");
    }
    found.len()
}

#[test]
fn version_2_is_upstreams() {
    let Some(path) = shared::find("swagger.json") else { return };
    let text = std::fs::read(path).expect("readable");
    let expected: Json = serde_json::from_slice(&text).expect("JSON");
    let got = to_json(&v2::document(&Registry::built_in(Selection::All)));
    assert_eq!(expected["swagger"], got["swagger"]);
    assert_eq!(expected["info"], got["info"]);
    assert_eq!(expected["security"], got["security"]);
    assert_eq!(expected["securityDefinitions"], got["securityDefinitions"]);
    let (definitions, operations) = settle(&expected);
    let (own_definitions, own_operations) = settle(&got);
    let wrong = compare("definitions", &definitions, &own_definitions)
        + compare("operations", &operations, &own_operations);
    assert_eq!(wrong, 0);
}

/// Every reference of a document leads somewhere.
fn check_references(value: &Json, schemas: &Json, of: &str) {
    match value {
        Json::Object(object) => {
            if let Some(Json::String(at)) = object.get("$ref") {
                let name = at.strip_prefix("#/components/schemas/").expect("a schema");
                assert!(!schemas[name].is_null(), "{of}: {name} is missing");
            }
            object.values().for_each(|value| check_references(value, schemas, of));
        }
        Json::Array(items) => items.iter().for_each(|value| check_references(value, schemas, of)),
        _ => {}
    }
}

/// Version 3 says what version 2 does, in its own form: references are wrapped, defaults shown.
fn unwrap(value: &Json) -> Json {
    match value {
        Json::Object(object) => {
            let mut plain = Map::new();
            for (name, value) in object {
                match (name.as_str(), value) {
                    // A default, and not a property of that name.
                    ("default", value)
                        if value.get("allOf").or(value.get("additionalProperties")).is_none() => {}
                    ("allOf", Json::Array(items)) => {
                        plain.extend(unwrap(&items[0]).as_object().expect("a reference").clone());
                    }
                    ("$ref", Json::String(at)) => {
                        let at = at.replace("#/components/schemas/", "#/definitions/");
                        plain.insert(name.clone(), Json::from(at));
                    }
                    _ => drop(plain.insert(name.clone(), unwrap(value))),
                }
            }
            Json::Object(plain)
        }
        Json::Array(items) => Json::Array(items.iter().map(unwrap).collect()),
        _ => value.clone(),
    }
}

#[test]
fn version_3_says_what_version_2_does() {
    let registry = Registry::built_in(Selection::All);
    let (definitions, operations) = settle(&to_json(&v2::document(&registry)));
    let (mut schemas, mut ids) = (BTreeMap::new(), Vec::new());
    for group in registry.groups() {
        for version in &group.versions {
            let (name, document) = v3::of_version(&registry, &group.name, version);
            let document = to_json(&document);
            check_references(&document, &document["components"]["schemas"], &name);
            for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
                let mut plain = unwrap(schema);
                undescribe(&mut plain);
                schemas.insert(name.clone(), plain);
            }
            for (path, item) in document["paths"].as_object().expect("paths") {
                let methods = item.as_object().expect("a path item").keys();
                let methods = methods.filter(|method| *method != "parameters");
                ids.extend(methods.map(|method| format!("{path} {method}")));
            }
        }
    }
    // Two scalars have alternatives in version 3.
    for name in ["api.resource.Quantity", "util.intstr.IntOrString"] {
        let name = format!("io.k8s.apimachinery.pkg.{name}");
        assert_eq!(schemas.remove(&name).expect(&name)["oneOf"].as_array().map(Vec::len), Some(2));
        schemas.insert(name.clone(), definitions[&name].clone());
    }
    let mut outside = definitions.clone();
    outside.retain(|name, _| !schemas.contains_key(name));
    let outside: Vec<&str> = outside.keys().filter_map(|name| name.rsplit('.').next()).collect();
    assert_eq!(
        outside,
        [
            "APIGroup",
            "APIGroupList",
            "APIVersions",
            "GroupVersionForDiscovery",
            "ServerAddressByClientCIDR",
            "Info"
        ]
    );
    let expected = definitions.into_iter().filter(|(name, _)| schemas.contains_key(name));
    assert_eq!(compare("schemas", &expected.collect(), &schemas), 0);
    let missing: Vec<&String> = operations.keys().filter(|id| !ids.contains(id)).collect();
    assert!(missing.iter().all(|id| !id.contains("/{name}")), "{missing:?}");
}

#[test]
fn version_3_shows_defaults() {
    let registry = Registry::built_in(Selection::Default);
    let (_, document) = v3::of_version(&registry, "", "v1");
    let document = to_json(&document);
    let schema = |name: &str| &document["components"]["schemas"][name]["properties"];
    let port = &schema("io.k8s.api.core.v1.ContainerPort")["protocol"];
    assert_eq!(port["default"], "TCP");
    let container = schema("io.k8s.api.core.v1.Container");
    assert_eq!(container["name"]["default"], "");
    assert_eq!(container["image"].get("default"), None);
    assert_eq!(container["resources"]["default"], json!({}));
    assert_eq!(container["ports"]["items"]["default"], json!({}));
    assert_eq!(container["livenessProbe"].get("default"), None);
    let reference = "#/components/schemas/io.k8s.api.core.v1.Probe";
    assert_eq!(container["livenessProbe"]["allOf"][0]["$ref"], reference);
    let meta = schema("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    assert_eq!(meta["creationTimestamp"].get("default"), None);
    assert_eq!(meta["labels"]["additionalProperties"]["default"], "");
}

#[test]
fn the_index_names_every_document_with_its_hash() {
    let documents = v3::Documents::new(&Registry::built_in(Selection::Default));
    let index: Json = serde_json::from_slice(&documents.index.bytes).expect("JSON");
    let paths = index["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), documents.by_name.len());
    let apps = &documents.by_name["apis/apps/v1"];
    let url = format!("/openapi/v3/apis/apps/v1?hash={}", apps.json.hash);
    assert_eq!(paths["apis/apps/v1"]["serverRelativeURL"], url.as_str());
    assert!(apps.protobuf().bytes.len() > 10_000);
    for name in ["api", "api/v1", "apis", "apis/apps", "version", "openid/v1/jwks"] {
        assert!(paths.contains_key(name), "{name}");
    }
    let v2 = v2::Documents::new(Arc::new(Registry::built_in(Selection::Default)));
    assert!(v2.protobuf().bytes.len() > 100_000 && v2.json().bytes.starts_with(b"{"));
    let again = v3::Documents::new(&Registry::built_in(Selection::Default));
    assert_eq!(documents.index.hash, again.index.hash, "documents do not vary");
}

#[test]
fn custom_resources_bring_their_schemas() {
    let registry = Registry::built_in(Selection::Default);
    let mut widget =
        (**registry.find_resource("apps", "deployments").expect("of the table")).clone();
    widget.group = "example.com".into();
    widget.plural = "widgets".into();
    widget.kind = "Widget".into();
    widget.list_kind = "WidgetList".into();
    widget.custom = true;
    for subresource in widget.subresources.iter_mut().filter(|one| one.foreign.is_none()) {
        subresource.kind = "Widget".into();
    }
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "size": {"type": "string", "enum": ["s", "m"], "default": "s"},
            "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}]},
        }},
    }});
    let schema: Value = serde_json::from_value(schema).expect("a tree of JSON");
    widget.versions[0].openapi = Some(Arc::new(Packed::new(&schema)));
    let registry = registry.with(widget).expect("no conflict");
    let (name, document) = v3::of_version(&registry, "example.com", "v1");
    assert_eq!(name, "apis/example.com/v1");
    let document = to_json(&document);
    let schemas = &document["components"]["schemas"];
    check_references(&document, schemas, &name);
    let shown = &schemas["com.example.v1.Widget"];
    assert_eq!(shown["properties"]["spec"]["properties"]["size"]["default"], "s");
    let kind = json!([{"group": "example.com", "kind": "Widget", "version": "v1"}]);
    assert_eq!(shown["x-kubernetes-group-version-kind"], kind);
    let item = "/apis/example.com/v1/namespaces/{namespace}/widgets/{name}";
    let body = &document["paths"][item]["put"]["requestBody"]["content"]["*/*"]["schema"];
    assert_eq!(body["$ref"], "#/components/schemas/com.example.v1.Widget");
    assert!(document["paths"][format!("{item}/scale")]["get"].is_object());
    let before = v3::Documents::new(&Registry::built_in(Selection::Default));
    let with = before.with_group(&registry, "example.com");
    assert!(with.by_name.contains_key(&name) && with.index.hash != before.index.hash);
    assert_eq!(with.index.hash, v3::Documents::new(&registry).index.hash);
    let without = registry.without("example.com", "widgets");
    assert_eq!(with.with_group(&without, "example.com").index.hash, before.index.hash);
    let older = to_json(&v2::document(&registry));
    let spec = &older["definitions"]["com.example.v1.Widget"]["properties"]["spec"];
    assert_eq!(spec["properties"]["size"], json!({"type": "string", "enum": ["s", "m"]}));
    assert_eq!(spec["properties"]["port"], json!({"x-kubernetes-int-or-string": true}));
}
