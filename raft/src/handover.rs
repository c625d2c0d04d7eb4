//! Handing leadership over: on request, and before a planned stop.

use crate::core::Core;
use crate::errors::TransferError;
use crate::limits::{HANDOVER_TIMEOUT, MEMBER_ACTIVE};
use openraft::Instant as _;
use openraft::async_runtime::WatchReceiver;
use std::time::Duration;
use tokio::time::Instant;

/// A trigger that came to nothing is repeated so often.
const RETRY: Duration = Duration::from_millis(500);

/// Makes `to` the leader; returns when it is.
pub async fn transfer(core: &Core, to: u64) -> Result<(), TransferError> {
    if core.health.is_stopped() {
        return Err(TransferError::Stopped);
    }
    let leadership = core.leadership();
    let Some(leader) = leadership.leader else { return Err(TransferError::NoLeader) };
    if leader != core.id() {
        return Err(TransferError::NotLeader);
    }
    let is_voter = core.membership.borrow().voter_ids().any(|id| id == to);
    if !is_voter {
        return Err(TransferError::BadTransferee);
    }
    if to == core.id() {
        return Ok(());
    }
    let led = hand_over(core, |_| Some(to), |leader| leader == to).await;
    if led { Ok(()) } else { Err(TransferError::Timeout) }
}

/// Before a stop: makes the best other voter the leader. Returns when another leads, there is
/// nobody else, or time is up.
pub async fn before_stop(core: &Core) {
    let others = core.membership.borrow().voter_ids().any(|id| id != core.id());
    if others && core.leadership().own_term().is_some() {
        let own = core.id();
        let handed_over = hand_over(core, most_up_to_date, |leader| leader != own).await;
        tracing::info!(handed_over, "leadership before the stop");
    }
}

/// Triggers until a leader is `wanted`; false when time is up.
async fn hand_over(
    core: &Core,
    choose: impl Fn(&Core) -> Option<u64>,
    wanted: impl Fn(u64) -> bool,
) -> bool {
    let deadline = Instant::now() + HANDOVER_TIMEOUT;
    let mut leadership = core.leadership.clone();
    loop {
        if core.leadership().own_term().is_some() {
            let Some(to) = choose(core) else { return false };
            if core.raft.trigger().transfer_leader(to).await.is_err() {
                return false;
            }
        }
        let led = leadership.wait_for(|now| now.leader.is_some_and(&wanted));
        match tokio::time::timeout(RETRY, led).await {
            Ok(led) => return led.is_ok(),
            Err(_) if Instant::now() >= deadline => return false,
            Err(_) => {}
        }
    }
}

/// Of the other voters that answer, the one whose log matches furthest.
fn most_up_to_date(core: &Core) -> Option<u64> {
    let metrics = core.raft.metrics();
    let metrics = metrics.borrow_watched();
    let voters: Vec<u64> = metrics.membership_config.voter_ids().collect();
    let heard = |id: &u64| {
        let heard = metrics.heartbeat.as_ref().and_then(|heard| heard.get(id)?.as_ref());
        heard.is_some_and(|at| at.elapsed() < MEMBER_ACTIVE)
    };
    let matched = metrics.replication.iter().flatten();
    matched
        .filter(|(id, _)| voters.contains(id) && **id != core.id() && heard(id))
        .max_by_key(|(id, matched)| (matched.as_ref().map(|id| id.index), **id))
        .map(|(id, _)| *id)
}
