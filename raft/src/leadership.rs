//! Who leads, as this replica knows it.

use crate::health::Health;
use crate::state_machine::Raft;
use crate::types::TypeConfig;
use crate::watch_channel as watch;
use openraft::async_runtime::WatchReceiver;
use openraft::metrics::RaftServerMetrics;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// How often a leader looks whether it still has a quorum.
const TICK: Duration = Duration::from_millis(100);

/// A leader that no quorum has answered for so long steps back. Many leases, so that a pause of
/// the machine does not make it flap.
const QUORUM_SILENCE_MAX: Duration = Duration::from_secs(1);

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
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut led_since = (0, Instant::now());
    loop {
        let mut current = Leadership::of(own_id, &metrics.borrow_and_update());
        if let Some(term) = current.own_term() {
            if led_since.0 != term {
                led_since = (term, Instant::now());
            }
            if is_alone(&raft, led_since.1) {
                current.leader = None;
            }
        }
        tx.send_if_modified(|known| {
            let changed = *known != current;
            if changed {
                tracing::info!(leader = ?current.leader, term = current.term, "leadership");
                *known = current;
            }
            changed
        });
        tokio::select! {
            biased;
            changed = metrics.changed() => if changed.is_err() { break },
            _ = tick.tick() => {}
        }
    }
    let all = raft.metrics();
    let ended = all.borrow_watched().running_state.clone();
    match ended {
        Ok(()) => health.fail("consensus ended"),
        Err(fatal) => health.fail(&fatal.to_string()),
    }
}

/// True of a leader that no quorum has answered for long: there may be another one by now. openraft
/// lets it lead on; clients are better told that there is no leader. It leads again, in the same
/// term, if a quorum answers.
fn is_alone(raft: &Raft, led_since: Instant) -> bool {
    let metrics = raft.metrics();
    let metrics = metrics.borrow_watched();
    if metrics.membership_config.voter_ids().count() <= 1 {
        return false;
    }
    let silence = match &metrics.last_quorum_acked {
        Some(acked) => openraft::Instant::elapsed(&**acked).min(led_since.elapsed()),
        None => led_since.elapsed(),
    };
    silence > QUORUM_SILENCE_MAX
}
