//! [`Loopback`]: the server as a client of itself.
//!
//! What the server makes of its own accord goes the way of every request: the same defaults,
//! validation, admission and managed fields.

use super::api::Api;
use super::user::User;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use std::sync::Arc;
use xebec_core::value::{Object, Value};

/// The name before the slash becomes the manager of what is written.
const USER_AGENT: &str = concat!("kube-apiserver/v1.36.2 (xebec/", env!("CARGO_PKG_VERSION"), ")");
const JSON: &str = "application/json";
const APPLY: &str = "application/apply-patch+yaml";

/// A request that was refused.
#[derive(Debug, thiserror::Error)]
#[error("{method} {uri}: {code}: {message}")]
pub struct Refused {
    method: Method,
    uri: String,
    pub code: u16,
    pub reason: String,
    message: String,
}

impl Refused {
    pub fn is(&self, reason: &str) -> bool {
        self.reason == reason
    }
}

/// A cheap handle.
#[derive(Clone)]
pub struct Loopback {
    api: Arc<Api>,
    user: User,
}

impl Loopback {
    pub fn new(api: Arc<Api>) -> Self {
        let groups = vec![User::AUTHENTICATED.to_owned(), User::MASTERS.to_owned()];
        let user = User { name: "system:apiserver".to_owned(), groups, ..User::default() };
        Self { api, user }
    }

    pub fn api(&self) -> &Arc<Api> {
        &self.api
    }

    /// `None` if there is no such object.
    pub async fn get(&self, uri: &str) -> Result<Option<Object>, Refused> {
        match self.send(Method::GET, uri, JSON, Bytes::new()).await {
            Ok(object) => Ok(Some(object)),
            Err(refused) if refused.is("NotFound") => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    /// Makes an object in a collection; `None` if there is one of its name already.
    pub async fn create(&self, uri: &str, object: &Object) -> Result<Option<Object>, Refused> {
        match self.send(Method::POST, uri, JSON, write(object)).await {
            Ok(object) => Ok(Some(object)),
            Err(refused) if refused.is("AlreadyExists") => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    /// Puts an object in the place of the one that it was made from.
    pub async fn update(&self, uri: &str, object: &Object) -> Result<Object, Refused> {
        self.send(Method::PUT, uri, JSON, write(object)).await
    }

    /// Applies fields, whoever owns them.
    pub async fn apply(&self, uri: &str, object: &Object) -> Result<Object, Refused> {
        self.send(Method::PATCH, uri, APPLY, write(object)).await
    }

    pub async fn delete(&self, uri: &str) -> Result<(), Refused> {
        match self.send(Method::DELETE, uri, JSON, Bytes::new()).await {
            Err(refused) if !refused.is("NotFound") => Err(refused),
            _ => Ok(()),
        }
    }

    async fn send(
        &self,
        method: Method,
        uri: &str,
        content_type: &'static str,
        body: Bytes,
    ) -> Result<Object, Refused> {
        let refused = |code: u16, reason: &str, message: String| Refused {
            method: method.clone(),
            uri: uri.to_owned(),
            code,
            reason: reason.to_owned(),
            message,
        };
        let request = Request::builder()
            .method(method.clone())
            .uri(uri)
            .header("content-type", content_type)
            .header("user-agent", USER_AGENT)
            .body(Full::new(body))
            .map_err(|error| refused(0, "", error.to_string()))?;
        let response = Box::pin(self.api.handle(Ok(self.user.clone()), request)).await;
        let code = response.status().as_u16();
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| refused(code, "", error.to_string()))?.to_bytes();
        let object = match serde_json::from_slice(&body) {
            Ok(Value::Object(object)) => object,
            _ => return Err(refused(code, "", "the answer is no object".to_owned())),
        };
        if (200..300).contains(&code) {
            return Ok(object);
        }
        let text = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
        Err(refused(code, text("reason"), text("message").to_owned()))
    }
}

fn write(object: &Object) -> Bytes {
    let value = Value::Object(object.clone());
    serde_json::to_vec(&value).map(Bytes::from).expect("a tree is always serializable")
}
