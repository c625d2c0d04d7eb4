//! [`Document`]: bytes that are made once and served often, with their entity tag.

use crate::value::{Object, Value};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha512};
use std::fmt::Write;

/// A ready answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub bytes: Bytes,
    /// The SHA-512 of the bytes in upper-case hex, as upstream's `ETag` (which quotes it) and
    /// `/openapi/v3`'s `hash` show it.
    pub hash: Box<str>,
}

impl Document {
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = Sha512::digest(&bytes);
        let mut hash = String::with_capacity(2 * digest.len());
        for byte in digest {
            write!(hash, "{byte:02X}").expect("writing to a string cannot fail");
        }
        Self { bytes, hash: hash.into() }
    }

    /// Compact JSON.
    pub fn json(value: &Value) -> Self {
        Self::new(serde_json::to_vec(value).expect("a tree serializes"))
    }

    /// The `ETag` header.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.hash)
    }
}

/// A tree that is kept for long and looked at seldom: deflated JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed(Box<[u8]>);

impl Packed {
    pub fn new(value: &Value) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        serde_json::to_writer(&mut encoder, value).expect("a tree serializes into memory");
        Self(encoder.finish().expect("writing to memory cannot fail").into())
    }

    pub fn to_value(&self) -> Value {
        let text = DeflateDecoder::new(&*self.0);
        serde_json::from_reader(text).expect("what was packed unpacks")
    }
}

/// An object of the given fields, in their order.
pub(crate) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// A list of strings.
pub(crate) fn strings<'s>(texts: impl IntoIterator<Item = &'s str>) -> Value {
    Value::Array(texts.into_iter().map(Value::from).collect())
}

/// Adds a field unless the list is empty.
pub(crate) fn push_strings(to: &mut Object, name: &str, texts: &[Box<str>]) {
    if !texts.is_empty() {
        to.push(name, strings(texts.iter().map(AsRef::as_ref)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_unpacks() {
        let value = object([("a", Value::Array(vec![Value::Int(1), Value::Null]))]);
        assert_eq!(Packed::new(&value).to_value(), value);
    }

    #[test]
    fn a_document_carries_the_hash_of_its_bytes() {
        let document = Document::json(&object([("a", Value::Int(1))]));
        assert_eq!(&document.bytes[..], br#"{"a":1}"#);
        assert!(document.hash.starts_with("EFB7A829"), "{}", document.hash);
        assert_eq!(document.etag().len(), 130);
    }
}
