//! Commands: what consensus orders and [`crate::State`] applies.
//!
//! Every type here is a protobuf message, because it is written to the Raft log and sent between
//! replicas. Fields are only ever added (see `docs/storage-format.md`).

use crate::kv::Revision;
use bytes::Bytes;

/// The payload of one Raft entry: all commands that waited at that moment.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CommandBatch {
    /// The proposer's wall clock, in milliseconds since the Unix epoch. The state keeps the
    /// greatest time seen, so time never runs backwards for a reader.
    #[prost(fixed64, tag = "1")]
    pub time_ms: u64,
    #[prost(message, repeated, tag = "2")]
    pub commands: Vec<Command>,
}

/// One change, and who waits for its outcome.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Command {
    /// Member that took the request from a client: the one that answers it.
    #[prost(fixed64, tag = "1")]
    pub origin: u64,
    /// Unique among the requests of one process of the origin.
    #[prost(fixed64, tag = "2")]
    pub id: u64,
    #[prost(oneof = "Body", tags = "3, 4, 5, 6, 7, 8, 9")]
    pub body: Option<Body>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Body {
    #[prost(message, tag = "3")]
    Put(Put),
    #[prost(message, tag = "4")]
    DeleteRange(DeleteRange),
    #[prost(message, tag = "5")]
    Txn(Txn),
    #[prost(message, tag = "6")]
    Compact(Compact),
    #[prost(message, tag = "7")]
    LeaseGrant(LeaseGrant),
    #[prost(message, tag = "8")]
    LeaseRevoke(LeaseRevoke),
    #[prost(message, tag = "9")]
    Alarm(Alarm),
}

/// A half-open interval of keys, in etcd's convention: an empty `end` means the one key `key`; an
/// `end` of one zero byte means all keys from `key` on.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct KeyRange {
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub end: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Put {
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
    #[prost(int64, tag = "3")]
    pub lease: i64,
    #[prost(bool, tag = "4")]
    pub prev_kv: bool,
    #[prost(bool, tag = "5")]
    pub ignore_value: bool,
    #[prost(bool, tag = "6")]
    pub ignore_lease: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct DeleteRange {
    #[prost(message, required, tag = "1")]
    pub range: KeyRange,
    #[prost(bool, tag = "2")]
    pub prev_kv: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Range {
    #[prost(message, required, tag = "1")]
    pub range: KeyRange,
    /// At most so many keys; 0 means all.
    #[prost(int64, tag = "2")]
    pub limit: i64,
    /// Read as of this revision; 0 means the current one.
    #[prost(int64, tag = "3")]
    pub revision: Revision,
    #[prost(enumeration = "SortOrder", tag = "4")]
    pub sort_order: i32,
    #[prost(enumeration = "SortTarget", tag = "5")]
    pub sort_target: i32,
    #[prost(bool, tag = "6")]
    pub keys_only: bool,
    #[prost(bool, tag = "7")]
    pub count_only: bool,
    #[prost(int64, tag = "8")]
    pub min_mod_revision: Revision,
    #[prost(int64, tag = "9")]
    pub max_mod_revision: Revision,
    #[prost(int64, tag = "10")]
    pub min_create_revision: Revision,
    #[prost(int64, tag = "11")]
    pub max_create_revision: Revision,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum SortOrder {
    None = 0,
    Ascend = 1,
    Descend = 2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum SortTarget {
    Key = 0,
    Version = 1,
    Create = 2,
    Mod = 3,
    Value = 4,
}

/// All compares hold: `success` runs; else `failure`. Either runs wholly at one revision.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Txn {
    #[prost(message, repeated, tag = "1")]
    pub compares: Vec<Compare>,
    #[prost(message, repeated, tag = "2")]
    pub success: Vec<Op>,
    #[prost(message, repeated, tag = "3")]
    pub failure: Vec<Op>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Op {
    #[prost(oneof = "OpKind", tags = "1, 2, 3, 4")]
    pub kind: Option<OpKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum OpKind {
    #[prost(message, tag = "1")]
    Range(Range),
    #[prost(message, tag = "2")]
    Put(Put),
    #[prost(message, tag = "3")]
    DeleteRange(DeleteRange),
    #[prost(message, tag = "4")]
    Txn(Txn),
}

/// Holds if it holds for every key in the range; an absent key compares as version, create and
/// mod revision 0, and never equals a value. A range without keys holds as etcd's does.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Compare {
    #[prost(message, required, tag = "1")]
    pub range: KeyRange,
    #[prost(enumeration = "CompareResult", tag = "2")]
    pub result: i32,
    #[prost(oneof = "CompareTarget", tags = "3, 4, 5, 6, 7")]
    pub target: Option<CompareTarget>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum CompareResult {
    Equal = 0,
    Greater = 1,
    Less = 2,
    NotEqual = 3,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum CompareTarget {
    #[prost(int64, tag = "3")]
    Version(i64),
    #[prost(int64, tag = "4")]
    Create(i64),
    #[prost(int64, tag = "5")]
    Mod(i64),
    #[prost(bytes = "bytes", tag = "6")]
    Value(Bytes),
    #[prost(int64, tag = "7")]
    Lease(i64),
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Compact {
    #[prost(int64, tag = "1")]
    pub revision: Revision,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct LeaseGrant {
    /// Never 0 here: the server that takes a request without an id chooses one before it proposes.
    #[prost(int64, tag = "1")]
    pub id: i64,
    #[prost(int64, tag = "2")]
    pub ttl_s: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct LeaseRevoke {
    #[prost(int64, tag = "1")]
    pub id: i64,
}

/// Raises or clears an alarm of one member.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Alarm {
    #[prost(bool, tag = "1")]
    pub active: bool,
    /// 0 with `active = false` clears the alarm of every member.
    #[prost(fixed64, tag = "2")]
    pub member: u64,
    #[prost(enumeration = "AlarmKind", tag = "3")]
    pub kind: i32,
}

/// etcd's `AlarmType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum AlarmKind {
    None = 0,
    /// The member's disk is nearly full: writes that grow the keyspace are refused.
    NoSpace = 1,
    /// The member's keyspace differs from that of the others.
    Corrupt = 2,
}
