//! Ingresses, IngressClasses, EndpointSlices and Endpoints.

use crate::life::{code, delete_labelled, found, strategic};
use crate::operations::Operations;
use crate::support::kube::{names, version};
use crate::support::servers::Servers;
use serde_json::json;
use std::collections::BTreeSet;
use xebec_apiserver::kube::api::Settings;

const NETWORKING: &str = "networking.k8s.io";

/// The same objects are seen from above all namespaces.
async fn everywhere(operations: &Operations<'_>) {
    let servers = operations.servers;
    let made = operations.create(&["a-", "b-", "c-"]).await;
    let uri = operations.uri().replace("/namespaces/default", "");
    let list = servers.get(&format!("{uri}?labelSelector=special%3Dyes")).await;
    assert_eq!(names(&list).len(), made.len());
    let watch = format!("{uri}?labelSelector=special%3Dyes&resourceVersion={}", version(&list));
    let mut watch = servers.watch(&watch).await;
    let patch = json!({"metadata": {"annotations": {"patched": "true"}}});
    let patched = servers.patch(&operations.one(&made[1]), &patch).await.done().body;
    watch.expect("MODIFIED", &patched).await;
    delete_labelled(servers, &operations.uri(), "special=yes", &json!({})).await;
}

#[tokio::test]
async fn ingresses() {
    let servers = Servers::ready().await;
    let backend = |name: &str| json!({"service": {"name": name, "port": {"number": 8080}}});
    let path = json!({"path": "/", "pathType": "ImplementationSpecific",
        "backend": backend("test-backend")});
    let rule = json!({"host": "host1.bar.com", "http": {"paths": [path]}});
    let spec = json!({"defaultBackend": backend("default-backend"), "rules": [rule]});
    let object = json!({"spec": spec, "status": {"loadBalancer": {}}});
    let operations = Operations {
        subresources: &["status"],
        namespace: Some("default"),
        ..Operations::new(&servers, (NETWORKING, "v1", "ingresses"), object)
    };
    operations.run(&json!({"spec": {"ingressClassName": "some"}})).await;
    let balanced = |ip: &str| {
        let status = json!({"loadBalancer": {"ingress": [{"ip": ip}]}});
        json!({"metadata": {"annotations": {"patchedstatus": "true"}}, "status": status})
    };
    operations.run_status(&balanced("169.1.1.1"), &balanced("169.1.1.2")).await;
    everywhere(&operations).await;
    servers.stop().await;
}

#[tokio::test]
async fn ingress_classes() {
    let servers = Servers::ready().await;
    let object = json!({"spec": {"controller": "example.com/controller"}});
    let kind = (NETWORKING, "v1", "ingressclasses");
    Operations::new(&servers, kind, object).run(&json!({})).await;
    servers.stop().await;
}

#[tokio::test]
async fn endpoint_slices() {
    let servers = Servers::ready().await;
    let endpoints = json!([{"addresses": ["1.2.3.4", "5.6.7.8"]},
        {"addresses": ["2.2.3.4", "6.6.7.8"]}]);
    let kind = ("discovery.k8s.io", "v1", "endpointslices");
    let object = json!({"addressType": "IPv4", "endpoints": endpoints});
    let operations =
        Operations { namespace: Some("default"), ..Operations::new(&servers, kind, object) };
    operations.run(&json!({})).await;
    everywhere(&operations).await;
    servers.stop().await;
}

#[tokio::test]
async fn the_endpoints_of_the_api() {
    let settings = Settings { address: "10.0.0.11:6443".to_owned(), ..Settings::default() };
    let servers = Servers::start_with(1, settings).await;
    let one = "/api/v1/namespaces/default/endpoints/kubernetes";
    servers.until_served(one).await;
    let service = servers.get("/api/v1/namespaces/default/services/kubernetes").await;
    assert_eq!(service["metadata"]["labels"]["component"], "apiserver");
    let endpoints = servers.until(one, |found| found["subsets"][0]["addresses"].is_array()).await;
    let subset = &endpoints["subsets"][0];
    let addresses: BTreeSet<&str> = subset["addresses"]
        .as_array()
        .expect("addresses")
        .iter()
        .filter_map(|address| address["ip"].as_str())
        .collect();
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices\
        ?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes";
    let slices = servers.until(slices, |list| list["items"][0]["endpoints"].is_array()).await;
    let slice = &slices["items"][0];
    let sliced: BTreeSet<&str> = slice["endpoints"]
        .as_array()
        .expect("endpoints")
        .iter()
        .filter_map(|endpoint| endpoint["addresses"][0].as_str())
        .collect();
    assert_eq!(addresses, sliced);
    assert_eq!(addresses, BTreeSet::from(["10.0.0.11"]));
    assert_eq!(subset["ports"][0]["port"], slice["ports"][0]["port"]);
    assert_eq!(subset["ports"][0]["port"], 6443);
    servers.stop().await;
}

#[tokio::test]
async fn endpoints_live() {
    let servers = Servers::ready().await;
    let (uri, everywhere) = ("/api/v1/namespaces/default/endpoints", "/api/v1/endpoints");
    let from = version(&servers.get(&format!("{everywhere}?labelSelector=static%3Dtrue")).await);
    let watch = format!("{uri}?labelSelector=static%3Dtrue&resourceVersion={from}");
    let mut watch = servers.watch(&watch).await;
    let subset = json!({"addresses": [{"ip": "10.0.0.24"}],
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]});
    let object = json!({"metadata": {"name": "testservice", "labels": {"static": "true"}},
        "subsets": [subset]});
    let made = servers.post(uri, &object).await.done().body;
    watch.expect("ADDED", &made).await;
    let list = servers.get(&format!("{everywhere}?labelSelector=static%3Dtrue")).await;
    let mut listed = list["items"][0].clone();
    listed["metadata"]["labels"]["test-service"] = json!("updated");
    let one = format!("{uri}/testservice");
    let updated = servers.put(&one, &listed).await.done().body;
    watch.expect("MODIFIED", &updated).await;
    let subset = json!({"addresses": [{"ip": "10.0.0.25"}],
        "ports": [{"name": "http-test", "port": 8080}]});
    let patch = json!({"metadata": {"labels": {"test-service": "patched"}}, "subsets": [subset]});
    let patched = strategic(&servers, &one, &patch).await;
    assert!(version(&patched) > version(&made));
    watch.expect("MODIFIED", &patched).await;
    let read = servers.get(&one).await;
    assert_eq!(read["metadata"]["labels"]["test-service"], "patched");
    let subset = json!({"addresses": [{"ip": "10.0.0.25"}],
        "ports": [{"name": "http-test", "port": 8080, "protocol": "TCP"}]});
    assert_eq!(read["subsets"], json!([subset]));
    delete_labelled(&servers, uri, "static=true", &json!({})).await;
    watch.until("DELETED", |object| object["metadata"]["labels"]["static"] == "true").await;
    assert_eq!(code(&servers, &one).await, 404);
    assert_eq!(found(&servers, everywhere, "static=true").await, [""; 0]);
    servers.stop().await;
}

#[tokio::test]
async fn service_ranges() {
    let servers = Servers::ready().await;
    let uri = "/apis/networking.k8s.io/v1/servicecidrs";
    let one = format!("{uri}/kubernetes");
    servers.until_served(&one).await;
    let operations = Operations {
        subresources: &["status"],
        ..Operations::new(&servers, (NETWORKING, "v1", "servicecidrs"), json!({}))
    };
    operations.discover().await;
    let patch = json!({"metadata": {"annotations": {"patched": "true"}}});
    let patched = servers.patch(&one, &patch).await.done().body;
    assert_eq!(patched["metadata"]["annotations"]["patched"], "true");
    let change = json!({"metadata": {"annotations": {"updated": "true"}}});
    let updated = operations.update(&one, &change).await;
    assert_eq!(updated["metadata"]["annotations"]["updated"], "true");
    assert_eq!(names(&servers.get(uri).await), ["kubernetes"]);
    servers.watch(uri).await.expect("ADDED", &updated).await;
    servers.stop().await;
}

#[tokio::test]
async fn addresses() {
    let servers = Servers::ready().await;
    let uri = "/apis/networking.k8s.io/v1/ipaddresses";
    let parent = json!({"group": "mygroup", "resource": "myresources", "namespace": "foo",
        "name": "bar"});
    for (name, kind) in
        [("255.255.255.255", "broadcast"), ("fe80::42:1dff:fe84:f9e2", "link-local")]
    {
        let object = json!({"metadata": {"name": name, "labels": {"type": kind}},
            "spec": {"parentRef": parent}});
        let made = servers.post(uri, &object).await.done().body;
        assert_eq!(made["spec"], json!({"parentRef": parent}));
    }
    let one = format!("{uri}/255.255.255.255");
    let patch = json!({"metadata": {"annotations": {"patched": "true"}}});
    let mut patched = servers.patch(&one, &patch).await.done().body;
    patched["metadata"]["annotations"]["updated"] = json!("true");
    let updated = servers.put(&one, &patched).await.done().body;
    assert_eq!(updated["metadata"]["annotations"], json!({"patched": "true", "updated": "true"}));
    assert_eq!(servers.get(&one).await, updated);
    assert_eq!(found(&servers, uri, "type=broadcast").await, ["255.255.255.255"]);
    let watch = format!("{uri}?labelSelector=type%3Dbroadcast");
    servers.watch(&watch).await.expect("ADDED", &updated).await;
    servers.delete(&one).await.done();
    delete_labelled(&servers, uri, "type=link-local", &json!({})).await;
    assert_eq!(found(&servers, uri, "type=link-local").await, [""; 0]);
    servers.stop().await;
}
