//! Space `log`: the changes of every retained revision, in the order in which they were made.
//!
//! Key: the revision, 8 bytes big-endian, then the place within the revision, 4 bytes big-endian.
//! Value: one byte of flags; in the first change of a revision, the rolling hash after the
//! revision, 8 bytes big-endian; then the key. The version itself is in space `keys`, but for one
//! that a later change of the same revision replaced: it stands here instead of the key, as
//! etcd's `mvccpb.KeyValue`.

use super::{corrupt, take, whole};
use crate::engine::EngineError;
use crate::kv::{KeyValue, Revision};
use bytes::Bytes;
use prost::Message;

/// The change is a deletion.
const DELETE: u8 = 1;
/// A hash follows the flags.
const HASH: u8 = 2;
/// A version follows instead of a key.
const INLINE: u8 = 4;

/// The place of one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogKey {
    pub revision: Revision,
    pub sub: u32,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    pub delete: bool,
    /// The rolling hash after the revision: in its first change only.
    pub hash: Option<u64>,
    pub change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The version, or the tombstone, is that of this key at this revision.
    Key(Bytes),
    /// A version that the same revision replaced.
    Inline(KeyValue),
}

impl Change {
    pub fn key(&self) -> &Bytes {
        match self {
            Change::Key(key) => key,
            Change::Inline(kv) => &kv.key,
        }
    }
}

pub fn ser_key(at: LogKey) -> Bytes {
    let mut out = Vec::with_capacity(12);
    out.extend_from_slice(&(at.revision as u64).to_be_bytes());
    out.extend_from_slice(&at.sub.to_be_bytes());
    Bytes::from(out)
}

/// Where the changes of a revision begin.
pub fn ser_bound(revision: Revision) -> Bytes {
    ser_key(LogKey { revision, sub: 0 })
}

pub fn de_key(bytes: &[u8]) -> Result<LogKey, EngineError> {
    let (revision, at) = take::<8>(bytes, "place of a change")?;
    let sub = u32::from_be_bytes(whole(&bytes[at..], "place within a revision")?);
    match Revision::try_from(u64::from_be_bytes(revision)) {
        Ok(revision) => Ok(LogKey { revision, sub }),
        Err(_) => Err(corrupt("change with a revision out of range")),
    }
}

pub fn ser_record(record: &LogRecord) -> Bytes {
    let mut flags = if record.delete { DELETE } else { 0 };
    flags |= if record.hash.is_some() { HASH } else { 0 };
    let body = match &record.change {
        Change::Key(key) => key.len(),
        Change::Inline(kv) => {
            flags |= INLINE;
            kv.encoded_len()
        }
    };
    let mut out = Vec::with_capacity(9 + body);
    out.push(flags);
    if let Some(hash) = record.hash {
        out.extend_from_slice(&hash.to_be_bytes());
    }
    match &record.change {
        Change::Key(key) => out.extend_from_slice(key),
        Change::Inline(kv) => kv.encode(&mut out).expect("a vector grows"),
    }
    Bytes::from(out)
}

pub fn de_record(bytes: &[u8]) -> Result<LogRecord, EngineError> {
    let ([flags], mut at) = take::<1>(bytes, "change")?;
    if flags & !(DELETE | HASH | INLINE) != 0 {
        return Err(corrupt(format!("change with flags {flags:#x}")));
    }
    let mut hash = None;
    if flags & HASH != 0 {
        let (found, len) = take::<8>(&bytes[at..], "rolling hash")?;
        hash = Some(u64::from_be_bytes(found));
        at += len;
    }
    let body = &bytes[at..];
    let change = if flags & INLINE == 0 {
        Change::Key(Bytes::copy_from_slice(body))
    } else {
        let kv = KeyValue::decode(body).map_err(|error| corrupt(format!("change: {error}")))?;
        Change::Inline(kv)
    };
    Ok(LogRecord { delete: flags & DELETE != 0, hash, change })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = LogRecord> {
        let key = proptest::collection::vec(any::<u8>(), 0..8);
        (any::<bool>(), proptest::option::of(any::<u64>()), key, any::<bool>()).prop_map(
            |(delete, hash, key, inline)| {
                let key = Bytes::from(key);
                let change = match inline {
                    true => {
                        Change::Inline(KeyValue { key, mod_revision: 7, ..KeyValue::default() })
                    }
                    false => Change::Key(key),
                };
                LogRecord { delete, hash, change }
            },
        )
    }

    proptest! {
        #[test]
        fn keys_round_trip(a in (1i64.., any::<u32>()), b in (1i64.., any::<u32>())) {
            let a = LogKey { revision: a.0, sub: a.1 };
            let b = LogKey { revision: b.0, sub: b.1 };
            prop_assert_eq!(de_key(&ser_key(a)).expect("it was made above"), a);
            prop_assert_eq!(ser_key(a).cmp(&ser_key(b)), a.cmp(&b));
        }

        #[test]
        fn records_round_trip(record in record()) {
            prop_assert_eq!(de_record(&ser_record(&record)).expect("it was made above"), record);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let _ = de_key(&bytes);
            let _ = de_record(&bytes);
        }
    }
}
