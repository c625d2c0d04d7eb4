//! CSI objects, StorageClasses, VolumeAttachments, volumes and their claims, and what is immutable
//! in ConfigMaps and Secrets.

use crate::life::{Life, code, delete_labelled, found, has_condition, strategic};
use crate::operations::Operations;
use crate::support::kube::{names, version};
use crate::support::servers::Servers;
use serde_json::{Value, json};

const STORAGE: &str = "/apis/storage.k8s.io/v1";
const VOLUMES: &str = "/api/v1/persistentvolumes";
const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";

async fn lives(resource: &str, object: Value) {
    let servers = Servers::ready().await;
    let uri = format!("{STORAGE}/{resource}");
    Life { servers: &servers, uri: &uri, object }.run().await;
    servers.stop().await;
}

#[tokio::test]
async fn csi_nodes_live() {
    // Go writes what it has no drivers for as null.
    lives("csinodes", json!({"spec": {"drivers": null}})).await;
}

#[tokio::test]
async fn storage_classes_live() {
    lives("storageclasses", json!({"provisioner": "e2e-fake-provisioner"})).await;
}

#[tokio::test]
async fn csi_drivers_live() {
    let servers = Servers::ready().await;
    let uri = format!("{STORAGE}/csidrivers");
    let driver = |modes: Value| {
        json!({"metadata": {"labels": {"e2e": "yes"}},
            "spec": {"volumeLifecycleModes": modes, "fsGroupPolicy": "ReadWriteOnceWithFSType"}})
    };
    let life = Life { servers: &servers, uri: &uri, object: driver(json!(["Ephemeral"])) };
    let first = life.make("first").await;
    let second = Life { object: driver(json!(["Persistent", "Ephemeral"])), ..life };
    second.make("second").await;
    assert_eq!(servers.get(&format!("{uri}/first")).await, first);
    let one = format!("{uri}/second");
    let patch = json!({"metadata": {"labels": {"second": "patched"}}});
    let mut patched = strategic(&servers, &one, &patch).await;
    assert_eq!(patched["metadata"]["labels"]["second"], "patched");
    patched["metadata"]["labels"]["second"] = json!("updated");
    let updated = servers.put(&one, &patched).await.done().body;
    assert_eq!(updated["metadata"]["labels"]["second"], "updated");
    assert_eq!(second.found("e2e=yes").await, ["first", "second"]);
    servers.delete(&format!("{uri}/first")).await.done();
    assert_eq!(code(&servers, &format!("{uri}/first")).await, 404);
    delete_labelled(&servers, &uri, "second=updated", &json!({})).await;
    assert_eq!(code(&servers, &one).await, 404);
    servers.stop().await;
}

#[tokio::test]
async fn csi_storage_capacities() {
    let servers = Servers::ready().await;
    let kind = ("storage.k8s.io", "v1", "csistoragecapacities");
    let object = json!({"storageClassName": "e2e.example.com"});
    let operations =
        Operations { namespace: Some("default"), ..Operations::new(&servers, kind, object) };
    operations.run(&json!({})).await;
    let (uri, everywhere) = (operations.uri(), format!("{STORAGE}/csistoragecapacities"));
    let life = Life { servers: &servers, uri: &uri, object: operations.object.clone() };
    life.make("one").await;
    let (mut here, mut all) = (servers.watch(&uri).await, servers.watch(&everywhere).await);
    let two = life.make("two").await;
    for watch in [&mut here, &mut all] {
        watch.until("ADDED", |object| *object == two).await;
    }
    assert_eq!(names(&servers.get(&everywhere).await), ["one", "two"]);
    servers.stop().await;
}

fn attachment(volume: &str) -> Value {
    // The suite gives it a uid, which is not taken.
    json!({
        "metadata": {"uid": "va-of-the-suite"},
        "spec": {"attacher": "e2e-test.storage.k8s.io", "nodeName": "n",
            "source": {"persistentVolumeName": volume}},
        "status": {"attached": false},
    })
}

#[tokio::test]
async fn volume_attachments_live() {
    let servers = Servers::ready().await;
    let uri = format!("{STORAGE}/volumeattachments");
    let life = Life { servers: &servers, uri: &uri, object: attachment("pv") };
    life.run().await;
    for name in ["second", "third"] {
        let mut made = life.make(name).await;
        assert_ne!(made["metadata"]["uid"], "va-of-the-suite");
        made["metadata"]["labels"] = json!({"va-e2e": "updated"});
        servers.put(&format!("{uri}/{name}"), &made).await.done();
    }
    assert_eq!(life.found("va-e2e=updated").await, ["second", "third"]);
    delete_labelled(&servers, &uri, "va-e2e=updated", &json!({})).await;
    assert_eq!(life.found("va-e2e=updated").await, [""; 0]);
    servers.stop().await;
}

#[tokio::test]
async fn volume_attachments_have_status() {
    let servers = Servers::ready().await;
    let uri = format!("{STORAGE}/volumeattachments");
    let life = Life { servers: &servers, uri: &uri, object: attachment("pv") };
    life.make("va").await;
    let patch = json!({"metadata": {"labels": {"va": "patched"}}});
    let patched = servers.patch(&format!("{uri}/va"), &patch).await.done().body;
    assert_eq!(patched["metadata"]["labels"]["va"], "patched");
    let status = format!("{uri}/va/status");
    assert_eq!(servers.get(&status).await["status"], json!({"attached": false}));
    let patched = servers.patch(&status, &json!({"status": {"attached": true}})).await;
    let mut object = patched.done().body;
    assert_eq!(object["status"], json!({"attached": true}));
    object["status"]["attached"] = json!(false);
    let updated = servers.put(&status, &object).await.done().body;
    assert_eq!(updated["status"], json!({"attached": false}));
    servers.delete(&format!("{uri}/va")).await.done();
    assert_eq!(life.found("va=patched").await, [""; 0]);
    servers.stop().await;
}

fn volume() -> Value {
    json!({
        "metadata": {"generateName": "ns-", "labels": {"e2e": "yes"}},
        "spec": {
            "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "ns",
            "capacity": {"storage": "2Gi"},
            "accessModes": ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"],
            "csi": {"driver": "inline-driver", "volumeHandle": "e2e-conformance"},
        },
        "status": {},
    })
}

fn claim() -> Value {
    let modes = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"];
    json!({
        "metadata": {"generateName": "pvc-"},
        "spec": {"accessModes": modes, "storageClassName": "ns",
            "resources": {"requests": {"storage": "2Gi"}}},
        "status": {},
    })
}

/// Where a new object is.
async fn put_there(servers: &Servers, uri: &str, object: &Value) -> String {
    let made = servers.post(uri, object).await.done().body;
    format!("{uri}/{}", made["metadata"]["name"].as_str().expect("a name"))
}

/// Deletes what the controllers of volumes protect, as if they had let it go.
async fn delete_protected(servers: &Servers, one: &str, finalizer: &str) {
    let going = servers.get(one).await;
    assert!(going["metadata"]["deletionTimestamp"].is_string(), "{going}");
    assert_eq!(going["metadata"]["finalizers"], json!([finalizer]));
    servers.patch(one, &json!({"metadata": {"finalizers": null}})).await.done();
    assert_eq!(code(servers, one).await, 404);
}

/// [`Life`] of what controllers protect.
async fn lives_protected(uri: &str, object: &Value, finalizer: &str) {
    let servers = Servers::ready().await;
    let one = put_there(&servers, uri, object).await;
    let listed = servers.get(uri).await["items"][0].clone();
    let patch = json!({"metadata": {"labels": {"one": "patched"}}});
    let patched = strategic(&servers, &one, &patch).await;
    assert_eq!(patched["metadata"]["labels"]["one"], "patched");
    assert!(version(&patched) > version(&listed));
    let read = servers.get(&one).await;
    assert_eq!(read["metadata"]["uid"], listed["metadata"]["uid"]);
    servers.delete(&one).await.done();
    delete_protected(&servers, &one, finalizer).await;

    let one = put_there(&servers, uri, object).await;
    let mut read = servers.get(&one).await;
    read["metadata"]["labels"] = json!({"one": "updated"});
    let updated = servers.put(&one, &read).await.done().body;
    assert_eq!(updated["metadata"]["labels"]["one"], "updated");
    let everywhere = uri.replace("/namespaces/default", "");
    assert_eq!(found(&servers, &everywhere, "one=updated").await.len(), 1);
    delete_labelled(&servers, uri, "one=updated", &json!({})).await;
    delete_protected(&servers, &one, finalizer).await;
    servers.stop().await;
}

#[tokio::test]
async fn volumes_live() {
    lives_protected(VOLUMES, &volume(), "kubernetes.io/pv-protection").await;
}

#[tokio::test]
async fn claims_live() {
    lives_protected(CLAIMS, &claim(), "kubernetes.io/pvc-protection").await;
}

#[tokio::test]
async fn volume_attributes_classes_live() {
    let uri = format!("{STORAGE}/volumeattributesclasses");
    let object = json!({"metadata": {"generateName": "e2e-"}, "kind": "VolumeAttributesClass",
        "apiVersion": "storage.k8s.io/v1", "driverName": "e2e-fake-csi-driver",
        "parameters": {"foo": "bar"}});
    lives_protected(&uri, &object, "kubernetes.io/vac-protection").await;
}

#[tokio::test]
async fn volumes_and_claims_have_status() {
    let servers = Servers::ready().await;
    let volume = put_there(&servers, VOLUMES, &volume()).await;
    let claim = put_there(&servers, CLAIMS, &claim()).await;
    let (volume, claim) = (format!("{volume}/status"), format!("{claim}/status"));
    assert_eq!(servers.get(&claim).await["status"]["phase"], "Pending");
    assert_eq!(servers.get(&volume).await["status"]["phase"], "Pending");
    let condition = |kind: &str| json!({"type": kind, "status": "True", "reason": "E2E", "message": "set by a test"});
    let patch = json!({"status": {"conditions": [condition("StatusPatched")]}});
    let mut patched = servers.patch(&claim, &patch).await.done().body;
    assert!(has_condition(&patched, "StatusPatched"), "{patched}");
    let patch = json!({"status": {"message": "StatusPatched", "reason": "E2E patchStatus"}});
    let mut told = servers.patch(&volume, &patch).await.done().body;
    assert_eq!(
        (&told["status"]["message"], &told["status"]["reason"]),
        (&json!("StatusPatched"), &json!("E2E patchStatus"))
    );
    // Go writes times that are not set as null.
    let mut updated = condition("StatusUpdated");
    updated["lastProbeTime"] = Value::Null;
    updated["lastTransitionTime"] = Value::Null;
    patched["status"]["conditions"].as_array_mut().expect("conditions").push(updated);
    let updated = servers.put(&claim, &patched).await.done().body;
    assert!(has_condition(&updated, "StatusPatched") && has_condition(&updated, "StatusUpdated"));
    told["status"]["message"] = json!("StatusUpdated");
    told["status"]["reason"] = json!("E2E updateStatus");
    let updated = servers.put(&volume, &told).await.done().body;
    assert_eq!(
        (&updated["status"]["message"], &updated["status"]["reason"]),
        (&json!("StatusUpdated"), &json!("E2E updateStatus"))
    );
    servers.stop().await;
}

/// `values` are three values of data.
async fn becomes_immutable(resource: &str, values: [&str; 3]) {
    let servers = Servers::ready().await;
    let uri = format!("/api/v1/namespaces/default/{resource}");
    let object = json!({"metadata": {"name": "immutable"}, "data": {"data-1": values[0]}});
    servers.post(&uri, &object).await.done();
    let one = format!("{uri}/immutable");
    let mut object = servers.get(&one).await;
    object["data"]["data-4"] = json!(values[1]);
    let mut object = servers.put(&one, &object).await.done().body;
    object["immutable"] = json!(true);
    let marked = servers.put(&one, &object).await.done().body;
    assert_eq!(marked["immutable"], true);
    let mut changed = marked.clone();
    changed["data"]["data-5"] = json!(values[2]);
    let refused = servers.put(&one, &changed).await.refused(422);
    assert!(refused.contains("field is immutable when `immutable` is set"), "{refused}");
    for value in [json!(false), Value::Null] {
        let mut changed = marked.clone();
        changed["immutable"] = value;
        servers.put(&one, &changed).await.refused(422);
    }
    let read = servers.get(&one).await;
    assert_eq!((&read["immutable"], &read["data"]), (&json!(true), &marked["data"]));
    let mut labelled = marked;
    labelled["metadata"]["labels"] = json!({"label1": "value1"});
    let labelled = servers.put(&one, &labelled).await.done().body;
    assert_eq!(labelled["metadata"]["labels"]["label1"], "value1");
    servers.delete(&one).await.done();
    assert_eq!(code(&servers, &one).await, 404);
    servers.stop().await;
}

#[tokio::test]
async fn config_maps_become_immutable() {
    becomes_immutable("configmaps", ["value-1", "value-4", "value-5"]).await;
}

#[tokio::test]
async fn secrets_become_immutable() {
    becomes_immutable("secrets", ["dmFsdWUtMQ==", "dmFsdWUtNA==", "dmFsdWUtNQ=="]).await;
}
