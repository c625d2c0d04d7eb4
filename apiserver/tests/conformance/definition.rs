//! CustomResourceDefinitions as tests make them.

use crate::support::servers::Servers;
use serde_json::{Value, json};

pub const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A definition whose versions have these schemas; the last is stored.
pub fn definition(group: &str, kind: &str, scope: &str, versions: &[(&str, Value)]) -> Value {
    let plural = format!("{}s", kind.to_lowercase());
    let version = |(at, (name, schema)): (usize, &(&str, Value))| {
        json!({
            "name": name, "served": true, "storage": at + 1 == versions.len(),
            "schema": {"openAPIV3Schema": schema},
        })
    };
    let versions: Vec<Value> = versions.iter().enumerate().map(version).collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group, "scope": scope, "versions": versions,
            "names": {
                "plural": plural, "singular": kind.to_lowercase(), "kind": kind,
                "listKind": format!("{kind}List"),
            },
        },
    })
}

/// Allows everything.
pub fn anything() -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// Where a definition is.
pub fn uri(definition: &Value) -> String {
    format!("{DEFINITIONS}/{}", definition["metadata"]["name"].as_str().expect("a name"))
}

/// Deletes a definition and waits until it is gone.
pub async fn remove(servers: &Servers, definition: &Value) {
    let uri = uri(definition);
    servers.delete(&uri).await.done();
    crate::support::eventually(async || {
        (servers.call("GET", &uri, &Value::Null).await.code == 404).then_some(())
    })
    .await;
}
