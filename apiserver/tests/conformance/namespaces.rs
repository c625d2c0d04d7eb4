//! The life of a Namespace, apart from what a controller does when it ends.

use crate::support::servers::Servers;
use serde_json::{Value, json};

const NAMESPACES: &str = "/api/v1/namespaces";
const STRATEGIC: [(&str, &str); 1] = [("content-type", "application/strategic-merge-patch+json")];

async fn started() -> (Servers, String) {
    let servers = Servers::ready().await;
    let namespace = json!({"metadata": {"generateName": "tested-"}});
    let made = servers.post(NAMESPACES, &namespace).await.done().body;
    let name = made["metadata"]["name"].as_str().expect("a name");
    let uri = format!("{NAMESPACES}/{name}");
    (servers, uri)
}

#[tokio::test]
async fn a_finalizer_comes_and_goes() {
    const FAKE: &str = "e2e.example.com/fakeFinalizer";
    let (servers, uri) = started().await;
    let finalize = format!("{uri}/finalize");
    let mut read = servers.get(&uri).await;
    assert_eq!(read["spec"]["finalizers"], json!(["kubernetes"]));
    read["spec"]["finalizers"] = json!(["kubernetes", FAKE]);
    let updated = servers.put(&finalize, &read).await.done().body;
    assert_eq!(updated["spec"]["finalizers"], json!(["kubernetes", FAKE]));
    let mut read = servers.get(&uri).await;
    assert_eq!(read["spec"]["finalizers"], json!(["kubernetes", FAKE]));
    read["spec"]["finalizers"] = json!(["kubernetes"]);
    servers.put(&finalize, &read).await.done();
    let read = servers.get(&uri).await;
    assert_eq!(read["spec"]["finalizers"], json!(["kubernetes"]));
    servers.stop().await;
}

#[tokio::test]
async fn a_label_is_updated() {
    let (servers, uri) = started().await;
    let mut read = servers.get(&uri).await;
    read["metadata"]["labels"]["state"] = json!("updated");
    let updated = servers.put(&uri, &read).await.done().body;
    assert_eq!(updated["metadata"]["labels"]["state"], "updated");
    servers.stop().await;
}

#[tokio::test]
async fn a_label_is_patched() {
    let (servers, uri) = started().await;
    let patch = json!({"metadata": {"labels": {"testLabel": "testValue"}}}).to_string();
    servers.exchange("PATCH", &uri, &STRATEGIC, &patch).await.done();
    assert_eq!(servers.get(&uri).await["metadata"]["labels"]["testLabel"], "testValue");
    servers.stop().await;
}

#[tokio::test]
async fn the_status_is_read_and_written() {
    let (servers, uri) = started().await;
    let status = format!("{uri}/status");
    let read = servers.get(&status).await;
    assert_eq!(read["status"]["phase"], "Active");
    let condition = |kind: &str| json!({"type": kind, "status": "True", "reason": "Test", "message": "Set by a test"});
    let patch = json!({
        "metadata": {"annotations": {"patched": "true"}},
        "status": {"conditions": [condition("StatusPatch")]},
    });
    let patched = servers.patch(&status, &patch).await.done().body;
    let conditions = patched["status"]["conditions"].as_array().expect("conditions");
    assert_eq!(conditions.len(), 1, "{patched}");
    assert_eq!(conditions[0]["message"], "Set by a test");
    assert_eq!(patched["metadata"]["annotations"]["patched"], "true");

    let mut read: Value = servers.get(&uri).await;
    let conditions = read["status"]["conditions"].as_array_mut().expect("conditions");
    conditions.push(condition("StatusUpdate"));
    let updated = servers.put(&status, &read).await.done().body;
    let conditions = updated["status"]["conditions"].as_array().expect("conditions");
    assert_eq!(conditions.len(), 2, "{updated}");
    assert_eq!(conditions[1]["type"], "StatusUpdate");
    assert_eq!(updated["status"]["phase"], "Active");
    servers.stop().await;
}
