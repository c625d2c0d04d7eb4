//! Heartbeats: one request and one answer at a time on a stream that stays open.

use super::{PeerClient, RpcResult};
use crate::transport::{Duplex, Lane, Method, TransportError};
use crate::types::TypeConfig;
use crate::wire::{AppendAnswer, AppendMessage, Hello, decode, encode};
use openraft::raft::{AppendEntriesRequest, StreamAppendResult};
use std::time::Duration;

/// A stream on which so many heartbeats in a row got no answer is opened anew.
const UNANSWERED_MAX: u32 = 8;

#[derive(Default)]
pub(super) struct HeartbeatLink {
    duplex: Option<Duplex>,
    sequence: u64,
    unanswered: u32,
}

impl PeerClient {
    /// Sends one AppendEntries without entries and waits for its answer. The caller may drop this
    /// at any time: a late answer is skipped by its number.
    pub(super) async fn beat(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        timeout: Duration,
    ) -> RpcResult<StreamAppendResult<TypeConfig>> {
        let exchanged = tokio::time::timeout(timeout, self.exchange(request)).await;
        let result = exchanged.unwrap_or(Err(TransportError::Timeout));
        if matches!(result, Err(ref error) if *error != TransportError::Timeout) {
            self.heartbeat.duplex = None;
        }
        result.map_err(|error| self.rpc_error(&error, timeout))
    }

    async fn exchange(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
    ) -> Result<StreamAppendResult<TypeConfig>, TransportError> {
        if self.heartbeat.unanswered >= UNANSWERED_MAX {
            self.heartbeat.duplex = None;
        }
        if self.heartbeat.duplex.is_none() {
            let target = self.network.resolve(&self.target);
            let opened = self.network.transport.open(
                &target,
                Lane::Control,
                Method::Heartbeat,
                super::VOTE_TIMEOUT_MIN,
            );
            let duplex = opened.await?;
            let header = self.network.header(self.target.member_id);
            send(&duplex, encode(&Hello { header, session: 0, term: 0 })).await?;
            self.heartbeat.duplex = Some(duplex);
            self.heartbeat.unanswered = 0;
        }
        let link = &mut self.heartbeat;
        let Some(duplex) = link.duplex.as_mut() else { return Err(TransportError::Timeout) };
        link.sequence += 1;
        link.unanswered += 1;
        send(duplex, encode(&AppendMessage::new(link.sequence, request))).await?;
        loop {
            let Some(answer) = duplex.rx.recv().await else { return Err(closed()) };
            let answer: AppendAnswer = decode(answer?)?;
            if answer.sequence == link.sequence {
                link.unanswered = 0;
                return Ok(answer.into_result());
            }
        }
    }
}

async fn send(duplex: &Duplex, message: bytes::Bytes) -> Result<(), TransportError> {
    duplex.tx.send(message).await.map_err(|_| closed())
}

fn closed() -> TransportError {
    TransportError::Closed { message: "the heartbeat stream ended".to_string() }
}
