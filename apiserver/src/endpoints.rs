//! What is served besides gRPC: health, version and metrics.

use crate::etcd::Context;
use crate::exposition;
use crate::health;
use crate::metrics;
use crate::version;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use std::sync::Arc;
use tonic::body::Body;

const PATH_HEALTH: &str = "/health";
const PATH_LIVEZ: &str = "/livez";
const PATH_READYZ: &str = "/readyz";
const PATH_VERSION: &str = "/version";
const PATH_METRICS: &str = "/metrics";

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const METRICS: HeaderValue = HeaderValue::from_static(exposition::CONTENT_TYPE);

/// The HTTP side of the client port.
pub struct Endpoints {
    context: Arc<Context>,
}

impl Endpoints {
    pub fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    /// Never looks at the body of a request.
    pub async fn call<B>(&self, request: &Request<B>) -> Response<Body> {
        let path = request.uri().path();
        let known = [PATH_HEALTH, PATH_LIVEZ, PATH_READYZ, PATH_VERSION, PATH_METRICS];
        if !known.iter().any(|known| is_or_below(path, known)) {
            return text(StatusCode::NOT_FOUND, "404 page not found\n");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            return response;
        }
        self.get(path, request.uri().query().unwrap_or("")).await
    }

    async fn get(&self, path: &str, query: &str) -> Response<Body> {
        match path {
            PATH_HEALTH => {
                let (healthy, body) = health::summary(&self.context, query).await;
                respond(
                    if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE },
                    JSON,
                    body,
                )
            }
            PATH_VERSION => respond(StatusCode::OK, JSON, versions()),
            PATH_METRICS => respond(StatusCode::OK, METRICS, metrics::etcd(&self.context)),
            _ => self.probe(path, query).await,
        }
    }

    async fn probe(&self, path: &str, query: &str) -> Response<Body> {
        let (live, only) = match path.strip_prefix(PATH_LIVEZ) {
            Some(rest) => (true, rest),
            None => (false, path.strip_prefix(PATH_READYZ).unwrap_or("")),
        };
        let only = only.trim_start_matches('/');
        match health::probe(&self.context, live, only, query).await {
            None => text(StatusCode::NOT_FOUND, "404 page not found\n"),
            Some((true, body)) => text(StatusCode::OK, &body),
            Some((false, body)) => text(StatusCode::SERVICE_UNAVAILABLE, &body),
        }
    }
}

fn is_or_below(path: &str, known: &str) -> bool {
    let probe = known == PATH_LIVEZ || known == PATH_READYZ;
    path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || (probe && rest.starts_with('/')))
}

fn versions() -> String {
    serde_json::json!({
        "etcdserver": version::SERVER,
        "etcdcluster": version::CLUSTER,
        "storage": version::STORAGE,
    })
    .to_string()
}

fn text(status: StatusCode, body: &str) -> Response<Body> {
    respond(status, TEXT, body.to_owned())
}

fn respond(status: StatusCode, kind: HeaderValue, body: String) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(Bytes::from(body))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_probes_have_paths_below_them() {
        assert!(is_or_below("/health", PATH_HEALTH));
        assert!(!is_or_below("/health/x", PATH_HEALTH));
        assert!(!is_or_below("/healthy", PATH_HEALTH));
        assert!(is_or_below("/readyz/linearizable_read", PATH_READYZ));
        assert!(!is_or_below("/readyzz", PATH_READYZ));
    }

    #[test]
    fn versions_have_etcds_names() {
        let text = versions();
        assert_eq!(text, r#"{"etcdcluster":"3.6.0","etcdserver":"3.6.0","storage":"3.6.0"}"#,);
    }
}
