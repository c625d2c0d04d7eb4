//! The Raft logs as they lie on the disks, read below the code that writes them.

use super::invariants::log_matching::{self, LogMatching};
use super::tap::Tap;
use super::violation::Violations;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use xebec_raft::log::{SPACE, format};
use xebec_store::engine::{Batch, BatchOp, Cursor, Engine, EngineError};
use xxhash_rust::xxh3::xxh3_64;

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

    /// How many entries the log has.
    pub fn len(&self, host: usize) -> usize {
        self.inner.lock().logs.get(&host).map_or(0, BTreeMap::len)
    }

    fn put(&self, host: usize, key: &[u8], value: &Bytes) {
        let Some(index) = index_of(key) else { return };
        let entry = match format::decode_entry(index, value.clone()) {
            Ok(entry) => entry,
            Err(error) => {
                return self
                    .violations
                    .report("logs are readable", format!("host {host}: {error}"));
            }
        };
        let record = Record { term: *entry.log_id.leader_id, digest: xxh3_64(value) };
        let mut inner = self.inner.lock();
        inner.logs.entry(host).or_default().insert(index, record);
        if let Some(detail) = inner.matching.appended(host, index, record) {
            self.violations.report(log_matching::NAME, detail);
        }
    }

    fn remove(&self, host: usize, from: &[u8], to: &[u8]) {
        let mut inner = self.inner.lock();
        let Some(log) = inner.logs.get_mut(&host) else { return };
        log.retain(|index, _| {
            let key = format::entry_key(*index);
            key.as_slice() < from || key.as_slice() >= to
        });
    }

    fn read(&self, host: usize, engine: &dyn Engine) -> Result<(), EngineError> {
        let mut cursor: Box<dyn Cursor + '_> = engine.cursor(SPACE, &[], &[])?;
        while cursor.next()? {
            self.put(host, cursor.key(), &Bytes::copy_from_slice(cursor.value()));
        }
        Ok(())
    }
}

/// The index of an entry's key; `None` for the other records of the log.
fn index_of(key: &[u8]) -> Option<u64> {
    let index = u64::from_be_bytes(key.get(1..)?.try_into().ok()?);
    (format::entry_key(index) == key).then_some(index)
}

impl Tap for LogBook {
    fn opened(&self, host: usize, engine: &dyn Engine) {
        self.inner.lock().logs.remove(&host);
        if let Err(error) = self.read(host, engine) {
            self.violations.report("logs are readable", format!("host {host}: {error}"));
        }
    }

    fn wrote(&self, host: usize, batch: &Batch) {
        for op in &batch.ops {
            match op {
                BatchOp::Put { key, value, .. } => self.put(host, key, value),
                BatchOp::Delete { key, .. } => {
                    let end = [key.as_ref(), &[0]].concat();
                    self.remove(host, key, &end);
                }
                BatchOp::DeleteRange { from, to, .. } => self.remove(host, from, to),
            }
        }
    }
}
