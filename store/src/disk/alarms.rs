//! `meta/alarms`: the alarms that stand, sorted by member, then kind.
//!
//! Value: an `Alarms` as a protobuf message. Absent while none was ever raised.

use super::corrupt;
use crate::engine::EngineError;
use crate::outcome::AlarmMember;
use bytes::Bytes;
use prost::Message;

pub const KEY: &[u8] = b"alarms";

#[derive(Clone, PartialEq, Message)]
struct Alarms {
    #[prost(message, repeated, tag = "1")]
    alarms: Vec<AlarmMember>,
}

pub fn ser_alarms(alarms: &[AlarmMember]) -> Bytes {
    debug_assert!(alarms.is_sorted());
    Bytes::from(Alarms { alarms: alarms.to_vec() }.encode_to_vec())
}

pub fn de_alarms(bytes: &[u8]) -> Result<Vec<AlarmMember>, EngineError> {
    let record = Alarms::decode(bytes).map_err(|error| corrupt(format!("alarms: {error}")))?;
    if !record.alarms.is_sorted() {
        return Err(corrupt("alarms out of order"));
    }
    Ok(record.alarms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(alarms in proptest::collection::btree_set((any::<u64>(), 0i32..3), 0..5)) {
            let alarms: Vec<_> =
                alarms.into_iter().map(|(member, kind)| AlarmMember { member, kind }).collect();
            prop_assert_eq!(de_alarms(&ser_alarms(&alarms)).expect("it was made above"), alarms);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let _ = de_alarms(&bytes);
        }
    }
}
