//! `meta/compact`: the revision that the last compaction named. Older ones cannot be read.
//!
//! Value: the revision, 8 bytes big-endian. Absent before the first compaction.

use super::{corrupt, whole};
use crate::engine::EngineError;
use crate::kv::Revision;
use bytes::Bytes;

pub const KEY: &[u8] = b"compact";

pub fn ser_compact(revision: Revision) -> Bytes {
    debug_assert!(revision >= 0);
    Bytes::copy_from_slice(&revision.to_be_bytes())
}

pub fn de_compact(bytes: &[u8]) -> Result<Revision, EngineError> {
    match Revision::from_be_bytes(whole(bytes, "compact revision")?) {
        revision if revision >= 0 => Ok(revision),
        revision => Err(corrupt(format!("compact revision {revision}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(revision in 0i64..) {
            prop_assert_eq!(de_compact(&ser_compact(revision)).expect("whole"), revision);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let _ = de_compact(&bytes);
        }
    }
}
