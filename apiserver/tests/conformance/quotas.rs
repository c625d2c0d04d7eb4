//! The life of a ResourceQuota, apart from what a controller recounts.

use crate::support::kube::{names, version};
use crate::support::servers::Servers;
use serde_json::{Value, json};

const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";
const STRATEGIC: [(&str, &str); 1] = [("content-type", "application/strategic-merge-patch+json")];
const LABELLED: &str = "labelSelector=quota-label%3Dtested";

fn hard(cpu: &str, memory: &str) -> Value {
    json!({"cpu": cpu, "memory": memory})
}

fn quota(cpu: &str, memory: &str) -> Value {
    let metadata = json!({"name": "tested", "labels": {"quota-label": "tested"}});
    json!({"metadata": metadata, "spec": {"hard": hard(cpu, memory)}})
}

async fn patch(servers: &Servers, uri: &str, patch: &Value) -> Value {
    servers.exchange("PATCH", uri, &STRATEGIC, &patch.to_string()).await.done().body
}

#[tokio::test]
async fn a_quota_is_updated_and_deleted() {
    let servers = Servers::ready().await;
    let uri = format!("{QUOTAS}/tested");
    let made = servers.post(QUOTAS, &quota("1", "500Mi")).await.done().body;
    assert_eq!(made["spec"]["hard"], hard("1", "500Mi"));
    let mut read = servers.get(&uri).await;
    assert_eq!(read["spec"]["hard"], hard("1", "500Mi"));
    read["spec"]["hard"] = hard("2", "1Gi");
    let updated = servers.put(&uri, &read).await.done().body;
    assert_eq!(updated["spec"]["hard"], hard("2", "1Gi"));
    assert_eq!(servers.get(&uri).await["spec"]["hard"], hard("2", "1Gi"));
    servers.delete(&uri).await.done();
    servers.call("GET", &uri, &Value::Null).await.refused(404);
    servers.stop().await;
}

#[tokio::test]
async fn a_quota_lives() {
    let servers = Servers::ready().await;
    let uri = format!("{QUOTAS}/tested");
    servers.post(QUOTAS, &quota("1", "500Mi")).await.done();
    let read = servers.get(&uri).await;
    assert_eq!(read["spec"]["hard"], hard("1", "500Mi"));
    let all = servers.get(&format!("/api/v1/resourcequotas?{LABELLED}")).await;
    assert_eq!(names(&all), ["tested"]);
    let change = json!({
        "metadata": {"labels": {"tested": "patched"}}, "spec": {"hard": {"memory": "750Mi"}},
    });
    let patched = patch(&servers, &uri, &change).await;
    assert_eq!(patched["metadata"]["labels"]["tested"], "patched");
    assert_eq!(patched["spec"]["hard"], hard("1", "750Mi"));
    assert!(version(&patched) > version(&read));
    servers.delete(&format!("{QUOTAS}?{LABELLED}")).await.done();
    servers.call("GET", &uri, &Value::Null).await.refused(404);
    servers.stop().await;
}

/// Without the controller that would set it right again at the end.
#[tokio::test]
async fn the_status_of_a_quota_is_written() {
    let servers = Servers::ready().await;
    let (uri, status) = (format!("{QUOTAS}/tested"), format!("{QUOTAS}/tested/status"));
    servers.post(QUOTAS, &quota("500m", "500Mi")).await.done();
    let mut watch = servers.watch(&format!("{QUOTAS}?{LABELLED}")).await;
    let mut read = servers.get(&uri).await;
    read["status"] = json!({"hard": hard("500m", "500Mi")});
    let updated = servers.put(&status, &read).await.done().body;
    assert_eq!(updated["status"]["hard"], updated["spec"]["hard"]);
    watch.until("MODIFIED", |seen| seen["status"]["hard"] == seen["spec"]["hard"]).await;

    let one = hard("1", "1Gi");
    let patched = patch(&servers, &uri, &json!({"spec": {"hard": one}})).await;
    assert_eq!(patched["spec"]["hard"], one);
    let patched = patch(&servers, &status, &json!({"status": {"hard": one}})).await;
    assert_eq!(patched["status"]["hard"], one);
    watch.until("MODIFIED", |seen| seen["status"]["hard"] == one).await;
    assert_eq!(servers.get(&status).await["status"]["hard"], one);

    let two = hard("2", "2Gi");
    let patched = patch(&servers, &status, &json!({"status": {"hard": two}})).await;
    assert_eq!(patched["status"]["hard"], two);
    assert_eq!(patched["spec"]["hard"], one, "the status alone is written");
    watch.until("MODIFIED", |seen| seen["status"]["hard"] == two).await;
    servers.stop().await;
}
