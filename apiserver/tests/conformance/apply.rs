//! Server-side apply. The suite proper does not have it; upstream's other tests do.

use crate::definition::definition;
use crate::support::servers::{Answer, Servers};
use serde_json::{Value, json};

const APPLY: [(&str, &str); 1] = [("content-type", "application/apply-patch+yaml")];
const CORE: &str = "/api/v1/namespaces/n";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/n/deployments/d";
const NOXU: &str = "/apis/example.com/v1/noxus/mytest";

async fn started() -> Servers {
    let servers = Servers::ready().await;
    servers.namespace("n", &json!({})).await;
    servers
}

/// Applies an object as a manager; options follow its name.
async fn apply(servers: &Servers, uri: &str, manager: &str, object: &Value) -> Answer {
    let uri = format!("{uri}?fieldManager={manager}");
    servers.exchange("PATCH", &uri, &APPLY, &object.to_string()).await
}

fn test_pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "test-pod"},
        "spec": {"containers": [{"name": "test-container", "image": "test-image"}]},
    })
}

#[tokio::test]
async fn what_two_apply_both_own() {
    let servers = started().await;
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "test-svc"},
        "spec": {"ports": [{"port": 8080, "protocol": "UDP"}]},
    });
    let container = r#"k:{"name":"test-container"}"#;
    let port = r#"k:{"port":8080,"protocol":"UDP"}"#;
    for (resource, object, owned) in [
        (
            "pods/test-pod",
            test_pod(),
            json!({"f:spec": {"f:containers": {container: {".": {}, "f:image": {}, "f:name": {}}}}}),
        ),
        (
            "services/test-svc",
            service,
            json!({"f:spec": {"f:ports": {port: {".": {}, "f:port": {}, "f:protocol": {}}}}}),
        ),
    ] {
        let uri = format!("{CORE}/{resource}");
        assert_eq!(apply(&servers, &uri, "one", &object).await.code, 201);
        let applied = apply(&servers, &uri, "two", &object).await.done().body;
        let entries = applied["metadata"]["managedFields"].as_array().expect("entries");
        for manager in ["one", "two"] {
            let entry = entries.iter().find(|entry| entry["manager"] == manager).expect("it owns");
            assert_eq!((&entry["operation"], &entry["fieldsV1"]), (&json!("Apply"), &owned));
        }
    }
    servers.stop().await;
}

#[tokio::test]
async fn a_status_is_applied_at_its_subresource_alone() {
    let servers = started().await;
    let uri = format!("{CORE}/pods/test-pod");
    apply(&servers, &uri, "one", &test_pod()).await.done();
    let condition = json!({"type": "MyStatus", "status": "True"});
    let status = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "test-pod"},
        "status": {"conditions": [condition]},
    });
    let has = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        conditions.into_iter().any(|one| one["type"] == "MyStatus")
    };
    apply(&servers, &uri, "two", &status).await.done();
    assert!(!has(&servers.get(&uri).await));
    apply(&servers, &format!("{uri}/status"), "two", &status).await.done();
    assert!(has(&servers.get(&uri).await));
    servers.stop().await;
}

fn deployment(replicas: Option<u32>, pod: &Value) -> Value {
    let labels = json!({"app": "nginx"});
    let mut spec = json!({"containers": [{"name": "nginx", "image": "nginx"}]});
    crate::operations::merge(&mut spec, pod);
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "d", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    });
    if let Some(replicas) = replicas {
        object["spec"]["replicas"] = json!(replicas);
    }
    object
}

#[tokio::test]
async fn what_is_not_applied_again_goes() {
    let servers = started().await;
    let port = json!({"containerPort": 80, "protocol": "TCP"});
    let containers = json!([{"name": "nginx", "image": "nginx", "ports": [port]}]);
    let with_port = deployment(Some(3), &json!({"containers": containers}));
    apply(&servers, DEPLOYMENT, "one", &with_port).await.done();
    apply(&servers, DEPLOYMENT, "one", &deployment(Some(3), &json!({}))).await.done();
    let read = servers.get(DEPLOYMENT).await;
    assert_eq!(read["spec"]["template"]["spec"]["containers"][0].get("ports"), None);
    servers.stop().await;
}

#[tokio::test]
async fn what_somebody_else_owns_too_stays() {
    let servers = started().await;
    let whole = deployment(Some(3), &json!({"hostname": "test-hostname"}));
    for manager in ["one", "two"] {
        apply(&servers, DEPLOYMENT, manager, &whole).await.done();
    }
    let less = deployment(None, &json!({}));
    let applied = apply(&servers, DEPLOYMENT, "one", &less).await.done().body;
    assert_eq!(applied["spec"]["replicas"], 3);
    assert_eq!(applied["spec"]["template"]["spec"]["hostname"], "test-hostname");
    servers.stop().await;
}

#[tokio::test]
async fn force_overcomes_conflicts() {
    let servers = started().await;
    let object = deployment(Some(3), &json!({}));
    apply(&servers, DEPLOYMENT, "one", &object).await.done();
    servers.patch(DEPLOYMENT, &json!({"spec": {"replicas": 5}})).await.done();
    let refused = apply(&servers, DEPLOYMENT, "one", &object).await;
    assert_eq!((refused.code, &refused.body["reason"]), (409, &json!("Conflict")));
    let causes = &refused.body["details"]["causes"];
    assert_eq!(causes[0]["field"], ".spec.replicas", "{causes}");
    let forced = apply(&servers, DEPLOYMENT, "one&force=true", &object).await.done().body;
    assert_eq!(forced["spec"]["replicas"], 3);
    servers.stop().await;
}

#[tokio::test]
async fn what_a_controller_took_over_stays_when_it_is_left_out() {
    let servers = started().await;
    apply(&servers, DEPLOYMENT, "one", &deployment(Some(3), &json!({}))).await.done();
    let mut read = servers.get(DEPLOYMENT).await;
    read["spec"]["replicas"] = json!(4);
    servers.put(DEPLOYMENT, &read).await.done();
    let applied = apply(&servers, DEPLOYMENT, "one", &deployment(None, &json!({}))).await;
    assert_eq!(applied.done().body["spec"]["replicas"], 4);
    servers.stop().await;
}

fn noxu(version: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": format!("example.com/{version}"), "kind": "Noxu",
        "metadata": {"name": "mytest"}, "spec": spec,
    })
}

fn port(name: &str, number: u16) -> Value {
    json!([{"name": name, "containerPort": number, "protocol": "TCP"}])
}

async fn noxus() -> Servers {
    let servers = Servers::ready().await;
    let ports = json!({
        "type": "array", "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
        "items": {
            "type": "object", "required": ["containerPort", "protocol"],
            "properties": {
                "containerPort": {"type": "integer", "format": "int32"},
                "name": {"type": "string"}, "protocol": {"type": "string"},
            },
        },
    });
    let schema = json!({"type": "object", "properties": {"spec": {
        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
        "properties": {"cronSpec": {"type": "string"}, "ports": ports},
    }}});
    let versions = [("v1beta1", schema.clone()), ("v1", schema)];
    servers.define(&definition("example.com", "Noxu", "Cluster", &versions)).await;
    servers
}

fn causes(answer: &Answer) -> usize {
    assert_eq!(answer.code, 409, "{}", answer.body);
    answer.body["details"]["causes"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn custom_objects_are_applied() {
    let servers = noxus().await;
    let spec = json!({"cronSpec": "* * * * */5", "replicas": 1, "ports": port("x", 80)});
    let mut object = noxu("v1", &spec);
    object["metadata"]["finalizers"] = json!(["test-finalizer"]);
    let made = apply(&servers, NOXU, "one", &object).await.done().body;
    assert_eq!(
        (&made["spec"], &made["metadata"]["finalizers"]),
        (&spec, &json!(["test-finalizer"]))
    );
    // In another version: the finalizer is one that it does not own there.
    let beta = NOXU.replace("v1", "v1beta1");
    let applied = apply(&servers, &beta, "one", &noxu("v1beta1", &spec)).await.done().body;
    assert_eq!(applied["spec"], spec);

    let both = json!(["test-finalizer", "another-one"]);
    servers.patch(NOXU, &json!({"metadata": {"finalizers": both}})).await.done();
    let applied = apply(&servers, NOXU, "one", &object).await.done().body;
    assert_eq!(applied["metadata"]["finalizers"], both, "they are a set");

    let patched = servers.patch(NOXU, &json!({"spec": {"replicas": 5}})).await.done().body;
    assert_eq!(patched["spec"]["replicas"], 5);
    assert_eq!(causes(&apply(&servers, NOXU, "one", &object).await), 1);
    let forced = apply(&servers, NOXU, "one&force=true", &object).await.done().body;
    assert_eq!(forced["spec"]["replicas"], 1);

    let other = noxu("v1", &json!({"ports": port("y", 80)}));
    assert_eq!(causes(&apply(&servers, NOXU, "two", &other).await), 1, "it is there");
    let other = noxu("v1", &json!({"ports": port("y", 8080)}));
    let applied = apply(&servers, NOXU, "two", &other).await.done().body;
    assert_eq!(applied["spec"]["ports"].as_array().map(Vec::len), Some(2));

    object["metadata"]["name"] = json!("none");
    let uri = NOXU.replace("mytest", "none");
    servers.put(&format!("{uri}?fieldManager=one"), &object).await.refused(404);
    servers.stop().await;
}

#[tokio::test]
async fn an_atomic_list_is_replaced() {
    let servers = Servers::ready().await;
    let list = json!({
        "type": "array", "x-kubernetes-list-type": "atomic", "items": {"type": "string"},
    });
    let schema = json!({"type": "object", "properties": {"spec": {
        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
        "properties": {"atomicList": list},
    }}});
    servers.define(&definition("example.com", "Noxu", "Cluster", &[("v1", schema)])).await;
    for (manager, item) in [("one", "item1"), ("two&force=true", "item2")] {
        let spec = json!({"atomicList": [item]});
        let applied = apply(&servers, NOXU, manager, &noxu("v1", &spec)).await.done().body;
        assert_eq!(applied["spec"], spec);
    }
    servers.stop().await;
}
