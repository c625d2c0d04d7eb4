//! Protobuf as upstream writes it, byte for byte: fields by tag, every field that is not a pointer
//! written even when zero, map entries by key, numbers never packed.
//!
//! Writing goes backwards from the end, so that a length is known when it is written and nothing
//! is measured twice.

mod read;
mod source;
mod tape;
mod write;

use self::source::Source;
use self::tape::{Cursor, Recorded, Tape};
use self::write::{Backwards, Writer};
use super::CodecError;
use crate::schema::{MessageId, Schema};
use crate::value::{Object, Value};

/// What upstream puts before protobuf in storage and in bodies.
pub const MAGIC: &[u8; 4] = b"k8s\0";

/// Encodes a message without envelope.
pub fn encode(schema: &Schema, id: MessageId, object: &Object) -> Result<Vec<u8>, CodecError> {
    let mut out = Backwards::default();
    Writer::<&Value>::new(schema, &mut out).message(id, Some(object))?;
    Ok(out.written().to_vec())
}

/// Encodes messages from JSON as servers write it, without a tree of it. Made once for many: it
/// keeps its room.
#[derive(Debug, Default)]
pub struct Transcoder {
    tape: Tape,
    out: Backwards,
}

impl Transcoder {
    /// What [`encode`] makes of the object that compact JSON holds. `None` where that takes a
    /// closer look: for JSON with white space or escaped names, and for all errors.
    pub fn encode(&mut self, schema: &Schema, id: MessageId, json: &[u8]) -> Option<&[u8]> {
        self.out.clear();
        self.message(schema, id, json)?;
        Some(self.out.written())
    }

    /// What [`encode_enveloped`] makes of it, for an object of this version and kind.
    pub fn encode_enveloped(
        &mut self,
        schema: &Schema,
        id: MessageId,
        (api_version, kind): (&str, &str),
        json: &[u8],
    ) -> Option<&[u8]> {
        self.out.clear();
        let end = begin_envelope(&mut self.out);
        self.message(schema, id, json)?;
        end_envelope(&mut self.out, end, (api_version, kind));
        Some(self.out.written())
    }

    fn message(&mut self, schema: &Schema, id: MessageId, json: &[u8]) -> Option<()> {
        let json = std::str::from_utf8(json).ok()?;
        self.tape.read(json.as_bytes())?;
        let recorded = Recorded::new(json, &self.tape);
        let mut writer = Writer::<Cursor<'_>>::new(schema, &mut self.out);
        writer.message(id, Some(recorded.root().as_object()?)).ok()
    }
}

/// Encodes an object in its envelope: magic, then `runtime.Unknown` with the object's type.
pub fn encode_enveloped(
    schema: &Schema,
    id: MessageId,
    object: &Object,
) -> Result<Vec<u8>, CodecError> {
    let text = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut out = Backwards::default();
    let end = begin_envelope(&mut out);
    Writer::<&Value>::new(schema, &mut out).message(id, Some(object))?;
    end_envelope(&mut out, end, (text("apiVersion"), text("kind")));
    Ok(out.written().to_vec())
}

/// Writes what comes after the message.
fn begin_envelope(out: &mut Backwards) -> usize {
    out.bytes_field(4, b"");
    out.bytes_field(3, b"");
    out.len()
}

/// Writes what comes before the message, that ends at `end`.
fn end_envelope(out: &mut Backwards, end: usize, (api_version, kind): (&str, &str)) {
    out.close(2, end);
    let end = out.len();
    out.bytes_field(2, kind.as_bytes());
    out.bytes_field(1, api_version.as_bytes());
    out.close(1, end);
    out.raw(MAGIC);
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
