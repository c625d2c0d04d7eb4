//! [`Namespace`]: a namespace of the benchmark's own, made for a row and removed after it.

use super::answer::Answer;
use super::pool::{Ask, Caller, Pool};
use crate::BenchError;
use bytes::Bytes;
use http::header::HeaderValue;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The collections that the loads write to, below a namespace.
const COLLECTIONS: [(&str, &str); 3] =
    [("/api/v1", "pods"), ("/api/v1", "configmaps"), ("/apis/coordination.k8s.io/v1", "leases")];

/// Names of objects without the rest of them.
const NAMES: HeaderValue = HeaderValue::from_static(
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
);
const PAGE: usize = 5_000;
const DELETIONS_IN_FLIGHT: usize = 64;
/// How long the namespace controller is given, where controllers run.
const CONTROLLER_PATIENCE: Duration = Duration::from_secs(60);
/// What one of the controllers puts into every namespace.
const SIGN_OF_CONTROLLERS: &str = "kube-root-ca.crt";
const POLL: Duration = Duration::from_millis(250);

pub struct Namespace {
    name: String,
}

impl Namespace {
    pub async fn create(pool: &Arc<Pool>, name: &str) -> Result<Self, BenchError> {
        let mut caller = pool.caller(0).await;
        let body = json!({"metadata": {"name": name}}).to_string();
        caller.create("/api/v1/namespaces", body).await?;
        let namespace = Self { name: name.to_owned() };
        // Pods need it; where controllers run, one of them makes it too.
        let account = json!({"metadata": {"name": "default"}}).to_string();
        caller.create(&namespace.path("/api/v1", "serviceaccounts"), account).await?;
        Ok(namespace)
    }

    /// The path of a collection: `/api/v1`, `pods`.
    pub fn path(&self, group: &str, resource: &str) -> String {
        format!("{group}/namespaces/{}/{resource}", self.name)
    }

    pub fn config_maps(&self) -> String {
        self.path("/api/v1", "configmaps")
    }

    /// Removes what the loads have written, and the namespace.
    pub async fn remove(&self, pool: &Arc<Pool>) -> Result<(), BenchError> {
        let mut caller = pool.caller(0).await;
        let sign = format!("{}/{SIGN_OF_CONTROLLERS}", self.config_maps());
        let has_controllers = caller.get(&sign).await?.status.is_success();
        for (group, resource) in COLLECTIONS {
            self.empty(pool, &self.path(group, resource)).await?;
        }
        let path = format!("/api/v1/namespaces/{}", self.name);
        caller.delete(&path).await?.success("deleting a namespace")?;
        let begun = Instant::now();
        loop {
            let answer = caller.get(&path).await?;
            if answer.status == http::StatusCode::NOT_FOUND {
                return Ok(());
            }
            if !has_controllers {
                return self.finalize(&mut caller, &answer).await;
            }
            if begun.elapsed() > CONTROLLER_PATIENCE {
                let name = &self.name;
                return Err(BenchError::Invalid(format!("namespace {name} is still there")));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Does what the namespace controller does last, for there is none: the namespace is empty of
    /// all that the benchmark has made.
    async fn finalize(&self, caller: &mut Caller, answer: &Answer) -> Result<(), BenchError> {
        let Some(mut namespace) = answer.json() else { return Ok(()) };
        namespace["spec"]["finalizers"] = json!([]);
        let account = format!("{}/default", self.path("/api/v1", "serviceaccounts"));
        caller.delete(&account).await?;
        let path = format!("/api/v1/namespaces/{}/finalize", self.name);
        let answer = caller.put(&path, namespace.to_string()).await?;
        match answer.status {
            // A controller was there after all.
            http::StatusCode::NOT_FOUND | http::StatusCode::CONFLICT => Ok(()),
            _ => answer.success("finalizing a namespace").map(drop),
        }
    }

    /// Deletes all objects of a collection, many at a time: deleting the collection in one request
    /// would take some servers longer than a request may.
    async fn empty(&self, pool: &Arc<Pool>, path: &str) -> Result<(), BenchError> {
        let mut from = String::new();
        loop {
            let ask = Ask { accept: NAMES, ..Ask::get() };
            let page = format!("{path}?limit={PAGE}&continue={from}");
            let page = pool.caller(0).await.insist(&page, ask).await?.success("listing")?;
            let page = page.json().unwrap_or_default();
            let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
            delete_all(pool, path, items).await?;
            page["metadata"]["continue"].as_str().unwrap_or_default().clone_into(&mut from);
            if from.is_empty() {
                return Ok(());
            }
        }
    }
}

async fn delete_all(pool: &Arc<Pool>, path: &str, items: &[Value]) -> Result<(), BenchError> {
    let names = items.iter().filter_map(|item| item["metadata"]["name"].as_str());
    let names: Arc<[String]> = names.map(str::to_owned).collect();
    let mut tasks = JoinSet::new();
    for client in 0..DELETIONS_IN_FLIGHT.min(names.len()) {
        let (mut caller, names, path) = (pool.caller(client).await, names.clone(), path.to_owned());
        tasks.spawn(async move {
            for name in names.iter().skip(client).step_by(DELETIONS_IN_FLIGHT) {
                let path = format!("{path}/{name}?gracePeriodSeconds=0");
                let ask = Ask::with_body(http::Method::DELETE, Bytes::new());
                let answer = caller.insist(&path, ask).await?;
                // Somebody else was faster: a controller, say.
                if answer.status != http::StatusCode::NOT_FOUND {
                    answer.success("deleting")?;
                }
            }
            Ok::<_, BenchError>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a deleting task does not panic")?;
    }
    Ok(())
}
