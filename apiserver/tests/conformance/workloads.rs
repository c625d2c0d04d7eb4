//! Deployments, ReplicaSets, StatefulSets, DaemonSets and ReplicationControllers: their
//! collections, their scales and their status. Where the suite waits for controllers, the tests
//! write what those would.

use crate::life::{code, condition, delete_labelled, found, has_condition, strategic};
use crate::support::kube::version;
use crate::support::servers::Servers;
use serde_json::{Value, json};

const CONTROLLERS: &str = "/api/v1/namespaces/default/replicationcontrollers";

fn collection(resource: &str) -> String {
    format!("/apis/apps/v1/namespaces/default/{resource}")
}

fn template() -> Value {
    json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"terminationGracePeriodSeconds": 0,
            "containers": [{"name": "web", "image": "web:1"}]},
    })
}

/// An object of the group `apps` that runs pods.
fn workload(resource: &str) -> Value {
    let mut spec = json!({"selector": {"matchLabels": {"app": "web"}}, "template": template()});
    if resource != "daemonsets" {
        spec["replicas"] = json!(1);
    }
    if resource == "statefulsets" {
        spec["serviceName"] = json!("web");
    }
    json!({"metadata": {"name": "web", "labels": {"e2e": "testing"}}, "spec": spec})
}

fn controller() -> Value {
    let spec = json!({"replicas": 1, "selector": {"app": "web"}, "template": template()});
    json!({"metadata": {"name": "web", "labels": {"e2e": "testing"}}, "spec": spec})
}

/// What Go writes for a Scale with nothing but a number of replicas.
fn scale(replicas: u32) -> Value {
    json!({"metadata": {"creationTimestamp": null}, "spec": {"replicas": replicas},
        "status": {"replicas": 0}})
}

async fn scales(uri: &str, object: &Value) {
    let servers = Servers::ready().await;
    servers.post(uri, object).await.done();
    let one = format!("{uri}/web");
    let mut read = servers.get(&format!("{one}/scale")).await;
    assert_eq!((&read["kind"], &read["apiVersion"]), (&json!("Scale"), &json!("autoscaling/v1")));
    assert_eq!(read["spec"]["replicas"], 1);
    assert_eq!(read["status"]["selector"], "app=web");
    read["metadata"]["resourceVersion"] = json!("");
    read["spec"]["replicas"] = json!(2);
    let written = servers.put(&format!("{one}/scale"), &read).await.done().body;
    assert_eq!(written["spec"]["replicas"], 2);
    assert_eq!(servers.get(&one).await["spec"]["replicas"], 2);
    let patched = strategic(&servers, &format!("{one}/scale"), &scale(4)).await;
    assert_eq!(patched["spec"]["replicas"], 4);
    assert_eq!(servers.get(&one).await["spec"]["replicas"], 4);
    servers.stop().await;
}

#[tokio::test]
async fn deployments_scale() {
    scales(&collection("deployments"), &workload("deployments")).await;
}

#[tokio::test]
async fn replica_sets_scale() {
    scales(&collection("replicasets"), &workload("replicasets")).await;
}

#[tokio::test]
async fn stateful_sets_scale() {
    scales(&collection("statefulsets"), &workload("statefulsets")).await;
}

#[tokio::test]
async fn replication_controllers_scale() {
    scales(CONTROLLERS, &controller()).await;
}

async fn has_status(resource: &str, patch: &Value) {
    let servers = Servers::ready().await;
    let uri = collection(resource);
    let made = servers.post(&uri, &workload(resource)).await.done().body;
    let watch = format!("{uri}?labelSelector=e2e%3Dtesting&resourceVersion={}", version(&made));
    let mut watch = servers.watch(&watch).await;
    let status = format!("{uri}/web/status");
    let mut read = servers.get(&status).await;
    assert_eq!(read, made);
    read["status"]["conditions"] = json!([condition("StatusUpdate")]);
    let updated = servers.put(&status, &read).await.done().body;
    let seen = watch.until("MODIFIED", |object| has_condition(object, "StatusUpdate")).await;
    assert_eq!(seen, updated);
    let patched = servers.patch(&status, patch).await.done().body;
    assert_eq!(patched["spec"], made["spec"], "the status alone is written");
    let seen = watch.until("MODIFIED", |object| has_condition(object, "StatusPatched")).await;
    assert_eq!(seen, patched);
    assert!(!has_condition(&servers.get(&status).await, "StatusUpdate"), "lists are replaced");
    servers.stop().await;
}

fn status_patch() -> Value {
    json!({"status": {"conditions": [{"type": "StatusPatched", "status": "True"}]}})
}

#[tokio::test]
async fn deployments_have_status() {
    has_status("deployments", &status_patch()).await;
}

#[tokio::test]
async fn replica_sets_have_status() {
    has_status("replicasets", &status_patch()).await;
}

#[tokio::test]
async fn stateful_sets_have_status() {
    has_status("statefulsets", &status_patch()).await;
}

/// The patch is a whole object as Go writes one, and would take the specification away.
#[tokio::test]
async fn daemon_sets_have_status() {
    let patch = json!({
        "metadata": {"creationTimestamp": null},
        "spec": {
            "selector": null,
            "template": {"metadata": {"creationTimestamp": null}, "spec": {"containers": null}},
            "updateStrategy": {},
        },
        "status": {
            "currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0,
            "numberReady": 0,
            "conditions": [{"type": "StatusPatched", "status": "True", "lastTransitionTime": null}],
        },
    });
    has_status("daemonsets", &patch).await;
}

async fn go_as_a_collection(resource: &str) {
    let servers = Servers::ready().await;
    let (uri, everywhere) = (collection(resource), format!("/apis/apps/v1/{resource}"));
    servers.post(&uri, &workload(resource)).await.done();
    assert_eq!(found(&servers, &everywhere, "e2e=testing").await, ["web"]);
    let options = json!({"gracePeriodSeconds": 1});
    delete_labelled(&servers, &uri, "e2e=testing", &options).await;
    assert_eq!(found(&servers, &everywhere, "e2e=testing").await, [""; 0]);
    servers.stop().await;
}

#[tokio::test]
async fn daemon_sets_go_as_a_collection() {
    go_as_a_collection("daemonsets").await;
}

#[tokio::test]
async fn replica_sets_go_as_a_collection() {
    go_as_a_collection("replicasets").await;
}

#[tokio::test]
async fn stateful_sets_are_patched_and_go_as_a_collection() {
    let servers = Servers::ready().await;
    let uri = collection("statefulsets");
    servers.post(&uri, &workload("statefulsets")).await.done();
    // Upstream's patch misspells a field, which must only be warned of.
    let spec = json!({"TerminationGracePeriodSeconds": 1,
        "containers": [{"name": "web", "image": "web:2"}]});
    let patch = json!({
        "metadata": {"labels": {"test-ss": "patched"}},
        "spec": {"replicas": 2, "template": {"spec": spec}},
    });
    let patched = strategic(&servers, &format!("{uri}/web"), &patch).await;
    assert_eq!(patched["spec"]["replicas"], 2);
    assert_eq!(patched["spec"]["template"]["spec"]["containers"][0]["image"], "web:2");
    let everywhere = "/apis/apps/v1/statefulsets";
    assert_eq!(found(&servers, everywhere, "test-ss=patched").await, ["web"]);
    let options = json!({"gracePeriodSeconds": 1});
    delete_labelled(&servers, &uri, "test-ss=patched", &options).await;
    assert_eq!(found(&servers, everywhere, "test-ss=patched").await, [""; 0]);
    servers.stop().await;
}

#[tokio::test]
async fn a_replica_set_is_replaced_and_patched() {
    let servers = Servers::ready().await;
    let uri = collection("replicasets");
    let mut set = servers.post(&uri, &workload("replicasets")).await.done().body;
    set["spec"]["replicas"] = json!(2);
    let replaced = servers.put(&format!("{uri}/web"), &set).await.done().body;
    assert_eq!(
        (&replaced["spec"]["replicas"], replaced["metadata"]["generation"].as_u64()),
        (&json!(2), Some(2))
    );
    let spec = json!({"containers": [{"name": "web", "image": "web:2"}]});
    let patch = json!({
        "metadata": {"labels": {"test-rs": "patched"}},
        "spec": {"replicas": 3, "template": {"spec": spec}},
    });
    let patched = strategic(&servers, &format!("{uri}/web"), &patch).await;
    assert_eq!(patched["metadata"]["labels"], json!({"e2e": "testing", "test-rs": "patched"}));
    assert_eq!(patched["spec"]["replicas"], 3);
    assert_eq!(patched["spec"]["template"]["spec"]["containers"][0]["image"], "web:2");
    servers.stop().await;
}

#[tokio::test]
async fn a_deployment_lives() {
    let servers = Servers::ready().await;
    let (uri, everywhere) = (collection("deployments"), "/apis/apps/v1/deployments");
    let watch = servers.get(everywhere).await;
    let watch = format!("{uri}?labelSelector=e2e%3Dtesting&resourceVersion={}", version(&watch));
    let mut watch = servers.watch(&watch).await;
    let made = servers.post(&uri, &workload("deployments")).await.done().body;
    watch.expect("ADDED", &made).await;
    let one = format!("{uri}/web");
    let spec = json!({"terminationGracePeriodSeconds": 1,
        "containers": [{"name": "web", "image": "web:2"}]});
    let patch = json!({
        "metadata": {"labels": {"test-deployment": "patched"}},
        "spec": {"replicas": 2, "template": {"spec": spec}},
    });
    let patched = strategic(&servers, &one, &patch).await;
    watch.expect("MODIFIED", &patched).await;
    assert_eq!(patched["spec"]["template"]["spec"]["terminationGracePeriodSeconds"], 1);
    assert_eq!(found(&servers, everywhere, "test-deployment=patched").await, ["web"]);
    // A dynamic client replaces the status with what it read, and with numbers of its own.
    let mut status = servers.get(&format!("{one}/status")).await;
    status["metadata"]["labels"]["test-deployment"] = json!("updated");
    status["spec"]["replicas"] = json!(7);
    status["status"]["replicas"] = json!(2);
    status["status"]["readyReplicas"] = json!(1);
    let written = servers.put(&format!("{one}/status"), &status).await.done().body;
    assert_eq!(written["spec"]["replicas"], 2);
    assert_eq!(written["metadata"]["labels"]["test-deployment"], "patched");
    watch.expect("MODIFIED", &written).await;
    let patch = json!({"metadata": {"annotations": {"patchedstatus": "true"}},
        "status": {"readyReplicas": 2, "availableReplicas": 1}});
    let patched = strategic(&servers, &format!("{one}/status"), &patch).await;
    assert_eq!(patched["status"]["readyReplicas"], 2);
    watch.expect("MODIFIED", &patched).await;
    let options = json!({"gracePeriodSeconds": 1});
    delete_labelled(&servers, &uri, "e2e=testing", &options).await;
    watch.until("DELETED", |object| object["metadata"]["name"] == "web").await;
    assert_eq!(code(&servers, &one).await, 404);
    servers.stop().await;
}

/// Its pods are orphaned by default: until the garbage collector has seen to that, it stays.
#[tokio::test]
async fn a_replication_controller_lives() {
    let servers = Servers::ready().await;
    let mut watch = servers.watch(&format!("{CONTROLLERS}?labelSelector=e2e%3Dtesting")).await;
    let made = servers.post(CONTROLLERS, &controller()).await.done().body;
    watch.expect("ADDED", &made).await;
    let (one, status) = (format!("{CONTROLLERS}/web"), format!("{CONTROLLERS}/web/status"));
    let patch = json!({"metadata": {"creationTimestamp": null, "labels": {"test-rc": "patched"}},
        "spec": {}, "status": {"replicas": 0}});
    let patched = strategic(&servers, &one, &patch).await;
    assert_eq!(patched["metadata"]["labels"]["test-rc"], "patched");
    watch.expect("MODIFIED", &patched).await;
    let patch = json!({"status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1}});
    let ready = strategic(&servers, &status, &patch).await;
    watch.expect("MODIFIED", &ready).await;
    let patch = json!({"status": {"readyReplicas": 0, "availableReplicas": 0}});
    let unready = strategic(&servers, &status, &patch).await;
    assert_eq!(unready["status"]["readyReplicas"].as_u64().unwrap_or_default(), 0);
    watch.expect("MODIFIED", &unready).await;
    assert_eq!(servers.get(&status).await["status"]["replicas"], 1);
    strategic(&servers, &format!("{one}/scale"), &scale(2)).await;
    watch.until("MODIFIED", |object| object["spec"]["replicas"] == 2).await;
    let mut object = servers.get(&one).await;
    assert_eq!(object["metadata"]["labels"]["test-rc"], "patched");
    object["status"]["availableReplicas"] = json!(1);
    object["status"]["readyReplicas"] = json!(1);
    let written = servers.put(&status, &object).await.done().body;
    watch.expect("MODIFIED", &written).await;
    let everywhere = "/api/v1/replicationcontrollers";
    assert_eq!(found(&servers, everywhere, "e2e=testing").await, ["web"]);
    delete_labelled(&servers, CONTROLLERS, "e2e=testing", &json!({})).await;
    let going = servers.get(&one).await;
    assert_eq!(going["metadata"]["finalizers"], json!(["orphan"]));
    servers.patch(&one, &json!({"metadata": {"finalizers": null}})).await.done();
    watch.until("DELETED", |object| object["metadata"]["name"] == "web").await;
    servers.stop().await;
}

#[tokio::test]
async fn controller_revisions_live() {
    let servers = Servers::ready().await;
    let set = servers.post(&collection("daemonsets"), &workload("daemonsets")).await.done().body;
    let owner = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "web",
        "uid": set["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true});
    let (uri, everywhere) =
        (collection("controllerrevisions"), "/apis/apps/v1/controllerrevisions");
    let data = json!({"spec": {"template": {"$patch": "replace", "spec": {"containers": []}}}});
    let revision = |name: &str, number: u32| {
        json!({
            "metadata": {"name": name, "labels": {"app": "web"}, "ownerReferences": [owner]},
            "data": data, "revision": number,
        })
    };
    let first = servers.post(&uri, &revision("web-1", 1)).await.done().body;
    assert_eq!(first["data"], data);
    assert_eq!(found(&servers, everywhere, "app=web").await, ["web-1"]);
    let patch = json!({"metadata": {"labels": {"web-1": "patched"}}});
    let patched = strategic(&servers, &format!("{uri}/web-1"), &patch).await;
    assert_eq!(patched["metadata"]["labels"]["web-1"], "patched");
    let mut second = servers.post(&uri, &revision("web-2", 2)).await.done().body;
    assert_eq!(found(&servers, &uri, "app=web").await, ["web-1", "web-2"]);
    servers.delete(&format!("{uri}/web-1")).await.done();
    assert_eq!(found(&servers, &uri, "app=web").await, ["web-2"]);
    second["metadata"]["labels"]["web-2"] = json!("updated");
    let updated = servers.put(&format!("{uri}/web-2"), &second).await.done().body;
    assert_eq!(updated["metadata"]["labels"]["web-2"], "updated");
    servers.post(&uri, &revision("web-3", 3)).await.done();
    servers.delete(&format!("{uri}?labelSelector=web-2%3Dupdated")).await.done();
    let left = servers.get(&uri).await;
    assert_eq!(
        (&left["items"][0]["revision"], left["items"].as_array().map(Vec::len)),
        (&json!(3), Some(1))
    );
    servers.stop().await;
}
