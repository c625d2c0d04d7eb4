//! Entries: a pipeline of AppendEntries on one ordered stream.

use super::{PeerClient, RpcResult};
use crate::limits::{APPEND_PIPELINE_MAX, APPEND_STALL};
use crate::transport::{Duplex, Lane, Method, TransportError};
use crate::types::TypeConfig;
use crate::wire::{AppendAnswer, AppendMessage, Hello, decode, encode};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use openraft::network::RPCOption;
use openraft::raft::{AppendEntriesRequest, StreamAppendResult};
use std::time::Duration;

/// Sends every request of `input` at once, as far as the pipeline has room, and yields the
/// answers in order. Ends after the first failure.
///
/// The stream to the peer is opened for the first request, not before: openraft backs off from an
/// unreachable peer by holding the first request back.
pub(super) fn pipeline<'a, S>(
    client: &'a mut PeerClient,
    input: S,
    option: &RPCOption,
) -> BoxStream<'a, RpcResult<StreamAppendResult<TypeConfig>>>
where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
{
    // Opening may need a handshake; openraft's allowance is one heartbeat.
    let open_timeout = option.soft_ttl().max(super::VOTE_TIMEOUT_MIN);
    let pipeline = Pipeline {
        client,
        input,
        duplex: None,
        open_timeout,
        sent: 0,
        answered: 0,
        exhausted: false,
    };
    futures::stream::unfold(Some(pipeline), |pipeline| async move {
        let mut pipeline = pipeline?;
        match pipeline.next_answer().await {
            Ok(None) => None,
            Ok(Some(result)) => {
                // After a refusal the rest of the pipeline means nothing.
                let go_on = result.is_ok();
                Some((Ok(result), go_on.then_some(pipeline)))
            }
            Err(error) => Some((Err(pipeline.client.rpc_error(&error, APPEND_STALL)), None)),
        }
    })
    .boxed()
}

struct Pipeline<'a, S> {
    client: &'a PeerClient,
    input: S,
    duplex: Option<Duplex>,
    open_timeout: Duration,
    sent: u64,
    answered: u64,
    exhausted: bool,
}

impl<S> Pipeline<'_, S>
where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin,
{
    /// Sends what there is to send until the next answer comes. None at the end.
    async fn next_answer(
        &mut self,
    ) -> Result<Option<StreamAppendResult<TypeConfig>>, TransportError> {
        loop {
            let in_flight = self.sent - self.answered;
            if self.exhausted && in_flight == 0 {
                return Ok(None);
            }
            let may_send = !self.exhausted && in_flight < APPEND_PIPELINE_MAX as u64;
            tokio::select! {
                biased;
                answer = receive(&mut self.duplex) => return self.take_answer(answer).map(Some),
                request = self.input.next(), if may_send => match request {
                    Some(request) => self.send(request).await?,
                    None => self.exhausted = true,
                },
                () = tokio::time::sleep(APPEND_STALL), if in_flight > 0 => {
                    return Err(TransportError::Timeout);
                }
            }
        }
    }

    async fn send(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
    ) -> Result<(), TransportError> {
        if self.duplex.is_none() {
            self.duplex = Some(open(self.client, self.open_timeout).await?);
        }
        let Some(duplex) = &self.duplex else { return Err(closed()) };
        self.sent += 1;
        let message = encode(&AppendMessage::new(self.sent, request));
        duplex.tx.send(message).await.map_err(|_| closed())
    }

    fn take_answer(
        &mut self,
        answer: Option<Result<bytes::Bytes, TransportError>>,
    ) -> Result<StreamAppendResult<TypeConfig>, TransportError> {
        let answer: AppendAnswer = decode(answer.ok_or_else(closed)??)?;
        self.answered += 1;
        if answer.sequence != self.answered {
            return Err(TransportError::Refused { message: "answers out of order".to_string() });
        }
        Ok(answer.into_result())
    }
}

async fn open(client: &PeerClient, timeout: Duration) -> Result<Duplex, TransportError> {
    let network = &client.network;
    let target = network.resolve(&client.target);
    let opened = network.transport.open(&target, Lane::Append, Method::Append, timeout);
    let duplex = opened.await?;
    let hello = Hello { header: network.header(target.member_id), session: 0, term: 0 };
    duplex.tx.send(encode(&hello)).await.map_err(|_| closed())?;
    Ok(duplex)
}

async fn receive(duplex: &mut Option<Duplex>) -> Option<Result<bytes::Bytes, TransportError>> {
    match duplex {
        Some(duplex) => duplex.rx.recv().await,
        None => std::future::pending().await,
    }
}

fn closed() -> TransportError {
    TransportError::Closed { message: "the append stream ended".to_string() }
}
