//! What OpenAPI says of custom resources: the schemas of each version that is served, and what a
//! client may write.

use crate::definition::{anything, definition, remove, uri};
use crate::support::eventually;
use crate::support::servers::Servers;
use serde_json::{Value, json};

const JSON_PATCH: [(&str, &str); 1] = [("content-type", "application/json-patch+json")];

fn foo() -> Value {
    let bar = json!({
        "type": "object", "required": ["name"],
        "properties": {
            "name": {"type": "string", "description": "Its name."},
            "age": {"type": "string", "description": "Its age."},
            "feeling": {"type": "string", "description": "Its mood.", "enum": ["Great", "Down"]},
            "bazs": {"type": "array", "description": "Bazs.", "items": {"type": "string"}},
        },
    });
    let bars = json!({"type": "array", "description": "Bars and their specs.", "items": bar});
    let qux = json!({"type": "string", "pattern": "in-tree|out-of-tree", "description": "A type."});
    let state = json!({"type": "object", "properties": {
        "name": {"type": "string"}, "available": {"type": "boolean"}, "quxType": qux,
    }});
    json!({
        "type": "object", "description": "Foo CRD for Testing",
        "properties": {
            "spec": {
                "type": "object", "description": "Specification of Foo",
                "properties": {"bars": bars},
            },
            "status": {
                "type": "object", "description": "Status of Foo",
                "properties": {"bars": {"type": "array", "items": state}},
            },
        },
    })
}

fn waldo() -> Value {
    let dummy = json!({"type": "array", "items": {"type": "object"}});
    json!({
        "type": "object", "description": "Waldo CRD for Testing",
        "properties": {
            "spec": {
                "type": "object", "description": "Specification of Waldo",
                "properties": {"dummy": {"type": "string", "description": "Dummy property."}},
            },
            "status": {
                "type": "object", "description": "Status of Waldo", "properties": {"bars": dummy},
            },
        },
    })
}

fn groups(foo_group: &str, waldo_group: &str, versions: [&str; 2]) -> [Value; 2] {
    [
        definition(foo_group, "Foo", "Namespaced", &[(versions[0], foo())]),
        definition(waldo_group, "Waldo", "Namespaced", &[(versions[1], waldo())]),
    ]
}

/// The name of a definition in OpenAPI v2: its group turned round.
fn published_as(definition: &Value, version: &str) -> String {
    let group = definition["spec"]["group"].as_str().expect("a group");
    let kind = definition["spec"]["names"]["kind"].as_str().expect("a kind");
    let parts: Vec<&str> = group.split('.').rev().collect();
    format!("{}.{version}.{kind}", parts.join("."))
}

/// What is published of a version, without what the server itself adds.
async fn published(servers: &Servers, name: &str) -> Option<Value> {
    let document = servers.get("/openapi/v2").await;
    let mut schema = document["definitions"].get(name)?.clone();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for added in ["metadata", "apiVersion", "kind"] {
            properties.remove(added);
        }
    }
    let members = schema.as_object_mut().expect("a schema");
    members.remove("x-kubernetes-group-version-kind");
    Some(schema)
}

async fn expect(servers: &Servers, definition: &Value, version: &str, schema: &Value) {
    let name = published_as(definition, version);
    let is = async || published(servers, &name).await.filter(|found| found == schema);
    eventually(async || is().await.map(drop)).await;
}

async fn expect_none(servers: &Servers, definition: &Value, version: &str) {
    let name = published_as(definition, version);
    eventually(async || published(servers, &name).await.is_none().then_some(())).await;
}

/// Defines these, of which each version is then published with its schema.
async fn publish(servers: &Servers, definitions: &[Value]) {
    for definition in definitions {
        servers.define(definition).await;
    }
    for definition in definitions {
        for version in definition["spec"]["versions"].as_array().expect("versions") {
            let name = version["name"].as_str().expect("a name");
            expect(servers, definition, name, &version["schema"]["openAPIV3Schema"]).await;
        }
    }
}

/// Deletes these, and with them what was published.
async fn withdraw(servers: &Servers, definitions: &[Value]) {
    for definition in definitions {
        remove(servers, definition).await;
        for version in definition["spec"]["versions"].as_array().expect("versions") {
            let name = version["name"].as_str().expect("a name");
            expect_none(servers, definition, name).await;
        }
    }
}

#[tokio::test]
async fn definitions_of_different_groups() {
    let servers = Servers::ready().await;
    let both = groups("foo.example.com", "waldo.example.com", ["v1", "v1beta1"]);
    publish(&servers, &both).await;
    withdraw(&servers, &both).await;
    servers.stop().await;
}

#[tokio::test]
async fn versions_of_one_group() {
    let servers = Servers::ready().await;
    let versions = [("v2", foo()), ("v3", foo())];
    let many = [definition("multi.example.com", "Foo", "Namespaced", &versions)];
    publish(&servers, &many).await;
    withdraw(&servers, &many).await;
    let both = groups("common.example.com", "common.example.com", ["v4", "v5"]);
    publish(&servers, &both).await;
    withdraw(&servers, &both).await;
    servers.stop().await;
}

#[tokio::test]
async fn kinds_of_one_version() {
    let servers = Servers::ready().await;
    let both = groups("common.example.com", "common.example.com", ["v6", "v6"]);
    publish(&servers, &both).await;
    withdraw(&servers, &both).await;
    servers.stop().await;
}

#[tokio::test]
async fn a_version_that_is_renamed() {
    let servers = Servers::ready().await;
    let versions = [("v3", foo()), ("v2", foo())];
    let one = definition("multi.example.com", "Foo", "Namespaced", &versions);
    publish(&servers, std::slice::from_ref(&one)).await;
    let patch = r#"[
        {"op": "test", "path": "/spec/versions/0/name", "value": "v3"},
        {"op": "replace", "path": "/spec/versions/0/name", "value": "v4"}
    ]"#;
    servers.exchange("PATCH", &uri(&one), &JSON_PATCH, patch).await.done();
    expect(&servers, &one, "v4", &foo()).await;
    expect_none(&servers, &one, "v3").await;
    expect(&servers, &one, "v2", &foo()).await;
    servers.stop().await;
}

#[tokio::test]
async fn a_version_that_is_not_served_any_more() {
    let servers = Servers::ready().await;
    let versions = [("v6alpha1", foo()), ("v5", foo())];
    let one = definition("multi.example.com", "Foo", "Namespaced", &versions);
    publish(&servers, std::slice::from_ref(&one)).await;
    loop {
        let mut read = servers.get(&uri(&one)).await;
        read["spec"]["versions"][0]["served"] = json!(false);
        let answer = servers.put(&uri(&one), &read).await;
        if answer.code != 409 {
            answer.done();
            break;
        }
    }
    expect_none(&servers, &one, "v6alpha1").await;
    expect(&servers, &one, "v5", &foo()).await;
    servers.stop().await;
}

/// Creates an object as `kubectl create` does, and then as `kubectl apply` does: fields that are
/// not known are refused.
async fn write(servers: &Servers, definition: &Value, more: &Value) {
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
    let version = text(&spec["versions"][0]["name"]);
    let objects = format!("/apis/{group}/{version}/namespaces/default/{plural}");
    let mut object = json!({
        "apiVersion": format!("{group}/{version}"), "kind": spec["names"]["kind"],
        "metadata": {"name": "one"},
    });
    crate::operations::merge(&mut object, more);
    let strict = "fieldValidation=Strict";
    let create = format!("{objects}?{strict}&fieldManager=kubectl-create");
    let made = servers.post(&create, &object).await.done().body;
    assert!(crate::operations::covers(&made, &object), "{made}");
    servers.delete(&format!("{objects}/one")).await.done();
    let apply = format!("{objects}?{strict}&fieldManager=kubectl-client-side-apply");
    servers.post(&apply, &object).await.done();
    let headers = [("content-type", "application/apply-patch+yaml")];
    let apply = format!("{objects}/one?{strict}&force=true&fieldManager=kubectl");
    servers.exchange("PATCH", &apply, &headers, &object.to_string()).await.done();
    servers.delete(&format!("{objects}/one")).await.done();
}

/// The schema of a kind in OpenAPI v3, which is what `kubectl explain` reads.
async fn explained(servers: &Servers, definition: &Value) -> Value {
    let group = definition["spec"]["group"].as_str().expect("a group");
    let version = definition["spec"]["versions"][0]["name"].as_str().expect("a version");
    let root = servers.get("/openapi/v3").await;
    let path = format!("apis/{group}/{version}");
    let url = root["paths"][&path]["serverRelativeURL"].as_str().expect("a document").to_owned();
    let document = servers.get(&url).await;
    let schemas = &document["components"]["schemas"];
    let schema = schemas[published_as(definition, version)].clone();
    let marked = &schema["x-kubernetes-group-version-kind"][0];
    assert_eq!(marked["kind"], definition["spec"]["names"]["kind"]);
    // What is said of metadata stands in another schema.
    if let Some(metadata) = schema["properties"].get("metadata") {
        let named = &metadata["allOf"][0]["$ref"];
        let named = named.as_str().and_then(|text| text.rsplit('/').next()).expect("a reference");
        let created = &schemas[named]["properties"]["creationTimestamp"]["description"];
        assert!(created.as_str().is_some_and(|text| text.contains("timestamp")), "{created}");
    }
    schema
}

#[tokio::test]
async fn a_definition_with_a_schema() {
    let servers = Servers::ready().await;
    let one = definition("foo.example.com", "Foo", "Namespaced", &[("v1", foo())]);
    publish(&servers, std::slice::from_ref(&one)).await;
    write(&servers, &one, &json!({"spec": {"bars": [{"name": "test-bar"}]}})).await;
    let objects = "/apis/foo.example.com/v1/namespaces/default/foos?fieldValidation=Strict";
    for (spec, expected) in [
        (json!({"foo": true}), "unknown field \"spec.foo\""),
        (json!({"bars": [{"age": "10"}]}), "spec.bars[0].name: Required value"),
        (
            json!({"bars": [{"name": "b", "feeling": "None"}]}),
            "spec.bars[0].feeling: Unsupported value: \"None\"",
        ),
    ] {
        let object = json!({
            "apiVersion": "foo.example.com/v1", "kind": "Foo", "metadata": {"name": "one"},
            "spec": spec,
        });
        let refused = servers.post(objects, &object).await;
        assert!(matches!(refused.code, 400 | 422), "{}", refused.body);
        assert!(refused.message().contains(expected), "{}", refused.body);
    }
    let schema = explained(&servers, &one).await;
    assert_eq!(schema["description"], foo()["description"]);
    let version = schema["properties"]["apiVersion"]["description"].as_str();
    assert!(version.is_some_and(|text| text.starts_with("APIVersion defines")));
    assert_eq!(schema["properties"]["spec"], foo()["properties"]["spec"]);
    withdraw(&servers, &[one]).await;
    servers.stop().await;
}

#[tokio::test]
async fn a_definition_without_a_schema() {
    let servers = Servers::ready().await;
    let one = definition("empty.example.com", "Empty", "Namespaced", &[("v1", anything())]);
    servers.define(&one).await;
    expect(&servers, &one, "v1", &json!({"type": "object"})).await;
    write(&servers, &one, &json!({"a": {"b": [{"c": "d"}]}})).await;
    assert_eq!(explained(&servers, &one).await.get("description"), None);
    withdraw(&servers, &[one]).await;
    servers.stop().await;
}

#[tokio::test]
async fn a_definition_that_keeps_unknown_fields() {
    let servers = Servers::ready().await;
    let mut schema = foo();
    schema["x-kubernetes-preserve-unknown-fields"] = json!(true);
    let one = definition("root.example.com", "Root", "Namespaced", &[("v1", schema)]);
    servers.define(&one).await;
    eventually(async || published(&servers, &published_as(&one, "v1")).await).await;
    write(&servers, &one, &json!({"a": {"b": [{"c": "d"}]}})).await;
    explained(&servers, &one).await;
    withdraw(&servers, &[one]).await;
    servers.stop().await;
}

#[tokio::test]
async fn a_definition_that_keeps_unknown_fields_of_an_object_in_it() {
    let servers = Servers::ready().await;
    let keeping = |text: &str| {
        json!({
            "type": "object", "description": text, "x-kubernetes-preserve-unknown-fields": true,
        })
    };
    let schema = json!({
        "type": "object", "description": "Keeps what is unknown in a field for Testing",
        "properties": {"spec": keeping("Specification"), "status": keeping("Status")},
    });
    let one = definition("nested.example.com", "Nested", "Namespaced", &[("v1", schema)]);
    servers.define(&one).await;
    eventually(async || published(&servers, &published_as(&one, "v1")).await).await;
    write(&servers, &one, &json!({"spec": {"b": [{"c": "d"}]}})).await;
    let schema = explained(&servers, &one).await;
    assert_eq!(schema["description"], "Keeps what is unknown in a field for Testing");
    assert_eq!(schema["properties"]["spec"]["x-kubernetes-preserve-unknown-fields"], true);
    withdraw(&servers, &[one]).await;
    servers.stop().await;
}
