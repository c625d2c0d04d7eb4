//! Requests to the Kubernetes API of a replica, handed over as a connection would.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::sync::Arc;
use xebec_apiserver::kube::api::{Api, Settings};
use xebec_apiserver::kube::body::Body;
use xebec_apiserver::kube::user::User;
use xebec_raft::Replica;

#[derive(Clone)]
pub struct Kube {
    pub api: Arc<Api>,
}

impl Kube {
    pub fn new(replica: Replica) -> Self {
        Self { api: Arc::new(Api::new(replica, Settings::default()).expect("settings that work")) }
    }

    pub async fn ask(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let admin =
            User { name: "admin".into(), groups: vec![User::MASTERS.into()], ..User::default() };
        self.api.handle(Ok(admin), request.body(body).expect("a request")).await
    }

    /// Code and body.
    pub async fn get(&self, uri: &str) -> (u16, Value) {
        self.get_as(uri, "application/json").await
    }

    pub async fn get_as(&self, uri: &str, accept: &str) -> (u16, Value) {
        let response = self.ask("GET", uri, &[("accept", accept)], "").await;
        let code = response.status().as_u16();
        let bytes = read(response).await;
        (code, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    pub async fn create(&self, uri: &str, object: &Value) -> Value {
        let json = [("content-type", "application/json")];
        let response = self.ask("POST", uri, &json, &object.to_string()).await;
        let code = response.status().as_u16();
        let bytes = read(response).await;
        assert_eq!(code, 201, "{}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).expect("JSON")
    }

    pub async fn create_namespace(&self, name: &str) {
        self.create("/api/v1/namespaces", &json!({"metadata": {"name": name}})).await;
    }

    /// Merges a patch into an object.
    pub async fn patch(&self, uri: &str, patch: &Value) -> Value {
        let merge = [("content-type", "application/merge-patch+json")];
        let response = self.ask("PATCH", uri, &merge, &patch.to_string()).await;
        let code = response.status().as_u16();
        let bytes = read(response).await;
        assert_eq!(code, 200, "{}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).expect("JSON")
    }

    pub async fn delete(&self, uri: &str) {
        let response = self.ask("DELETE", uri, &[], "").await;
        assert_eq!(response.status(), 200);
    }
}

pub async fn read(response: Response<Body>) -> Bytes {
    response.into_body().collect().await.expect("a whole body").to_bytes()
}

/// The resource version of an object or list.
pub fn version(object: &Value) -> i64 {
    let text = object["metadata"]["resourceVersion"].as_str();
    text.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no version in {object}"))
}

/// Names of the items of a list.
pub fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap_or_else(|| panic!("no list: {list}"));
    items.iter().map(|item| item["metadata"]["name"].as_str().expect("a name")).collect()
}
