//! The end of a round: every fault is healed, and every replica must show the same.

use super::client;
use super::cluster::Cluster;
use super::endpoint::Endpoint;
use super::load::{Clients, PREFIX};
use super::watcher::{Session, Step};
use crate::history::{HashSample, Outcome, Range, Request, Revision, WatchRequest, prefix_end};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

const CLIENT: u32 = 999;
const TIMEOUT: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(100);

/// Reads everything everywhere; findings are what a replica did not show in time.
pub async fn inspect(cluster: &Cluster, clients: &Clients) -> Vec<String> {
    let mut findings = Vec::new();
    let endpoints = cluster.endpoints.all();
    for endpoint in endpoints.iter() {
        let name = format!("r{}", endpoint.node);
        if !list(clients, endpoint, false).await {
            findings.push(format!("{name} answers no linearizable read at the end"));
        }
    }
    let last = clients.journal.revision();
    for endpoint in endpoints.iter() {
        let name = format!("r{}", endpoint.node);
        if !list(clients, endpoint, true).await {
            findings.push(format!("{name} answers no serializable read at the end"));
        }
        if !sample_hash(clients, endpoint, last).await {
            findings.push(format!("{name} tells no hash of revision {last} at the end"));
        }
        if !replay(clients, endpoint, last).await {
            findings.push(format!("{name} does not deliver the history up to {last}"));
        }
    }
    findings
}

async fn list(clients: &Clients, endpoint: &Endpoint, serializable: bool) -> bool {
    let range =
        Range { key: PREFIX.to_owned(), end: prefix_end(PREFIX), serializable, ..Range::default() };
    let deadline = Instant::now() + TIMEOUT;
    while Instant::now() < deadline {
        let request = |_| Request::Range(range.clone());
        let outcome = clients.execute(CLIENT, endpoint, Duration::from_secs(3), request).await;
        if matches!(outcome, Outcome::Ok { .. }) {
            return true;
        }
        tokio::time::sleep(STEP).await;
    }
    false
}

/// Asks a replica for its hash at a revision until it stands there.
async fn sample_hash(clients: &Clients, endpoint: &Endpoint, revision: Revision) -> bool {
    let deadline = Instant::now() + TIMEOUT;
    while Instant::now() < deadline {
        if hash_once(clients, endpoint, revision).await {
            return true;
        }
        tokio::time::sleep(STEP).await;
    }
    false
}

async fn hash_once(clients: &Clients, endpoint: &Endpoint, revision: Revision) -> bool {
    let Some(answer) = client::hash(endpoint, revision).await else { return false };
    clients.journal.hash_sample(HashSample {
        replica: endpoint.node,
        at_ns: clients.journal.now_ns(),
        revision,
        compact_revision: answer.compact_revision,
        hash: u64::from(answer.hash),
    });
    true
}

/// Watches from the oldest revision that is not compacted.
async fn replay(clients: &Clients, endpoint: &Endpoint, last: Revision) -> bool {
    let compacted = clients.compacted.load(Ordering::Relaxed);
    let asked = WatchRequest {
        key: PREFIX.to_owned(),
        end: prefix_end(PREFIX),
        start_revision: compacted + 1,
        prev_kv: true,
        ..WatchRequest::default()
    };
    let deadline = Instant::now() + TIMEOUT;
    while Instant::now() < deadline {
        let progress_every = Duration::from_millis(50);
        let opened =
            Session::open(clients, CLIENT, endpoint, vec![asked.clone()], progress_every).await;
        let Some(mut session) = opened else {
            tokio::time::sleep(STEP).await;
            continue;
        };
        let follow = async {
            while session.step(clients).await == Step::Response {
                if session.first().complete_to() >= last {
                    return true;
                }
            }
            false
        };
        let complete = tokio::time::timeout_at(deadline, follow).await.unwrap_or(false);
        session.close(clients);
        if complete {
            return true;
        }
    }
    false
}

/// While the load runs: now and then the hashes of all replicas at one revision.
pub async fn auditor(clients: std::sync::Arc<Clients>) {
    while !clients.is_stopped() {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let revision = clients.compactable.least();
        let endpoints = clients.endpoints.all();
        let asked = endpoints.iter().map(|endpoint| hash_once(&clients, endpoint, revision));
        futures::future::join_all(asked).await;
    }
}
