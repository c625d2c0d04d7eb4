//! A new cluster: what is there from the start, and who may do what in it, judged by recordings of
//! an upstream server.

#[path = "../../core/tests/shared/mod.rs"]
mod shared;
mod support;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use support::{Cluster, PATIENCE};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use xebec_apiserver::kube::api::{Api, Settings};
use xebec_apiserver::kube::user::User;

struct Server {
    api: Arc<Api>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Server {
    /// One that serves on a replica of a cluster, ready.
    async fn start(cluster: &Cluster, node: usize) -> Self {
        let settings =
            Settings { address: format!("10.0.0.{}:6443", 10 + node), ..Settings::default() };
        let api = Api::new(cluster.nodes[node].replica.clone(), settings);
        let api = Arc::new(api.expect("settings that work"));
        let stop = CancellationToken::new();
        let running = tokio::spawn(api.clone().run(stop.clone()));
        let server = Self { api, stop, running };
        server.until_ready().await;
        server
    }

    async fn until_ready(&self) {
        let ready = async {
            while self.send("GET", "/readyz", &[], None).await.0 != 200 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("ready in time");
    }

    async fn send(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> (u16, Value, Vec<String>) {
        let mut request = Request::builder().method(method).uri(uri);
        let given = |name: &str| headers.iter().any(|(one, _)| one.eq_ignore_ascii_case(name));
        if !given("accept") {
            request = request.header("accept", "application/json");
        }
        if body.is_some() && !given("content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Bytes::copy_from_slice(body.unwrap_or_default().as_bytes());
        let request = request.body(Full::new(body)).expect("a request");
        let admin = User {
            name: "kubernetes-admin".into(),
            groups: vec![User::MASTERS.into(), User::AUTHENTICATED.into()],
            ..User::default()
        };
        let response = self.api.handle(Ok(admin), request).await;
        let code = response.status().as_u16();
        let warnings = response.headers().get_all("warning").iter();
        let mut warnings: Vec<String> =
            warnings.map(|one| one.to_str().expect("text").to_owned()).collect();
        warnings.sort();
        let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (code, body, warnings)
    }

    async fn get(&self, uri: &str) -> Value {
        let (code, body, _) = self.send("GET", uri, &[], None).await;
        assert_eq!(code, 200, "{uri}: {body}");
        body
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.await.expect("it does not panic");
    }
}

/// The body with everything that may differ between two right servers replaced.
fn normal(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), normal(name, value))).collect()
        }
        Value::Array(items) => items.iter().map(|item| normal(name, item)).collect(),
        Value::String(text) => match name {
            "uid" => "UID".into(),
            "resourceVersion" => "RV".into(),
            "creationTimestamp" | "time" | "lastTransitionTime" => "TIME".into(),
            "message" => text.split('\n').next().unwrap_or_default().into(),
            _ => text.as_str().into(),
        },
        other => other.clone(),
    }
}

/// Replays an area; returns what differs.
async fn replay(server: &Server, area: &str) -> Option<Vec<String>> {
    let mut wrong = Vec::new();
    for case in shared::golden(area)? {
        for step in case["steps"].as_array().expect("steps") {
            let headers: Vec<(&str, &str)> = step["h"].as_object().map_or_else(Vec::new, |given| {
                given.iter().map(|(name, value)| (&**name, value.as_str().expect("text"))).collect()
            });
            let body = match &step["b"] {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            let (method, uri) = (step["m"].as_str().expect("m"), step["p"].as_str().expect("p"));
            let (code, body, warnings) = server.send(method, uri, &headers, body.as_deref()).await;
            if step["setup"] == true {
                continue;
            }
            let mut found = Vec::new();
            shared::differences("", &step["r"], &normal("", &body), &mut found);
            if step["code"] != code || step["w"] != serde_json::json!(warnings) {
                found.insert(0, format!("code {code}, {warnings:?}"));
            }
            if !found.is_empty() {
                wrong.push(format!(
                    "{} {method} {uri}\n      {}",
                    case["id"],
                    found.join("\n      ")
                ));
                break;
            }
        }
    }
    Some(wrong)
}

/// Where an answer names the server itself, which is another one than the recorded.
const ADDRESS: &str = "serverAddressByClientCIDRs";

#[tokio::test]
async fn a_new_cluster_has_what_was_recorded() {
    let cluster = Cluster::start(1).await;
    let server = Server::start(&cluster, 0).await;
    for area in ["boot", "access"] {
        let Some(wrong) = replay(&server, area).await else { return };
        let wrong: Vec<String> = wrong.into_iter().filter(|one| !one.contains(ADDRESS)).collect();
        assert!(wrong.is_empty(), "{area}: {} differ\n{}", wrong.len(), wrong.join("\n"));
    }
    server.stop().await;
    cluster.stop().await;
}

#[tokio::test]
async fn replicas_share_the_work_and_the_endpoints() {
    let cluster = Cluster::start(3).await;
    let (one, two) = tokio::join!(Server::start(&cluster, 0), Server::start(&cluster, 1));
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let before = one.get(roles).await["items"].as_array().map(Vec::len);
    assert!(before > Some(60), "{before:?}");
    let third = Server::start(&cluster, 2).await;
    let endpoints = "/api/v1/namespaces/default/endpoints/kubernetes";
    let slice = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes";
    let addresses = |endpoints: &Value| {
        let addresses = endpoints["subsets"][0]["addresses"].as_array().cloned();
        addresses.unwrap_or_default().iter().map(|one| one["ip"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(addresses(&third.get(endpoints).await).len(), 3);
    assert_eq!(third.get(slice).await["endpoints"].as_array().map(Vec::len), Some(3));
    let revision = third.get(endpoints).await["metadata"]["resourceVersion"].clone();
    third.stop().await;
    let left = addresses(&one.get(endpoints).await);
    assert_eq!(left, [r#""10.0.0.10""#, r#""10.0.0.11""#]);
    assert_ne!(one.get(endpoints).await["metadata"]["resourceVersion"], revision);
    // A server that starts again finds everything there and changes nothing.
    let stand = one.get(roles).await["items"].clone();
    let again = Server::start(&cluster, 2).await;
    assert_eq!(one.get(roles).await["items"], stand);
    let service = again.get("/api/v1/namespaces/default/services/kubernetes").await;
    assert_eq!(service["spec"]["clusterIP"], "10.96.0.1");
    assert_eq!(service["spec"]["ports"][0]["targetPort"], 6443);
    for server in [one, two, again] {
        server.stop().await;
    }
    cluster.stop().await;
}
