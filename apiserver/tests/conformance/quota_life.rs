//! What quotas count of the lives of objects. A controller would write the status of a new quota
//! at once; here it stands from the first write that the quota counts.

use crate::support::servers::{Servers, pod};
use serde_json::{Value, json};

const N: &str = "/api/v1/namespaces/n";
const DONGLE: &str = "example.com/dongle";

async fn started() -> Servers {
    let servers = Servers::ready().await;
    servers.namespace("n", &json!({})).await;
    servers
}

/// A quota for everything that these tests make.
async fn limit(servers: &Servers) {
    let hard = json!({
        "pods": "5", "services": "10", "services.nodeports": "1", "services.loadbalancers": "1",
        "replicationcontrollers": "10", "resourcequotas": "1", "configmaps": "1", "secrets": "1",
        "cpu": "1", "memory": "500Mi", "ephemeral-storage": "50Gi",
        "requests.example.com/dongle": "3", "count/replicasets.apps": "5",
    });
    let quota = json!({"metadata": {"name": "tested"}, "spec": {"hard": hard}});
    servers.post(&format!("{N}/resourcequotas"), &quota).await.done();
}

async fn expect(servers: &Servers, quota: &str, used: &Value) {
    let read = servers.get(&format!("{N}/resourcequotas/{quota}")).await;
    for (resource, amount) in used.as_object().expect("resources") {
        assert_eq!(read["status"]["used"][resource], *amount, "{resource}: {read}");
    }
}

/// One object is counted as long as it is there; a second does not fit.
async fn count(collection: &str, resource: &str, object: &Value, fits_again: bool) {
    let servers = started().await;
    limit(&servers).await;
    let mut object = object.clone();
    object["metadata"] = json!({"name": "one"});
    servers.post(collection, &object).await.done();
    expect(&servers, "tested", &json!({resource: "1"})).await;
    object["metadata"] = json!({"name": "two"});
    let second = servers.post(collection, &object).await;
    assert_eq!(second.code, if fits_again { 201 } else { 403 }, "{}", second.body);
    let names = if fits_again { &["one", "two"][..] } else { &["one"] };
    for name in names {
        // A ReplicationController would wait for its dependents to be let go.
        let uri = format!("{collection}/{name}?propagationPolicy=Background");
        servers.delete(&uri).await.done();
    }
    expect(&servers, "tested", &json!({resource: "0"})).await;
    servers.stop().await;
}

#[tokio::test]
async fn config_maps() {
    count(&format!("{N}/configmaps"), "configmaps", &json!({"data": {"a": "b"}}), false).await;
}

#[tokio::test]
async fn secrets() {
    let secret = json!({"data": {"data-1": "dmFsdWUtMQ=="}});
    count(&format!("{N}/secrets"), "secrets", &secret, false).await;
}

fn template() -> Value {
    let container = json!({"name": "c", "image": "i"});
    json!({"metadata": {"labels": {"name": "tested"}}, "spec": {"containers": [container]}})
}

#[tokio::test]
async fn replication_controllers() {
    let spec = json!({"replicas": 0, "selector": {"name": "tested"}, "template": template()});
    let uri = format!("{N}/replicationcontrollers");
    count(&uri, "replicationcontrollers", &json!({"spec": spec}), true).await;
}

#[tokio::test]
async fn replica_sets() {
    let selector = json!({"matchLabels": {"name": "tested"}});
    let spec = json!({"replicas": 0, "selector": selector, "template": template()});
    let uri = "/apis/apps/v1/namespaces/n/replicasets";
    count(uri, "count/replicasets.apps", &json!({"spec": spec}), true).await;
}

#[tokio::test]
async fn services() {
    let servers = started().await;
    limit(&servers).await;
    let uri = format!("{N}/services");
    let service = |name: &str, kind: &str| {
        json!({
            "metadata": {"name": name}, "spec": {"type": kind, "ports": [{"port": 80}]},
        })
    };
    servers.post(&uri, &service("a", "ClusterIP")).await.done();
    servers.post(&uri, &service("b", "NodePort")).await.done();
    // It would take a port of every node too.
    servers.post(&uri, &service("c", "LoadBalancer")).await.refused(403);
    expect(&servers, "tested", &json!({"services": "2", "services.nodeports": "1"})).await;
    for name in ["a", "b"] {
        servers.delete(&format!("{uri}/{name}")).await.done();
    }
    expect(&servers, "tested", &json!({"services": "0", "services.nodeports": "0"})).await;
    servers.stop().await;
}

fn asking(name: &str, requests: &Value, limits: &Value) -> Value {
    pod(name, &json!({"resources": {"requests": requests, "limits": limits}}))
}

#[tokio::test]
async fn pods() {
    let servers = started().await;
    limit(&servers).await;
    let uri = format!("{N}/pods");
    let requests =
        json!({"cpu": "500m", "memory": "252Mi", "ephemeral-storage": "30Gi", DONGLE: "2"});
    let fits = asking("fits", &requests, &json!({DONGLE: "2"}));
    let mut made = servers.post(&uri, &fits).await.done().body;
    let used = json!({
        "pods": "1", "cpu": "500m", "memory": "252Mi", "ephemeral-storage": "30Gi",
        "requests.example.com/dongle": "2",
    });
    expect(&servers, "tested", &used).await;
    let too_much = json!({"cpu": "600m", "memory": "100Mi"});
    servers.post(&uri, &asking("more", &too_much, &json!({}))).await.refused(403);
    let too_many =
        json!({"cpu": "500m", "memory": "100Mi", "ephemeral-storage": "30Gi", DONGLE: "2"});
    servers.post(&uri, &asking("most", &too_many, &json!({DONGLE: "2"}))).await.refused(403);
    made["spec"]["containers"][0]["resources"]["requests"] =
        json!({"cpu": "100m", "memory": "100Mi", "ephemeral-storage": "10Gi"});
    let changed = servers.put(&format!("{uri}/fits"), &made).await;
    assert!(changed.code >= 400, "{}", changed.body);
    expect(&servers, "tested", &used).await;
    servers.delete(&format!("{uri}/fits?gracePeriodSeconds=0")).await.done();
    let none = json!({
        "pods": "0", "cpu": "0", "memory": "0", "ephemeral-storage": "0",
        "requests.example.com/dongle": "0",
    });
    expect(&servers, "tested", &none).await;
    servers.stop().await;
}

async fn limit_scope(servers: &Servers, scope: &str) {
    let mut hard = json!({"pods": "5"});
    if scope != "BestEffort" {
        let more = json!({
            "requests.cpu": "1", "requests.memory": "500Mi", "limits.cpu": "2",
            "limits.memory": "1Gi",
        });
        crate::operations::merge(&mut hard, &more);
    }
    let name = scope.to_lowercase();
    let quota = json!({"metadata": {"name": name}, "spec": {"hard": hard, "scopes": [scope]}});
    servers.post(&format!("{N}/resourcequotas"), &quota).await.done();
}

/// A pod is counted by the first quota and not by the second, as long as it is there.
async fn counted(servers: &Servers, pod: &Value, by: &str, not_by: &str, used: &Value) {
    let uri = format!("{N}/pods");
    servers.post(&uri, pod).await.done();
    expect(servers, by, used).await;
    let other = servers.get(&format!("{N}/resourcequotas/{not_by}")).await;
    // Nothing, or nothing yet.
    let pods = &other["status"]["used"]["pods"];
    assert!(pods.is_null() || *pods == "0", "{other}");
    let name = pod["metadata"]["name"].as_str().expect("a name");
    servers.delete(&format!("{uri}/{name}?gracePeriodSeconds=0")).await.done();
    for resource in used.as_object().expect("resources").keys() {
        expect(servers, by, &json!({resource: "0"})).await;
    }
}

fn burstable(name: &str) -> (Value, Value) {
    let requests = json!({"cpu": "500m", "memory": "200Mi"});
    let pod = asking(name, &requests, &json!({"cpu": "1", "memory": "400Mi"}));
    let used = json!({
        "pods": "1", "requests.cpu": "500m", "requests.memory": "200Mi", "limits.cpu": "1",
        "limits.memory": "400Mi",
    });
    (pod, used)
}

#[tokio::test]
async fn pods_that_ask_for_nothing() {
    let servers = started().await;
    for scope in ["BestEffort", "NotBestEffort"] {
        limit_scope(&servers, scope).await;
    }
    let (least, one) = (pod("least", &json!({})), json!({"pods": "1"}));
    counted(&servers, &least, "besteffort", "notbesteffort", &one).await;
    let (more, used) = burstable("more");
    counted(&servers, &more, "notbesteffort", "besteffort", &used).await;
    servers.stop().await;
}

#[tokio::test]
async fn pods_that_end() {
    let servers = started().await;
    for scope in ["Terminating", "NotTerminating"] {
        limit_scope(&servers, scope).await;
    }
    let (long, used) = burstable("long");
    counted(&servers, &long, "notterminating", "terminating", &used).await;
    let (mut short, used) = burstable("short");
    short["spec"]["activeDeadlineSeconds"] = json!(3600);
    counted(&servers, &short, "terminating", "notterminating", &used).await;
    servers.stop().await;
}
