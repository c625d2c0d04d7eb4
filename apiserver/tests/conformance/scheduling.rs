//! LimitRanges and PriorityClasses.

use crate::life::{code, delete_labelled, found, strategic};
use crate::support::kube::version;
use crate::support::servers::{Servers, pod};
use serde_json::{Value, json};

const RANGES: &str = "/api/v1/namespaces/a/limitranges";
const PODS: &str = "/api/v1/namespaces/a/pods";

fn resources(cpu: &str, memory: &str, storage: &str) -> Value {
    let mut list = json!({});
    for (name, value) in [("cpu", cpu), ("memory", memory), ("ephemeral-storage", storage)] {
        if !value.is_empty() {
            list[name] = json!(value);
        }
    }
    list
}

fn range(name: &str) -> Value {
    let limit = json!({
        "type": "Container",
        "min": resources("50m", "100Mi", "100Gi"),
        "max": resources("500m", "500Mi", "500Gi"),
        "default": resources("500m", "500Mi", "500Gi"),
        "defaultRequest": resources("100m", "200Mi", "200Gi"),
    });
    json!({
        "metadata": {"name": name, "labels": {"e2e": "yes", name: "created"}},
        "spec": {"limits": [limit]},
    })
}

async fn make_pod(servers: &Servers, name: &str, requests: Value, limits: Value) -> u16 {
    let pod = pod(name, &json!({"resources": {"requests": requests, "limits": limits}}));
    servers.post(PODS, &pod).await.code
}

async fn pod_resources(servers: &Servers, name: &str) -> Value {
    servers.get(&format!("{PODS}/{name}")).await["spec"]["containers"][0]["resources"].clone()
}

#[tokio::test]
async fn a_limit_range_applies_to_pods() {
    let servers = Servers::ready().await;
    servers.namespace("a", &json!({})).await;
    let none = servers.get(&format!("{RANGES}?labelSelector=e2e%3Dyes")).await;
    let watch = format!("{RANGES}?labelSelector=e2e%3Dyes&resourceVersion={}", version(&none));
    let mut watch = servers.watch(&watch).await;
    let mut made = servers.post(RANGES, &range("r")).await.done().body;
    watch.expect("ADDED", &made).await;
    assert_eq!(made["spec"], range("r")["spec"]);

    assert_eq!(make_pod(&servers, "none", json!({}), json!({})).await, 201);
    let expected = json!({"limits": resources("500m", "500Mi", "500Gi"),
        "requests": resources("100m", "200Mi", "200Gi")});
    assert_eq!(pod_resources(&servers, "none").await, expected);
    let (requests, limits) = (resources("", "150Mi", "150Gi"), resources("300m", "", ""));
    assert_eq!(make_pod(&servers, "partial", requests, limits).await, 201);
    let expected = json!({"limits": resources("300m", "500Mi", "500Gi"),
        "requests": resources("300m", "150Mi", "150Gi")});
    assert_eq!(pod_resources(&servers, "partial").await, expected);
    let (less, more) = (resources("10m", "50Mi", "50Gi"), resources("600m", "600Mi", "600Gi"));
    assert_eq!(make_pod(&servers, "less", less.clone(), json!({})).await, 403);
    assert_eq!(make_pod(&servers, "more", more.clone(), json!({})).await, 422);

    made["spec"]["limits"][0]["min"] = resources("9m", "49Mi", "49Gi");
    let updated = servers.put(&format!("{RANGES}/r"), &made).await.done().body;
    assert_eq!(updated["spec"]["limits"][0]["min"], resources("9m", "49Mi", "49Gi"));
    assert_eq!(make_pod(&servers, "less", less, json!({})).await, 201);
    assert_eq!(make_pod(&servers, "more", more.clone(), json!({})).await, 422);
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 30});
    servers.call("DELETE", &format!("{RANGES}/r"), &options).await.done();
    assert_eq!(code(&servers, &format!("{RANGES}/r")).await, 404);
    assert_eq!(make_pod(&servers, "more", more, json!({})).await, 201);
    servers.stop().await;
}

#[tokio::test]
async fn limit_ranges_are_listed_patched_and_go_as_a_collection() {
    let servers = Servers::ready().await;
    servers.namespace("a", &json!({})).await;
    servers.namespace("b", &json!({})).await;
    let mut made = servers.post(RANGES, &range("r")).await.done().body;
    servers.post("/api/v1/namespaces/b/limitranges", &range("r")).await.done();
    let everywhere = "/api/v1/limitranges";
    assert_eq!(found(&servers, everywhere, "e2e=yes").await, ["r", "r"]);
    let min = resources("9m", "49Mi", "49Gi");
    made["spec"]["limits"][0]["min"] = min.clone();
    let patch = json!({"metadata": {"creationTimestamp": made["metadata"]["creationTimestamp"],
        "labels": {"r": "patched"}}, "spec": {"limits": made["spec"]["limits"]}});
    let patched = strategic(&servers, &format!("{RANGES}/r"), &patch).await;
    assert_eq!(patched["metadata"]["labels"], json!({"e2e": "yes", "r": "patched"}));
    assert_eq!(patched["spec"]["limits"][0]["min"], min);
    delete_labelled(&servers, RANGES, "r=patched", &json!({})).await;
    assert_eq!(found(&servers, everywhere, "r=patched").await, [""; 0]);
    assert_eq!(found(&servers, everywhere, "e2e=yes").await, ["r"]);
    servers.stop().await;
}

#[tokio::test]
async fn priority_classes_are_operated() {
    let servers = Servers::ready().await;
    let uri = "/apis/scheduling.k8s.io/v1/priorityclasses";
    let mut made = Vec::new();
    for value in [1, 2] {
        let object = json!({"metadata": {"name": format!("p{value}"), "labels": {"e2e": "yes"}},
            "value": value});
        made.push(servers.post(uri, &object).await.done().body);
    }
    let headers = [("content-type", "application/strategic-merge-patch+json")];
    let one = format!("{uri}/p1");
    let patched = servers.exchange("PATCH", &one, &headers, r#"{"value":10}"#).await;
    assert!(patched.refused(422).contains("may not be changed in an update"));
    let mut second = made[1].clone();
    second["value"] = json!(20);
    let updated = servers.put(&format!("{uri}/p2"), &second).await;
    assert!(updated.refused(422).contains("may not be changed in an update"));
    strategic(&servers, &one, &json!({"description": "updated"})).await;
    second["value"] = json!(2);
    second["description"] = json!("updated");
    servers.put(&format!("{uri}/p2"), &second).await.done();
    servers.get(uri).await;
    for (name, value) in [("p1", 1), ("p2", 2)] {
        let read = servers.get(&format!("{uri}/{name}")).await;
        assert_eq!((&read["value"], &read["description"]), (&json!(value), &json!("updated")));
    }
    delete_labelled(&servers, uri, "e2e=yes", &json!({})).await;
    assert_eq!(found(&servers, uri, "e2e=yes").await, [""; 0]);
    servers.stop().await;
}
