//! The production transport: gRPC over HTTP/2, with mutual TLS.
//!
//! Each lane to each peer is a connection of its own. Connections are made in the background and
//! made again when lost; a call or stream that finds none fails or waits, as its timeout allows.

mod codec;
mod server;
mod tls;

pub use server::{ServeError, serve};
pub use tls::PeerTls;

use super::{BoxFuture, Duplex, Lane, Method, Target, Transport, TransportError};
use crate::limits::{MESSAGE_BYTES_MAX, STREAM_BUFFER_MESSAGES};
use bytes::Bytes;
use codec::BytesCodec;
use http::uri::PathAndQuery;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::TaskTracker;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};

/// The name of the service in paths.
const SERVICE: &str = "xebec.raft.Peer";

/// A connection that cannot be made in this time is tried again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A dead peer that does not even reset its connections is noticed by pings.
const PING_INTERVAL: Duration = Duration::from_secs(1);
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Flow control: room for a full pipeline of entries.
const STREAM_WINDOW_BYTES: u32 = 16 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 32 << 20;

impl Method {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Vote => "/xebec.raft.Peer/Vote",
            Self::PreVote => "/xebec.raft.Peer/PreVote",
            Self::Heartbeat => "/xebec.raft.Peer/Heartbeat",
            Self::TransferLeader => "/xebec.raft.Peer/TransferLeader",
            Self::ReadIndex => "/xebec.raft.Peer/ReadIndex",
            Self::LeaseRenew => "/xebec.raft.Peer/LeaseRenew",
            Self::LeaseTimeToLive => "/xebec.raft.Peer/LeaseTimeToLive",
            Self::MemberList => "/xebec.raft.Peer/MemberList",
            Self::MemberChange => "/xebec.raft.Peer/MemberChange",
            Self::Hash => "/xebec.raft.Peer/Hash",
            Self::Append => "/xebec.raft.Peer/Append",
            Self::Propose => "/xebec.raft.Peer/Propose",
            Self::Snapshot => "/xebec.raft.Peer/Snapshot",
        }
    }

    const ALL: [Self; 13] = [
        Self::Vote,
        Self::PreVote,
        Self::Heartbeat,
        Self::TransferLeader,
        Self::ReadIndex,
        Self::LeaseRenew,
        Self::LeaseTimeToLive,
        Self::MemberList,
        Self::MemberChange,
        Self::Hash,
        Self::Append,
        Self::Propose,
        Self::Snapshot,
    ];

    fn is_stream(self) -> bool {
        matches!(self, Self::Heartbeat | Self::Append | Self::Propose | Self::Snapshot)
    }
}

/// The client side.
pub struct TonicTransport {
    tls: Option<PeerTls>,
    channels: Mutex<HashMap<(String, Lane), Channel>>,
    /// Which of a peer's URLs to use: another one after each failure.
    turn: AtomicUsize,
    runtime: Mutex<Option<Handle>>,
    pumps: TaskTracker,
}

impl TonicTransport {
    /// Without certificates, peers talk in the clear: for tests.
    pub fn new(tls: Option<PeerTls>) -> Self {
        Self {
            tls,
            channels: Mutex::default(),
            turn: AtomicUsize::new(0),
            runtime: Mutex::new(None),
            pumps: TaskTracker::new(),
        }
    }

    /// Connections live on the replica's runtime, not on that of whoever is first to need one.
    fn runtime(&self) -> Handle {
        self.runtime.lock().clone().unwrap_or_else(Handle::current)
    }

    fn grpc(&self, target: &Target, lane: Lane) -> Result<Grpc<Channel>, TransportError> {
        let turn = self.turn.load(Ordering::Relaxed) % target.peer_urls.len().max(1);
        let unreachable =
            |message: String| TransportError::Unreachable { member_id: target.member_id, message };
        let Some(url) = target.peer_urls.get(turn) else {
            return Err(unreachable("it has no peer URL".to_string()));
        };
        let channel = self.channel(url, lane).map_err(|error| unreachable(error.to_string()))?;
        Ok(Grpc::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX))
    }

    fn channel(&self, url: &str, lane: Lane) -> Result<Channel, tonic::transport::Error> {
        let mut channels = self.channels.lock();
        let key = (url.to_string(), lane);
        if let Some(channel) = channels.get(&key) {
            return Ok(channel.clone());
        }
        let mut endpoint = Endpoint::from_shared(url.to_string())?
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        if let Some(tls) = &self.tls {
            endpoint = endpoint.tls_config(tls.client())?;
        }
        let runtime = self.runtime();
        let _on_runtime = runtime.enter();
        let channel = endpoint.connect_lazy();
        channels.insert(key, channel.clone());
        Ok(channel)
    }

    fn note(&self, error: TransportError) -> TransportError {
        if matches!(error, TransportError::Unreachable { .. }) {
            self.turn.fetch_add(1, Ordering::Relaxed);
        }
        error
    }
}

impl Transport for TonicTransport {
    fn call<'a>(
        &'a self,
        target: &'a Target,
        lane: Lane,
        method: Method,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Bytes, TransportError>> {
        Box::pin(async move {
            let mut grpc = self.grpc(target, lane)?;
            let answer = async {
                grpc.ready().await.map_err(|error| unreachable(target.member_id, &error))?;
                let path = PathAndQuery::from_static(method.path());
                let answer = grpc.unary(Request::new(request), path, BytesCodec).await;
                Ok(answer.map_err(|status| from_status(target.member_id, &status))?.into_inner())
            };
            let answer = tokio::time::timeout(timeout, answer).await;
            answer.unwrap_or(Err(TransportError::Timeout)).map_err(|error| self.note(error))
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
            let grpc = self.grpc(target, lane)?;
            let (client_tx, from_client) = mpsc::channel(STREAM_BUFFER_MESSAGES);
            let (to_client, client_rx) = mpsc::channel(STREAM_BUFFER_MESSAGES);
            let member_id = target.member_id;
            let pump = pump(grpc, member_id, method, from_client, to_client);
            self.pumps.spawn_on(pump, &self.runtime());
            Ok(Duplex { tx: client_tx, rx: client_rx })
        })
    }

    fn attach(&self, runtime: Handle) {
        *self.runtime.lock() = Some(runtime);
        self.channels.lock().clear();
    }
}

/// Connects, then carries what the peer sends, until either side ends the stream.
async fn pump(
    mut grpc: Grpc<Channel>,
    member_id: u64,
    method: Method,
    from_client: mpsc::Receiver<Bytes>,
    to_client: mpsc::Sender<Result<Bytes, TransportError>>,
) {
    let carry = async {
        grpc.ready().await.map_err(|error| unreachable(member_id, &error))?;
        let path = PathAndQuery::from_static(method.path());
        let requests = Request::new(ReceiverStream::new(from_client));
        let answers = grpc.streaming(requests, path, BytesCodec).await;
        let mut answers: Streaming<Bytes> =
            answers.map_err(|status| from_status(member_id, &status))?.into_inner();
        loop {
            let message = answers.message().await;
            let message = message.map_err(|status| from_status(member_id, &status))?;
            let Some(answer) = message else { return Ok(()) };
            if to_client.send(Ok(answer)).await.is_err() {
                return Ok(());
            }
        }
    };
    let ended = tokio::select! {
        biased;
        ended = carry => ended,
        () = to_client.closed() => return,
    };
    if let Err(error) = ended {
        // The client may have gone: then nobody needs to know.
        let _ = to_client.send(Err(error)).await;
    }
}

fn unreachable(member_id: u64, error: &dyn std::error::Error) -> TransportError {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    TransportError::Unreachable { member_id, message }
}

fn from_status(member_id: u64, status: &Status) -> TransportError {
    let message = status.message().to_string();
    match status.code() {
        Code::FailedPrecondition | Code::InvalidArgument | Code::OutOfRange => {
            TransportError::Refused { message }
        }
        Code::Unavailable => unreachable(member_id, status),
        Code::DeadlineExceeded => TransportError::Timeout,
        _ => TransportError::Closed { message },
    }
}

fn to_status(error: &TransportError) -> Status {
    let message = error.to_string();
    match error {
        TransportError::Refused { .. } => Status::failed_precondition(message),
        TransportError::Timeout => Status::deadline_exceeded(message),
        TransportError::Unreachable { .. } => Status::unavailable(message),
        TransportError::Closed { .. } => Status::aborted(message),
    }
}
