//! `meta/swept`: how far physical compaction has come.
//!
//! Value: the place of the next change to look at, in the form of a key of space `log`. Every
//! version that a change before it superseded is gone. Absent before the first sweep.

use super::log::{LogKey, de_key, ser_key};
use crate::engine::EngineError;
use bytes::Bytes;

pub const KEY: &[u8] = b"swept";

pub fn ser_swept(next: LogKey) -> Bytes {
    ser_key(next)
}

pub fn de_swept(bytes: &[u8]) -> Result<LogKey, EngineError> {
    de_key(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(revision in 0i64.., sub in any::<u32>()) {
            let next = LogKey { revision, sub };
            prop_assert_eq!(de_swept(&ser_swept(next)).expect("it was made above"), next);
        }
    }
}
