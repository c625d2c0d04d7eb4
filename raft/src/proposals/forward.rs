//! The stream of this replica's commands to a leader elsewhere.

use super::Proposals;
use crate::limits::RETRY_PAUSE;
use crate::network::Network;
use crate::transport::{Duplex, Lane, Method, Target, TransportError};
use crate::wire::{ForwardAnswer, ForwardBatch, Hello, decode, encode};
use bytes::{Bytes, BytesMut};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long the leader may take to greet.
const GREETING_TIMEOUT: Duration = Duration::from_secs(1);

/// Where loads for another leader go, while there is a stream to it.
#[derive(Default)]
pub struct Outbound {
    stream: Option<Stream>,
}

struct Stream {
    leader: u64,
    term: u64,
    tx: mpsc::Sender<Bytes>,
}

impl Outbound {
    pub(super) fn is_open(&self, leader: u64, term: u64) -> bool {
        self.stream.as_ref().is_some_and(|stream| (stream.leader, stream.term) == (leader, term))
    }

    /// Sends a load. If that fails, the stream is about to end, and the next one will send it
    /// again.
    pub(super) fn send(&self, flight: u64, commands: &[Bytes]) {
        if let Some(stream) = &self.stream {
            let _ = stream.tx.try_send(encode_load(flight, commands));
        }
    }
}

fn encode_load(sequence: u64, commands: &[Bytes]) -> Bytes {
    let commands = match commands {
        [one] => one.clone(),
        many => {
            let mut joined = BytesMut::with_capacity(many.iter().map(Bytes::len).sum());
            many.iter().for_each(|command| joined.extend_from_slice(command));
            joined.freeze()
        }
    };
    encode(&ForwardBatch { sequence, commands })
}

/// Keeps a stream open to whoever leads, until the replica stops.
pub async fn run(
    proposals: Arc<Proposals>,
    network: Network,
    find: impl Fn(u64) -> Option<Target>,
) {
    let mut leadership = proposals.leadership.clone();
    loop {
        let current = *leadership.borrow_and_update();
        let target = current.leader.filter(|&leader| leader != proposals.member_id).and_then(&find);
        let Some(target) = target else {
            let changed = tokio::time::timeout(Duration::from_secs(1), leadership.changed());
            if matches!(changed.await, Ok(Err(_))) {
                return;
            }
            continue;
        };
        tokio::select! {
            biased;
            changed = leadership.changed() => if changed.is_err() { return },
            ended = serve(&proposals, &network, &target, current.term) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, leader = target.member_id, "propose stream");
                }
                proposals.outbound.lock().stream = None;
                tokio::select! {
                    biased;
                    _ = leadership.changed() => {}
                    () = tokio::time::sleep(RETRY_PAUSE) => {}
                }
            }
        }
        proposals.outbound.lock().stream = None;
    }
}

/// One stream: greets, sends again what the leader never took, then lets the pump send.
async fn serve(
    proposals: &Proposals,
    network: &Network,
    target: &Target,
    term: u64,
) -> Result<(), TransportError> {
    let transport = &network.transport;
    let mut duplex =
        transport.open(target, Lane::Propose, Method::Propose, GREETING_TIMEOUT).await?;
    let hello =
        Hello { header: network.header(target.member_id), session: proposals.session, term };
    duplex.tx.send(encode(&hello)).await.map_err(|_| closed())?;
    let greeting = tokio::time::timeout(GREETING_TIMEOUT, receive(&mut duplex)).await;
    let greeting = greeting.map_err(|_| TransportError::Timeout)??;
    if greeting.not_leader {
        return Err(TransportError::Refused { message: "it does not lead".to_string() });
    }
    {
        // Under both locks, so that no newer load overtakes these.
        let mut outbound = proposals.outbound.lock();
        let table = proposals.table.lock();
        let stream = Stream { leader: target.member_id, term, tx: duplex.tx.clone() };
        outbound.stream = Some(stream);
        for load in table.loads_after(term, greeting.taken) {
            outbound.send(load.flight, &load.commands);
        }
    }
    proposals.work.notify_one();
    loop {
        let answer = receive(&mut duplex).await?;
        if answer.refused > 0 && proposals.table.lock().refuse(answer.refused) > 0 {
            proposals.work.notify_one();
        }
    }
}

async fn receive(duplex: &mut Duplex) -> Result<ForwardAnswer, TransportError> {
    decode(duplex.rx.recv().await.ok_or_else(closed)??)
}

fn closed() -> TransportError {
    TransportError::Closed { message: "the propose stream ended".to_string() }
}
