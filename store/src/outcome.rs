//! Outcomes: what applying a command answers to whoever proposed it.

use crate::command::AlarmKind;
use crate::kv::{KeyValue, Revision};
use std::sync::Arc;

/// The answer to one command, made only on the member that proposed it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The member that took the request: [`crate::command::Command::origin`].
    pub origin: u64,
    /// The request: [`crate::command::Command::id`].
    pub id: u64,
    /// The revision of the keyspace for the response header.
    pub revision: Revision,
    pub result: Result<Response, ApplyError>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    Put {
        prev: Option<Arc<KeyValue>>,
    },
    DeleteRange {
        deleted: i64,
        prev_kvs: Vec<Arc<KeyValue>>,
    },
    Txn(TxnResponse),
    Compact,
    LeaseGrant {
        id: i64,
        ttl_s: i64,
    },
    LeaseRevoke,
    /// The alarms that were raised or cleared.
    Alarm {
        alarms: Vec<AlarmMember>,
    },
}

/// One response per operation of the branch that ran, in its order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TxnResponse {
    pub succeeded: bool,
    pub responses: Vec<OpResponse>,
}

/// The answer to one operation in a transaction. `revision` belongs into the header of the inner
/// response; etcd leaves it 0 in the header of a nested transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum OpResponse {
    Range {
        revision: Revision,
        result: RangeResult,
    },
    Put {
        revision: Revision,
        prev: Option<Arc<KeyValue>>,
    },
    DeleteRange {
        revision: Revision,
        deleted: i64,
        prev_kvs: Vec<Arc<KeyValue>>,
    },
    Txn(TxnResponse),
    /// An operation without content does nothing.
    Empty,
}

/// What a range read found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RangeResult {
    pub kvs: Vec<Arc<KeyValue>>,
    /// True if `limit` cut the result short.
    pub more: bool,
    /// Keys in the range at the revision read, whatever the limit and the filters.
    pub count: i64,
}

/// An alarm that stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Message)]
pub struct AlarmMember {
    #[prost(fixed64, tag = "1")]
    pub member: u64,
    #[prost(enumeration = "AlarmKind", tag = "2")]
    pub kind: i32,
}

/// Why a command changed nothing. Every replica comes to the same verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    #[error("required revision has been compacted")]
    Compacted,
    #[error("required revision is a future revision")]
    FutureRevision,
    #[error("requested lease not found")]
    LeaseNotFound,
    #[error("lease already exists")]
    LeaseExists,
    #[error("too large lease TTL")]
    LeaseTtlTooLarge,
    /// `ignore_value` or `ignore_lease` of a key that does not exist.
    #[error("key not found")]
    KeyNotFound,
    /// A NOSPACE alarm stands.
    #[error("database space exceeded")]
    NoSpace,
    /// A transaction changes one key twice.
    #[error("duplicate key given in txn request")]
    DuplicateKey,
    /// A CORRUPT alarm stands.
    #[error("corrupt cluster")]
    CorruptCluster,
}
