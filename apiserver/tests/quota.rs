//! Quotas: what they count, and that no crowd of writers ever exceeds one.

mod support;

use serde_json::{Value, json};
use std::sync::Arc;
use support::servers::{Servers, admin, pod, request};
use support::{PATIENCE, eventually};
use tokio::task::JoinSet;

const PODS: &str = "/api/v1/namespaces/n/pods";
const MAPS: &str = "/api/v1/namespaces/n/configmaps";
const QUOTAS: &str = "/api/v1/namespaces/n/resourcequotas";

fn quota(name: &str, hard: &Value) -> Value {
    json!({"metadata": {"name": name}, "spec": {"hard": hard}})
}

async fn used(servers: &Servers, name: &str) -> Value {
    servers.get(&format!("{QUOTAS}/{name}")).await["status"]["used"].clone()
}

#[tokio::test]
async fn a_quota_counts_at_once_and_gives_back() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    servers.post(PODS, &pod("before", &json!({}))).await.done();
    let two = quota("q", &json!({"pods": "2", "count/configmaps": "1"}));
    let made = servers.post(QUOTAS, &two);
    assert_eq!(made.await.done().body["status"], json!({}));

    servers.post(PODS, &pod("a", &json!({}))).await.done();
    assert_eq!(used(&servers, "q").await, json!({"count/configmaps": "0", "pods": "2"}));
    assert_eq!(
        servers.post(PODS, &pod("b", &json!({}))).await.refused(403),
        "pods \"b\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: \
         pods=2"
    );
    let map = json!({"metadata": {"name": "m"}});
    servers.post(&format!("{MAPS}?dryRun=All"), &map).await.done();
    servers.post(MAPS, &map).await.done();
    assert_eq!(
        servers.post(MAPS, &json!({"metadata": {"name": "o"}})).await.refused(403),
        "configmaps \"o\" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: \
         count/configmaps=1, limited: count/configmaps=1"
    );
    servers.delete(&format!("{PODS}/before")).await.done();
    assert_eq!(used(&servers, "q").await["pods"], "1");
    // What has ended is counted as an object, and no longer as a pod.
    let ended = json!({"status": {"phase": "Succeeded"}});
    servers.patch(&format!("{PODS}/a/status"), &ended).await.done();
    assert_eq!(used(&servers, "q").await["pods"], "0");
    servers.delete(&format!("{PODS}/a")).await.done();
    assert_eq!(used(&servers, "q").await, json!({"count/configmaps": "1", "pods": "0"}));

    let raised = json!({"spec": {"hard": {"pods": "3", "configmaps": "2"}}});
    servers.patch(&format!("{QUOTAS}/q"), &raised).await.done();
    servers.post(MAPS, &json!({"metadata": {"name": "o"}})).await.refused(403);
    let raised = json!({"spec": {"hard": {"count/configmaps": null}}});
    servers.patch(&format!("{QUOTAS}/q"), &raised).await.done();
    servers.post(MAPS, &json!({"metadata": {"name": "o"}})).await.done();
    let shown = servers.get(&format!("{QUOTAS}/q")).await["status"].clone();
    assert_eq!(shown["hard"], json!({"configmaps": "2", "pods": "3"}));
    assert_eq!(shown["used"], json!({"configmaps": "2", "pods": "0"}));
    servers.stop().await;
}

#[tokio::test]
async fn an_object_that_a_finalizer_held_gives_back_what_it_used() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    servers.post(QUOTAS, &quota("q", &json!({"configmaps": "1"}))).await.done();
    let held = json!({"metadata": {"name": "m", "finalizers": ["example.com/f"]}});
    servers.post(MAPS, &held).await.done();
    servers.delete(&format!("{MAPS}/m")).await.done();
    assert_eq!(used(&servers, "q").await["configmaps"], "1");
    let released = json!({"metadata": {"finalizers": null}});
    servers.patch(&format!("{MAPS}/m"), &released).await.done();
    assert_eq!(used(&servers, "q").await["configmaps"], "0");
    servers.stop().await;
}

#[tokio::test]
async fn collections_that_are_deleted_give_back_what_they_used() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    servers.post(QUOTAS, &quota("q", &json!({"configmaps": "3"}))).await.done();
    let held = json!({"metadata": {"name": "held", "finalizers": ["example.com/f"]}});
    servers.post(MAPS, &held).await.done();
    for name in ["a", "b"] {
        servers.post(MAPS, &json!({"metadata": {"name": name}})).await.done();
    }
    assert_eq!(used(&servers, "q").await["configmaps"], "3");
    servers.delete(MAPS).await.done();
    assert_eq!(used(&servers, "q").await["configmaps"], "1");
    let released = json!({"metadata": {"finalizers": null}});
    servers.patch(&format!("{MAPS}/held"), &released).await.done();
    assert_eq!(used(&servers, "q").await["configmaps"], "0");
    // Nor does a pod count that ends in its time.
    servers.post(QUOTAS, &quota("p", &json!({"pods": "1"}))).await.done();
    let mut placed = pod("p", &json!({}));
    placed["spec"]["nodeName"] = "m".into();
    servers.post(PODS, &placed).await.done();
    let marked = servers.delete(&format!("{PODS}/p")).await.done().body;
    assert!(marked["metadata"]["deletionTimestamp"].is_string(), "{marked}");
    assert_eq!(used(&servers, "p").await["pods"], "1");
    servers.delete(&format!("{PODS}/p?gracePeriodSeconds=0")).await.done();
    assert_eq!(used(&servers, "p").await["pods"], "0");
    servers.stop().await;
}

#[tokio::test]
async fn resources_must_be_said_and_are_added_up() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    let hard =
        json!({"limits.cpu": "1", "requests.memory": "1Gi", "requests.example.com/gpu": "1"});
    servers.post(QUOTAS, &quota("q", &hard)).await.done();
    assert_eq!(
        servers.post(PODS, &pod("p", &json!({}))).await.refused(403),
        "pods \"p\" is forbidden: failed quota: q: must specify limits.cpu for: c; requests.memory \
         for: c"
    );
    let needs = |cpu: &str| json!({"resources": {"limits": {"cpu": cpu, "memory": "512Mi", "example.com/gpu": "1"}}});
    servers.post(PODS, &pod("p", &needs("600m"))).await.done();
    assert_eq!(
        servers.post(PODS, &pod("o", &needs("500m"))).await.refused(403),
        "pods \"o\" is forbidden: exceeded quota: q, requested: \
         limits.cpu=500m,requests.example.com/gpu=1, used: \
         limits.cpu=600m,requests.example.com/gpu=1, limited: \
         limits.cpu=1,requests.example.com/gpu=1"
    );
    servers.stop().await;
}

#[tokio::test]
async fn scopes_and_services_and_claims_are_counted() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    let mut ending = quota("ending", &json!({"pods": "0"}));
    ending["spec"]["scopes"] = json!(["Terminating"]);
    servers.post(QUOTAS, &ending).await.done();
    servers.post(PODS, &pod("p", &json!({}))).await.done();
    let mut short = pod("o", &json!({}));
    short["spec"]["activeDeadlineSeconds"] = json!(5);
    servers.post(PODS, &short).await.refused(403);
    let shorter = json!({"spec": {"activeDeadlineSeconds": 5}});
    servers.patch(&format!("{PODS}/p"), &shorter).await.refused(403);

    let hard = json!({"services.nodeports": "1", "services": "5",
        "gold.storageclass.storage.k8s.io/requests.storage": "1Gi"});
    servers.post(QUOTAS, &quota("q", &hard)).await.done();
    let services = "/api/v1/namespaces/n/services";
    let service = |name: &str, kind: &str| json!({"metadata": {"name": name}, "spec": {"type": kind, "ports": [{"port": 80}]}});
    servers.post(services, &service("a", "NodePort")).await.done();
    servers.post(services, &service("b", "ClusterIP")).await.done();
    assert_eq!(
        servers
            .patch(&format!("{services}/b"), &json!({"spec": {"type": "NodePort"}}))
            .await
            .refused(403),
        "services \"b\" is forbidden: exceeded quota: q, requested: services.nodeports=1, used: \
         services.nodeports=1, limited: services.nodeports=1"
    );
    let inside = json!({"spec": {"type": "ClusterIP"}});
    servers.patch(&format!("{services}/a"), &inside).await.done();
    assert_eq!(used(&servers, "q").await["services.nodeports"], "0");
    let claim = |class: &str| {
        json!({"metadata": {"name": class}, "spec": {"storageClassName": class,
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}})
    };
    let claims = "/api/v1/namespaces/n/persistentvolumeclaims";
    servers.post(claims, &claim("tin")).await.done();
    servers.post(claims, &claim("gold")).await.refused(403);
    servers.stop().await;
}

/// Whoever counts by watching sees some objects late.
#[tokio::test]
async fn usage_is_what_is_there_whatever_a_controller_says() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    for name in ["a", "b"] {
        servers.post(MAPS, &json!({"metadata": {"name": name}})).await.done();
    }
    servers.post(QUOTAS, &quota("q", &json!({"configmaps": "2"}))).await.done();
    let uri = format!("{QUOTAS}/q");
    let late = json!({"status": {"hard": {"configmaps": "2"}, "used": {"configmaps": "0"}}});
    let told = servers.patch(&format!("{uri}/status"), &late).await.done().body;
    assert_eq!(told["status"]["used"]["configmaps"], "2");
    servers.post(MAPS, &json!({"metadata": {"name": "c"}})).await.refused(403);

    // The first to compute usage may be who takes something away.
    let raised = json!({"spec": {"hard": {"configmaps": "3"}}});
    servers.patch(&uri, &raised).await.done();
    servers.delete(&format!("{MAPS}/a")).await.done();
    let shown = servers.get(&uri).await["status"].clone();
    assert_eq!(shown, json!({"hard": {"configmaps": "3"}, "used": {"configmaps": "1"}}));
    servers.stop().await;
}

#[tokio::test]
async fn custom_resources_are_counted() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    let any = json!({"type": "object"});
    let definition = json!({"metadata": {"name": "things.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [{"name": "v1", "served": true, "storage": true,
            "schema": {"openAPIV3Schema": any}}]}});
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    servers.post(definitions, &definition).await.done();
    let things = "/apis/example.com/v1/namespaces/n/things";
    servers.until_served(things).await;
    servers.post(QUOTAS, &quota("q", &json!({"count/things.example.com": "1"}))).await.done();
    let thing = |name: &str| json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": name}});
    servers.post(things, &thing("a")).await.done();
    assert_eq!(
        servers.post(things, &thing("b")).await.refused(403),
        "things.example.com \"b\" is forbidden: exceeded quota: q, requested: \
         count/things.example.com=1, used: count/things.example.com=1, limited: \
         count/things.example.com=1"
    );
    servers.delete(&format!("{things}/a")).await.done();
    assert_eq!(used(&servers, "q").await["count/things.example.com"], "0");
    servers.stop().await;
}

/// Makes objects from all replicas at once; returns the codes of the answers.
async fn crowd(servers: &Arc<Servers>, count: usize, uri: &'static str) -> Vec<u16> {
    let mut writers = JoinSet::new();
    for n in 0..count {
        let servers = servers.clone();
        writers.spawn(async move {
            let name = format!("w{n}");
            let body = if uri == PODS {
                pod(&name, &json!({}))
            } else {
                json!({"metadata": {"name": name}})
            };
            let request = request("POST", uri, &body);
            servers.send(n % servers.apis.len(), admin(), request).await.code
        });
    }
    tokio::time::timeout(PATIENCE * 3, writers.join_all()).await.expect("all are answered")
}

async fn count(servers: &Servers, uri: &str) -> usize {
    servers.get(uri).await["items"].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_writers_never_exceeds_a_quota() {
    const LIMIT: usize = 20;
    let servers = Arc::new(Servers::start(3).await);
    servers.namespace("n", &json!({})).await;
    let hard = json!({"count/configmaps": LIMIT.to_string()});
    servers.post(QUOTAS, &quota("q", &hard)).await.done();
    let codes = crowd(&servers, 64, MAPS).await;
    let made = codes.iter().filter(|code| **code == 201).count();
    assert_eq!(made, LIMIT, "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, 201 | 403)), "{codes:?}");
    assert_eq!(count(&servers, MAPS).await, LIMIT);
    assert_eq!(used(&servers, "q").await["count/configmaps"], LIMIT.to_string());
    Arc::into_inner(servers).expect("all writers are done").stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_that_are_filled_in_count_for_a_crowd() {
    const LIMIT: usize = 12;
    let servers = Arc::new(Servers::start(3).await);
    servers.namespace("n", &json!({})).await;
    let range = json!({"metadata": {"name": "l"}, "spec": {"limits": [{"type": "Container",
        "defaultRequest": {"cpu": "250m"}, "default": {"cpu": "250m"}, "max": {"cpu": "250m"}}]}});
    servers.post("/api/v1/namespaces/n/limitranges", &range).await.done();
    servers.post(QUOTAS, &quota("q", &json!({"requests.cpu": "3"}))).await.done();
    let codes = crowd(&servers, 64, PODS).await;
    let made = codes.iter().filter(|code| **code == 201).count();
    assert_eq!((made, count(&servers, PODS).await), (LIMIT, LIMIT), "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, 201 | 403)), "{codes:?}");
    assert_eq!(used(&servers, "q").await["requests.cpu"], "3");
    Arc::into_inner(servers).expect("all writers are done").stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_leader_does_not_let_one_object_too_many_in() {
    const LIMIT: usize = 20;
    let servers = Arc::new(Servers::start(3).await);
    servers.namespace("n", &json!({})).await;
    let hard = json!({"count/configmaps": LIMIT.to_string()});
    servers.post(QUOTAS, &quota("q", &hard)).await.done();
    let (first, second) = (servers.cluster.leader().await, servers.cluster.follower().await);
    let to = servers.cluster.nodes[second].replica.status().member_id;
    let writers = tokio::spawn({
        let servers = servers.clone();
        async move { crowd(&servers, 64, MAPS).await }
    });
    // It may fail, or come late: then there is no more than the crowd.
    let moved = servers.cluster.nodes[first].replica.transfer_leadership(to).await;
    let codes = writers.await.expect("the crowd does not panic");
    let made = codes.iter().filter(|code| **code == 201).count();
    assert!(made <= LIMIT, "{made} were made ({moved:?}): {codes:?}");
    // Whatever became of writes that were not answered: what is stored is what is counted.
    let stored = count(&servers, MAPS).await;
    assert!(made <= stored && stored <= LIMIT, "{stored} are stored, {made} were answered");
    assert_eq!(used(&servers, "q").await["count/configmaps"], stored.to_string());
    Arc::into_inner(servers).expect("all writers are done").stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_that_is_made_amid_a_crowd_counts_exactly() {
    let servers = Arc::new(Servers::start(3).await);
    servers.namespace("n", &json!({})).await;
    let writers = tokio::spawn({
        let servers = servers.clone();
        async move { crowd(&servers, 64, MAPS).await }
    });
    eventually(async || (count(&servers, MAPS).await > 0).then_some(())).await;
    servers.post(QUOTAS, &quota("q", &json!({"configmaps": "24"}))).await.done();
    writers.await.expect("the crowd does not panic");
    // One more writer sees to it that usage has been computed.
    servers.post(MAPS, &json!({"metadata": {"name": "last"}})).await;
    let stored = count(&servers, MAPS).await;
    servers.delete(&format!("{MAPS}/w0")).await;
    let left = count(&servers, MAPS).await;
    assert!(left <= stored);
    let counted = used(&servers, "q").await["configmaps"].clone();
    let left = Value::from(left.to_string());
    assert!(counted.is_null() || counted == left, "{counted} of {left}");
    Arc::into_inner(servers).expect("all writers are done").stop().await;
}
