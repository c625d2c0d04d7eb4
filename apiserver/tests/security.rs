//! Ways into what one may not see, each known from upstream's history.

mod support;

use futures::FutureExt;
use http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use support::servers::{Answer, Servers, pod, request};
use tokio::net::TcpListener;
use xebec_apiserver::kube::user::User;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn ann() -> User {
    User { name: "ann".into(), groups: vec![User::AUTHENTICATED.into()], ..User::default() }
}

/// Lets `ann` do everything with some resources: everywhere, or in a namespace.
async fn allow(servers: &Servers, namespace: Option<&str>, resources: &[&str]) {
    let (path, role, bound) = match namespace {
        Some(namespace) => (format!("{RBAC}/namespaces/{namespace}"), "Role", "roles"),
        None => (RBAC.to_owned(), "ClusterRole", "clusterroles"),
    };
    let rule = json!({"verbs": ["*"], "apiGroups": ["*"], "resources": resources});
    let made = json!({"metadata": {"name": "anns"}, "rules": [rule]});
    servers.post(&format!("{path}/{bound}"), &made).await.done();
    let group = "rbac.authorization.k8s.io";
    let binding = json!({"metadata": {"name": "anns"},
        "roleRef": {"apiGroup": group, "kind": role, "name": "anns"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "ann"}]});
    let bindings = format!("{path}/{}bindings", bound.trim_end_matches('s'));
    servers.post(&bindings, &binding).await.done();
}

async fn as_ann(servers: &Servers, method: &str, uri: &str, body: &Value) -> Answer {
    servers.send(0, ann(), request(method, uri, body)).await
}

/// Selectors and paths that name what lies beside a collection find nothing there.
#[tokio::test]
async fn cve_2022_3162_no_name_leads_out_of_a_collection() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    servers.namespace("m", &json!({})).await;
    let secret = json!({"metadata": {"name": "s", "labels": {"a": "hidden"}}});
    servers.post("/api/v1/namespaces/n/secrets", &secret).await.done();
    let template = json!({"metadata": {"name": "hidden"}, "template": pod("", &json!({}))});
    servers.post("/api/v1/namespaces/n/podtemplates", &template).await.done();
    allow(&servers, None, &["configmaps", "pods"]).await;
    for uri in [
        "/api/v1/configmaps?fieldSelector=metadata.namespace%3D..%2Fsecrets%2Fn",
        "/api/v1/configmaps?fieldSelector=metadata.namespace%3D..%2Fsecrets%2Fn,metadata.name%3Ds",
        "/api/v1/namespaces/n/configmaps?fieldSelector=metadata.name%3D..%2F..%2Fsecrets%2Fn%2Fs",
        "/api/v1/namespaces/..%2Fsecrets%2Fn/configmaps",
        "/api/v1/namespaces/n/configmaps/..%2F..%2Fsecrets%2Fn%2Fs",
        "/api/v1/namespaces/../secrets/n/s",
        // A collection whose name begins with that of another one.
        "/api/v1/pods",
        "/api/v1/namespaces/n/pods",
    ] {
        let answer = as_ann(&servers, "GET", uri, &Value::Null).await;
        assert!(!answer.body.to_string().contains("hidden"), "{uri}: {}", answer.body);
        let nothing = answer.code >= 400 || answer.body["items"] == json!([]);
        assert!(nothing, "{uri}: {} {}", answer.code, answer.body);
    }
    let all =
        "/api/v1/namespaces/n/configmaps?fieldSelector=metadata.name%3D..%2F..%2Fsecrets%2Fn%2Fs";
    as_ann(&servers, "DELETE", all, &Value::Null).await;
    servers.get("/api/v1/namespaces/n/secrets/s").await;
    servers.stop().await;
}

/// A definition whose names are told by its plural, and whose objects may have any fields.
async fn define(servers: &Servers, plural: &str, scope: &str) {
    let kind = format!("{}{}", plural[..1].to_uppercase(), &plural[1..]);
    let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition = json!({"metadata": {"name": format!("{plural}.example.com")}, "spec": {
        "group": "example.com", "scope": scope,
        "names": {"plural": plural, "kind": kind},
        "versions": [{"name": "v1", "served": true, "storage": true,
            "schema": {"openAPIV3Schema": any}}]}});
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    servers.post(definitions, &definition).await.done();
    servers.until_served(&format!("/apis/example.com/v1/{plural}")).await;
}

/// The same of custom resources of one group: what the hole was.
#[tokio::test]
async fn cve_2022_3162_custom_resources_do_not_show_others_of_their_group() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    for plural in ["keys", "keysets", "locks"] {
        define(&servers, plural, "Namespaced").await;
        let kind = format!("{}{}", plural[..1].to_uppercase(), &plural[1..]);
        let object = json!({"apiVersion": "example.com/v1", "kind": kind,
            "metadata": {"name": "o"}, "word": format!("{plural}-hidden")});
        servers.post(&format!("/apis/example.com/v1/namespaces/n/{plural}"), &object).await.done();
    }
    allow(&servers, None, &["keys"]).await;
    let group = "/apis/example.com/v1";
    let own = as_ann(&servers, "GET", &format!("{group}/keys"), &Value::Null).await.done().body;
    assert_eq!(own["items"].as_array().map(Vec::len), Some(1), "{own}");
    for uri in [
        "keys?fieldSelector=metadata.namespace%3D..%2Flocks%2Fn",
        "namespaces/n/keys?fieldSelector=metadata.name%3D..%2F..%2Flocks%2Fn%2Fo",
        "namespaces/..%2Flocks%2Fn/keys",
        "namespaces/..%2Flocks/keys",
        "namespaces/n/keys/..%2F..%2Flocks%2Fn%2Fo",
        "namespaces/n/keysets",
        "keysets",
    ] {
        let answer = as_ann(&servers, "GET", &format!("{group}/{uri}"), &Value::Null).await;
        let text = answer.body.to_string();
        assert!(
            !text.contains("locks-hidden") && !text.contains("keysets-hidden"),
            "{uri}: {text}"
        );
    }
    servers.stop().await;
}

#[tokio::test]
async fn cve_2019_11247_custom_resources_of_the_cluster_are_not_reached_through_a_namespace() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    define(&servers, "vaults", "Cluster").await;
    let vault = json!({"apiVersion": "example.com/v1", "kind": "Vaults",
        "metadata": {"name": "o"}});
    servers.post("/apis/example.com/v1/vaults", &vault).await.done();
    allow(&servers, Some("n"), &["*"]).await;
    let vaults = "/apis/example.com/v1/namespaces/n/vaults";
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    let other = json!({"apiVersion": "example.com/v1", "kind": "Vaults",
        "metadata": {"name": "p"}});
    for (method, uri, body) in [
        ("GET", format!("{vaults}/o"), &Value::Null),
        ("GET", vaults.to_owned(), &Value::Null),
        ("PUT", format!("{vaults}/o"), &vault),
        ("PATCH", format!("{vaults}/o"), &label),
        ("POST", vaults.to_owned(), &other),
        ("DELETE", format!("{vaults}/o"), &Value::Null),
        ("DELETE", vaults.to_owned(), &Value::Null),
    ] {
        let answer = as_ann(&servers, method, &uri, body).await;
        assert_eq!(answer.code, 404, "{method} {uri}: {}", answer.body);
    }
    let held = servers.get("/apis/example.com/v1/vaults/o").await;
    assert!(held["metadata"]["labels"].is_null(), "{held}");
    servers.stop().await;
}

/// Who may do everything in one namespace does nothing outside through it.
#[tokio::test]
async fn cve_2019_11247_what_lies_in_no_namespace_is_not_reached_through_one() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    servers.post("/api/v1/nodes", &json!({"metadata": {"name": "x"}})).await.done();
    allow(&servers, Some("n"), &["*"]).await;
    as_ann(&servers, "GET", "/api/v1/namespaces/n/configmaps", &Value::Null).await.done();
    let roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/n/clusterroles";
    let nodes = "/api/v1/namespaces/n/nodes";
    for (method, uri, body) in [
        ("GET", format!("{nodes}/x"), Value::Null),
        ("GET", nodes.to_owned(), Value::Null),
        ("GET", format!("{nodes}?watch=1"), Value::Null),
        ("POST", nodes.to_owned(), json!({"metadata": {"name": "y"}})),
        ("PATCH", format!("{nodes}/x"), json!({"metadata": {"labels": {"a": "b"}}})),
        ("PUT", format!("{nodes}/x"), json!({"metadata": {"name": "x"}})),
        ("DELETE", format!("{nodes}/x"), Value::Null),
        ("DELETE", nodes.to_owned(), Value::Null),
        ("GET", format!("{roles}/cluster-admin"), Value::Null),
        ("POST", roles.to_owned(), json!({"metadata": {"name": "mine"}})),
    ] {
        let answer = as_ann(&servers, method, &uri, &body).await;
        assert_eq!(answer.code, 404, "{method} {uri}: {}", answer.body);
    }
    let node = servers.get("/api/v1/nodes/x").await;
    assert!(
        node["metadata"]["labels"].is_null() && node["metadata"]["deletionTimestamp"].is_null()
    );
    servers.stop().await;
}

/// Nothing is ever sent to an address that a node or pod claims to have, nor where it redirects to.
#[tokio::test]
async fn cve_2020_8559_and_cve_2022_3294_addresses_of_nodes_are_not_dialled() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    let claimed = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = claimed.local_addr().expect("bound").port();
    servers.post("/api/v1/nodes", &json!({"metadata": {"name": "x"}})).await.done();
    let status = json!({"status": {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}});
    servers.patch("/api/v1/nodes/x/status", &status).await.done();
    let mut placed = pod("p", &json!({}));
    placed["spec"]["nodeName"] = "x".into();
    servers.post("/api/v1/namespaces/n/pods", &placed).await.done();
    for (method, uri) in [
        ("GET", "/api/v1/nodes/x/proxy/pods".to_owned()),
        ("GET", format!("/api/v1/nodes/x:{port}/proxy/")),
        ("GET", format!("/api/v1/nodes/https:x:{port}/proxy/")),
        ("GET", "/api/v1/namespaces/n/pods/p/log".to_owned()),
        ("POST", "/api/v1/namespaces/n/pods/p/exec?command=sh".to_owned()),
        ("GET", format!("/api/v1/namespaces/n/pods/p:{port}/proxy/")),
    ] {
        let answer = servers.call(method, &uri, &Value::Null).await;
        assert!(answer.code >= 400, "{uri}: {} {}", answer.code, answer.body);
    }
    assert!(claimed.accept().now_or_never().is_none(), "somebody came");
    servers.stop().await;
}

/// All that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Secrets, and tokens of every kind, good and bad: at the most talkative level.
#[tokio::test]
async fn secrets_reach_no_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("no other one");
    let servers = Servers::start(3).await;
    servers.namespace("n", &json!({})).await;
    let secrets = "/api/v1/namespaces/n/secrets";
    let (plain, coded) = ("correct-horse-battery", "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5");
    let secret = json!({"metadata": {"name": "s"}, "stringData": {"password": plain}});
    assert_eq!(servers.post(secrets, &secret).await.done().body["data"]["password"], coded);
    let uri = format!("{secrets}/s");
    servers.patch(&uri, &json!({"data": {"other": coded}})).await.done();
    servers.patch(&uri, &json!({"immutable": true})).await.done();
    servers.patch(&uri, &json!({"data": {"other": "eA=="}})).await.refused(422);
    servers.post(secrets, &secret).await.refused(409);
    let wrong = json!({"metadata": {"name": "t"}, "data": {"password": plain}});
    servers.post(secrets, &wrong).await.refused(400);
    servers.delete(&uri).await.done();

    let mut headers = HeaderMap::new();
    for token in [plain, "abcdef.correct-horse-batt", "e30.correct-horse-battery.e30"] {
        let value = HeaderValue::try_from(format!("Bearer {token}")).expect("a header");
        headers.insert(http::header::AUTHORIZATION, value);
        servers.apis[0].access.authenticate(&[], &headers).await.expect_err("nobody's");
    }
    servers.stop().await;
    let logged = String::from_utf8_lossy(&log.0.lock()).into_owned();
    assert!(logged.contains("a request is not authenticated"), "{} bytes", logged.len());
    // As text, in base64, and as the bytes of a message shown for debugging.
    let bytes = format!("{:?}", plain.as_bytes());
    for shown in ["correct-horse", &coded[..16], bytes.trim_matches(['[', ']'])] {
        let at = logged.find(shown);
        let line = at.map(|at| logged[..at].rfind('\n').map_or(0, |end| end + 1));
        assert_eq!(line.map(|line| &logged[line..]), None, "{shown}");
    }
}
