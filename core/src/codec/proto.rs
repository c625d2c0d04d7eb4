//! Protobuf as upstream writes it, byte for byte: fields by tag, every field that is not a pointer
//! written even when zero, map entries by key, numbers never packed.
//!
//! Writing goes backwards from the end, so that a length is known when it is written and nothing
//! is measured twice.

mod read;
mod write;

use super::CodecError;
use crate::schema::{MessageId, Schema};
use crate::value::{Object, Value};

/// What upstream puts before protobuf in storage and in bodies.
pub const MAGIC: &[u8; 4] = b"k8s\0";

/// Encodes a message without envelope.
pub fn encode(schema: &Schema, id: MessageId, object: &Object) -> Result<Vec<u8>, CodecError> {
    let mut out = write::Backwards::default();
    write::message(schema, id, object, &mut out)?;
    Ok(out.into_bytes())
}

/// Encodes an object in its envelope: magic, then `runtime.Unknown` with the object's type.
pub fn encode_enveloped(
    schema: &Schema,
    id: MessageId,
    object: &Object,
) -> Result<Vec<u8>, CodecError> {
    let text = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut out = write::Backwards::default();
    out.bytes_field(4, b"");
    out.bytes_field(3, b"");
    let end = out.len();
    write::message(schema, id, object, &mut out)?;
    out.close(2, end);
    let end = out.len();
    out.bytes_field(2, text("kind").as_bytes());
    out.bytes_field(1, text("apiVersion").as_bytes());
    out.close(1, end);
    out.raw(MAGIC);
    Ok(out.into_bytes())
}

/// Decodes a message without envelope into what upstream's JSON of it would hold.
pub fn decode(schema: &Schema, id: MessageId, bytes: &[u8]) -> Result<Object, CodecError> {
    read::message(schema, id, bytes, 0)
}

/// The parts of an envelope.
#[derive(Debug, PartialEq, Eq)]
pub struct Envelope<'b> {
    pub api_version: &'b str,
    pub kind: &'b str,
    pub raw: &'b [u8],
}

/// Opens an envelope; what is in it is decoded once its kind is known.
pub fn open(bytes: &[u8]) -> Result<Envelope<'_>, CodecError> {
    let body = bytes.strip_prefix(MAGIC).ok_or(CodecError::Protobuf("no k8s magic"))?;
    read::envelope(body)
}
