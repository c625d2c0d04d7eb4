//! Who leads, as this replica knows it.

use crate::health::Health;
use crate::state_machine::Raft;
use crate::types::TypeConfig;
use crate::watch_channel as watch;
use openraft::async_runtime::WatchReceiver;
use openraft::metrics::RaftServerMetrics;
use std::sync::Arc;

/// A leader and its term; or a term without a known leader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leadership {
    pub own_id: u64,
    pub leader: Option<u64>,
    pub term: u64,
}

impl Leadership {
    /// The term in which this replica leads.
    pub fn own_term(&self) -> Option<u64> {
        (self.leader == Some(self.own_id)).then_some(self.term)
    }

    fn of(own_id: u64, metrics: &RaftServerMetrics<TypeConfig>) -> Self {
        let vote = &metrics.vote;
        let leader = vote.committed.then_some(vote.leader_id.voted_for);
        // A restarted leader finds a committed vote for itself, and does not lead.
        let leader = leader.filter(|&leader| leader != own_id || metrics.state.is_leader());
        Self { own_id, leader, term: vote.leader_id.term }
    }
}

/// Follows openraft until it stops, and tells every change once.
pub async fn observe(raft: Raft, own_id: u64, tx: watch::Sender<Leadership>, health: Arc<Health>) {
    let mut metrics = raft.server_metrics();
    loop {
        let current = Leadership::of(own_id, &metrics.borrow_and_update());
        tx.send_if_modified(|known| {
            let changed = *known != current;
            if changed {
                tracing::info!(leader = ?current.leader, term = current.term, "leadership");
                *known = current;
            }
            changed
        });
        if metrics.changed().await.is_err() {
            break;
        }
    }
    let all = raft.metrics();
    let ended = all.borrow_watched().running_state.clone();
    match ended {
        Ok(()) => health.fail("consensus ended"),
        Err(fatal) => health.fail(&fatal.to_string()),
    }
}
