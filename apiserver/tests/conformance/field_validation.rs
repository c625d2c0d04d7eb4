//! `fieldValidation=Strict`: unknown and duplicate fields are refused, of built-in and of custom
//! objects.

use crate::definition::{anything, definition};
use crate::support::servers::{Answer, Servers};
use serde_json::{Value, json};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const APPLY: [(&str, &str); 1] = [("content-type", "application/apply-patch+yaml")];
const STRICT: &str = "fieldManager=tester&fieldValidation=Strict";

/// Creates a deployment from a text that is no tidy JSON.
async fn deploy(metadata: &str, spec: &str) -> String {
    let servers = Servers::ready().await;
    let body = format!(
        r#"{{
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {{"name": "d", {metadata} "labels": {{"app": "a"}}}},
            "spec": {{
                {spec}
                "selector": {{"matchLabels": {{"app": "a"}}}},
                "template": {{
                    "metadata": {{"labels": {{"app": "a"}}}},
                    "spec": {{"containers": [{{"name": "c", "image": "i"}}]}}
                }}
            }}
        }}"#
    );
    let json = [("content-type", "application/json")];
    let uri = format!("{DEPLOYMENTS}?{STRICT}");
    let refused = servers.exchange("POST", &uri, &json, &body).await.refused(400);
    servers.stop().await;
    refused
}

#[tokio::test]
async fn unknown_and_duplicate_fields_of_a_built_in_object() {
    let refused = deploy("", r#""unknownField": "foo", "replicas": 2, "replicas": 3,"#).await;
    let expected = "strict decoding error: unknown field \"spec.unknownField\", duplicate field \
                    \"spec.replicas\"";
    assert!(refused.contains(expected), "{refused}");
}

#[tokio::test]
async fn unknown_metadata_of_a_built_in_object() {
    let refused = deploy(r#""unknownMeta": "foo","#, "").await;
    let expected = "strict decoding error: unknown field \"metadata.unknownMeta\"";
    assert!(refused.contains(expected), "{refused}");
}

fn ports() -> Value {
    json!({
        "type": "array", "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
        "items": {
            "type": "object", "required": ["containerPort", "protocol"],
            "properties": {
                "containerPort": {"type": "integer", "format": "int32"},
                "hostPort": {"type": "integer", "format": "int32"},
                "hostIP": {"type": "string"},
                "name": {"type": "string"},
                "protocol": {"type": "string"},
            },
        },
    })
}

/// A schema whose `spec` has some fields, to which more is added.
fn schema(more: &Value) -> Value {
    let mut spec = json!({
        "type": "object",
        "properties": {
            "foo": {"type": "string"},
            "cronSpec": {
                "type": "string",
                "pattern": r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$",
            },
            "ports": ports(),
        },
    });
    crate::operations::merge(&mut spec, more);
    json!({"type": "object", "properties": {"spec": spec}})
}

/// Applies an object that has some lines more: after its name, at its root, in its `spec`.
async fn apply(schema: Value, metadata: &str, root: &str, spec: &str) -> Answer {
    let servers = Servers::ready().await;
    let versions = [("v1beta1", schema.clone()), ("v1", schema)];
    servers.define(&definition("example.com", "Noxu", "Cluster", &versions)).await;
    let body = format!(
        "
apiVersion: example.com/v1beta1
kind: Noxu
metadata:
  name: mytest
{metadata}  finalizers:
  - test-finalizer
{root}spec:
{spec}  cronSpec: \"* * * * */5\"
  ports:
  - name: x
    containerPort: 80
    protocol: TCP"
    );
    let uri = format!("/apis/example.com/v1beta1/noxus/mytest?{STRICT}");
    let answer = servers.exchange("PATCH", &uri, &APPLY, &body).await;
    servers.stop().await;
    answer
}

#[tokio::test]
async fn a_valid_custom_object() {
    apply(schema(&json!({})), "", "", "  foo: foo1\n").await.done();
}

#[tokio::test]
async fn a_custom_object_without_schema() {
    let made = apply(anything(), "", "", "  unknown: uk1\n").await.done().body;
    assert_eq!(made["spec"]["unknown"], "uk1");
}

#[tokio::test]
async fn unknown_fields_of_a_custom_object() {
    let answer = apply(schema(&json!({})), "", "unknownField: unknown\n", "  foo: foo1\n").await;
    assert!(answer.code >= 400, "{}", answer.body);
    let expected = ".unknownField: field not declared in schema";
    assert!(answer.message().contains(expected), "{}", answer.body);
}

#[tokio::test]
async fn unknown_metadata_of_a_custom_object_and_of_one_in_it() {
    let template = json!({
        "type": "object", "x-kubernetes-embedded-resource": true,
        "properties": {
            "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
            "spec": {"type": "object"},
        },
    });
    let more = json!({
        "x-kubernetes-preserve-unknown-fields": true, "properties": {"template": template},
    });
    let spec = "  template:
    apiversion: foo/v1
    kind: Sub
    metadata:
        unknownSubMeta: unknown
        name: subobject
        namespace: default
  foo: foo1
";
    let answer = apply(schema(&more), "  unknownMeta: unknown\n", "", spec).await;
    assert!(answer.code >= 400, "{}", answer.body);
    for path in [".spec.template.metadata.unknownSubMeta", ".metadata.unknownMeta"] {
        let expected = format!("{path}: field not declared in schema");
        assert!(answer.message().contains(&expected), "{}", answer.body);
    }
}

#[tokio::test]
async fn duplicate_fields_where_unknown_ones_are_kept() {
    let more = json!({"x-kubernetes-preserve-unknown-fields": true});
    let spec = "  unknown: uk1\n  foo: foo1\n  foo: foo2\n";
    let answer = apply(schema(&more), "", "", spec).await;
    assert!(answer.code >= 400, "{}", answer.body);
    let expected = "line 11: key \"foo\" already set in map";
    assert!(answer.message().contains(expected), "{}", answer.body);
}
