//! The Kubernetes API of every replica of a cluster, in process.

use super::watch::Watch;
use super::{Cluster, eventually};
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use xebec_apiserver::kube::api::{Api, Settings};
use xebec_apiserver::kube::user::User;

pub struct Servers {
    pub cluster: Cluster,
    pub apis: Vec<Arc<Api>>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// Code, body and warnings of an answer.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub headers: HeaderMap,
    pub body: Value,
    /// The body as it came.
    pub bytes: Bytes,
    pub warnings: Vec<String>,
}

impl Answer {
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    /// The answer to a write that worked.
    pub fn done(self) -> Self {
        assert!(matches!(self.code, 200 | 201), "{} {}", self.code, self.body);
        self
    }

    /// The message of a refusal.
    pub fn refused(self, code: u16) -> String {
        assert_eq!(self.code, code, "{}", self.body);
        self.message().to_owned()
    }
}

pub fn admin() -> User {
    User { name: "admin".into(), groups: vec![User::MASTERS.into()], ..User::default() }
}

impl Servers {
    pub async fn start(size: usize) -> Self {
        Self::start_with(size, Settings::default()).await
    }

    /// One replica that has made what is there by default.
    pub async fn ready() -> Self {
        let servers = Self::start(1).await;
        servers.until_served("/api/v1/namespaces/default").await;
        servers
    }

    pub async fn start_with(size: usize, settings: Settings) -> Self {
        let cluster = Cluster::start(size).await;
        let stop = CancellationToken::new();
        let made = cluster.nodes.iter().map(|node| {
            Arc::new(Api::new(node.replica.clone(), settings.clone()).expect("settings that work"))
        });
        let apis: Vec<Arc<Api>> = made.collect();
        let run = |api: &Arc<Api>| tokio::spawn(api.clone().run(stop.clone()));
        let tasks = apis.iter().map(run).collect();
        Self { cluster, apis, stop, tasks }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.expect("the server does not panic");
        }
        drop(self.apis);
        self.cluster.stop().await;
    }

    /// One request to one replica.
    pub async fn send(&self, node: usize, user: User, request: Request<Full<Bytes>>) -> Answer {
        let response = self.apis[node].handle(Ok(user), request).await;
        let (code, headers) = (response.status().as_u16(), response.headers().clone());
        let warnings = headers.get_all("warning").iter();
        let warnings = warnings.map(|one| one.to_str().expect("text").to_owned()).collect();
        let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { code, headers, body, bytes, warnings }
    }

    pub async fn call(&self, method: &str, uri: &str, body: &Value) -> Answer {
        self.send(0, admin(), request(method, uri, body)).await
    }

    pub async fn get(&self, uri: &str) -> Value {
        self.call("GET", uri, &Value::Null).await.done().body
    }

    pub async fn post(&self, uri: &str, body: &Value) -> Answer {
        self.call("POST", uri, body).await
    }

    pub async fn put(&self, uri: &str, body: &Value) -> Answer {
        self.call("PUT", uri, body).await
    }

    /// A merge patch.
    pub async fn patch(&self, uri: &str, body: &Value) -> Answer {
        self.call("PATCH", uri, body).await
    }

    pub async fn delete(&self, uri: &str) -> Answer {
        self.call("DELETE", uri, &Value::Null).await
    }

    /// A request whose body is no JSON, or that has headers of its own.
    pub async fn exchange(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        self.send(0, admin(), request.body(body).expect("a request")).await
    }

    /// A watch of a collection: everything from here on, or from `resourceVersion` in the URI.
    pub async fn watch(&self, uri: &str) -> Watch {
        let separator = if uri.contains('?') { '&' } else { '?' };
        let uri = format!("{uri}{separator}watch=true");
        let request = request("GET", &uri, &Value::Null);
        Watch::of(self.apis[0].handle(Ok(admin()), request).await)
    }

    /// Makes a CustomResourceDefinition and waits until it is established.
    pub async fn define(&self, definition: &Value) -> Value {
        let uri = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        self.post(uri, definition).await.done();
        let name = definition["metadata"]["name"].as_str().expect("a name");
        self.until(&format!("{uri}/{name}"), |found| has_condition(found, "Established")).await
    }

    /// A namespace with these labels, in which pods can be made.
    pub async fn namespace(&self, name: &str, labels: &Value) {
        let namespace = json!({"metadata": {"name": name, "labels": labels}});
        self.post("/api/v1/namespaces", &namespace).await.done();
        let account = json!({"metadata": {"name": "default"}});
        let uri = format!("/api/v1/namespaces/{name}/serviceaccounts");
        self.post(&uri, &account).await.done();
    }

    /// Waits until a collection can be read.
    pub async fn until_served(&self, uri: &str) {
        let is_there = async || self.call("GET", uri, &Value::Null).await.code == 200;
        eventually(async || is_there().await.then_some(())).await;
    }

    /// What a GET shows once something holds of it.
    pub async fn until(&self, uri: &str, holds: impl Fn(&Value) -> bool) -> Value {
        eventually(async || Some(self.get(uri).await).filter(&holds)).await
    }
}

/// Whether a condition of an object is true.
pub fn has_condition(object: &Value, condition: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|one| one["type"] == condition && one["status"] == "True")
}

pub fn request(method: &str, uri: &str, body: &Value) -> Request<Full<Bytes>> {
    let bytes = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let content_type =
        if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let request = Request::builder().method(method).uri(uri).header("content-type", content_type);
    request.header("user-agent", "tester/1").body(Full::new(bytes)).expect("a request")
}

/// A pod with one container, to which something is added.
pub fn pod(name: &str, container: &Value) -> Value {
    let mut one = json!({"name": "c", "image": "i"});
    for (key, value) in container.as_object().into_iter().flatten() {
        one[key] = value.clone();
    }
    json!({"metadata": {"name": name}, "spec": {"containers": [one]}})
}
