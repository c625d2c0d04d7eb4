//! Services: their status, their collections and their types.

use crate::life::{condition, delete_labelled, found, has_condition, strategic};
use crate::support::kube::{names, version};
use crate::support::servers::Servers;
use serde_json::{Value, json};

const SERVICES: &str = "/api/v1/namespaces/default/services";

fn service(name: &str, kind: &str) -> Value {
    let ports = json!([{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 80}]);
    json!({
        "metadata": {"name": name, "labels": {"static": "true"}},
        "spec": {"type": kind, "ports": ports},
    })
}

#[tokio::test]
async fn a_service_has_status() {
    let servers = Servers::ready().await;
    let list = servers.get("/api/v1/services?labelSelector=static%3Dtrue").await;
    let watch =
        format!("{SERVICES}?labelSelector=static%3Dtrue&resourceVersion={}", version(&list));
    let mut watch = servers.watch(&watch).await;
    let made = servers.post(SERVICES, &service("s", "LoadBalancer")).await.done().body;
    watch.expect("ADDED", &made).await;
    let (one, status) = (format!("{SERVICES}/s"), format!("{SERVICES}/s/status"));
    assert_eq!(servers.get(&status).await["status"], json!({"loadBalancer": {}}));
    let patch = json!({
        "metadata": {"annotations": {"patchedstatus": "true"}},
        "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}},
    });
    let patched = servers.patch(&status, &patch).await.done().body;
    assert_eq!(patched["metadata"]["annotations"]["patchedstatus"], "true");
    assert_eq!(patched["status"]["loadBalancer"]["ingress"][0]["ip"], "203.0.113.1");
    watch.expect("MODIFIED", &patched).await;
    let mut object = servers.get(&one).await;
    object["status"]["conditions"] = json!([condition("StatusUpdate")]);
    object["status"]["conditions"][0]["lastTransitionTime"] = Value::Null;
    let updated = servers.put(&status, &object).await.done().body;
    assert!(has_condition(&updated, "StatusUpdate"), "{updated}");
    watch.expect("MODIFIED", &updated).await;
    // What Go writes for a Service that has a label and nothing else.
    let patch = json!({"metadata": {"creationTimestamp": null, "labels": {"test": "patched"}},
        "spec": {}, "status": {"loadBalancer": {}}});
    let patched = strategic(&servers, &one, &patch).await;
    assert_eq!(patched["metadata"]["labels"], json!({"static": "true", "test": "patched"}));
    watch.expect("MODIFIED", &patched).await;
    servers.delete(&one).await.done();
    watch.until("DELETED", |object| object["metadata"]["name"] == "s").await;
    servers.stop().await;
}

#[tokio::test]
async fn services_go_as_a_collection() {
    let servers = Servers::ready().await;
    for (name, kind, label) in
        [("one", "ClusterIP", "go"), ("two", "ClusterIP", "go"), ("three", "ClusterIP", "stay")]
    {
        let mut service = service(name, kind);
        service["metadata"]["labels"]["test"] = json!(label);
        servers.post(SERVICES, &service).await.done();
    }
    assert_eq!(found(&servers, SERVICES, "static=true").await, ["one", "three", "two"]);
    delete_labelled(&servers, SERVICES, "test=go", &json!({})).await;
    assert_eq!(found(&servers, SERVICES, "static=true").await, ["three"]);
    servers.stop().await;
}

#[tokio::test]
async fn the_service_of_the_api_is_listed() {
    let servers = Servers::ready().await;
    servers.until_served(&format!("{SERVICES}/kubernetes")).await;
    let list = servers.get("/api/v1/services").await;
    assert!(names(&list).contains(&"kubernetes"), "{list}");
    let service = servers.get(&format!("{SERVICES}/kubernetes")).await;
    assert_eq!(service["metadata"]["namespace"], "default");
    let port = &service["spec"]["ports"][0];
    assert_eq!((&port["name"], &port["port"]), (&json!("https"), &json!(443)));
    servers.stop().await;
}

fn has_address(service: &Value) -> bool {
    let ip = service["spec"]["clusterIP"].as_str();
    ip.is_some_and(|ip| ip.starts_with("10.96."))
}

fn node_port(service: &Value) -> Option<u64> {
    service["spec"]["ports"][0]["nodePort"].as_u64()
}

/// A change as upstream's test framework makes it: of the object that was read.
async fn change(servers: &Servers, change: impl Fn(&mut Value)) -> Value {
    let uri = format!("{SERVICES}/s");
    let mut service = servers.get(&uri).await;
    change(&mut service["spec"]);
    servers.put(&uri, &service).await.done().body
}

#[tokio::test]
async fn an_external_name_becomes_a_cluster_ip() {
    becomes("ClusterIP").await;
}

#[tokio::test]
async fn an_external_name_becomes_a_node_port() {
    becomes("NodePort").await;
}

async fn becomes(kind: &str) {
    let servers = Servers::ready().await;
    let object = json!({"metadata": {"name": "s"},
        "spec": {"type": "ExternalName", "externalName": "foo.example.com"}});
    let made = servers.post(SERVICES, &object).await.done().body;
    assert!(!has_address(&made), "{made}");
    let changed = change(&servers, |spec| {
        spec["type"] = json!(kind);
        spec["externalName"] = json!("");
        spec["ports"] = json!([{"port": 80, "name": "http", "protocol": "TCP"}]);
    });
    let changed = changed.await;
    assert!(has_address(&changed), "{changed}");
    assert_eq!(node_port(&changed).is_some(), kind == "NodePort", "{changed}");
    assert_eq!(changed["spec"].get("externalName"), None);
    servers.stop().await;
}

#[tokio::test]
async fn a_cluster_ip_becomes_an_external_name() {
    becomes_external("ClusterIP").await;
}

#[tokio::test]
async fn a_node_port_becomes_an_external_name() {
    becomes_external("NodePort").await;
}

async fn becomes_external(kind: &str) {
    let servers = Servers::ready().await;
    let made = servers.post(SERVICES, &service("s", kind)).await.done().body;
    assert!(has_address(&made), "{made}");
    let changed = change(&servers, |spec| {
        spec["type"] = json!("ExternalName");
        spec["externalName"] = json!("other.default.svc.cluster.local");
    });
    let changed = changed.await;
    assert!(!has_address(&changed), "{changed}");
    assert_eq!(node_port(&changed), None, "{changed}");
    // What it had is free for others.
    let mut heir = service("heir", kind);
    heir["spec"]["clusterIP"] = made["spec"]["clusterIP"].clone();
    if let Some(port) = node_port(&made) {
        heir["spec"]["ports"][0]["nodePort"] = json!(port);
    }
    servers.post(SERVICES, &heir).await.done();
    servers.stop().await;
}

#[tokio::test]
async fn session_affinity_is_switched() {
    let servers = Servers::ready().await;
    for kind in ["ClusterIP", "NodePort"] {
        let mut object = service("s", kind);
        object["spec"]["sessionAffinity"] = json!("ClientIP");
        let made = servers.post(SERVICES, &object).await.done().body;
        let timeout = json!({"clientIP": {"timeoutSeconds": 10_800}});
        assert_eq!(made["spec"]["sessionAffinityConfig"], timeout);
        let none = change(&servers, |spec| {
            spec["sessionAffinity"] = json!("None");
            spec["sessionAffinityConfig"] = Value::Null;
        });
        assert_eq!(none.await["spec"]["sessionAffinity"], "None");
        let again = change(&servers, |spec| spec["sessionAffinity"] = json!("ClientIP")).await;
        assert_eq!(again["spec"]["sessionAffinityConfig"], timeout);
        assert_eq!(again["spec"]["clusterIP"], made["spec"]["clusterIP"]);
        assert_eq!(node_port(&again), node_port(&made));
        servers.delete(&format!("{SERVICES}/s")).await.done();
    }
    servers.stop().await;
}

/// One number for two protocols, and for each of them alone.
#[tokio::test]
async fn a_port_is_shared_by_protocols() {
    let servers = Servers::ready().await;
    let port = |protocol: &str| {
        json!({"name": protocol.to_lowercase(), "port": 80, "targetPort": 80,
            "protocol": protocol})
    };
    let mut object = service("s", "ClusterIP");
    object["spec"]["ports"] = json!([port("TCP"), port("UDP")]);
    servers.post(SERVICES, &object).await.done();
    for protocol in ["TCP", "UDP"] {
        let changed = change(&servers, |spec| spec["ports"] = json!([port(protocol)])).await;
        assert_eq!(changed["spec"]["ports"], json!([port(protocol)]));
    }
    servers.stop().await;
}

#[tokio::test]
async fn requests_are_forwarded_to_endpoints_alone() {
    let servers = Servers::ready().await;
    servers.post(SERVICES, &service("s", "ClusterIP")).await.done();
    let ask = async |name: &str| {
        let uri = format!("{SERVICES}/{name}/proxy/some/path");
        let answer = servers.call("GET", &uri, &Value::Null).await;
        (answer.code, answer.message().to_owned())
    };
    let missing = (404, "endpoints \"s\" not found".to_owned());
    for name in ["s", "s:http", "s:80", "https:s:http"] {
        assert_eq!(ask(name).await, missing, "{name}");
    }
    let port = "no service port 81 found for service \"s\"";
    assert_eq!(ask("s:81").await, (503, port.to_owned()));
    assert_eq!(ask("x:80").await, (404, "services \"x\" not found".to_owned()));
    assert_eq!(ask("a:b:c:d").await, (400, "invalid service request \"a:b:c:d\"".to_owned()));
    let endpoints = "/api/v1/namespaces/default/endpoints";
    servers.post(endpoints, &json!({"metadata": {"name": "s"}})).await.done();
    let none = "no endpoints available for service \"s\"";
    assert_eq!(ask("s:http").await, (503, none.to_owned()));
    servers.stop().await;
}
