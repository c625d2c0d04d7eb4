//! `meta/membership`: the members as of the applied position.
//!
//! Value: bytes that belong to the consensus layer, as they are. Absent before the first
//! membership entry.

use bytes::Bytes;

pub const KEY: &[u8] = b"membership";

pub fn ser_membership(membership: &Bytes) -> Bytes {
    membership.clone()
}

pub fn de_membership(bytes: Bytes) -> Bytes {
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let bytes = Bytes::from(bytes);
            prop_assert_eq!(de_membership(ser_membership(&bytes)), bytes);
        }
    }
}
