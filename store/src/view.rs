//! Views: the keyspace as it stood after one apply, for readers.

use crate::command;
use crate::engine::EngineError;
use crate::entry::LogPosition;
use crate::kv::Revision;
use crate::outcome::{AlarmMember, RangeResult};
use bytes::Bytes;

/// An immutable picture of the keyspace. Taking one costs nothing and holds no lock; it stays
/// what it is while the store moves on.
pub struct View {}

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

/// A lease as granted, with the keys attached to it in key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseView {
    pub id: i64,
    pub ttl_s: i64,
    pub keys: Vec<Bytes>,
}

impl View {
    pub fn revision(&self) -> Revision {
        unimplemented!()
    }
    /// -1 before the first compaction, as in etcd. This revision and all later ones can be read.
    pub fn compact_revision(&self) -> Revision {
        unimplemented!()
    }
    pub fn applied(&self) -> Option<LogPosition> {
        unimplemented!()
    }
    pub fn range(&self, _range: &command::Range) -> Result<RangeResult, ReadError> {
        unimplemented!()
    }
    pub fn lease(&self, _id: i64) -> Option<LeaseView> {
        unimplemented!()
    }
    /// (id, ttl_s) of every lease, by id.
    pub fn leases(&self) -> Vec<(i64, i64)> {
        unimplemented!()
    }
    pub fn alarms(&self) -> &[AlarmMember] {
        unimplemented!()
    }
    pub fn time_ms(&self) -> u64 {
        unimplemented!()
    }
    pub fn hash(&self) -> u64 {
        unimplemented!()
    }
    pub fn hash_at(&self, _revision: Revision) -> Result<u64, ReadError> {
        unimplemented!()
    }
    pub fn key_count(&self) -> u64 {
        unimplemented!()
    }
    /// Bytes of keys and values that live.
    pub fn data_bytes(&self) -> u64 {
        unimplemented!()
    }
}
