//! An encoding of keys that can be followed by more bytes and still sorts as the keys do.
//!
//! A zero byte becomes `00 ff`; the end of the key is `00 00`.

use super::corrupt;
use crate::engine::EngineError;
use bytes::Bytes;

/// Bytes after which nothing of the key follows.
pub const END: [u8; 2] = [0, 0];

/// Appends a key with its end.
pub fn ser_escaped(key: &[u8], out: &mut Vec<u8>) {
    out.reserve(key.len() + END.len());
    let mut rest = key;
    while let Some(zero) = rest.iter().position(|byte| *byte == 0) {
        out.extend_from_slice(&rest[..zero]);
        out.extend_from_slice(&[0, 0xff]);
        rest = &rest[zero + 1..];
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(&END);
}

/// The length of the escaped key at the start of `bytes`, its end included.
pub fn escaped_len(bytes: &[u8]) -> Result<usize, EngineError> {
    let mut at = 0;
    while let Some(zero) = bytes[at..].iter().position(|byte| *byte == 0) {
        at += zero + 1;
        match bytes.get(at) {
            Some(0) => return Ok(at + 1),
            Some(0xff) => at += 1,
            _ => break,
        }
    }
    Err(corrupt("a key on disk has no end"))
}

/// The key whose escaped form is exactly `escaped`.
pub fn de_escaped(escaped: &[u8]) -> Result<Bytes, EngineError> {
    if escaped_len(escaped)? != escaped.len() {
        return Err(corrupt("a key on disk ends early"));
    }
    let body = &escaped[..escaped.len() - END.len()];
    let mut key = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(zero) = rest.iter().position(|byte| *byte == 0) {
        key.extend_from_slice(&rest[..=zero]);
        rest = &rest[zero + 2..];
    }
    key.extend_from_slice(rest);
    Ok(Bytes::from(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(key: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        ser_escaped(key, &mut out);
        out
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0xff), any::<u8>()], 0..12)
    }

    proptest! {
        #[test]
        fn round_trips(key in key(), tail in key()) {
            let mut bytes = escaped(&key);
            let len = bytes.len();
            bytes.extend_from_slice(&tail);
            prop_assert_eq!(escaped_len(&bytes).expect("it has an end"), len);
            prop_assert_eq!(&de_escaped(&bytes[..len]).expect("it is whole")[..], &key[..]);
        }

        #[test]
        fn keeps_the_order(a in key(), b in key(), tails in any::<(u64, u64)>()) {
            let (mut ea, mut eb) = (escaped(&a), escaped(&b));
            ea.extend_from_slice(&tails.0.to_be_bytes());
            eb.extend_from_slice(&tails.1.to_be_bytes());
            prop_assert_eq!((&a, tails.0).cmp(&(&b, tails.1)), ea.cmp(&eb));
        }

        #[test]
        fn never_panics(bytes in key()) {
            let _ = escaped_len(&bytes);
            let _ = de_escaped(&bytes);
        }
    }
}
