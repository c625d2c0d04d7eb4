//! Messages between the parts of replicas that are not consensus itself: forwarded commands,
//! read index, leases, membership, hashes.

use super::Header;
use crate::member::Member;
use bytes::Bytes;

/// Origin to leader, on a propose stream: commands to append in the term of the stream.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ForwardBatch {
    /// Counts up by one within a session and term, from 1.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// Encoded commands, each as the `commands` field of a `CommandBatch`: they are copied into
    /// an entry as they are.
    #[prost(bytes = "bytes", tag = "2")]
    pub commands: Bytes,
}

/// Leader to origin, on a propose stream.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct ForwardAnswer {
    /// In the first answer: the greatest sequence that this leader took from the session in this
    /// term. What is later was never taken and can be sent again.
    #[prost(uint64, tag = "1")]
    pub taken: u64,
    /// The receiver does not lead in that term: nothing of this stream was or will be appended
    /// beyond what `taken` said before.
    #[prost(bool, tag = "2")]
    pub not_leader: bool,
    /// A batch that was taken and then not appended: it never will be.
    #[prost(uint64, tag = "3")]
    pub refused: u64,
}

/// A request without content of its own.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct PlainCall {
    #[prost(message, required, tag = "1")]
    pub header: Header,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct ReadIndexAnswer {
    #[prost(bool, tag = "1")]
    pub confirmed: bool,
    #[prost(uint64, tag = "2")]
    pub index: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct LeaseCall {
    #[prost(message, required, tag = "1")]
    pub header: Header,
    #[prost(int64, tag = "2")]
    pub id: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct LeaseAnswer {
    #[prost(enumeration = "LeaseVerdict", tag = "1")]
    pub verdict: i32,
    #[prost(int64, tag = "2")]
    pub granted_ttl_s: i64,
    #[prost(int64, tag = "3")]
    pub remaining_ttl_s: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum LeaseVerdict {
    NotLeader = 0,
    Ok = 1,
    NotFound = 2,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct MemberListAnswer {
    #[prost(fixed64, tag = "1")]
    pub cluster_id: u64,
    #[prost(message, repeated, tag = "2")]
    pub members: Vec<Member>,
    /// Index of the entry that made this membership: of two lists, the later one is right.
    #[prost(uint64, tag = "3")]
    pub membership_index: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct MemberCall {
    #[prost(message, required, tag = "1")]
    pub header: Header,
    #[prost(oneof = "MemberChange", tags = "2, 3, 4, 5, 6")]
    pub change: Option<MemberChange>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum MemberChange {
    #[prost(message, tag = "2")]
    Add(Member),
    #[prost(fixed64, tag = "3")]
    Remove(u64),
    #[prost(fixed64, tag = "4")]
    Promote(u64),
    /// Id and new peer URLs.
    #[prost(message, tag = "5")]
    Update(Member),
    /// Id, name and client URLs.
    #[prost(message, tag = "6")]
    Publish(Member),
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct MemberAnswer {
    #[prost(enumeration = "MemberVerdict", tag = "1")]
    pub verdict: i32,
    #[prost(message, repeated, tag = "2")]
    pub members: Vec<Member>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum MemberVerdict {
    NotLeader = 0,
    Ok = 1,
    NotFound = 2,
    IdExists = 3,
    PeerUrlExists = 4,
    BadUrls = 5,
    NotLearner = 6,
    LearnerNotReady = 7,
    TooManyLearners = 8,
    UnhealthyCluster = 9,
    NotEnoughStarted = 10,
    Timeout = 11,
    Stopped = 12,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct HashCall {
    #[prost(message, required, tag = "1")]
    pub header: Header,
    /// 0 asks for the current revision.
    #[prost(int64, tag = "2")]
    pub revision: i64,
    /// The caller, the leader, found that the receiver differs from the quorum at `revision`.
    #[prost(bool, tag = "3")]
    pub corrupt: bool,
    #[prost(uint64, tag = "4")]
    pub term: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct HashAnswer {
    #[prost(bool, tag = "1")]
    pub known: bool,
    #[prost(int64, tag = "2")]
    pub revision: i64,
    #[prost(fixed64, tag = "3")]
    pub hash: u64,
}
