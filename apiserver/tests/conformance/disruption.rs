//! PodDisruptionBudgets and the evictions that they block. What the suite leaves to the disruption
//! controller is written by the tests.

use crate::life::{code, delete_labelled, found};
use crate::support::servers::{Answer, Servers, pod};
use serde_json::{Value, json};

const BUDGETS: &str = "/apis/policy/v1/namespaces/a/poddisruptionbudgets";
const ONE: &str = "/apis/policy/v1/namespaces/a/poddisruptionbudgets/foo";
const STATUS: &str = "/apis/policy/v1/namespaces/a/poddisruptionbudgets/foo/status";

fn budget(name: &str, available: &Value) -> Value {
    let selector = json!({"matchLabels": {"foo": "bar"}});
    json!({
        "metadata": {"name": name, "labels": {"special": "yes"}},
        "spec": {"selector": selector, "minAvailable": available},
    })
}

async fn start() -> Servers {
    let servers = Servers::ready().await;
    servers.namespace("a", &json!({})).await;
    servers
}

#[tokio::test]
async fn a_budget_is_made_updated_patched_and_deleted() {
    let servers = start().await;
    let mut made = servers.post(BUDGETS, &budget("foo", &json!("1%"))).await.done().body;
    made["spec"]["minAvailable"] = json!("2%");
    let updated = servers.put(ONE, &made).await.done().body;
    assert_eq!(updated["spec"]["minAvailable"], "2%");
    assert_eq!(updated["metadata"]["generation"], 2);
    let patch = json!({"spec": {"minAvailable": "3%"}});
    let patched = servers.patch(ONE, &patch).await.done().body;
    assert_eq!(patched["spec"]["minAvailable"], "3%");
    servers.delete(ONE).await.done();
    assert_eq!(code(&servers, ONE).await, 404);
    servers.stop().await;
}

#[tokio::test]
async fn budgets_are_listed_and_go_as_a_collection() {
    let servers = start().await;
    servers.namespace("b", &json!({})).await;
    servers.post(BUDGETS, &budget("foo", &json!(2))).await.done();
    servers.post(BUDGETS, &budget("foo2", &json!("1%"))).await.done();
    let other = "/apis/policy/v1/namespaces/b/poddisruptionbudgets";
    servers.post(other, &budget("foo3", &json!(2))).await.done();
    let everywhere = "/apis/policy/v1/poddisruptionbudgets";
    assert_eq!(found(&servers, everywhere, "special=yes").await, ["foo", "foo2", "foo3"]);
    assert_eq!(found(&servers, BUDGETS, "special=yes").await, ["foo", "foo2"]);
    delete_labelled(&servers, BUDGETS, "special=yes", &json!({})).await;
    assert_eq!(found(&servers, everywhere, "special=yes").await, ["foo3"]);
    servers.stop().await;
}

#[tokio::test]
async fn the_status_of_a_budget_is_updated_and_patched() {
    let servers = start().await;
    let mut made = servers.post(BUDGETS, &budget("foo", &json!(1))).await.done().body;
    made["status"]["disruptedPods"] = json!({"pod-0": "2026-01-02T03:04:05Z"});
    servers.put(STATUS, &made).await.done();
    let read = servers.get(STATUS).await;
    assert_eq!(read["status"]["disruptedPods"], json!({"pod-0": "2026-01-02T03:04:05Z"}));
    let patch = json!({"status": {"disruptedPods": null}});
    let patched = servers.patch(STATUS, &patch).await.done().body;
    assert_eq!(patched["status"].get("disruptedPods"), None);
    servers.stop().await;
}

/// Says what a controller would after it saw every change of the budget.
async fn allow(servers: &Servers, disruptions: u32) {
    let generation = servers.get(ONE).await["metadata"]["generation"].clone();
    let status = json!({"observedGeneration": generation, "disruptionsAllowed": disruptions,
        "currentHealthy": 3, "desiredHealthy": 3 - disruptions, "expectedPods": 3});
    servers.patch(STATUS, &json!({"status": status})).await.done();
}

async fn evict(servers: &Servers, name: &str) -> Answer {
    let eviction = json!({"metadata": {"name": name, "namespace": "a"}});
    servers.post(&format!("/api/v1/namespaces/a/pods/{name}/eviction"), &eviction).await
}

fn is_blocked(answer: &Answer) {
    let cause = &answer.body["details"]["causes"][0]["reason"];
    assert_eq!((answer.code, cause), (429, &json!("DisruptionBudget")), "{}", answer.body);
}

#[tokio::test]
async fn an_eviction_waits_until_its_budget_allows_it() {
    let servers = start().await;
    servers.post(BUDGETS, &budget("foo", &json!(3))).await.done();
    for name in ["one", "two", "three"] {
        let mut pod = pod(name, &json!({}));
        pod["metadata"]["labels"] = json!({"foo": "bar"});
        servers.post("/api/v1/namespaces/a/pods", &pod).await.done();
        let ready =
            json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
        let uri = format!("/api/v1/namespaces/a/pods/{name}/status");
        servers.patch(&uri, &json!({"status": ready})).await.done();
    }
    allow(&servers, 0).await;
    is_blocked(&evict(&servers, "one").await);
    let mut object = servers.get(ONE).await;
    object["spec"]["minAvailable"] = json!(2);
    servers.put(ONE, &object).await.done();
    is_blocked(&evict(&servers, "one").await);
    allow(&servers, 1).await;
    evict(&servers, "one").await.done();
    assert_eq!(code(&servers, "/api/v1/namespaces/a/pods/one").await, 404);
    let used = servers.get(STATUS).await;
    assert_eq!(used["status"]["disruptionsAllowed"], 0);
    assert!(used["status"]["disruptedPods"].get("one").is_some(), "{used}");

    let patch = json!({"spec": {"minAvailable": null, "maxUnavailable": 0}});
    let patched = servers.patch(ONE, &patch).await.done().body;
    assert_eq!(patched["spec"].get("minAvailable"), None);
    allow(&servers, 0).await;
    is_blocked(&evict(&servers, "two").await);
    servers.delete(ONE).await.done();
    evict(&servers, "two").await.done();
    servers.stop().await;
}
