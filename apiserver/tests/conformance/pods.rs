//! Pods: what API servers alone do with them. Where the suite waits for them to run, the tests say
//! what a node would.

use crate::life::{code, delete_labelled, found, labelled, strategic};
use crate::support::kube::{names, version};
use crate::support::servers::{Servers, pod};
use serde_json::{Value, json};

const PODS: &str = "/api/v1/namespaces/a/pods";

async fn start() -> Servers {
    let servers = Servers::ready().await;
    servers.namespace("a", &json!({})).await;
    servers
}

fn test_pod(name: &str) -> Value {
    let mut pod = pod(name, &json!({}));
    pod["metadata"]["labels"] = json!({"type": "testing"});
    pod["spec"]["terminationGracePeriodSeconds"] = json!(1);
    pod
}

/// As a node does once its containers run.
async fn start_on_node(servers: &Servers, name: &str) -> Value {
    let binding = json!({"metadata": {"name": name}, "target": {"kind": "Node", "name": "n"}});
    servers.post(&format!("{PODS}/{name}/binding"), &binding).await.done();
    let condition = |kind: &str| json!({"type": kind, "status": "True"});
    let status = json!({"phase": "Running", "podIP": "10.1.2.3", "hostIP": "10.0.0.1",
        "conditions": [condition("Ready"), condition("ContainersReady")]});
    strategic(servers, &format!("{PODS}/{name}/status"), &json!({"status": status})).await
}

/// As a node does once they have stopped.
async fn finish(servers: &Servers, name: &str) {
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0});
    servers.call("DELETE", &format!("{PODS}/{name}"), &options).await.done();
}

#[tokio::test]
async fn invalid_sysctls_are_rejected() {
    let servers = start().await;
    let mut pod = test_pod("sysctls");
    let sysctl = |name: &str, value: &str| json!({"name": name, "value": value});
    let sysctls = json!([
        sysctl("foo-", "bar"),
        sysctl("kernel.shmmax", "100000000"),
        sysctl("safe-and-unsafe", "100000000"),
        sysctl("bar..", "42")
    ]);
    pod["spec"]["securityContext"] = json!({"sysctls": sysctls});
    let refused = servers.post(PODS, &pod).await.refused(422);
    for name in ["foo-", "bar.."] {
        assert!(refused.contains(&format!("Invalid value: \"{name}\"")), "{refused}");
    }
    assert!(!refused.contains("safe-and-unsafe") && !refused.contains("kernel.shmmax"));
    servers.stop().await;
}

#[tokio::test]
async fn the_quality_of_service_is_told() {
    let servers = start().await;
    let resources = json!({"cpu": "100m", "memory": "100Mi"});
    let pod = pod("q", &json!({"resources": {"limits": resources, "requests": resources}}));
    servers.post(PODS, &pod).await.done();
    let read = servers.get(&format!("{PODS}/q")).await;
    assert_eq!(read["status"]["qosClass"], "Guaranteed");
    servers.stop().await;
}

#[tokio::test]
async fn pods_go_as_a_collection() {
    let servers = start().await;
    for name in ["one", "three", "two"] {
        servers.post(PODS, &test_pod(name)).await.done();
    }
    start_on_node(&servers, "one").await;
    delete_labelled(&servers, PODS, "type=testing", &json!({"gracePeriodSeconds": 1})).await;
    // One has a node, which stops it first.
    let left = servers.get(&labelled(PODS, "type=testing")).await;
    assert_eq!(names(&left), ["one"]);
    assert_eq!(left["items"][0]["metadata"]["deletionGracePeriodSeconds"], 1);
    finish(&servers, "one").await;
    assert_eq!(found(&servers, PODS, "type=testing").await, [""; 0]);
    servers.stop().await;
}

#[tokio::test]
async fn the_status_of_a_pod_is_patched() {
    let servers = start().await;
    servers.post(PODS, &test_pod("p")).await.done();
    start_on_node(&servers, "p").await;
    let patch = json!({"metadata": {"annotations": {"patchedstatus": "true"}},
        "status": {"message": "Patched by a test", "reason": "E2E"}});
    let patched = servers.patch(&format!("{PODS}/p/status"), &patch).await.done().body;
    let status = &patched["status"];
    assert_eq!(
        (&status["message"], &status["reason"], &status["phase"]),
        (&json!("Patched by a test"), &json!("E2E"), &json!("Running"))
    );
    assert_eq!(patched["metadata"]["annotations"]["patchedstatus"], "true");
    servers.stop().await;
}

#[tokio::test]
async fn a_pod_and_its_status_live() {
    let servers = start().await;
    let list = servers.get("/api/v1/pods?labelSelector=type%3Dtesting").await;
    let watch = format!("{PODS}?labelSelector=type%3Dtesting&resourceVersion={}", version(&list));
    let mut watch = servers.watch(&watch).await;
    let made = servers.post(PODS, &test_pod("p")).await.done().body;
    watch.expect("ADDED", &made).await;
    start_on_node(&servers, "p").await;
    watch.until("MODIFIED", |pod| pod["status"]["phase"] == "Running").await;
    // The patch is a whole object as Go writes one.
    let container = json!({"name": "c", "image": "i:2", "resources": {}});
    let patch = json!({
        "metadata": {"creationTimestamp": null, "labels": {"test-pod": "patched"}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
        "status": {},
    });
    let patched = strategic(&servers, &format!("{PODS}/p"), &patch).await;
    watch.expect("MODIFIED", &patched).await;
    let read = servers.get(&format!("{PODS}/p")).await;
    assert_eq!(read["metadata"]["labels"], json!({"type": "testing", "test-pod": "patched"}));
    assert_eq!(read["spec"]["containers"][0]["image"], "i:2");
    let status = format!("{PODS}/p/status");
    let mut object = servers.get(&status).await;
    for condition in object["status"]["conditions"].as_array_mut().expect("conditions") {
        if condition["type"] == "Ready" || condition["type"] == "ContainersReady" {
            condition["status"] = json!("False");
        }
    }
    let updated = servers.put(&status, &object).await.done().body;
    let conditions = updated["status"]["conditions"].as_array().expect("conditions");
    let unready = conditions.iter().filter(|one| one["status"] == "False").count();
    assert_eq!(unready, 2, "{updated}");
    delete_labelled(&servers, PODS, "type=testing", &json!({"gracePeriodSeconds": 1})).await;
    watch.until("MODIFIED", |pod| pod["metadata"]["deletionTimestamp"].is_string()).await;
    finish(&servers, "p").await;
    watch.until("DELETED", |pod| pod["metadata"]["name"] == "p").await;
    assert_eq!(code(&servers, &format!("{PODS}/p")).await, 404);
    servers.stop().await;
}

#[tokio::test]
async fn a_pod_is_updated() {
    let servers = start().await;
    servers.post(PODS, &test_pod("p")).await.done();
    let mut pod = start_on_node(&servers, "p").await;
    let at = |labels: &str| format!("type={labels}");
    pod["metadata"]["labels"]["type"] = json!("updated");
    let mut updated = servers.put(&format!("{PODS}/p"), &pod).await.done().body;
    assert_eq!(found(&servers, PODS, &at("updated")).await, ["p"]);
    assert_eq!(found(&servers, PODS, &at("testing")).await, [""; 0]);
    updated["spec"]["activeDeadlineSeconds"] = json!(5);
    let limited = servers.put(&format!("{PODS}/p"), &updated).await.done().body;
    assert_eq!(limited["spec"]["activeDeadlineSeconds"], 5);
    servers.stop().await;
}

#[tokio::test]
async fn ephemeral_containers_are_added() {
    let servers = start().await;
    servers.post(PODS, &test_pod("p")).await.done();
    let pod = start_on_node(&servers, "p").await;
    assert_eq!(pod["metadata"]["generation"], 1);
    let uri = format!("{PODS}/p/ephemeralcontainers");
    let debugger = json!({"name": "debugger", "image": "busybox", "stdin": true, "tty": true,
        "command": ["/bin/sh", "-c", "sleep 1"], "resources": {}});
    let patch = json!({"spec": {"ephemeralContainers": [debugger]}});
    let patched = strategic(&servers, &uri, &patch).await;
    assert_eq!(patched["metadata"]["generation"], 2);
    let count = |pod: &Value| pod["spec"]["ephemeralContainers"].as_array().map(Vec::len);
    assert_eq!(count(&servers.get(&uri).await), Some(1));
    let mut object = servers.get(&format!("{PODS}/p")).await;
    let containers = object["spec"]["ephemeralContainers"].as_array_mut().expect("containers");
    containers.push(json!({"name": "debugger2", "image": "agnhost",
        "imagePullPolicy": "IfNotPresent", "terminationMessagePolicy": "File"}));
    servers.put(&uri, &object).await.done();
    assert_eq!(count(&servers.get(&uri).await), Some(2));
    servers.stop().await;
}

fn generation(pod: &Value) -> u64 {
    pod["metadata"]["generation"].as_u64().unwrap_or_default()
}

#[tokio::test]
async fn the_generation_of_a_pod_counts_changes_of_its_specification() {
    let servers = start().await;
    let mut pod = test_pod("p");
    pod["metadata"]["generation"] = json!(100);
    assert_eq!(generation(&servers.post(PODS, &pod).await.done().body), 1);
    start_on_node(&servers, "p").await;
    let one = format!("{PODS}/p");
    let toleration = json!({"key": "k", "operator": "Exists", "tolerationSeconds": 1,
        "effect": "NoExecute"});
    let container = |image: &str| json!({"spec": {"containers": [{"name": "c", "image": image}]}});
    for (patch, expected) in [
        (json!({}), 1),
        (json!({"metadata": {"labels": {"l": "v"}, "annotations": {"a": "v"}}}), 1),
        (container("i:2"), 2),
        (json!({"spec": {"activeDeadlineSeconds": 5000}}), 3),
        (json!({"spec": {"tolerations": [toleration]}}), 4),
        (container("i:2"), 4),
    ] {
        let patched = strategic(&servers, &one, &patch).await;
        assert_eq!(generation(&patched), expected, "{patch}");
    }
    let status = json!({"status": {"message": "no change of the specification"}});
    let patched = strategic(&servers, &format!("{one}/status"), &status).await;
    assert_eq!(generation(&patched), 4);
    servers.delete(&one).await.done();
    assert_eq!(generation(&servers.get(&one).await), 5);
    finish(&servers, "p").await;
    servers.stop().await;
}

/// What can be said of connections before a node is asked.
#[tokio::test]
async fn connections_to_pods_need_a_node() {
    let servers = start().await;
    servers.post(PODS, &test_pod("p")).await.done();
    let mut pair = test_pod("pair");
    let second = json!({"name": "d", "image": "i"});
    pair["spec"]["containers"].as_array_mut().expect("containers").push(second);
    servers.post(PODS, &pair).await.done();
    let ask = async |method: &str, rest: &str| {
        let answer = servers.call(method, &format!("{PODS}/{rest}"), &Value::Null).await;
        (answer.code, answer.message().to_owned())
    };
    // A pod that waits for a node has said nothing.
    assert_eq!(ask("GET", "p/log").await, (204, String::new()));
    assert_eq!(ask("GET", "p/log?container=c&tailLines=1").await.0, 204);
    assert_eq!(ask("GET", "p/log?tailLines=-1").await.0, 422);
    assert_eq!(ask("GET", "nobody/log").await.0, 404);
    let wrong = "container x is not valid for pod p";
    assert_eq!(ask("GET", "p/log?container=x").await, (400, wrong.to_owned()));
    let which = "a container name must be specified for pod pair, choose one of: [c d]";
    assert_eq!(ask("POST", "pair/exec?command=ls").await, (400, which.to_owned()));
    let nowhere = (400, "pod p does not have a host assigned".to_owned());
    for connection in ["exec?command=ls", "attach", "portforward"] {
        assert_eq!(ask("POST", &format!("p/{connection}")).await, nowhere, "{connection}");
    }
    assert_eq!(ask("GET", "p:80/proxy/x").await, (400, "address not allowed".to_owned()));
    assert_eq!(ask("GET", "ftp:p:80/proxy/").await.1, "invalid pod request \"ftp:p:80\"");

    start_on_node(&servers, "p").await;
    assert_eq!(ask("GET", "p/log").await, (404, "nodes \"n\" not found".to_owned()));
    servers.post("/api/v1/nodes", &json!({"metadata": {"name": "n"}})).await.done();
    let lost = "no preferred addresses found; known addresses: []";
    assert_eq!(ask("GET", "p/log").await, (500, lost.to_owned()));
    servers.stop().await;
}

#[tokio::test]
async fn volumes_of_csi_drivers_are_in_pods() {
    let servers = start().await;
    let mut pod = test_pod("p");
    pod["spec"]["volumes"] = json!([
        {"name": "one", "csi": {"driver": "e2e.example.com"}},
        {"name": "two", "csi": {"driver": "e2e.example.com", "fsType": "ext4", "readOnly": true}},
    ]);
    pod["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "one", "mountPath": "/mnt/1"}, {"name": "two", "mountPath": "/mnt/2"}]);
    let made = servers.post(PODS, &pod).await.done().body;
    assert_eq!(servers.post(PODS, &pod).await.code, 409);
    let read = servers.get(&format!("{PODS}/p")).await;
    assert_eq!(read["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(read["spec"]["volumes"][1], pod["spec"]["volumes"][1]);
    assert_eq!(names(&servers.get(PODS).await), ["p"]);
    let patch = json!({"metadata": {"annotations": {"patched": "true"}}});
    let patched = servers.patch(&format!("{PODS}/p"), &patch).await.done().body;
    assert_eq!(patched["metadata"]["annotations"]["patched"], "true");
    servers.delete(&format!("{PODS}/p")).await.done();
    assert_eq!(code(&servers, &format!("{PODS}/p")).await, 404);
    servers.stop().await;
}
