//! The pump: one task that moves commands from the table to the leader and, on the leader, from
//! the queue into entries.

use super::fragment::assemble;
use super::{Item, Proposals};
use crate::limits::{ENTRIES_IN_FLIGHT_MAX, ENTRY_BYTES_MAX};
use crate::options::WallClock;
use crate::state_machine::Raft;
use crate::types::{CommittedLeaderId, EncodedBatch, TypeConfig};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use openraft::errors::{ClientWriteError, ForwardReason};
use openraft::impls::OneshotResponder;
use openraft::raft::ClientWriteResult;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior};

/// How often waiters are looked at for their deadlines.
const TICK: Duration = Duration::from_millis(20);

/// A leader that may not append just now (a fresh one has no lease before its first round trip)
/// tries again so soon.
const RETRY: Duration = Duration::from_millis(2);

type WriteReceiver = oneshot::Receiver<ClientWriteResult<TypeConfig>>;

/// Runs until the replica stops.
pub async fn run(proposals: Arc<Proposals>, raft: Raft, clock: Arc<dyn WallClock>) {
    let mut leadership = proposals.leadership.clone();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pump = Pump { proposals, raft, clock, paused: None };
    let mut entries = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            Some((items, result)) = entries.next() => pump.finish(items, result),
            () = pump.proposals.work.notified() => {}
            changed = leadership.changed() => if changed.is_err() { return },
            () = pump.until_retry() => pump.paused = None,
            _ = tick.tick() => pump.proposals.expire(),
        }
        pump.proposals.route();
        while entries.len() < ENTRIES_IN_FLIGHT_MAX && pump.paused.is_none() {
            let Some((items, written)) = pump.append_one().await else { break };
            entries.push(async move { (items, written.await) });
        }
    }
}

struct Pump {
    proposals: Arc<Proposals>,
    raft: Raft,
    clock: Arc<dyn WallClock>,
    /// The leader may not append before then.
    paused: Option<Instant>,
}

impl Pump {
    async fn until_retry(&self) {
        match self.paused {
            Some(retry) => tokio::time::sleep_until(retry).await,
            None => std::future::pending().await,
        }
    }

    /// Hands one entry of all that waits to openraft.
    async fn append_one(&self) -> Option<(Vec<Item>, WriteReceiver)> {
        let own_term = self.proposals.leadership.borrow().own_term();
        let Some(term) = own_term else {
            let void = self.proposals.queue.lock().drain();
            self.proposals.refuse(&void);
            return None;
        };
        let (items, void) = self.proposals.queue.lock().take_entry(term, ENTRY_BYTES_MAX);
        self.proposals.refuse(&void);
        if items.is_empty() {
            return None;
        }
        let fragments = items.iter().flat_map(|item| &item.commands);
        let batch = assemble(self.clock.now_ms(), fragments);
        let (responder, written) = OneshotResponder::new_pair();
        // An error means that openraft has stopped; the receiver says so too.
        let _ = self
            .raft
            .write(EncodedBatch(batch))
            .with_leader(CommittedLeaderId::new(term))
            .responder(responder)
            .await;
        Some((items, written))
    }

    fn finish(
        &mut self,
        items: Vec<Item>,
        result: Result<ClientWriteResult<TypeConfig>, oneshot::error::RecvError>,
    ) {
        let Ok(Err(ClientWriteError::ForwardToLeader(forward))) = result else {
            // Applied; or perhaps applied, which the origin finds out by what it applies itself.
            return;
        };
        let still_leads = matches!(
            forward.reason,
            ForwardReason::LeaseExpired | ForwardReason::LeadershipTransfer
        );
        if !still_leads {
            self.proposals.refuse(&items);
            return;
        }
        self.paused = Some(Instant::now() + RETRY);
        let mut queue = self.proposals.queue.lock();
        items.into_iter().rev().for_each(|item| queue.push_front(item));
    }
}
