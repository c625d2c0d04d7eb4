//! Leases: the leader alone knows when they expire.
//!
//! A renewal is answered only after a quorum has confirmed, since the renewal, that this replica
//! leads: whoever leads next began after it and gives the lease its full time again. So a lease
//! never expires before the time that its last answer promised.

use crate::core::Core;
use crate::errors::LeaseError;
use crate::limits::{CALL_TIMEOUT, LEASE_REVOKES_PER_TICK, LEASE_TICK};
use crate::status::LeaseTtl;
use crate::transport::Method;
use crate::wire::{LeaseAnswer, LeaseCall, LeaseVerdict, decode, encode};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::time::{Instant, MissedTickBehavior};
use xebec_store::Lessor;
use xebec_store::command::{Body, LeaseRevoke};

/// The lessor of one replica.
pub struct Leases {
    state: Mutex<State>,
    started: Instant,
}

struct State {
    lessor: Lessor,
    /// The term for which the lessor is in charge.
    term: Option<u64>,
}

impl Leases {
    pub fn new() -> Self {
        let state = State { lessor: Lessor::default(), term: None };
        Self { state: Mutex::new(state), started: Instant::now() }
    }

    /// Monotonic, from the start of the process.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Keeps the lessor in step with leadership and proposes revocations, until the replica stops.
pub async fn run(core: Arc<Core>) {
    let mut tick = tokio::time::interval(LEASE_TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut leadership = core.leadership.clone();
    loop {
        tokio::select! {
            biased;
            changed = leadership.changed() => if changed.is_err() { return },
            _ = tick.tick() => {}
        }
        let Some((term, expired)) = step(&core) else { continue };
        for id in expired {
            // In this term or never: a later leader has given the lease its time again. The
            // outcome does not matter: the lessor names the lease again if it stays.
            let _ = core.proposals.submit_in(&Body::LeaseRevoke(LeaseRevoke { id }), Some(term));
        }
    }
}

/// Follows leadership; returns the own term and the leases to revoke in it.
fn step(core: &Core) -> Option<(u64, Vec<i64>)> {
    let own_term = core.leadership().own_term();
    let now_ms = core.leases.now_ms();
    let mut state = core.leases.state.lock();
    let Some(term) = own_term else {
        state.lessor.demote();
        state.term = None;
        return None;
    };
    if core.applied.position().term < term {
        // Leases of earlier terms may not be applied yet.
        return None;
    }
    let leases = core.store.view().leases();
    if state.term == Some(term) {
        state.lessor.reconcile(now_ms, leases);
    } else {
        let timing = core.options.timing;
        let extend_ms = u64::try_from(timing.election_max.as_millis()).unwrap_or(u64::MAX);
        state.lessor.promote(now_ms, &leases, extend_ms);
        state.term = Some(term);
    }
    Some((term, state.lessor.expired(now_ms, LEASE_REVOKES_PER_TICK)))
}

/// What a client asks of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    Renew,
    TimeToLive,
}

impl Request {
    fn method(self) -> Method {
        match self {
            Self::Renew => Method::LeaseRenew,
            Self::TimeToLive => Method::LeaseTimeToLive,
        }
    }
}

/// Asks the leader, wherever it is, until the deadline.
pub async fn ask(core: &Core, request: Request, id: i64) -> Result<LeaseTtl, LeaseError> {
    let deadline = core.deadline();
    loop {
        if core.health.is_stopped() {
            return Err(LeaseError::Stopped);
        }
        let seen = core.leadership();
        let answer = ask_leader(core, request, id).await;
        match answer.map(|answer| (LeaseVerdict::try_from(answer.verdict), answer)) {
            Some((Ok(LeaseVerdict::Ok), answer)) => {
                return Ok(LeaseTtl {
                    id,
                    granted_ttl_s: answer.granted_ttl_s,
                    remaining_ttl_s: answer.remaining_ttl_s,
                });
            }
            Some((Ok(LeaseVerdict::NotFound), _)) => return Err(LeaseError::NotFound),
            _ => {}
        }
        if Instant::now() >= deadline {
            let has_leader = core.leadership().leader.is_some();
            return Err(if has_leader { LeaseError::Timeout } else { LeaseError::NoLeader });
        }
        core.pause(seen).await;
    }
}

async fn ask_leader(core: &Core, request: Request, id: i64) -> Option<LeaseAnswer> {
    let leader = core.leadership().leader?;
    if leader == core.id() {
        return Some(serve(core, request, id).await);
    }
    let target = core.target(leader)?;
    let call = encode(&LeaseCall { header: core.network.header(leader), id });
    let answer = core.call(&target, request.method(), call, CALL_TIMEOUT).await;
    answer.and_then(decode).ok()
}

/// Answers as the leader.
pub async fn serve(core: &Core, request: Request, id: i64) -> LeaseAnswer {
    let not_leader = LeaseAnswer::default();
    if core.leadership().own_term().is_none() {
        return not_leader;
    }
    let early = core.store.view().lease_ttl_s(id);
    let early = early.and_then(|ttl_s| answer_here(core, request, id, ttl_s));
    if core.reads.read_index().await.is_err() {
        return not_leader;
    }
    if let Some(early) = early {
        return early;
    }
    // It may have been granted by an entry that is applied only now.
    let Some(ttl_s) = core.store.view().lease_ttl_s(id) else {
        return LeaseAnswer { verdict: LeaseVerdict::NotFound.into(), ..LeaseAnswer::default() };
    };
    let Some(late) = answer_here(core, request, id, ttl_s) else { return not_leader };
    if request == Request::Renew && core.reads.read_index().await.is_err() {
        return not_leader;
    }
    late
}

fn answer_here(core: &Core, request: Request, id: i64, ttl_s: i64) -> Option<LeaseAnswer> {
    let now_ms = core.leases.now_ms();
    let mut state = core.leases.state.lock();
    let term = core.leadership().own_term()?;
    if state.term != Some(term) {
        // Not promoted yet: the next tick does it.
        return None;
    }
    if state.lessor.remaining_ms(id, now_ms).is_none() {
        let leases = core.store.view().leases();
        state.lessor.reconcile(now_ms, leases);
    }
    let found = |remaining_ttl_s| LeaseAnswer {
        verdict: LeaseVerdict::Ok.into(),
        granted_ttl_s: ttl_s,
        remaining_ttl_s,
    };
    let missing = LeaseAnswer { verdict: LeaseVerdict::NotFound.into(), ..LeaseAnswer::default() };
    Some(match request {
        Request::Renew => state.lessor.renew(id, now_ms).map_or(missing, found),
        Request::TimeToLive => {
            let remaining_ms = state.lessor.remaining_ms(id, now_ms);
            remaining_ms.map_or(missing, |left| found(i64::try_from(left / 1000).unwrap_or(0)))
        }
    })
}
