//! Priority and fairness: the API of its two kinds.

use crate::operations::Operations;
use crate::support::servers::Servers;
use serde_json::{Value, json};

const GROUP: &str = "flowcontrol.apiserver.k8s.io";

async fn run(resource: &str, spec: &Value, change: &Value) {
    let servers = Servers::ready().await;
    let operations = Operations {
        subresources: &["status"],
        settled: |made| made["kind"] != "FlowSchema" || made["status"]["conditions"].is_array(),
        ..Operations::new(&servers, (GROUP, "v1", resource), json!({"spec": spec}))
    };
    operations.run(change).await;
    let condition = |kind: &str, reason: &str| json!({"status": {"conditions": [{"type": kind, "status": "False", "reason": reason}]}});
    let (patched, updated) = (condition("Patched", "Patch"), condition("Updated", "Update"));
    operations.run_status(&patched, &updated).await;
    servers.stop().await;
}

#[tokio::test]
async fn flow_schemas() {
    let rule = json!({
        "subjects": [{"kind": "User", "user": {"name": "nobody-that-exists"}}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    });
    let spec = json!({
        "matchingPrecedence": 10_000,
        "priorityLevelConfiguration": {"name": "global-default"},
        "distinguisherMethod": {"type": "ByUser"},
        "rules": [rule],
    });
    run("flowschemas", &spec, &json!({"spec": {"matchingPrecedence": 9_000}})).await;
}

#[tokio::test]
async fn priority_levels() {
    let spec = json!({
        "type": "Limited",
        "limited": {"nominalConcurrencyShares": 2, "limitResponse": {"type": "Reject"}},
    });
    let change = json!({"spec": {"limited": {"nominalConcurrencyShares": 4}}});
    run("prioritylevelconfigurations", &spec, &change).await;
}
