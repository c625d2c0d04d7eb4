//! The APIs of admission policies and of configurations of webhooks: objects that are stored, not
//! what they do.

use crate::operations::{Operations, covers};
use crate::support::servers::Servers;
use serde_json::{Value, json};

const GROUP: &str = "admissionregistration.k8s.io";

fn constraints() -> Value {
    json!({"resourceRules": [{
        "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"],
        "resources": ["deployments"],
    }]})
}

async fn run(resource: &str, subresources: &[&str], spec: &Value, change: &Value) {
    let servers = Servers::ready().await;
    let operations = Operations {
        subresources,
        ..Operations::new(&servers, (GROUP, "v1", resource), json!({"spec": spec}))
    };
    operations.run(change).await;
    servers.stop().await;
}

fn validating_policy() -> Value {
    json!({
        "validations": [{
            "expression": "object.spec.replicas > 1",
            "messageExpression": "'wants replicas > 1, got ' + object.spec.replicas",
        }],
        "matchConstraints": constraints(),
    })
}

#[tokio::test]
async fn validating_policies() {
    let change = json!({"spec": {"failurePolicy": "Ignore"}});
    run("validatingadmissionpolicies", &["status"], &validating_policy(), &change).await;
}

#[tokio::test]
async fn the_status_of_validating_policies() {
    let servers = Servers::ready().await;
    let kind = (GROUP, "v1", "validatingadmissionpolicies");
    let operations = Operations::new(&servers, kind, json!({"spec": validating_policy()}));
    let condition = |kind: &str| {
        json!({"status": {"conditions": [{
            "type": kind, "status": "False", "reason": "Test", "message": "Set by a test",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        }]}})
    };
    operations.run_status(&condition("Patched"), &condition("Updated")).await;
    servers.stop().await;
}

#[tokio::test]
async fn bindings_of_validating_policies() {
    let spec = json!({"policyName": "replicalimit.example.com", "validationActions": ["Deny"]});
    let change = json!({"spec": {"validationActions": ["Warn"]}});
    run("validatingadmissionpolicybindings", &[], &spec, &change).await;
}

#[tokio::test]
async fn mutating_policies() {
    let expression =
        "Object{metadata: Object.metadata{annotations: {\"my-foo-annotation\": \"myValue\"}}}";
    let spec = json!({
        "mutations": [{
            "patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression},
        }],
        "reinvocationPolicy": "Never",
        "matchConstraints": constraints(),
    });
    let change = json!({"spec": {"failurePolicy": "Ignore"}});
    run("mutatingadmissionpolicies", &[], &spec, &change).await;
}

#[tokio::test]
async fn bindings_of_mutating_policies() {
    let spec = json!({"policyName": "replicalimit.example.com"});
    let selector = json!({"matchLabels": {"mutated": "true"}});
    let change = json!({"spec": {"matchResources": {"namespaceSelector": selector}}});
    run("mutatingadmissionpolicybindings", &[], &spec, &change).await;
}

/// Makes a configuration with match conditions, reads it, changes them and reads it again.
async fn match_conditions(resource: &str) {
    let servers = Servers::ready().await;
    let conditions = |expression: &str| json!([{"name": "expression", "expression": expression}]);
    let first = conditions("object.metadata.namespace == 'production'");
    let webhook = json!({
        "name": "deny.example.com", "matchConditions": first, "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"namespace": "default", "name": "hook", "path": "/always"}},
        "rules": [{
            "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
            "resources": ["configmaps"],
        }],
    });
    let object = json!({"metadata": {"name": "with-conditions"}, "webhooks": [webhook]});
    let uri = format!("/apis/{GROUP}/v1/{resource}");
    let made = servers.post(&uri, &object).await.done().body;
    assert!(covers(&made, &object), "{made}");
    let one = format!("{uri}/with-conditions");
    let mut read = servers.get(&one).await;
    assert_eq!(read["webhooks"][0]["matchConditions"], first);
    let second = conditions("object.metadata.namespace == 'staging'");
    read["webhooks"][0]["matchConditions"] = second.clone();
    servers.put(&one, &read).await.done();
    assert_eq!(servers.get(&one).await["webhooks"][0]["matchConditions"], second);
    servers.stop().await;
}

#[tokio::test]
async fn match_conditions_of_mutating_webhooks() {
    match_conditions("mutatingwebhookconfigurations").await;
}

#[tokio::test]
async fn match_conditions_of_validating_webhooks() {
    match_conditions("validatingwebhookconfigurations").await;
}

/// Their configurations alone: nothing is called.
#[tokio::test]
async fn configurations_of_webhooks() {
    let servers = Servers::ready().await;
    for resource in ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"] {
        let webhook = json!({
            "name": "hook.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {
                "service": {"namespace": "default", "name": "hook", "path": "/always", "port": 8443},
            },
            // Nothing that this test does.
            "rules": [{
                "apiGroups": ["nothing.example.com"], "apiVersions": ["v1"],
                "operations": ["CREATE"], "resources": ["nothings"],
            }],
        });
        let mut changed = webhook.clone();
        changed["rules"][0]["operations"] = json!(["UPDATE"]);
        let object = json!({"webhooks": [webhook]});
        let operations = Operations::new(&servers, (GROUP, "v1", resource), object);
        operations.run(&json!({"webhooks": [changed]})).await;
    }
    servers.stop().await;
}
