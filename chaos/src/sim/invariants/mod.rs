//! What must hold between replicas at every moment, one invariant per file.
//!
//! Those of the data ("state machine safety", "applied exactly once") are kept by
//! [`super::truth`]; those that clients can see are judged by [`crate::check`] when a run is over.
//! "Committed" and "log matching" judge logs as they lie on the disks, seen by the log's tap.

pub mod committed_immutable;
pub mod equal_hash;
pub mod leader_completeness;
pub mod log_matching;
pub mod monotonic;
pub mod no_surprise_stop;
pub mod one_leader_per_term;
pub mod position_order;

use super::logbook::LogBook;
use super::violation::Violations;
use std::sync::Arc;
use xebec_raft::Status;
use xebec_store::View;

/// One replica at one moment.
pub struct Sample<'a> {
    pub host: usize,
    pub life: u64,
    pub status: &'a Status,
    pub view: &'a View,
}

/// All invariants with what they remember.
pub struct Invariants {
    violations: Violations,
    logs: Arc<LogBook>,
    one_leader_per_term: one_leader_per_term::OneLeaderPerTerm,
    monotonic: monotonic::Monotonic,
    equal_hash: equal_hash::EqualHash,
    committed: committed_immutable::CommittedImmutable,
    leader_completeness: leader_completeness::LeaderCompleteness,
}

impl Invariants {
    pub fn new(violations: Violations, logs: Arc<LogBook>) -> Self {
        Self {
            violations,
            logs,
            one_leader_per_term: Default::default(),
            monotonic: Default::default(),
            equal_hash: Default::default(),
            committed: Default::default(),
            leader_completeness: Default::default(),
        }
    }

    /// Looks at one replica.
    pub fn observe(&mut self, sample: &Sample<'_>) {
        let found = [
            self.one_leader_per_term.observe(sample),
            self.monotonic.observe(sample),
            position_order::check(sample),
            self.equal_hash.observe(sample),
            self.committed.observe(sample, &self.logs),
            self.leader_completeness.observe(sample, &self.logs, &self.committed),
        ];
        for (invariant, detail) in found.into_iter().flatten() {
            self.violations.report(invariant, detail);
        }
    }

    /// Leaders that terms have had.
    pub fn leaders(&self) -> usize {
        self.one_leader_per_term.leaders()
    }
}

/// What an invariant found.
type Finding = Option<(&'static str, String)>;
