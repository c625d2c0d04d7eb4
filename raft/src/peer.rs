//! The server side: what this replica does with messages of other replicas.

use crate::core::Core;
use crate::leases;
use crate::snapshot::{SnapshotData, receive_snapshot};
use crate::transport::{BoxFuture, Duplex, Method, PeerHandler, TransportError};
use crate::types::{StoredMembership, TypeConfig};
use crate::wire::{
    AppendAnswer, AppendMessage, ForwardAnswer, ForwardBatch, HashCall, Header, Hello, LeaseCall,
    MemberCall, MemberListAnswer, PlainCall, SnapshotOffer, SnapshotProgress, TransferAnswer,
    TransferCall, VoteAnswer, VoteCall, VoteMessage, decode, encode, malformed,
};
use crate::{integrity, membership, reads};
use bytes::Bytes;
use futures::{StreamExt, pin_mut};
use openraft::raft::{
    AppendEntriesRequest, StreamAppendResult, TransferLeaderError, TransferLeaderResponse,
};
use openraft::storage::Snapshot;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// While a snapshot is installed, its sender hears of it so often.
const INSTALL_SIGN: Duration = Duration::from_secs(2);

/// While the leader's queue is full, its streams look again so often.
const QUEUE_PAUSE: Duration = Duration::from_millis(5);

/// The handler of one replica.
pub struct Peer {
    core: Arc<Core>,
}

impl Peer {
    pub fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Refuses what is not meant for this member of this cluster.
    fn check(&self, header: Header) -> Result<(), TransportError> {
        let own = self.core.options.identity;
        let refuse = |message: String| Err(TransportError::Refused { message });
        if self.core.health.is_stopped() {
            return refuse("this member has stopped".to_string());
        }
        if header.cluster_id != own.cluster_id && header.cluster_id != 0 {
            let (theirs, ours) = (header.cluster_id, own.cluster_id);
            return refuse(format!("cluster ID mismatch: {theirs:x}, this is {ours:x}"));
        }
        if header.to != own.member_id && header.to != 0 {
            let (wanted, ours) = (header.to, own.member_id);
            return refuse(format!("member ID mismatch: for {wanted:x}, this is {ours:x}"));
        }
        Ok(())
    }

    async fn handle(&self, method: Method, request: Bytes) -> Result<Bytes, TransportError> {
        let core = &*self.core;
        match method {
            Method::Vote | Method::PreVote => self.vote(method, decode(request)?).await,
            Method::TransferLeader => self.transfer(decode(request)?).await,
            Method::ReadIndex => {
                let call: PlainCall = decode(request)?;
                self.check(call.header)?;
                Ok(encode(&reads::serve_remote(core).await))
            }
            Method::LeaseRenew | Method::LeaseTimeToLive => {
                let call: LeaseCall = decode(request)?;
                self.check(call.header)?;
                let request = match method {
                    Method::LeaseRenew => leases::Request::Renew,
                    _ => leases::Request::TimeToLive,
                };
                Ok(encode(&leases::serve(core, request, call.id).await))
            }
            Method::MemberList => {
                let call: PlainCall = decode(request)?;
                self.check(call.header)?;
                let stored = core.membership.borrow().clone();
                Ok(encode(&self.member_list(&stored)))
            }
            Method::MemberChange => {
                let call: MemberCall = decode(request)?;
                self.check(call.header)?;
                let change = call.change.ok_or_else(|| malformed("no change"))?;
                Ok(encode(&membership::serve(core, change).await))
            }
            Method::Hash => {
                let call: HashCall = decode(request)?;
                self.check(call.header)?;
                Ok(encode(&integrity::serve(core, call).await))
            }
            Method::Heartbeat | Method::Append | Method::Propose | Method::Snapshot => {
                Err(malformed("a stream, not a call"))
            }
        }
    }

    async fn vote(&self, method: Method, call: VoteCall) -> Result<Bytes, TransportError> {
        self.check(call.header)?;
        let raft = &self.core.raft;
        let request = call.into_request();
        let answer = match method {
            Method::PreVote => raft.pre_vote(request).await,
            _ => raft.vote(request).await,
        };
        Ok(encode(&VoteAnswer::from(answer.map_err(refused)?)))
    }

    async fn transfer(&self, call: TransferCall) -> Result<Bytes, TransportError> {
        self.check(call.header)?;
        let result = self.core.raft.handle_transfer_leader(call.into_request()).await;
        Ok(encode(&transfer_answer(&result.map_err(refused)?)))
    }

    fn member_list(&self, stored: &StoredMembership) -> MemberListAnswer {
        MemberListAnswer {
            cluster_id: self.core.options.identity.cluster_id,
            members: membership::list(stored),
            membership_index: stored.log_id().as_ref().map_or(0, |id| id.index),
        }
    }

    async fn serve_stream(&self, method: Method, mut duplex: Duplex) -> Result<(), TransportError> {
        let Some(hello) = duplex.rx.recv().await else { return Ok(()) };
        let hello: Hello = decode(hello?)?;
        if let Err(error) = self.check(hello.header) {
            tracing::warn!(%error, ?method, from = hello.header.from, "refused a stream");
            return Err(error);
        }
        match method {
            Method::Heartbeat => self.heartbeats(duplex).await,
            Method::Append => self.appends(duplex).await,
            Method::Propose => self.proposals(hello, duplex).await,
            Method::Snapshot => self.snapshot(duplex).await,
            _ => Err(malformed("a call, not a stream")),
        }
    }

    async fn heartbeats(&self, mut duplex: Duplex) -> Result<(), TransportError> {
        while let Some(message) = duplex.rx.recv().await {
            let message: AppendMessage = decode(message?)?;
            let sequence = message.sequence;
            let request = message.into_request()?;
            if !request.entries.is_empty() {
                return Err(malformed("a heartbeat with entries"));
            }
            let previous = request.prev_log_id;
            let answer = self.core.raft.append_entries(request).await.map_err(refused)?;
            if previous.is_none() && answer.is_conflict() {
                return Err(malformed("a conflict with nothing"));
            }
            let result = answer.into_stream_result(previous, previous);
            send(&duplex.tx, encode(&AppendAnswer::new(sequence, &result))).await?;
        }
        Ok(())
    }

    /// Entries: handed to openraft as they come, answered in order as they become durable.
    async fn appends(&self, duplex: Duplex) -> Result<(), TransportError> {
        let failure = Arc::new(Mutex::new(None));
        let requests = append_requests(duplex.rx, failure.clone());
        let answers = self.core.raft.stream_append(requests);
        pin_mut!(answers);
        let mut sequence = 0;
        while let Some(answer) = answers.next().await {
            let result: StreamAppendResult<TypeConfig> = answer.map_err(refused)?;
            sequence += 1;
            send(&duplex.tx, encode(&AppendAnswer::new(sequence, &result))).await?;
        }
        failure.lock().take().map_or(Ok(()), Err)
    }

    /// Commands of another member, for this leader's queue.
    async fn proposals(&self, hello: Hello, mut duplex: Duplex) -> Result<(), TransportError> {
        let proposals = &self.core.proposals;
        let member = hello.header.from;
        let admitted = proposals.admit(member, hello.session, hello.term).await;
        let Some((admission, taken)) = admitted else {
            let answer = ForwardAnswer { not_leader: true, ..ForwardAnswer::default() };
            return send(&duplex.tx, encode(&answer)).await;
        };
        let greeting = ForwardAnswer { taken, ..ForwardAnswer::default() };
        send(&duplex.tx, encode(&greeting)).await?;
        while let Some(message) = duplex.rx.recv().await {
            let batch: ForwardBatch = decode(message?)?;
            while proposals.is_queue_full() {
                tokio::time::sleep(QUEUE_PAUSE).await;
            }
            if !proposals.take_remote(admission, batch.sequence, batch.commands, &duplex.tx) {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn snapshot(&self, mut duplex: Duplex) -> Result<(), TransportError> {
        let Some(offer) = duplex.rx.recv().await else { return Ok(()) };
        let offer: SnapshotOffer = decode(offer?)?;
        self.check(offer.header)?;
        let meta = offer.meta()?;
        let staging = receive_snapshot(&mut duplex, self.core.store.home(), &offer).await?;
        let snapshot = Snapshot { meta, snapshot: SnapshotData::Staged(staging) };
        let install = self.core.raft.install_full_snapshot(offer.vote.into(), snapshot);
        pin_mut!(install);
        let response = loop {
            tokio::select! {
                biased;
                response = &mut install => break response.map_err(refused)?,
                () = tokio::time::sleep(INSTALL_SIGN) => {
                    send(&duplex.tx, encode(&SnapshotProgress::default())).await?;
                }
            }
        };
        let installed = Some(VoteMessage::from(&response.vote));
        send(&duplex.tx, encode(&SnapshotProgress { chunks: 0, installed })).await
    }
}

impl PeerHandler for Peer {
    fn call(&self, method: Method, request: Bytes) -> BoxFuture<'_, Result<Bytes, TransportError>> {
        Box::pin(self.handle(method, request))
    }

    fn stream(&self, method: Method, duplex: Duplex) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let serve = self.serve_stream(method, duplex);
            let ended = tokio::select! {
                biased;
                () = self.core.tasks.stopping() => Ok(()),
                ended = serve => ended,
            };
            if let Err(error) = ended {
                tracing::debug!(%error, ?method, "a peer's stream ended");
            }
        })
    }
}

/// The requests of an append stream; ends at the first that is broken.
fn append_requests(
    rx: mpsc::Receiver<Result<Bytes, TransportError>>,
    failure: Arc<Mutex<Option<TransportError>>>,
) -> impl futures::Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + 'static {
    futures::stream::unfold((rx, failure), |(mut rx, failure)| async move {
        let message = rx.recv().await?;
        let request =
            message.and_then(decode::<AppendMessage>).and_then(AppendMessage::into_request);
        match request {
            Ok(request) => Some((request, (rx, failure))),
            Err(error) => {
                *failure.lock() = Some(error);
                None
            }
        }
    })
}

fn transfer_answer(response: &TransferLeaderResponse<TypeConfig>) -> TransferAnswer {
    let mut answer = TransferAnswer::default();
    match response {
        Ok(()) => answer.accepted = true,
        Err(TransferLeaderError::VoteChanged { actual, .. }) => {
            answer.vote = Some(VoteMessage::from(actual));
        }
        Err(TransferLeaderError::LogNotFlushed { actual, .. }) => {
            answer.last = actual.as_ref().map(Into::into);
        }
    }
    answer
}

async fn send(tx: &mpsc::Sender<Bytes>, message: Bytes) -> Result<(), TransportError> {
    tx.send(message)
        .await
        .map_err(|_| TransportError::Closed { message: "the peer has gone".to_string() })
}

fn refused(error: impl std::fmt::Display) -> TransportError {
    TransportError::Refused { message: error.to_string() }
}
