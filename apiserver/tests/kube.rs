//! The Kubernetes API in process: one replica, requests handed to it as a connection would.

mod support;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use support::{Cluster, eventually};
use xebec_apiserver::kube::api::{Api, Settings};
use xebec_apiserver::kube::user::User;

struct Server {
    cluster: Cluster,
    api: Arc<Api>,
}

/// Code, body and warnings of an answer.
struct Answer {
    code: u16,
    body: Value,
    warnings: Vec<String>,
}

impl Server {
    async fn start() -> Self {
        Self::start_with(Duration::from_secs(3_600)).await
    }

    async fn start_with(event_ttl: Duration) -> Self {
        Self::start_in(&["10.96.0.0/16"], event_ttl).await
    }

    async fn start_in(ranges: &[&str], event_ttl: Duration) -> Self {
        let cluster = Cluster::start(1).await;
        let settings = Settings {
            service_ranges: ranges.iter().map(|one| one.parse().expect("a range")).collect(),
            event_ttl,
            ..Settings::default()
        };
        let api = Api::new(cluster.nodes[0].replica.clone(), settings);
        let api = Arc::new(api.expect("settings that work"));
        let server = Self { cluster, api };
        let default = json!({"metadata": {"name": "default"}});
        let made = server.post("/api/v1/namespaces", &default).await;
        assert_eq!(made.code, 201, "{}", made.body);
        server
    }

    async fn send(&self, method: &str, uri: &str, content_type: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", content_type)
            .header("user-agent", "tester/1")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .expect("a request");
        let admin =
            User { name: "admin".into(), groups: vec![User::MASTERS.into()], ..User::default() };
        read(self.api.handle(Ok(admin), request).await).await
    }

    async fn get(&self, uri: &str) -> Answer {
        self.send("GET", uri, "", "").await
    }

    async fn post(&self, uri: &str, body: &Value) -> Answer {
        self.send("POST", uri, "application/json", &body.to_string()).await
    }

    /// Makes the service account that pods run as.
    async fn post_account(&self) {
        let account = json!({"metadata": {"name": "default"}});
        let made = self.post("/api/v1/namespaces/default/serviceaccounts", &account).await;
        assert!(matches!(made.code, 201 | 409), "{}", made.body);
    }

    async fn post_pod(&self, name: &str) -> Answer {
        self.post_account().await;
        let spec = json!({"containers": [{"name": "c", "image": "i"}]});
        let pod = json!({"metadata": {"name": name}, "spec": spec});
        self.post("/api/v1/namespaces/default/pods", &pod).await
    }

    async fn stop(self) {
        self.cluster.stop().await;
    }
}

async fn read(response: Response<xebec_apiserver::kube::body::Body>) -> Answer {
    let code = response.status().as_u16();
    let warnings = response.headers().get_all("warning").iter();
    let warnings = warnings.map(|one| one.to_str().expect("text").to_owned()).collect();
    let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer { code, body, warnings }
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn an_object_lives_from_create_to_delete() {
    let server = Server::start().await;
    let map = json!({"metadata": {"name": "a"}, "data": {"x": "1"}});
    let made = server.post(MAPS, &map).await;
    assert_eq!(made.code, 201, "{}", made.body);
    assert_eq!(made.body["kind"], "ConfigMap");
    assert_eq!(made.body["metadata"]["managedFields"][0]["manager"], "tester");
    let again = server.post(MAPS, &map).await;
    assert_eq!((again.code, &again.body["reason"]), (409, &json!("AlreadyExists")));

    let read = server.get(&format!("{MAPS}/a")).await;
    assert_eq!(read.body, made.body, "what was answered is what is stored");

    let patch = r#"{"data":{"y":"2"}}"#;
    let uri = format!("{MAPS}/a");
    let patched = server.send("PATCH", &uri, "application/merge-patch+json", patch).await;
    assert_eq!(patched.body["data"], json!({"x": "1", "y": "2"}), "{}", patched.body);

    let stale = server.send("PUT", &uri, "application/json", &made.body.to_string()).await;
    assert_eq!((stale.code, &stale.body["reason"]), (409, &json!("Conflict")));
    let mut new = patched.body.clone();
    new["data"] = json!({"z": "3"});
    let put = server.send("PUT", &uri, "application/json", &new.to_string()).await;
    assert_eq!((put.code, &put.body["data"]), (200, &json!({"z": "3"})));
    let same = server.send("PUT", &uri, "application/json", &put.body.to_string()).await;
    let version = |answer: &Answer| answer.body["metadata"]["resourceVersion"].clone();
    assert_eq!(version(&same), version(&put), "a write that changes nothing stores nothing");

    let gone = server.send("DELETE", &uri, "", "").await;
    assert_eq!((gone.code, &gone.body["status"]), (200, &json!("Success")));
    assert_eq!(server.get(&uri).await.code, 404);
    server.stop().await;
}

const EVENTS: &str = "/api/v1/namespaces/default/events";

fn event(name: &str) -> Value {
    let object = json!({"kind": "Pod", "namespace": "default", "name": "p"});
    json!({"metadata": {"name": name}, "involvedObject": object, "reason": "Tried"})
}

#[tokio::test]
async fn events_go_by_themselves() {
    let server = Server::start_with(Duration::from_secs(1)).await;
    assert_eq!(server.post(MAPS, &json!({"metadata": {"name": "stays"}})).await.code, 201);
    let made = server.post(EVENTS, &event("goes")).await;
    assert_eq!(made.code, 201, "{}", made.body);
    let uri = format!("{EVENTS}/goes");
    eventually(async || (server.get(&uri).await.code == 404).then_some(())).await;
    assert_eq!(server.get(&format!("{MAPS}/stays")).await.code, 200);
    server.stop().await;
}

#[tokio::test]
async fn events_share_leases() {
    let server = Server::start().await;
    let lease = |path: &str| {
        let view = server.cluster.nodes[0].replica.store().view();
        view.keys().get(format!("/registry/{path}").as_bytes()).expect("it is stored").lease
    };
    for name in ["a", "b"] {
        assert_eq!(server.post(EVENTS, &event(name)).await.code, 201);
    }
    let given = lease("events/default/a");
    assert_ne!(given, 0);
    assert_eq!(lease("events/default/b"), given);
    assert_eq!(lease("namespaces/default"), 0);

    // Somebody takes it away: the next writer may fail, but not the one after.
    server.api.storage.end_lease(given).await;
    assert_eq!(server.get(EVENTS).await.body["items"], json!([]));
    server.post(EVENTS, &event("c")).await;
    assert_eq!(server.post(EVENTS, &event("d")).await.code, 201);
    assert_ne!(lease("events/default/d"), given);
    server.stop().await;
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let server = Server::start().await;
    let map = json!({"metadata": {"generateName": "a-"}});
    let made = server.post(&format!("{MAPS}?dryRun=All"), &map).await;
    assert_eq!(made.code, 201);
    let name = made.body["metadata"]["name"].as_str().expect("a name");
    assert_eq!(name.len(), 7, "{name}");
    assert_eq!(server.get(MAPS).await.body["items"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn server_side_apply_creates_and_keeps_owners() {
    let server = Server::start().await;
    let uri = format!("{MAPS}/a?fieldManager=one");
    let map = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"1"}}"#;
    let made = server.send("PATCH", &uri, "application/apply-patch+yaml", map).await;
    assert_eq!(made.code, 201, "{}", made.body);
    let other = map.replace("\"1\"", "\"2\"");
    let uri = format!("{MAPS}/a?fieldManager=two");
    let conflict = server.send("PATCH", &uri, "application/apply-patch+yaml", &other).await;
    assert_eq!(conflict.code, 409);
    assert_eq!(conflict.body["details"]["causes"][0]["field"], ".data.x");
    let uri = format!("{uri}&force=true");
    let forced = server.send("PATCH", &uri, "application/apply-patch+yaml", &other).await;
    assert_eq!((forced.code, &forced.body["data"]["x"]), (200, &json!("2")));
    server.stop().await;
}

#[tokio::test]
async fn unknown_fields_are_warned_of() {
    let server = Server::start().await;
    let map = json!({"metadata": {"name": "a"}, "more": 1});
    let made = server.post(MAPS, &map).await;
    assert_eq!(
        (made.code, made.warnings.as_slice()),
        (201, &["299 - \"unknown field \\\"more\\\"\"".to_owned()][..])
    );
    let strict = server.post(&format!("{MAPS}?fieldValidation=Strict"), &map).await;
    assert_eq!((strict.code, &strict.body["reason"]), (400, &json!("BadRequest")));
    server.stop().await;
}

#[tokio::test]
async fn a_pod_is_bound_once() {
    let server = Server::start().await;
    let pods = "/api/v1/namespaces/default/pods";
    let made = server.post_pod("p").await;
    assert_eq!(made.code, 201, "{}", made.body);
    let binding = json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}});
    let bound = server.post(&format!("{pods}/p/binding"), &binding).await;
    assert_eq!(bound.code, 201, "{}", bound.body);
    let read = server.get(&format!("{pods}/p")).await;
    assert_eq!(read.body["spec"]["nodeName"], "n");
    let again = server.post(&format!("{pods}/p/binding"), &binding).await;
    assert_eq!((again.code, &again.body["reason"]), (409, &json!("Conflict")));
    server.stop().await;
}

#[tokio::test]
async fn racing_writers_of_one_object_get_one_success_each_version() {
    let server = Arc::new(Server::start().await);
    let made = server.post(MAPS, &json!({"metadata": {"name": "a"}})).await;
    let mut racers = tokio::task::JoinSet::new();
    for n in 0..8 {
        let (server, mut body) = (server.clone(), made.body.clone());
        body["data"] = json!({"n": n.to_string()});
        racers.spawn(async move {
            let uri = format!("{MAPS}/a");
            server.send("PUT", &uri, "application/json", &body.to_string()).await.code
        });
    }
    let mut codes = racers.join_all().await;
    codes.sort_unstable();
    assert_eq!(codes, [200, 409, 409, 409, 409, 409, 409, 409]);
    Arc::into_inner(server).expect("all racers are done").stop().await;
}

#[tokio::test]
async fn admission_completes_pods() {
    let server = Server::start().await;
    let without =
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let refused = server.post("/api/v1/namespaces/default/pods", &without).await;
    assert_eq!(refused.code, 403);
    assert_eq!(
        refused.body["message"],
        "pods \"p\" is forbidden: error looking up service account default/default: serviceaccount \"default\" not found"
    );
    let spec = server.post_pod("p").await.body["spec"].clone();
    assert_eq!(spec["serviceAccountName"], "default");
    assert_eq!(spec["priority"], 0);
    assert_eq!(spec["preemptionPolicy"], "PreemptLowerPriority");
    assert_eq!(spec["tolerations"].as_array().map(Vec::len), Some(2));
    let volume = spec["volumes"][0]["name"].as_str().expect("a volume").to_owned();
    assert!(volume.starts_with("kube-api-access-"), "{volume}");
    assert_eq!(spec["containers"][0]["volumeMounts"][0]["name"], json!(volume));
    server.stop().await;
}

#[tokio::test]
async fn nothing_is_made_in_a_namespace_that_is_not_there_or_is_going() {
    let server = Server::start().await;
    let map = json!({"metadata": {"name": "a"}});
    let missing = server.post("/api/v1/namespaces/none/configmaps", &map).await;
    assert_eq!((missing.code, &missing.body["details"]["kind"]), (404, &json!("namespaces")));
    let kept = server.send("DELETE", "/api/v1/namespaces/default", "", "").await;
    assert_eq!((kept.code, &kept.body["reason"]), (403, &json!("Forbidden")));

    server.post("/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await;
    let going = server.send("DELETE", "/api/v1/namespaces/n", "", "").await;
    assert_eq!(going.body["status"]["phase"], "Terminating", "{}", going.body);
    let refused = server.post("/api/v1/namespaces/n/configmaps", &map).await;
    assert_eq!(refused.code, 403);
    assert_eq!(refused.body["details"]["causes"][0]["reason"], "NamespaceTerminating");
    server.stop().await;
}

#[tokio::test]
async fn services_get_addresses_and_ports_that_nobody_else_has() {
    let server = Arc::new(Server::start().await);
    let uri = "/api/v1/namespaces/default/services";
    let service = |name: &str| {
        let spec = json!({"type": "NodePort", "selector": {"a": "b"}, "ports": [{"port": 80}]});
        json!({"metadata": {"name": name}, "spec": spec})
    };
    let mut makers = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (server, body) = (server.clone(), service(&format!("s{n}")));
        makers.spawn(async move { server.post(uri, &body).await });
    }
    let (mut addresses, mut ports) = (BTreeSet::new(), BTreeSet::new());
    for made in makers.join_all().await {
        assert_eq!(made.code, 201, "{}", made.body);
        let spec = &made.body["spec"];
        assert_eq!(spec["clusterIPs"], json!([spec["clusterIP"]]));
        assert!(addresses.insert(spec["clusterIP"].as_str().expect("an address").to_owned()));
        assert!(ports.insert(spec["ports"][0]["nodePort"].as_i64().expect("a port")));
    }
    let held = server.get("/apis/networking.k8s.io/v1/ipaddresses").await;
    assert_eq!(held.body["items"].as_array().map(Vec::len), Some(16));

    let taken = addresses.first().expect("sixteen").clone();
    let mut second = service("second");
    second["spec"]["clusterIP"] = json!(taken);
    let refused = server.post(uri, &second).await;
    assert_eq!(refused.code, 422);
    let message = refused.body["message"].as_str().expect("a message");
    assert!(message.ends_with("provided IP is already allocated"), "{message}");

    for n in 0..16 {
        let gone = server.send("DELETE", &format!("{uri}/s{n}"), "", "").await;
        assert_eq!(gone.code, 200, "{}", gone.body);
    }
    let held = server.get("/apis/networking.k8s.io/v1/ipaddresses").await;
    assert_eq!(held.body["items"], json!([]), "what is gone gives back");
    let made = server.post(uri, &second).await;
    assert_eq!(made.code, 201, "{}", made.body);
    Arc::into_inner(server).expect("all makers are done").stop().await;
}

#[tokio::test]
async fn services_have_addresses_of_both_families() {
    let ranges = ["10.96.0.0/16", "fd00:10:96::/112"];
    let server = Server::start_in(&ranges, Duration::from_secs(3_600)).await;
    let uri = "/api/v1/namespaces/default/services";
    let service = |name: &str, families: Value| {
        let mut spec = json!({"selector": {"app": "a"}, "ports": [{"port": 80}]});
        for (field, value) in families.as_object().expect("an object") {
            spec[field] = value.clone();
        }
        json!({"metadata": {"name": name}, "spec": spec})
    };
    let families = |body: &Value| {
        let ips = body["spec"]["clusterIPs"].as_array().expect("addresses");
        let is_v6 = |ip: &Value| ip.as_str().is_some_and(|ip| ip.starts_with("fd00:10:96::"));
        assert_eq!(body["spec"]["clusterIP"], ips[0]);
        ips.iter().map(is_v6).collect::<Vec<_>>()
    };
    let cases = [
        (json!({}), vec![false], "SingleStack"),
        (json!({"ipFamilies": ["IPv6"]}), vec![true], "SingleStack"),
        (json!({"ipFamilyPolicy": "PreferDualStack"}), vec![false, true], "PreferDualStack"),
        (
            json!({"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6"]}),
            vec![true, false],
            "RequireDualStack",
        ),
    ];
    for (at, (asked, wanted, policy)) in cases.into_iter().enumerate() {
        let made = server.post(uri, &service(&format!("s{at}"), asked)).await;
        assert_eq!(made.code, 201, "{}", made.body);
        assert_eq!(families(&made.body), wanted, "{}", made.body);
        assert_eq!(made.body["spec"]["ipFamilyPolicy"], policy);
    }
    let held = async || {
        let held = server.get("/apis/networking.k8s.io/v1/ipaddresses").await;
        held.body["items"].as_array().expect("a list").len()
    };
    assert_eq!(held().await, 6);

    // The second family is given up by asking for one alone, and by nothing else.
    let one = format!("{uri}/s2");
    let merge = "application/merge-patch+json";
    let less = server.send("PATCH", &one, merge, r#"{"spec":{"ipFamilies":["IPv4"]}}"#).await;
    assert_eq!(less.code, 422, "{}", less.body);
    let single = r#"{"spec":{"ipFamilyPolicy":"SingleStack"}}"#;
    let single = server.send("PATCH", &one, merge, single).await;
    assert_eq!((single.code, families(&single.body)), (200, vec![false]), "{}", single.body);
    assert_eq!(held().await, 5);
    let both = r#"{"spec":{"ipFamilyPolicy":"RequireDualStack"}}"#;
    let both = server.send("PATCH", &one, merge, both).await;
    assert_eq!((both.code, families(&both.body)), (200, vec![false, true]), "{}", both.body);
    assert_eq!(held().await, 6);
    server.stop().await;
}
