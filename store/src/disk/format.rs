//! `meta/format`: the version of the layout. Written when the engine is created.
//!
//! Value: the version, 4 bytes big-endian.

use super::whole;
use crate::engine::EngineError;
use bytes::Bytes;

pub const KEY: &[u8] = b"format";

/// The version that this build writes. Fields added to messages do not change it.
pub const VERSION: u32 = 1;

pub fn ser_format(version: u32) -> Bytes {
    Bytes::copy_from_slice(&version.to_be_bytes())
}

pub fn de_format(bytes: &[u8]) -> Result<u32, EngineError> {
    Ok(u32::from_be_bytes(whole(bytes, "format version")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(version in any::<u32>()) {
            prop_assert_eq!(de_format(&ser_format(version)).expect("whole"), version);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let _ = de_format(&bytes);
        }
    }
}
