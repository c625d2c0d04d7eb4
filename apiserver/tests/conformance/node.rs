//! Leases, PodTemplates, ConfigMaps, Secrets, Nodes and RuntimeClasses.

use crate::life::{Life, code, delete_labelled, found, strategic};
use crate::operations::Operations;
use crate::support::kube::names;
use crate::support::servers::{Servers, pod};
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/a/configmaps";
const SECRETS: &str = "/api/v1/namespaces/a/secrets";
const TEMPLATES: &str = "/api/v1/namespaces/a/podtemplates";
const CLASSES: &str = "/apis/node.k8s.io/v1/runtimeclasses";

async fn start() -> Servers {
    let servers = Servers::ready().await;
    servers.namespace("a", &json!({})).await;
    servers
}

/// Its times are seconds after the year one began.
fn lease_spec(holder: &str, duration: u32, times: (u32, u32), transitions: u32) -> Value {
    let time =
        |seconds: u32| format!("0001-01-01T00:{:02}:{:02}.000000Z", seconds / 60, seconds % 60);
    json!({"holderIdentity": holder, "leaseDurationSeconds": duration,
        "acquireTime": time(times.0), "renewTime": time(times.1),
        "leaseTransitions": transitions})
}

#[tokio::test]
async fn leases() {
    let servers = start().await;
    let uri = "/apis/coordination.k8s.io/v1/namespaces/a/leases";
    let one = format!("{uri}/lease");
    let spec = lease_spec("holder", 30, (2, 5), 0);
    let object = json!({"metadata": {"name": "lease"}, "spec": spec});
    let mut lease = servers.post(uri, &object).await.done().body;
    assert_eq!(servers.get(&one).await["spec"], spec);
    let spec = lease_spec("holder2", 30, (20, 50), 1);
    lease["spec"] = spec.clone();
    servers.put(&one, &lease).await.done();
    assert_eq!(servers.get(&one).await["spec"], spec);
    let spec = lease_spec("holder3", 60, (50, 70), 2);
    strategic(&servers, &one, &json!({"spec": spec})).await;
    assert_eq!(servers.get(&one).await["spec"], spec);

    let object = json!({"metadata": {"name": "lease2", "labels": {"deletecollection": "true"}},
        "spec": lease_spec("holder", 30, (2, 5), 0)});
    servers.post(uri, &object).await.done();
    assert_eq!(names(&servers.get(uri).await), ["lease", "lease2"]);
    delete_labelled(&servers, uri, "deletecollection=true", &json!({})).await;
    assert_eq!(names(&servers.get(uri).await), ["lease"]);
    servers.delete(&one).await.done();
    assert_eq!(code(&servers, &one).await, 404);
    servers.get("/apis/coordination.k8s.io/v1/leases").await;
    servers.stop().await;
}

fn template() -> Value {
    json!({
        "metadata": {"labels": {"set": "true"}},
        "template": {"spec": {"containers": [{"name": "nginx", "image": "nginx"}]}},
    })
}

#[tokio::test]
async fn pod_templates_live() {
    let servers = start().await;
    let everywhere = "/api/v1/podtemplates";
    assert_eq!(found(&servers, everywhere, "set=true").await, [""; 0]);
    Life { servers: &servers, uri: TEMPLATES, object: template() }.run().await;
    assert_eq!(found(&servers, everywhere, "set=true").await, [""; 0]);
    servers.stop().await;
}

#[tokio::test]
async fn pod_templates_go_as_a_collection() {
    let servers = start().await;
    let life = Life { servers: &servers, uri: TEMPLATES, object: template() };
    for name in ["one", "three", "two"] {
        life.make(name).await;
    }
    assert_eq!(life.found("set=true").await, ["one", "three", "two"]);
    delete_labelled(&servers, TEMPLATES, "set=true", &json!({})).await;
    assert_eq!(life.found("set=true").await, [""; 0]);
    servers.stop().await;
}

#[tokio::test]
async fn a_pod_template_is_replaced() {
    let servers = start().await;
    let life = Life { servers: &servers, uri: TEMPLATES, object: template() };
    let mut made = life.make("one").await;
    made["metadata"]["annotations"] = json!({"updated": "true"});
    let replaced = servers.put(&format!("{TEMPLATES}/one"), &made).await.done().body;
    assert_eq!(replaced["metadata"]["annotations"], json!({"updated": "true"}));
    servers.stop().await;
}

#[tokio::test]
async fn a_config_map_lives() {
    let servers = start().await;
    let object = json!({"metadata": {"name": "m", "labels": {"static": "true"}},
        "data": {"valueName": "value"}});
    servers.post(MAPS, &object).await.done();
    let read = servers.get(&format!("{MAPS}/m")).await;
    assert_eq!(read["data"], json!({"valueName": "value"}));
    assert_eq!(read["metadata"]["labels"], json!({"static": "true"}));
    let patch = json!({"metadata": {"creationTimestamp": null, "labels": {"test": "patched"}},
        "data": {"valueName": "value1"}});
    strategic(&servers, &format!("{MAPS}/m"), &patch).await;
    let list = servers.get("/api/v1/configmaps?labelSelector=test%3Dpatched").await;
    let listed = &list["items"][0];
    assert_eq!(listed["metadata"]["namespace"], "a");
    assert_eq!(listed["metadata"]["labels"], json!({"static": "true", "test": "patched"}));
    assert_eq!(listed["data"], json!({"valueName": "value1"}));
    delete_labelled(&servers, MAPS, "static=true", &json!({})).await;
    assert_eq!(found(&servers, MAPS, "static=true").await, [""; 0]);
    servers.stop().await;
}

/// By a client that does not say which version it changes.
#[tokio::test]
async fn a_config_map_is_updated() {
    let servers = start().await;
    let mut object = json!({"metadata": {"name": "m", "namespace": "a"},
        "data": {"data-1": "value-1", "data-2": "value-2", "data-3": "value-3"}});
    servers.post(MAPS, &object).await.done();
    object["data"] = json!({"data": "value"});
    servers.put(&format!("{MAPS}/m"), &object).await.done();
    let read = servers.get(&format!("{MAPS}/m")).await;
    assert_eq!(read["data"], json!({"data": "value"}));
    servers.stop().await;
}

#[tokio::test]
async fn a_config_map_has_no_empty_key() {
    let servers = start().await;
    let object = json!({"metadata": {"name": "m"}, "data": {"": "value-1"}});
    let refused = servers.post(MAPS, &object).await.refused(422);
    assert!(refused.contains("data[]"), "{refused}");
    servers.stop().await;
}

#[tokio::test]
async fn a_secret_has_no_empty_key() {
    let servers = start().await;
    let object = json!({"metadata": {"name": "s"}, "data": {"": "dmFsdWUtMQo="}});
    let refused = servers.post(SECRETS, &object).await.refused(422);
    assert!(refused.contains("data[]"), "{refused}");
    servers.stop().await;
}

#[tokio::test]
async fn a_secret_is_patched() {
    let servers = start().await;
    let object = json!({"metadata": {"name": "s", "labels": {"constant": "true"}},
        "data": {"key": "dmFsdWU="}, "type": "Opaque"});
    servers.post(SECRETS, &object).await.done();
    assert_eq!(found(&servers, "/api/v1/secrets", "constant=true").await, ["s"]);
    let patch = json!({"metadata": {"labels": {"testsecret": "true"}},
        "data": {"key": "ZG1Gc2RXVXg="}});
    strategic(&servers, &format!("{SECRETS}/s"), &patch).await;
    let read = servers.get(&format!("{SECRETS}/s")).await;
    assert_eq!(read["data"], json!({"key": "ZG1Gc2RXVXg="}));
    delete_labelled(&servers, SECRETS, "testsecret=true", &json!({})).await;
    assert_eq!(found(&servers, "/api/v1/secrets", "constant=true").await, [""; 0]);
    servers.stop().await;
}

#[tokio::test]
async fn a_node_lives() {
    let servers = Servers::ready().await;
    let ready = json!({"type": "Ready", "status": "True", "reason": "E2E",
        "message": "set by a test"});
    let object = json!({
        "spec": {"unschedulable": true},
        "status": {"phase": "Running", "conditions": [ready]},
    });
    let life = Life { servers: &servers, uri: "/api/v1/nodes", object };
    let node = life.make("fake").await;
    assert_eq!(node["status"]["conditions"][0]["reason"], "E2E");
    let patch = json!({"metadata": {"labels": {"fake": "patched"}}});
    let mut patched = strategic(&servers, "/api/v1/nodes/fake", &patch).await;
    assert_eq!(life.found("fake=patched").await, ["fake"]);
    patched["metadata"]["labels"]["fake"] = json!("updated");
    let updated = servers.put("/api/v1/nodes/fake", &patched).await.done().body;
    assert_eq!(updated["metadata"]["labels"]["fake"], "updated");
    servers.delete("/api/v1/nodes/fake").await.done();
    assert_eq!(code(&servers, "/api/v1/nodes/fake").await, 404);
    life.run().await;
    servers.stop().await;
}

#[tokio::test]
async fn runtime_classes() {
    let servers = Servers::ready().await;
    let kind = ("node.k8s.io", "v1", "runtimeclasses");
    let object = json!({"handler": "conformance-handler"});
    Operations::new(&servers, kind, object).run(&json!({})).await;
    // A watch without a version begins with what is there.
    let life = Life { servers: &servers, uri: CLASSES, object: json!({"handler": "h"}) };
    let made = life.make("one").await;
    servers.watch(CLASSES).await.expect("ADDED", &made).await;
    servers.stop().await;
}

async fn runs(servers: &Servers, class: &str) -> (u16, Value) {
    let mut pod = pod("classed", &json!({}));
    pod["spec"]["runtimeClassName"] = json!(class);
    let answer = servers.post("/api/v1/namespaces/a/pods", &pod).await;
    (answer.code, answer.body)
}

#[tokio::test]
async fn a_pod_of_no_runtime_class_is_rejected() {
    let servers = start().await;
    let (code, body) = runs(&servers, "a-nonexistent").await;
    assert_eq!((code, &body["reason"]), (403, &json!("Forbidden")), "{body}");
    servers.stop().await;
}

#[tokio::test]
async fn a_pod_of_a_deleted_runtime_class_is_rejected() {
    let servers = start().await;
    let life = Life { servers: &servers, uri: CLASSES, object: json!({"handler": "runc"}) };
    life.make("delete-me").await;
    servers.delete(&format!("{CLASSES}/delete-me")).await.done();
    assert_eq!(servers.call("GET", &format!("{CLASSES}/delete-me"), &Value::Null).await.code, 404);
    let (code, body) = runs(&servers, "delete-me").await;
    assert_eq!((code, &body["reason"]), (403, &json!("Forbidden")), "{body}");
    servers.stop().await;
}

#[tokio::test]
async fn pods_have_the_overhead_of_their_runtime_class() {
    let servers = start().await;
    let life = Life { servers: &servers, uri: CLASSES, object: json!({"handler": "h"}) };
    life.make("light").await;
    let overhead = json!({"podFixed": {"cpu": "10m", "memory": "1Mi"}});
    let object = json!({"handler": "h", "overhead": overhead});
    Life { object, ..life }.make("heavy").await;
    let (_, light) = runs(&servers, "light").await;
    assert_eq!(light["spec"].get("overhead"), None);
    servers.delete("/api/v1/namespaces/a/pods/classed").await.done();
    let (_, heavy) = runs(&servers, "heavy").await;
    assert_eq!(heavy["spec"]["overhead"], json!({"cpu": "10m", "memory": "1Mi"}));
    servers.stop().await;
}
