//! Dynamic resource allocation: its four kinds.

use crate::crud::{Change, Crud};
use crate::support::servers::Servers;
use serde_json::{Value, json};

async fn lives(resource: &str, spec: Value, change: Change, status: Option<Change>) {
    let servers = Servers::ready().await;
    let namespaced = resource.starts_with("resourceclaim");
    let crud = Crud {
        servers: &servers,
        kind: ("resource.k8s.io", "v1", resource),
        namespace: namespaced.then_some("default"),
        object: json!({"spec": spec}),
        change,
        status,
    };
    crud.run().await;
    servers.stop().await;
}

#[tokio::test]
async fn device_classes() {
    let expression = r#"device.driver == "dra.example.com""#;
    let spec = json!({"selectors": [{"cel": {"expression": expression}}]});
    let told = json!({"driver": "dra.example.com", "parameters": {"foo": "bar"}});
    let change = Change::member(["spec", "config"], &json!([{"opaque": told}]));
    lives("deviceclasses", spec, change, None).await;
}

fn claim() -> Value {
    json!({"devices": {"requests": [{"name": "req-0", "exactly": {"deviceClassName": "some"}}]}})
}

/// Its specification never changes.
#[tokio::test]
async fn resource_claims() {
    let result = json!({"request": "req-0", "driver": "dra.example.com", "pool": "pool",
        "device": "device-0"});
    let status = json!({"allocation": {"devices": {"results": [result]}}});
    let status = Some(Change::status(&status));
    lives("resourceclaims", claim(), Change::label(), status).await;
}

#[tokio::test]
async fn resource_claim_templates() {
    lives("resourceclaimtemplates", json!({"spec": claim()}), Change::label(), None).await;
}

#[tokio::test]
async fn resource_slices() {
    let spec = json!({"driver": "dra.example.com", "allNodes": true,
        "pool": {"name": "pool", "resourceSliceCount": 1}});
    let change = Change::member(["spec", "devices"], &json!([{"name": "device-0"}]));
    lives("resourceslices", spec, change, None).await;
}
