//! A network within one process: for tests, benchmarks and the simulation.
//!
//! Links can be cut in one or both directions. A cut link loses messages silently, as a network
//! does; a stream that lost one is broken when the link is whole again.

use super::{BoxFuture, Duplex, Lane, Method, PeerService, Target, Transport, TransportError};
use crate::limits::STREAM_BUFFER_MESSAGES;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// The wires between replicas of one process.
#[derive(Clone, Default)]
pub struct LocalNetwork {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    peers: Mutex<HashMap<String, Peer>>,
    /// Directed: messages from the first to the second are lost.
    cut: Mutex<HashSet<(String, String)>>,
    snapshots: Mutex<SnapshotTraffic>,
    pumps: TaskTracker,
}

#[derive(Default)]
struct SnapshotTraffic {
    /// How long each message of a snapshot takes.
    pace: Duration,
    bytes: u64,
}

#[derive(Clone)]
struct Peer {
    service: PeerService,
    runtime: Handle,
    /// Streams of an earlier incarnation of the peer break.
    incarnation: u64,
}

impl LocalNetwork {
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a replica reachable under `url`. Its handlers run on the current runtime.
    pub fn listen(&self, url: &str, service: PeerService) {
        let mut peers = self.inner.peers.lock();
        let incarnation = peers.get(url).map_or(0, |peer| peer.incarnation) + 1;
        let peer = Peer { service, runtime: Handle::current(), incarnation };
        peers.insert(url.to_string(), peer);
    }

    /// Makes it unreachable and breaks its streams.
    pub fn close(&self, url: &str) {
        self.inner.peers.lock().remove(url);
    }

    /// Loses messages from `from` to `to`.
    pub fn cut(&self, from: &str, to: &str) {
        self.inner.cut.lock().insert((from.to_string(), to.to_string()));
    }

    /// Cuts `url` off from everybody, both ways.
    pub fn isolate(&self, url: &str) {
        let others: Vec<String> = self.inner.peers.lock().keys().cloned().collect();
        for other in others.iter().filter(|other| *other != url) {
            self.cut(url, other);
            self.cut(other, url);
        }
    }

    /// Makes all links whole.
    pub fn heal(&self) {
        self.inner.cut.lock().clear();
    }

    /// Makes every message of a snapshot take so long.
    pub fn pace_snapshots(&self, pace: Duration) {
        self.inner.snapshots.lock().pace = pace;
    }

    /// Bytes that were delivered on snapshot streams.
    pub fn snapshot_bytes(&self) -> u64 {
        self.inner.snapshots.lock().bytes
    }

    /// The client side for the replica at `url`.
    pub fn transport(&self, url: &str) -> LocalTransport {
        LocalTransport { network: self.clone(), from: url.to_string() }
    }

    fn is_cut(&self, from: &str, to: &str) -> bool {
        let cut = self.inner.cut.lock();
        !cut.is_empty() && cut.contains(&(from.to_string(), to.to_string()))
    }

    fn find(&self, target: &Target) -> Result<(String, Peer), TransportError> {
        let peers = self.inner.peers.lock();
        let found = target
            .peer_urls
            .iter()
            .find_map(|url| peers.get(url).map(|peer| (url.clone(), peer.clone())));
        found.ok_or_else(|| TransportError::Unreachable {
            member_id: target.member_id,
            message: "nobody listens".to_string(),
        })
    }

    fn is_current(&self, url: &str, incarnation: u64) -> bool {
        self.inner.peers.lock().get(url).is_some_and(|peer| peer.incarnation == incarnation)
    }
}

/// One replica's access to a [`LocalNetwork`].
pub struct LocalTransport {
    network: LocalNetwork,
    from: String,
}

impl Transport for LocalTransport {
    fn call<'a>(
        &'a self,
        target: &'a Target,
        _lane: Lane,
        method: Method,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Bytes, TransportError>> {
        Box::pin(async move {
            let (url, peer) = self.network.find(target)?;
            let answer = async {
                if self.network.is_cut(&self.from, &url) {
                    return std::future::pending().await;
                }
                let service = peer.service.clone();
                let handled = peer
                    .runtime
                    .spawn(async move { service.call(method, request).await })
                    .await
                    .unwrap_or_else(|error| {
                        Err(TransportError::Closed { message: error.to_string() })
                    });
                if self.network.is_cut(&url, &self.from) {
                    return std::future::pending().await;
                }
                handled
            };
            tokio::time::timeout(timeout, answer).await.unwrap_or(Err(TransportError::Timeout))
        })
    }

    fn open<'a>(
        &'a self,
        target: &'a Target,
        lane: Lane,
        method: Method,
        _timeout: Duration,
    ) -> BoxFuture<'a, Result<Duplex, TransportError>> {
        Box::pin(async move {
            let (url, peer) = self.network.find(target)?;
            let (client_tx, from_client) = mpsc::channel(STREAM_BUFFER_MESSAGES);
            let (to_client, client_rx) = mpsc::channel(STREAM_BUFFER_MESSAGES);
            let (server_tx, from_server) = mpsc::channel(STREAM_BUFFER_MESSAGES);
            let (to_server, server_rx) = mpsc::channel(STREAM_BUFFER_MESSAGES);

            let there = Wire::new(&self.network, [&self.from, &url], &url, peer.incarnation, lane);
            let back = Wire::new(&self.network, [&url, &self.from], &url, peer.incarnation, lane);
            let pumps = &self.network.inner.pumps;
            pumps.spawn_on(there.carry(from_client, to_server), &Handle::current());
            pumps.spawn_on(back.carry(from_server, to_client), &peer.runtime);
            let service = peer.service.clone();
            let duplex = Duplex { tx: server_tx, rx: server_rx };
            pumps.spawn_on(async move { service.stream(method, duplex).await }, &peer.runtime);
            Ok(Duplex { tx: client_tx, rx: client_rx })
        })
    }
}

/// One direction of one stream.
struct Wire {
    network: LocalNetwork,
    from: String,
    to: String,
    server: String,
    incarnation: u64,
    lane: Lane,
}

impl Wire {
    fn new(
        network: &LocalNetwork,
        [from, to]: [&str; 2],
        server: &str,
        incarnation: u64,
        lane: Lane,
    ) -> Self {
        Self {
            network: network.clone(),
            from: from.to_string(),
            to: to.to_string(),
            server: server.to_string(),
            incarnation,
            lane,
        }
    }

    /// What a message of a snapshot costs.
    async fn pace(&self, message: &Bytes) {
        if self.lane != Lane::Snapshot {
            return;
        }
        let pace = {
            let mut snapshots = self.network.inner.snapshots.lock();
            snapshots.bytes += message.len() as u64;
            snapshots.pace
        };
        tokio::time::sleep(pace).await;
    }

    async fn carry(
        self,
        mut from: mpsc::Receiver<Bytes>,
        to: mpsc::Sender<Result<Bytes, TransportError>>,
    ) {
        let mut lost = false;
        loop {
            let message = tokio::select! {
                biased;
                () = to.closed() => return,
                message = from.recv() => message,
            };
            let Some(message) = message else { return };
            self.pace(&message).await;
            if self.network.is_cut(&self.from, &self.to) {
                lost = true;
                continue;
            }
            if lost || !self.network.is_current(&self.server, self.incarnation) {
                let error = TransportError::Closed { message: "connection reset".to_string() };
                // The receiver may be gone: then nobody needs to know.
                let _ = to.send(Err(error)).await;
                return;
            }
            if to.send(Ok(message)).await.is_err() {
                return;
            }
        }
    }
}
