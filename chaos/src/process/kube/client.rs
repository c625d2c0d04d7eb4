//! [`Client`]: asks one replica or another, with a new connection whenever one breaks.

use crate::process::ProcessError;
use crate::process::cluster::Cluster;
use http::Method;
use http::header::HeaderValue;
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use xebec_bench::BenchError;
use xebec_bench::api::access::{Access, Credentials};
use xebec_bench::api::pool::{Ask, Caller, Pool};

const CONNECT_TIMEOUT: Duration = Duration::from_millis(800);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

/// What came of a request.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// A code below 500, and the answer.
    Answered(u16, Value),
    /// Nobody knows whether it was done.
    Unknown,
}

pub struct Client {
    replicas: Vec<Replica>,
}

struct Replica {
    access: Access,
    /// The connection that requests share; watches have their own.
    pool: Mutex<Option<Arc<Pool>>>,
}

impl Client {
    pub fn new(cluster: &Cluster) -> Result<Self, ProcessError> {
        let identity = cluster.stage.kube_credentials()?;
        let replica = |node| {
            let credentials = Credentials {
                servers: vec![cluster.stage.kube_url(node)],
                server_name: None,
                ca_pem: Some(identity.ca.clone().into_bytes()),
                identity_pem: Some((
                    identity.cert.clone().into_bytes(),
                    identity.key.clone().into_bytes(),
                )),
                token: None,
            };
            let access = Access::new(&credentials).map_err(|error| ProcessError::Refused {
                what: "a client".to_owned(),
                message: error.to_string(),
            })?;
            Ok(Replica { access, pool: Mutex::new(None) })
        };
        let replicas =
            cluster.nodes().into_iter().map(replica).collect::<Result<_, ProcessError>>();
        Ok(Self { replicas: replicas? })
    }

    pub fn replicas(&self) -> usize {
        self.replicas.len()
    }

    /// A connection of its own to a replica.
    pub async fn connect(&self, replica: usize) -> Option<Caller> {
        let access = &self.replicas[replica % self.replicas.len()].access;
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, Pool::connect(access, 1)).await;
        let pool = Arc::new(connected.ok()?.ok()?);
        Some(pool.caller(0).await)
    }

    async fn pool(&self, replica: &Replica) -> Option<Arc<Pool>> {
        if let Some(pool) = replica.pool.lock().clone() {
            return Some(pool);
        }
        let connected =
            tokio::time::timeout(CONNECT_TIMEOUT, Pool::connect(&replica.access, 1)).await;
        let pool = Arc::new(connected.ok()?.ok()?);
        *replica.pool.lock() = Some(pool.clone());
        Some(pool)
    }

    /// Asks one replica, once.
    pub async fn ask(&self, replica: usize, method: &str, path: &str, body: &Value) -> Outcome {
        let replica = &self.replicas[replica % self.replicas.len()];
        let Some(pool) = self.pool(replica).await else { return Outcome::Unknown };
        let mut caller = pool.caller(0).await;
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, caller.call(path, ask(method, body)));
        match answer.await {
            Ok(Ok(answer)) if answer.status.is_server_error() => Outcome::Unknown,
            Ok(Ok(answer)) => {
                let code = answer.status.as_u16();
                Outcome::Answered(code, answer.json().unwrap_or_default())
            }
            Ok(Err(BenchError::Unreachable { .. })) | Err(_) => {
                // The next request is not to wait behind what is broken.
                replica.pool.lock().take_if(|held| Arc::ptr_eq(held, &pool));
                Outcome::Unknown
            }
            Ok(Err(_)) => Outcome::Unknown,
        }
    }

    /// Asks one replica after the other until one answers with one of the codes.
    pub async fn insist(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        codes: &[u16],
    ) -> Result<Value, ProcessError> {
        let deadline = Instant::now() + super::PATIENCE;
        let mut replica = 0;
        loop {
            let outcome = self.ask(replica, method, path, body).await;
            match outcome {
                Outcome::Answered(code, answer) if codes.contains(&code) => return Ok(answer),
                outcome if Instant::now() > deadline => {
                    let what = format!("{method} {path}");
                    return Err(ProcessError::Refused { what, message: format!("{outcome:?}") });
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
            replica += 1;
        }
    }
}

fn ask(method: &str, body: &Value) -> Ask {
    let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let mut ask = Ask::with_body(method, text);
    if ask.method == Method::PATCH {
        ask.content_type = HeaderValue::from_static("application/merge-patch+json");
    }
    ask
}

/// The resource version of an object or a list; 0 if it has none.
pub fn version(object: &Value) -> i64 {
    let text = object["metadata"]["resourceVersion"].as_str();
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}
