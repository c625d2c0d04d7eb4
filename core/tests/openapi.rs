//! The OpenAPI documents compared with upstream's of v1.36, in everything but descriptions. CBOR is
//! left out: upstream offers it behind a feature gate that is off by default.

mod shared;

use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use xebec_core::openapi::{v2, v3};
use xebec_core::registry::{CustomColumn, Registry, Selection};

fn json<T: serde::Serialize>(value: &T) -> Json {
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
    let got = json(&v2::document(&Registry::built_in(Selection::All)));
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
