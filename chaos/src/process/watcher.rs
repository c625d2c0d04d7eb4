//! Watches: one stream with one or several watches on it, recorded until it ends.

use super::convert;
use super::endpoint::{Endpoint, MESSAGE_BYTES_MAX};
use super::load::{Clients, PREFIX};
use crate::history::{Watch, WatchBody, WatchEvent, WatchRequest, WatchResponse, prefix_end};
use rand::RngExt;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use xebec_apiserver::etcd::proto::etcdserverpb as pb;
use xebec_apiserver::etcd::proto::etcdserverpb::watch_client::WatchClient;

const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

/// One stream of watches.
pub struct Session {
    stream: Streaming<pb::WatchResponse>,
    requests: mpsc::Sender<pb::WatchRequest>,
    /// The watch with id `n` at position `n - 1`.
    watches: Vec<Watch>,
    progress_due: tokio::time::Interval,
}

/// What one step of a session brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Response,
    /// Every watch was cancelled.
    Canceled,
    /// The stream ended or broke.
    Ended,
}

impl Session {
    /// Opens a stream with watches as asked; `None` if the replica does not take it.
    pub async fn open(
        clients: &Clients,
        client: u32,
        endpoint: &Endpoint,
        asked: Vec<WatchRequest>,
        progress_every: Duration,
    ) -> Option<Self> {
        let (requests, outgoing) = mpsc::channel(64);
        for (index, request) in asked.iter().enumerate() {
            let id = i64::try_from(index + 1).unwrap_or(i64::MAX);
            requests.try_send(convert::watch_create(request, id)).ok()?;
        }
        let open_ns = clients.journal.now_ns();
        let mut service =
            WatchClient::new(endpoint.watches.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let opening = service.watch(ReceiverStream::new(outgoing));
        let stream = tokio::time::timeout(OPEN_TIMEOUT, opening).await.ok()?.ok()?.into_inner();
        let replica = endpoint.node;
        let watches = asked.into_iter().map(|request| {
            let (id, responses) = (clients.journal.new_id(), Vec::new());
            Watch { id, client, replica, open_ns, request, responses }
        });
        let progress_due = tokio::time::interval(progress_every);
        Some(Self { stream, requests, watches: watches.collect(), progress_due })
    }

    /// Waits for the next response and records it. Asks for progress in between.
    pub async fn step(&mut self, clients: &Clients) -> Step {
        loop {
            tokio::select! {
                message = self.stream.message() => match message {
                    Ok(Some(message)) => return self.record(clients, &message),
                    Ok(None) | Err(_) => return Step::Ended,
                },
                _ = self.progress_due.tick() => {
                    // A full channel has progress requests in it already.
                    let _ = self.requests.try_send(convert::watch_progress());
                }
            }
        }
    }

    fn record(&mut self, clients: &Clients, message: &pb::WatchResponse) -> Step {
        let at_ns = clients.journal.now_ns();
        let revision = super::client::revision_of(message.header);
        clients.journal.saw(revision);
        let body = body(message);
        let response = WatchResponse { at_ns, revision, body };
        match usize::try_from(message.watch_id) {
            Ok(id) if id > 0 && id <= self.watches.len() => {
                self.watches[id - 1].responses.push(response);
            }
            // A mark for all watches of the stream.
            _ if response.body == WatchBody::Progress => {
                let live = |watch: &&mut Watch| !watch.responses.is_empty() && !is_canceled(watch);
                let live = self.watches.iter_mut().filter(live);
                live.for_each(|watch| watch.responses.push(response.clone()));
            }
            _ => {}
        }
        if self.watches.iter().all(is_canceled) { Step::Canceled } else { Step::Response }
    }

    pub fn first(&self) -> &Watch {
        &self.watches[0]
    }

    /// Ends the stream and gives its watches to the journal.
    pub fn close(self, clients: &Clients) {
        for watch in self.watches {
            clients.journal.watch(watch);
        }
    }
}

fn is_canceled(watch: &Watch) -> bool {
    let last = watch.responses.last();
    last.is_some_and(|response| matches!(response.body, WatchBody::Canceled { .. }))
}

fn body(message: &pb::WatchResponse) -> WatchBody {
    if message.canceled {
        let reason = message.cancel_reason.clone();
        return WatchBody::Canceled { compact_revision: message.compact_revision, reason };
    }
    if message.created {
        return WatchBody::Created;
    }
    if message.events.is_empty() {
        return WatchBody::Progress;
    }
    let events: Vec<WatchEvent> = message.events.iter().filter_map(convert::event).collect();
    WatchBody::Events { events, fragment: message.fragment }
}

/// A client that opens watches of all kinds, leaves them, and resumes them at other replicas.
pub async fn watcher(clients: Arc<Clients>, id: u32) {
    let mut rng = clients.rng(id);
    let mut resume: Option<WatchRequest> = None;
    while !clients.is_stopped() {
        let endpoint = clients.endpoints.any(&mut rng);
        let asked = match resume.take() {
            Some(request) => vec![request],
            None => choose(&clients, &mut rng),
        };
        let progress_every = Duration::from_millis(rng.random_range(50..1_000));
        let Some(mut session) = Session::open(&clients, id, &endpoint, asked, progress_every).await
        else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        // A slow reader makes the replica catch up from its history later.
        let slow = rng.random_bool(0.3).then(|| Duration::from_millis(rng.random_range(5..200)));
        let life = Duration::from_millis(rng.random_range(200..6_000));
        let follow = async {
            while session.step(&clients).await == Step::Response {
                if let Some(slow) = slow {
                    tokio::time::sleep(slow).await;
                }
            }
        };
        // Whether it ends by itself or by its time makes no difference: it is resumed.
        let _ = tokio::time::timeout(life, follow).await;
        resume = rng.random_bool(0.7).then(|| resumed(session.first())).flatten();
        session.close(&clients);
    }
}

/// The request that goes on where `watch` ended; none if it was cancelled or saw nothing.
pub fn resumed(watch: &Watch) -> Option<WatchRequest> {
    if is_canceled(watch) {
        return None;
    }
    let owed = watch.first_owed()?;
    let start_revision = owed.max(watch.complete_to() + 1);
    Some(WatchRequest { start_revision, resumes: Some(watch.id), ..watch.request.clone() })
}

/// One watch, or many on one stream.
fn choose(clients: &Clients, rng: &mut StdRng) -> Vec<WatchRequest> {
    let count = if rng.random_bool(0.2) { rng.random_range(2..30) } else { 1 };
    (0..count).map(|_| choose_one(clients, rng)).collect()
}

fn choose_one(clients: &Clients, rng: &mut StdRng) -> WatchRequest {
    let revision = clients.journal.revision();
    let start_revision = match rng.random_range(0..10) {
        0..4 => 0,
        4..9 => clients.old_revision(500, rng) + 1,
        // From the future.
        _ => revision + rng.random_range(1..50),
    };
    let (key, end) = match rng.random_range(0..10) {
        0..7 => (PREFIX.to_owned(), prefix_end(PREFIX)),
        7 => (leases(), prefix_end(&leases())),
        _ => (clients.any_key(rng), String::new()),
    };
    WatchRequest {
        key,
        end,
        start_revision,
        prev_kv: rng.random_bool(0.5),
        no_put: rng.random_bool(0.1),
        no_delete: rng.random_bool(0.1),
        resumes: None,
    }
}

fn leases() -> String {
    format!("{PREFIX}lease/")
}
