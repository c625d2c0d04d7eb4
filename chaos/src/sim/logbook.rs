//! The Raft logs as they lie on the disks.

use super::invariants::log_matching::{self, LogMatching};
use super::tap::Tap;
use super::violation::Violations;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use xebec_store::engine::{Batch, Engine};

/// One entry of a log: its term, and a digest of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    pub term: u64,
    pub digest: u64,
}

/// All logs.
pub struct LogBook {
    violations: Violations,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    logs: BTreeMap<usize, BTreeMap<u64, Record>>,
    matching: LogMatching,
}

impl LogBook {
    pub fn new(violations: Violations) -> Self {
        Self { violations, inner: Mutex::default() }
    }

    pub fn record(&self, host: usize, index: u64) -> Option<Record> {
        self.inner.lock().logs.get(&host)?.get(&index).copied()
    }

    /// The first index that the log still has.
    pub fn first(&self, host: usize) -> Option<u64> {
        self.inner.lock().logs.get(&host)?.keys().next().copied()
    }

    pub fn len(&self, host: usize) -> usize {
        self.inner.lock().logs.get(&host).map_or(0, BTreeMap::len)
    }
}

impl Tap for LogBook {
    fn opened(&self, _host: usize, _engine: &dyn Engine) {}

    fn wrote(&self, _host: usize, _batch: &Batch) {}
}
