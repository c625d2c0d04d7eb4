//! The reading half: whatever the bytes, an object or an error.

use super::Envelope;
use crate::codec::special::{duration_text, parse_raw, quantity};
use crate::codec::{CodecError, PROTO_DEPTH_MAX, normal};
use crate::schema::{Arity, Field, Kind, MessageId, Schema, Shape};
use crate::time::Timestamp;
use crate::value::{Object, Value};
use base64::Engine as _;

const TRUNCATED: CodecError = CodecError::Protobuf("truncated");
const WIRE_TYPE: CodecError = CodecError::Protobuf("a field has the wrong wire type");

/// One field as it stands in the bytes.
enum Wire<'b> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'b [u8]),
    Fixed32,
}

/// Walks over the fields of a message.
struct Fields<'b> {
    rest: &'b [u8],
}

impl<'b> Fields<'b> {
    fn next(&mut self) -> Result<Option<(u32, Wire<'b>)>, CodecError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let tag = u32::try_from(key >> 3).map_err(|_| CodecError::Protobuf("tag out of range"))?;
        let wire = match key & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(*self.take(8)?.first_chunk().ok_or(TRUNCATED)?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| TRUNCATED)?;
                Wire::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Wire::Fixed32
            }
            _ => return Err(CodecError::Protobuf("unknown wire type")),
        };
        Ok(Some((tag, wire)))
    }

    fn varint(&mut self) -> Result<u64, CodecError> {
        let mut number = 0_u64;
        for at in 0..10 {
            let (byte, rest) = self.rest.split_first().ok_or(TRUNCATED)?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(CodecError::Protobuf("a varint is longer than 10 bytes"))
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], CodecError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(TRUNCATED)?;
        self.rest = rest;
        Ok(taken)
    }
}

impl<'b> Wire<'b> {
    fn bytes(self) -> Result<&'b [u8], CodecError> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(WIRE_TYPE) }
    }

    fn number(&self) -> Result<i64, CodecError> {
        if let Self::Varint(number) = self { Ok(*number as i64) } else { Err(WIRE_TYPE) }
    }

    fn text(self) -> Result<&'b str, CodecError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| CodecError::Protobuf("not UTF-8"))
    }
}

pub(super) fn envelope(body: &[u8]) -> Result<Envelope<'_>, CodecError> {
    let mut envelope = Envelope { api_version: "", kind: "", raw: b"" };
    let mut fields = Fields { rest: body };
    while let Some((tag, wire)) = fields.next()? {
        match tag {
            1 => {
                let mut types = Fields { rest: wire.bytes()? };
                while let Some((tag, wire)) = types.next()? {
                    match tag {
                        1 => envelope.api_version = wire.text()?,
                        2 => envelope.kind = wire.text()?,
                        _ => {}
                    }
                }
            }
            2 => envelope.raw = wire.bytes()?,
            _ => {}
        }
    }
    Ok(envelope)
}

pub(super) fn message(
    schema: &Schema,
    id: MessageId,
    bytes: &[u8],
    depth: usize,
) -> Result<Object, CodecError> {
    let mut object = Object::new();
    fill(schema, id, bytes, depth, &mut object)?;
    normal::complete(schema, id, &mut object);
    Ok(object)
}

/// Puts the fields that the bytes have into `object`. A field of a later API is passed over.
fn fill(
    schema: &Schema,
    id: MessageId,
    bytes: &[u8],
    depth: usize,
    object: &mut Object,
) -> Result<(), CodecError> {
    if depth > PROTO_DEPTH_MAX {
        return Err(CodecError::Depth(PROTO_DEPTH_MAX));
    }
    let message = schema.message(id);
    let mut fields = Fields { rest: bytes };
    while let Some((tag, wire)) = fields.next()? {
        let Some(field) = message.field_by_tag(tag) else { continue };
        match field.kind {
            Kind::Message(inner) if field.inline => {
                fill(schema, inner, wire.bytes()?, depth + 1, object)?;
            }
            _ => {
                let read = put(schema, field, wire, depth, object);
                read.map_err(|error| error.within(&field.json))?;
            }
        }
    }
    Ok(())
}

fn put(
    schema: &Schema,
    field: &Field,
    wire: Wire<'_>,
    depth: usize,
    object: &mut Object,
) -> Result<(), CodecError> {
    match field.arity {
        Arity::One => {
            let value = one(schema, field.kind, wire, depth)?;
            object.insert(field.json.as_str(), value);
        }
        Arity::List => {
            let value = one(schema, field.kind, wire, depth)?;
            match object.get_mut(&field.json) {
                Some(Value::Array(items)) => items.push(value),
                _ => {
                    object.insert(field.json.as_str(), Value::Array(vec![value]));
                }
            }
        }
        Arity::Map => {
            let (key, value) = entry(schema, field.kind, wire.bytes()?, depth)?;
            match object.get_mut(&field.json) {
                Some(Value::Object(entries)) => entries.push(key, value),
                _ => {
                    let mut entries = Object::new();
                    entries.push(key, value);
                    object.insert(field.json.as_str(), Value::Object(entries));
                }
            }
        }
    }
    Ok(())
}

fn entry<'b>(
    schema: &Schema,
    kind: Kind,
    bytes: &'b [u8],
    depth: usize,
) -> Result<(&'b str, Value), CodecError> {
    let (mut key, mut value) = ("", Value::Null);
    let mut fields = Fields { rest: bytes };
    while let Some((tag, wire)) = fields.next()? {
        match tag {
            1 => key = wire.text()?,
            2 => value = one(schema, kind, wire, depth)?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn one(schema: &Schema, kind: Kind, wire: Wire<'_>, depth: usize) -> Result<Value, CodecError> {
    Ok(match kind {
        Kind::String => Value::from(wire.text()?),
        Kind::Bool => Value::Bool(wire.number()? != 0),
        Kind::Int32 => Value::Int(i64::from(wire.number()? as i32)),
        Kind::Int64 => Value::Int(wire.number()?),
        Kind::Double => match wire {
            Wire::Fixed64(bytes) => Value::Float(f64::from_le_bytes(bytes)),
            _ => return Err(WIRE_TYPE),
        },
        Kind::Bytes => Value::from(base64::engine::general_purpose::STANDARD.encode(wire.bytes()?)),
        Kind::Message(id) => nested(schema, id, wire.bytes()?, depth + 1)?,
        _ => special(kind, wire.bytes()?)?,
    })
}

fn special(kind: Kind, bytes: &[u8]) -> Result<Value, CodecError> {
    let (mut numbers, mut first, mut text) = ([0_i64; 2], &b""[..], "");
    let mut fields = Fields { rest: bytes };
    while let Some((tag, wire)) = fields.next()? {
        match (tag, wire) {
            (1 | 2, Wire::Varint(number)) => numbers[tag as usize - 1] = number as i64,
            (1, Wire::Bytes(bytes)) => first = bytes,
            (3, wire) => text = wire.text()?,
            _ => {}
        }
    }
    let nanos = u32::try_from(numbers[1]).unwrap_or(0).min(999_999_999);
    let time = Timestamp { seconds: numbers[0].clamp(YEARS.0, YEARS.1), nanos };
    Ok(match kind {
        Kind::Time | Kind::MicroTime if bytes.is_empty() => Value::Null,
        Kind::Time => Value::from(time.to_seconds_text()),
        Kind::MicroTime => Value::from(time.to_micros_text()),
        Kind::Duration => duration_text(numbers[0]),
        Kind::IntOrString if numbers[0] == 1 => Value::from(text),
        Kind::IntOrString => Value::Int(i64::from(numbers[1] as i32)),
        Kind::Quantity if first.is_empty() => Value::from("0"),
        // Upstream parses it here as well: a quantity that was read can be written.
        Kind::Quantity => Value::from(quantity(&Value::from(utf8(first)?))?),
        _ if first.is_empty() => Value::Null,
        _ => parse_raw(first)?,
    })
}

/// The first and last second that RFC 3339 can write.
const YEARS: (i64, i64) = (-62_135_596_800, 253_402_300_799);

fn utf8(bytes: &[u8]) -> Result<&str, CodecError> {
    std::str::from_utf8(bytes).map_err(|_| CodecError::Protobuf("not UTF-8"))
}

fn nested(schema: &Schema, id: MessageId, bytes: &[u8], depth: usize) -> Result<Value, CodecError> {
    let inner = schema.message(id);
    if inner.shape == Shape::Object {
        return message(schema, id, bytes, depth).map(Value::Object);
    }
    let mut object = Object::new();
    if inner.shape == Shape::Json {
        let mut fields = Fields { rest: bytes };
        while let Some((tag, wire)) = fields.next()? {
            if tag == 1 {
                return parse_raw(wire.bytes()?);
            }
        }
        return Ok(Value::Null);
    }
    fill(schema, id, bytes, depth, &mut object)?;
    let mut take = |tag| inner.field_by_tag(tag).and_then(|field| object.remove(&field.json));
    Ok(match inner.shape {
        Shape::List => take(1).unwrap_or_else(|| Value::Array(Vec::new())),
        Shape::SchemaOrBool => take(2).or_else(|| take(1)).unwrap_or(Value::Bool(false)),
        _ => take(2).or_else(|| take(1)).unwrap_or_default(),
    })
}
