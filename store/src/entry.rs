//! Entries: what the consensus layer hands to [`crate::Store::apply`], in log order.

use crate::command::CommandBatch;
use bytes::Bytes;

/// The place of an entry in the Raft log. Positions are ordered by index; the term is carried so
/// that the consensus layer finds its own log identifier again after a restart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct LogPosition {
    #[prost(uint64, tag = "1")]
    pub term: u64,
    #[prost(uint64, tag = "2")]
    pub index: u64,
}

impl LogPosition {
    pub fn new(term: u64, index: u64) -> Self {
        Self { term, index }
    }
}

/// What one committed entry carries.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// A leader's first entry, or nothing at all: only the position advances.
    Blank,
    /// Changes of the keyspace.
    Commands(CommandBatch),
    /// The members from here on. Opaque: kept beside the keyspace, so that a checkpoint says which
    /// membership it stands under.
    Membership(Bytes),
}

/// One committed entry of the Raft log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub position: LogPosition,
    pub payload: Payload,
}
