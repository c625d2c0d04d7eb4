//! The lessor: when leases expire, kept by the leader alone.
//!
//! Deadlines are not replicated. A new leader gives every lease its full time to live again, plus
//! an allowance for the time without a leader, so a lease may live longer than asked, never
//! shorter. Pure: the caller passes `now_ms`, of a clock that never goes back.

use std::collections::{BTreeSet, HashMap};

/// Deadlines of all leases while this member leads.
#[derive(Debug, Default)]
pub struct Lessor {
    /// None while this member does not lead.
    primary: Option<Primary>,
}

#[derive(Debug, Default)]
struct Primary {
    leases: HashMap<i64, Deadline>,
    /// (deadline_ms, id), soonest first.
    queue: BTreeSet<(u64, i64)>,
}

#[derive(Debug, Clone, Copy)]
struct Deadline {
    ttl_s: i64,
    at_ms: u64,
}

/// Why a lease was not renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RenewError {
    #[error("this member does not lead")]
    NotPrimary,
    /// No such lease, or it has expired and awaits its revocation.
    #[error("requested lease not found")]
    NotFound,
}

impl Lessor {
    pub fn is_primary(&self) -> bool {
        self.primary.is_some()
    }
    /// Begins to lead: `leases` are (id, ttl_s) as applied; each gets its full time and
    /// `extend_ms` more.
    pub fn promote(&mut self, _now_ms: u64, _leases: &[(i64, i64)], _extend_ms: u64) {
        unimplemented!()
    }
    pub fn demote(&mut self) {
        self.primary = None;
    }
    /// Takes up leases granted since and forgets revoked ones: `leases` are all that are applied.
    pub fn reconcile(&mut self, _now_ms: u64, _leases: &[(i64, i64)]) {
        unimplemented!()
    }
    /// Gives the lease its full time again and returns it, in seconds.
    pub fn renew(&mut self, _id: i64, _now_ms: u64) -> Result<i64, RenewError> {
        unimplemented!()
    }
    /// Time left, in milliseconds; 0 if expired.
    pub fn remaining_ms(&self, _id: i64, _now_ms: u64) -> Option<u64> {
        unimplemented!()
    }
    /// Up to `max` leases to revoke now. Each is named again after a while, should its
    /// revocation have been lost.
    pub fn expired(&mut self, _now_ms: u64, _max: usize) -> Vec<i64> {
        unimplemented!()
    }
}
