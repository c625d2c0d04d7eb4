//! Space `leases`: the leases that are granted. Which keys are attached to one stands in the
//! versions of the keys.
//!
//! Key: the id, 8 bytes big-endian. Value: a [`LeaseRecord`] as a protobuf message.

use super::{corrupt, whole};
use crate::engine::EngineError;
use bytes::Bytes;
use prost::Message;

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct LeaseRecord {
    /// The time to live granted, in seconds.
    #[prost(int64, tag = "1")]
    pub ttl_s: i64,
}

pub fn ser_key(id: i64) -> Bytes {
    debug_assert!(id != 0);
    Bytes::copy_from_slice(&id.to_be_bytes())
}

pub fn de_key(bytes: &[u8]) -> Result<i64, EngineError> {
    match i64::from_be_bytes(whole(bytes, "lease id")?) {
        0 => Err(corrupt("lease 0")),
        id => Ok(id),
    }
}

pub fn ser_lease(lease: &LeaseRecord) -> Bytes {
    Bytes::from(lease.encode_to_vec())
}

pub fn de_lease(bytes: &[u8]) -> Result<LeaseRecord, EngineError> {
    LeaseRecord::decode(bytes).map_err(|error| corrupt(format!("lease: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(id in any::<i64>().prop_filter("0 is no lease", |id| *id != 0), ttl_s in any::<i64>()) {
            let lease = LeaseRecord { ttl_s };
            prop_assert_eq!(de_key(&ser_key(id)).expect("it was made above"), id);
            prop_assert_eq!(de_lease(&ser_lease(&lease)).expect("it was made above"), lease);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let _ = de_key(&bytes);
            let _ = de_lease(&bytes);
        }
    }
}
