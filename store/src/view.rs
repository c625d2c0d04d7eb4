//! Views: the keyspace as it stood after one apply, for readers.

use crate::command;
use crate::engine::EngineError;
use crate::entry::LogPosition;
use crate::history::History;
use crate::keymap::KeyMap;
use crate::kv::{KeyValue, Revision};
use crate::outcome::{AlarmMember, RangeResult};
use crate::state::{Past, REVISION_FIRST, State, range_map};
use bytes::Bytes;
use std::sync::Arc;

/// An immutable picture of the keyspace. Taking one costs nothing and holds no lock; it stays
/// what it is while the store moves on, but for revisions before its own, which a later
/// compaction may take away.
#[derive(Debug)]
pub struct View {
    state: State,
    applied: Option<LogPosition>,
    membership: Bytes,
    history: History,
}

/// Why a read got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("required revision has been compacted")]
    Compacted,
    #[error("required revision is a future revision")]
    FutureRevision,
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// The beginning of a range.
#[derive(Debug, Default)]
pub struct Page {
    /// In key order.
    pub kvs: Vec<Arc<KeyValue>>,
    pub more: bool,
}

/// A lease as granted, with the keys attached to it in key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseView {
    pub id: i64,
    pub ttl_s: i64,
    pub keys: Vec<Bytes>,
}

impl View {
    pub(crate) fn new(
        state: State,
        applied: Option<LogPosition>,
        membership: Bytes,
        history: History,
    ) -> Self {
        Self { state, applied, membership, history }
    }

    pub fn revision(&self) -> Revision {
        self.state.revision
    }

    /// -1 before the first compaction, as in etcd. This revision and all later ones can be read.
    pub fn compact_revision(&self) -> Revision {
        self.state.compact_revision
    }

    /// The last entry applied.
    pub fn applied(&self) -> Option<LogPosition> {
        self.applied
    }

    /// The last membership applied, as the consensus layer gave it.
    pub fn membership(&self) -> &Bytes {
        &self.membership
    }

    /// Answers a range: from memory at this view's revision, from disk at an earlier one. Blocks
    /// on the disk only when `range.revision` names a past revision ([`Self::in_memory`]).
    pub fn range(&self, range: &command::Range) -> Result<RangeResult, ReadError> {
        if range.revision > self.state.revision {
            return Err(ReadError::FutureRevision);
        }
        if range.revision > 0 && range.revision < self.state.compact_revision {
            return Err(ReadError::Compacted);
        }
        if self.in_memory(range.revision) {
            return Ok(range_map(&self.state.map, range));
        }
        self.history.range(range)
    }

    /// The first `limit` keys of a range at a revision up to this view's. Blocks on the disk for a
    /// past revision; looks at nothing beyond the page, however long the range.
    pub fn page(
        &self,
        range: &command::KeyRange,
        revision: Revision,
        limit: usize,
    ) -> Result<Page, ReadError> {
        if revision > self.state.revision {
            return Err(ReadError::FutureRevision);
        }
        if revision < self.state.compact_revision {
            return Err(ReadError::Compacted);
        }
        if !self.in_memory(revision) {
            return self.history.page(range, revision, limit);
        }
        let found = self.state.map.within(range);
        let more = found.len() > limit;
        Ok(Page { kvs: found.take(limit).cloned().collect(), more })
    }

    /// True if a range at this revision does not touch the disk.
    pub fn in_memory(&self, revision: Revision) -> bool {
        revision <= 0 || revision >= self.state.revision
    }

    /// The newest version of every key.
    pub fn keys(&self) -> &KeyMap {
        &self.state.map
    }

    pub fn lease(&self, id: i64) -> Option<LeaseView> {
        let lease = self.state.leases.get(&id)?;
        Some(LeaseView { id, ttl_s: lease.ttl_s, keys: lease.keys.iter().cloned().collect() })
    }

    /// The time to live granted to a lease, in seconds.
    pub fn lease_ttl_s(&self, id: i64) -> Option<i64> {
        self.state.leases.get(&id).map(|lease| lease.ttl_s)
    }

    /// (id, ttl_s) of every lease, by id.
    pub fn leases(&self) -> Vec<(i64, i64)> {
        self.state.leases.iter().map(|(id, lease)| (*id, lease.ttl_s)).collect()
    }

    /// The alarms that stand, by member.
    pub fn alarms(&self) -> &[AlarmMember] {
        &self.state.alarms
    }

    /// The cluster's time: the greatest that a proposer has named, in milliseconds since the Unix
    /// epoch. It never goes back.
    pub fn time_ms(&self) -> u64 {
        self.state.time_ms
    }

    /// The rolling hash over all revisions up to this view's.
    pub fn hash(&self) -> u64 {
        self.state.hash
    }

    /// The rolling hash over all revisions up to a retained one. Equal on all replicas; reads the
    /// disk for a past revision.
    pub fn hash_at(&self, revision: Revision) -> Result<u64, ReadError> {
        if revision > self.state.revision {
            return Err(ReadError::FutureRevision);
        }
        if revision < self.state.compact_revision {
            return Err(ReadError::Compacted);
        }
        match revision {
            at if at == self.state.revision => Ok(self.state.hash),
            at if at <= REVISION_FIRST => Ok(State::default().hash),
            at => self.history.hash_at(at),
        }
    }

    pub fn key_count(&self) -> u64 {
        self.state.map.len() as u64
    }

    /// Bytes of the keys and values that live.
    pub fn data_bytes(&self) -> u64 {
        self.state.data_bytes
    }

    pub(crate) fn history(&self) -> &History {
        &self.history
    }
}
