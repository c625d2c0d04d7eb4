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

/// Devices that others use are only for claims of namespaces that are labelled so.
#[tokio::test]
async fn admin_access_needs_a_label() {
    let servers = Servers::ready().await;
    let group = "/apis/resource.k8s.io/v1/namespaces";
    let mut spec = claim();
    spec["devices"]["requests"][0]["exactly"]["adminAccess"] = json!(true);
    let claim = json!({"metadata": {"name": "c"}, "spec": spec});
    let template = json!({"metadata": {"name": "t"}, "spec": {"spec": spec}});
    let label = json!({"resource.kubernetes.io/admin-access": "true"});
    servers.namespace("others", &json!({"resource.kubernetes.io/admin-access": "yes"})).await;
    servers.namespace("admins", &label).await;
    for (resource, object) in [("resourceclaims", &claim), ("resourceclaimtemplates", &template)] {
        for namespace in ["default", "others"] {
            let uri = format!("{group}/{namespace}/{resource}");
            let message = servers.post(&uri, object).await.refused(422);
            assert!(
                message.ends_with(
                    "spec.devices.requests[0].adminAccess: Forbidden: admin access to devices requires the \
                     `resource.kubernetes.io/admin-access: true` label on the containing namespace"
                ),
                "{message}"
            );
        }
        servers.post(&format!("{group}/admins/{resource}"), object).await.done();
    }
    let result = json!({"request": "req-0", "driver": "dra.example.com", "pool": "pool",
        "device": "device-0", "adminAccess": true});
    let status = json!({"status": {"allocation": {"devices": {"results": [result]}}}});
    servers.patch(&format!("{group}/admins/resourceclaims/c/status"), &status).await.done();
    let plain = json!({"metadata": {"name": "c"}, "spec": self::claim()});
    let uri = format!("{group}/default/resourceclaims");
    servers.post(&uri, &plain).await.done();
    let message = servers.patch(&format!("{uri}/c/status"), &status).await.refused(422);
    let field = "status.allocation.devices.results[0].adminAccess: Forbidden";
    assert!(message.contains(field), "{message}");
    servers.stop().await;
}
