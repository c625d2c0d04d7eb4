//! The messages between replicas. Protobuf; fields are only ever added.
//!
//! Every unary request and the first message of every stream carries a [`Header`], so that a
//! message that reaches the wrong cluster or the wrong member is refused, not applied.

mod consensus;
mod control;
mod snapshot;

pub use consensus::*;
pub use control::*;
pub use snapshot::*;

use crate::transport::TransportError;
use bytes::Bytes;
use prost::Message;

/// Who sends, and whom it means to reach.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Header {
    #[prost(fixed64, tag = "1")]
    pub cluster_id: u64,
    #[prost(fixed64, tag = "2")]
    pub from: u64,
    /// 0 when the sender does not know the id yet.
    #[prost(fixed64, tag = "3")]
    pub to: u64,
}

/// The first message of a stream.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Hello {
    #[prost(message, required, tag = "1")]
    pub header: Header,
    /// Of a propose stream: names the sender's process, so that a reconnect is known as one.
    #[prost(fixed64, tag = "2")]
    pub session: u64,
    /// Of a propose stream: the term in which the target leads, as the sender believes.
    #[prost(uint64, tag = "3")]
    pub term: u64,
}

pub fn encode(message: &impl Message) -> Bytes {
    Bytes::from(message.encode_to_vec())
}

pub fn decode<T: Message + Default>(bytes: Bytes) -> Result<T, TransportError> {
    T::decode(bytes).map_err(malformed)
}

pub fn malformed(error: impl std::fmt::Display) -> TransportError {
    TransportError::Refused { message: format!("malformed message: {error}") }
}
