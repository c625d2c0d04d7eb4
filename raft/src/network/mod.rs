//! openraft's network: one client per peer for entries, one for heartbeats, one for snapshots,
//! each on a lane of its own.

mod append;
mod heartbeat;

use crate::member::Member;
use crate::options::Identity;
use crate::snapshot::{SnapshotData, send_snapshot};
use crate::transport::{Lane, Method, Target, Transport, TransportError};
use crate::types::{CommittedLeaderId, StoredMembership, TypeConfig, Vote};
use crate::watch_channel as watch;
use crate::wire::{Header, TransferAnswer, TransferCall, VoteAnswer, VoteCall, decode, encode};
use bytes::Bytes;
use futures::Stream;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use heartbeat::HeartbeatLink;
use openraft::OptionalSend;
use openraft::errors::{
    NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable,
};
use openraft::network::{RPCOption, RPCTypes, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult,
    TransferLeaderError, TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::storage::Snapshot;
use std::sync::Arc;
use std::time::Duration;

type RpcResult<T> = Result<T, RPCError<TypeConfig>>;

/// What a vote may take at least: under load a round trip can exceed the share of the election
/// timeout that openraft allows, while an answer that is late is still of use.
const VOTE_TIMEOUT_MIN: Duration = Duration::from_millis(100);

/// Makes the clients.
#[derive(Clone)]
pub struct Network {
    pub identity: Identity,
    pub transport: Arc<dyn Transport>,
    /// As applied: where members are reached now.
    pub membership: watch::Receiver<StoredMembership>,
}

impl Network {
    /// openraft keeps a client while a member moves to another address.
    fn resolve(&self, known: &Target) -> Target {
        let membership = self.membership.borrow();
        let peer_urls = match membership.membership().get_node(&known.member_id) {
            Some(member) => &member.peer_urls,
            None => &known.peer_urls,
        };
        Target { member_id: known.member_id, peer_urls: peer_urls.clone() }
    }

    pub fn header(&self, to: u64) -> Header {
        Header { cluster_id: self.identity.cluster_id, from: self.identity.member_id, to }
    }

    fn client(&self, target: u64, node: &Member, purpose: Purpose) -> PeerClient {
        PeerClient {
            network: self.clone(),
            target: Target { member_id: target, peer_urls: node.peer_urls.clone() },
            purpose,
            heartbeat: HeartbeatLink::default(),
        }
    }
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = PeerClient;

    async fn new_client(&mut self, target: u64, node: &Member) -> PeerClient {
        self.client(target, node, Purpose::Append)
    }

    async fn new_heartbeat_client(&mut self, target: u64, node: &Member) -> PeerClient {
        self.client(target, node, Purpose::Heartbeat)
    }

    async fn new_snapshot_client(&mut self, target: u64, node: &Member) -> PeerClient {
        self.client(target, node, Purpose::Snapshot)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Append,
    Heartbeat,
    Snapshot,
}

/// openraft's client for one peer and one purpose.
pub struct PeerClient {
    network: Network,
    target: Target,
    purpose: Purpose,
    heartbeat: HeartbeatLink,
}

impl PeerClient {
    async fn call(&self, method: Method, request: Bytes, timeout: Duration) -> RpcResult<Bytes> {
        let target = self.network.resolve(&self.target);
        self.network
            .transport
            .call(&target, Lane::Control, method, request, timeout)
            .await
            .map_err(|error| self.rpc_error(&error, timeout))
    }

    async fn vote_call(
        &self,
        method: Method,
        request: &VoteRequest<TypeConfig>,
        option: &RPCOption,
    ) -> RpcResult<VoteResponse<TypeConfig>> {
        let call = VoteCall::new(self.network.header(self.target.member_id), request);
        let timeout = option.soft_ttl().max(VOTE_TIMEOUT_MIN);
        let answer = self.call(method, encode(&call), timeout).await?;
        let answer: VoteAnswer = self.decode(answer)?;
        Ok(answer.into())
    }

    fn decode<T: prost::Message + Default>(&self, bytes: Bytes) -> RpcResult<T> {
        decode(bytes).map_err(|error| self.rpc_error(&error, Duration::ZERO))
    }

    fn rpc_error(&self, error: &TransportError, timeout: Duration) -> RPCError<TypeConfig> {
        rpc_error(self.network.identity.member_id, self.target.member_id, error, timeout)
    }
}

/// What openraft makes of a failed message: whether it backs off.
pub fn rpc_error(
    id: u64,
    target: u64,
    error: &TransportError,
    timeout: Duration,
) -> RPCError<TypeConfig> {
    match error {
        TransportError::Unreachable { .. } | TransportError::Refused { .. } => {
            RPCError::Unreachable(Unreachable::new(error))
        }
        TransportError::Timeout => {
            RPCError::Timeout(Timeout { action: RPCTypes::AppendEntries, id, target, timeout })
        }
        TransportError::Closed { .. } => RPCError::Network(NetworkError::new(error)),
    }
}

impl RaftNetworkV2<TypeConfig> for PeerClient {
    type SnapshotData = SnapshotData;

    /// Never called: both kinds of append go through [`Self::stream_append`].
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> RpcResult<AppendEntriesResponse<TypeConfig>> {
        let result = self.beat(request, option.soft_ttl()).await?;
        Ok(AppendEntriesResponse::from(result))
    }

    fn stream_append<'s, S>(
        &'s mut self,
        mut input: S,
        option: RPCOption,
    ) -> BoxFuture<'s, RpcResult<BoxStream<'s, RpcResult<StreamAppendResult<TypeConfig>>>>>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + OptionalSend + Unpin + 'static,
    {
        if self.purpose == Purpose::Append {
            let answers = append::pipeline(self, input, &option);
            return Box::pin(std::future::ready(Ok(answers)));
        }
        Box::pin(async move {
            use futures::StreamExt;
            let Some(request) = input.next().await else {
                return Ok(futures::stream::empty().boxed());
            };
            let result = self.beat(request, option.hard_ttl()).await;
            Ok(futures::stream::iter([result]).boxed())
        })
    }

    async fn vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> RpcResult<VoteResponse<TypeConfig>> {
        self.vote_call(Method::Vote, &request, &option).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> RpcResult<VoteResponse<TypeConfig>> {
        self.vote_call(Method::PreVote, &request, &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot<CommittedLeaderId, u64, Member, SnapshotData>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let Snapshot { meta, snapshot } = snapshot;
        let target = self.network.resolve(&self.target);
        let sending = send_snapshot(&self.network, &target, vote, &meta, snapshot);
        tokio::select! {
            biased;
            closed = cancel => Err(StreamingError::Closed(closed)),
            sent = sending => match sent {
                Ok(vote) => Ok(SnapshotResponse::new(vote)),
                Err(error) => Err(self.rpc_error(&error, Duration::ZERO).into()),
            }
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> RpcResult<TransferLeaderResponse<TypeConfig>> {
        let call = TransferCall::new(self.network.header(self.target.member_id), &request);
        let timeout = option.soft_ttl().max(VOTE_TIMEOUT_MIN);
        let answer = self.call(Method::TransferLeader, encode(&call), timeout).await?;
        let answer: TransferAnswer = self.decode(answer)?;
        if answer.accepted {
            return Ok(Ok(()));
        }
        Ok(Err(match answer.vote {
            Some(vote) => TransferLeaderError::VoteChanged {
                expected: *request.from_leader(),
                actual: vote.into(),
            },
            None => TransferLeaderError::LogNotFlushed {
                expected: request.last_log_id().copied(),
                actual: answer.last.map(Into::into),
            },
        }))
    }
}
