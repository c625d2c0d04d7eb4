//! How replicas talk: unary calls and ordered duplex streams of byte messages.
//!
//! A [`Transport`] is the client side, a [`PeerService`] the server side; both carry the same
//! messages. Production uses [`tonic::TonicTransport`], tests and the simulation use channels.
//!
//! Invariant: messages of one [`Lane`] never wait behind those of another, so that a snapshot
//! does not delay a heartbeat.

pub mod local;
pub mod tonic;

use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// 0 when not known yet (joining).
    pub member_id: u64,
    pub peer_urls: Vec<String>,
}

/// Kinds of traffic that must not delay one another: each has a connection of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Votes, heartbeats, read index, leases, membership.
    Control,
    Append,
    Propose,
    Snapshot,
}

/// What a call or stream is for; the number is its name on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    // Unary.
    Vote,
    PreVote,
    Heartbeat,
    TransferLeader,
    ReadIndex,
    LeaseRenew,
    LeaseTimeToLive,
    MemberList,
    MemberChange,
    Hash,
    // Streams.
    Append,
    Propose,
    Snapshot,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nothing was delivered.
    #[error("member {member_id:x} is unreachable: {message}")]
    Unreachable { member_id: u64, message: String },
    /// It may have been delivered.
    #[error("no answer in time")]
    Timeout,
    #[error("the stream is closed: {message}")]
    Closed { message: String },
    /// The other side refused the request itself.
    #[error("refused: {message}")]
    Refused { message: String },
}

/// One end of an ordered stream of messages in both directions. Dropping it closes both.
#[derive(Debug)]
pub struct Duplex {
    pub tx: mpsc::Sender<Bytes>,
    pub rx: mpsc::Receiver<Result<Bytes, TransportError>>,
}

/// The client side.
pub trait Transport: Send + Sync + 'static {
    /// One request, one answer.
    fn call<'a>(
        &'a self,
        target: &'a Target,
        lane: Lane,
        method: Method,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Bytes, TransportError>>;

    /// Opens a stream. The first message that the caller sends names the sender and the cluster.
    fn open<'a>(
        &'a self,
        target: &'a Target,
        lane: Lane,
        method: Method,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Duplex, TransportError>>;

    /// Tells the runtime of the replica that this transport works for.
    fn attach(&self, runtime: Handle) {
        let _ = runtime;
    }
}

/// The server side: what a replica does with messages that arrive.
pub trait PeerHandler: Send + Sync + 'static {
    fn call(&self, method: Method, request: Bytes) -> BoxFuture<'_, Result<Bytes, TransportError>>;

    /// Serves one stream until either side ends it.
    fn stream(&self, method: Method, duplex: Duplex) -> BoxFuture<'_, ()>;
}

/// A shared [`PeerHandler`].
pub type PeerService = std::sync::Arc<dyn PeerHandler>;
