//! `meta/head`: how far this replica has come. Written with every apply, in the same batch.
//!
//! Value: a [`Head`] as a protobuf message.

use super::corrupt;
use crate::engine::EngineError;
use crate::entry::LogPosition;
use crate::kv::Revision;
use bytes::Bytes;
use prost::Message;

pub const KEY: &[u8] = b"head";

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Head {
    /// The last entry applied; none before the first.
    #[prost(message, optional, tag = "1")]
    pub applied: Option<LogPosition>,
    #[prost(int64, tag = "2")]
    pub revision: Revision,
    /// The rolling hash after that revision.
    #[prost(fixed64, tag = "3")]
    pub hash: u64,
    /// The greatest proposer's time seen, in milliseconds since the Unix epoch.
    #[prost(fixed64, tag = "4")]
    pub time_ms: u64,
}

pub fn ser_head(head: &Head) -> Bytes {
    debug_assert!(head.revision >= 1);
    Bytes::from(head.encode_to_vec())
}

pub fn de_head(bytes: &[u8]) -> Result<Head, EngineError> {
    let head = Head::decode(bytes).map_err(|error| corrupt(format!("head: {error}")))?;
    if head.revision < 1 {
        return Err(corrupt(format!("head at revision {}", head.revision)));
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(
            applied in proptest::option::of(any::<(u64, u64)>()),
            revision in 1i64..,
            hash in any::<u64>(),
            time_ms in any::<u64>(),
        ) {
            let applied = applied.map(|(term, index)| LogPosition::new(term, index));
            let head = Head { applied, revision, hash, time_ms };
            prop_assert_eq!(de_head(&ser_head(&head)).expect("it was made above"), head);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let _ = de_head(&bytes);
        }
    }
}
