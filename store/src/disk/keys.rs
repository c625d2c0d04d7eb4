//! Space `keys`: every retained version of every key, newest first.
//!
//! Key: the escaped key ([`super::escape`]), then the mod revision, inverted, 8 bytes big-endian.
//! Value: the version as etcd's `mvccpb.KeyValue`, or nothing at all for a tombstone.

use super::escape::{de_escaped, escaped_len, ser_escaped};
use super::{corrupt, whole};
use crate::engine::EngineError;
use crate::kv::{KeyValue, Revision};
use bytes::Bytes;
use prost::Message;

const REVISION_LEN: usize = 8;

/// The key of one version.
pub fn ser_key(key: &[u8], revision: Revision) -> Bytes {
    debug_assert!(revision > 0);
    let mut out = Vec::with_capacity(key.len() + super::escape::END.len() + REVISION_LEN);
    ser_escaped(key, &mut out);
    out.extend_from_slice(&(!(revision as u64)).to_be_bytes());
    Bytes::from(out)
}

/// Where the versions of a key begin; also where those of all lesser keys end.
pub fn ser_bound(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len() + super::escape::END.len());
    ser_escaped(key, &mut out);
    out
}

/// A key of the space, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionKey<'a> {
    /// The key in its escaped form: all versions of one key share it.
    pub escaped: &'a [u8],
    pub revision: Revision,
}

impl VersionKey<'_> {
    pub fn key(&self) -> Result<Bytes, EngineError> {
        de_escaped(self.escaped)
    }
}

pub fn de_key(bytes: &[u8]) -> Result<VersionKey<'_>, EngineError> {
    let (escaped, revision) = bytes.split_at(escaped_len(bytes)?);
    let revision = !u64::from_be_bytes(whole::<REVISION_LEN>(revision, "revision of a version")?);
    match Revision::try_from(revision) {
        Ok(revision) if revision > 0 => Ok(VersionKey { escaped, revision }),
        _ => Err(corrupt(format!("version with revision {revision}"))),
    }
}

pub fn ser_value(kv: &KeyValue) -> Bytes {
    if kv.is_tombstone() { Bytes::new() } else { Bytes::from(kv.encode_to_vec()) }
}

/// True for the value of a tombstone, without decoding it.
pub fn is_tombstone(value: &[u8]) -> bool {
    value.is_empty()
}

/// The version of `key` that `value` holds; for an empty value, the tombstone.
pub fn de_value(at: &VersionKey<'_>, value: &[u8]) -> Result<KeyValue, EngineError> {
    if is_tombstone(value) {
        return Ok(KeyValue { key: at.key()?, mod_revision: at.revision, ..KeyValue::default() });
    }
    let kv = KeyValue::decode(value).map_err(|error| corrupt(format!("version: {error}")))?;
    if kv.mod_revision != at.revision || kv.version < 1 || !escapes_to(&kv.key, at.escaped) {
        return Err(corrupt(format!(
            "version of revision {} found under another key or revision {}",
            kv.mod_revision, at.revision
        )));
    }
    Ok(kv)
}

fn escapes_to(key: &[u8], escaped: &[u8]) -> bool {
    let body = &escaped[..escaped.len() - super::escape::END.len()];
    // Most keys hold no zero byte and are their own escaped form.
    body == key || de_escaped(escaped).is_ok_and(|unescaped| unescaped == key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn version() -> impl Strategy<Value = KeyValue> {
        (
            proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..8),
            (1i64.., 0i64.., 1i64..),
            proptest::collection::vec(any::<u8>(), 0..40),
            any::<i64>(),
        )
            .prop_map(|(key, (mod_revision, create_revision, version), value, lease)| {
                KeyValue {
                    key: key.into(),
                    create_revision,
                    mod_revision,
                    version,
                    value: value.into(),
                    lease,
                }
            })
    }

    proptest! {
        #[test]
        fn round_trips(kv in version()) {
            let key = ser_key(&kv.key, kv.mod_revision);
            let at = de_key(&key).expect("it was made above");
            prop_assert_eq!(&at.key().expect("it was made above"), &kv.key);
            prop_assert_eq!(de_value(&at, &ser_value(&kv)).expect("it was made above"), kv);
        }

        #[test]
        fn tombstones_round_trip(kv in version()) {
            let tombstone = KeyValue { key: kv.key, mod_revision: kv.mod_revision, ..KeyValue::default() };
            let key = ser_key(&tombstone.key, tombstone.mod_revision);
            let value = ser_value(&tombstone);
            prop_assert!(is_tombstone(&value));
            let found = de_value(&de_key(&key).expect("whole"), &value).expect("whole");
            prop_assert_eq!(found, tombstone);
        }

        #[test]
        fn newest_comes_first(kv in version(), other in 1i64..) {
            let (a, b) = (ser_key(&kv.key, kv.mod_revision), ser_key(&kv.key, other));
            prop_assert_eq!(a.cmp(&b), other.cmp(&kv.mod_revision));
            prop_assert!(ser_bound(&kv.key)[..] < a[..]);
        }

        #[test]
        fn never_panics(key in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..20), value in proptest::collection::vec(any::<u8>(), 0..20)) {
            if let Ok(at) = de_key(&key) {
                let _ = de_value(&at, &value);
            }
        }
    }

    #[test]
    fn a_version_under_another_revision_is_corrupt() {
        let kv = KeyValue { key: "a".into(), mod_revision: 5, version: 1, ..KeyValue::default() };
        let key = ser_key(b"a", 6);
        let found = de_value(&de_key(&key).expect("whole"), &ser_value(&kv));
        assert!(matches!(found, Err(EngineError::Corrupt { .. })));
    }
}
