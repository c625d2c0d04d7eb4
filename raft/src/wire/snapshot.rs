//! The transfer of a checkpoint: an offer, the files from where the receiver stands, the verdict.

use super::{Header, LogIdMessage, MembershipMessage, VoteMessage, malformed};
use crate::transport::TransportError;
use crate::types::{SnapshotMeta, StoredMembership};
use bytes::Bytes;
use prost::Message;
use xebec_store::engine::CheckpointFile;

/// A membership and the entry that made it: the store's membership blob.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StoredMembershipMessage {
    #[prost(message, optional, tag = "1")]
    pub log_id: Option<LogIdMessage>,
    #[prost(message, required, tag = "2")]
    pub membership: MembershipMessage,
}

impl From<&StoredMembership> for StoredMembershipMessage {
    fn from(stored: &StoredMembership) -> Self {
        Self {
            log_id: stored.log_id().as_ref().map(LogIdMessage::from),
            membership: MembershipMessage::from(stored.membership()),
        }
    }
}

impl TryFrom<StoredMembershipMessage> for StoredMembership {
    type Error = TransportError;

    fn try_from(message: StoredMembershipMessage) -> Result<Self, TransportError> {
        Ok(Self::new(message.log_id.map(Into::into), message.membership.try_into()?))
    }
}

/// Decodes the store's membership blob; an empty one is the empty membership.
pub fn membership_from_blob(blob: Bytes) -> Result<StoredMembership, TransportError> {
    if blob.is_empty() {
        return Ok(StoredMembership::default());
    }
    StoredMembershipMessage::decode(blob).map_err(malformed)?.try_into()
}

/// Leader to follower, first on a snapshot stream after the hello.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SnapshotOffer {
    #[prost(message, required, tag = "1")]
    pub header: Header,
    #[prost(message, required, tag = "2")]
    pub vote: VoteMessage,
    #[prost(message, optional, tag = "3")]
    pub last: Option<LogIdMessage>,
    #[prost(message, required, tag = "4")]
    pub membership: StoredMembershipMessage,
    #[prost(message, repeated, tag = "5")]
    pub files: Vec<CheckpointFile>,
}

impl SnapshotOffer {
    pub fn meta(&self) -> Result<SnapshotMeta, TransportError> {
        Ok(SnapshotMeta {
            last_log_id: self.last.map(Into::into),
            last_membership: self.membership.clone().try_into()?,
        })
    }
}

/// Follower to leader: how much of each file it has already.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SnapshotResume {
    #[prost(uint64, repeated, tag = "1")]
    pub received_bytes: Vec<u64>,
}

/// A piece of one file. The end of the transfer is a chunk with `done`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SnapshotChunk {
    #[prost(uint32, tag = "1")]
    pub file: u32,
    #[prost(uint64, tag = "2")]
    pub offset: u64,
    #[prost(bytes = "bytes", tag = "3")]
    pub data: Bytes,
    #[prost(bool, tag = "4")]
    pub done: bool,
}

/// Follower to leader: credit for more chunks, and at last the verdict.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SnapshotProgress {
    #[prost(uint64, tag = "1")]
    pub chunks: u64,
    #[prost(message, optional, tag = "2")]
    pub installed: Option<VoteMessage>,
}
