//! The writing half.

use crate::codec::CodecError;
use crate::codec::special::{duration, invalid, quantity, raw_json, timestamp, wrong_type};
use crate::schema::{Arity, Field, Kind, MessageId, Schema, Shape};
use crate::value::{Object, Value};
use base64::Engine as _;

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const DELIMITED: u32 = 2;

/// A buffer that is filled from its end.
#[derive(Default)]
pub(super) struct Backwards {
    bytes: Vec<u8>,
    /// Everything from here on is written.
    start: usize,
}

impl Backwards {
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.drain(..self.start);
        self.bytes
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.start -= bytes.len();
        self.bytes[self.start..self.start + bytes.len()].copy_from_slice(bytes);
    }

    fn reserve(&mut self, more: usize) {
        if self.start >= more {
            return;
        }
        let (written, capacity) =
            (self.len(), (self.bytes.len() + more).next_power_of_two().max(256));
        let mut grown = vec![0; capacity];
        grown[capacity - written..].copy_from_slice(&self.bytes[self.start..]);
        self.start = capacity - written;
        self.bytes = grown;
    }

    fn varint(&mut self, mut number: u64) {
        let (mut bytes, mut length) = ([0_u8; 10], 0);
        while number >= 0x80 {
            bytes[length] = number as u8 | 0x80;
            number >>= 7;
            length += 1;
        }
        bytes[length] = number as u8;
        self.raw(&bytes[..=length]);
    }

    fn key(&mut self, tag: u32, wire: u32) {
        self.varint(u64::from(tag << 3 | wire));
    }

    fn number_field(&mut self, tag: u32, number: i64) {
        self.varint(number as u64);
        self.key(tag, VARINT);
    }

    pub(super) fn bytes_field(&mut self, tag: u32, bytes: &[u8]) {
        self.raw(bytes);
        self.varint(bytes.len() as u64);
        self.key(tag, DELIMITED);
    }

    /// Makes all that was written since the length was `end` the content of field `tag`.
    pub(super) fn close(&mut self, tag: u32, end: usize) {
        self.varint((self.len() - end) as u64);
        self.key(tag, DELIMITED);
    }
}

pub(super) fn message(
    schema: &Schema,
    id: MessageId,
    object: &Object,
    out: &mut Backwards,
) -> Result<(), CodecError> {
    let message = schema.message(id);
    for at in message.by_tag.iter().rev() {
        let field = &message.fields[*at as usize];
        let written = match field.kind {
            Kind::Message(inner) if field.inline => {
                let end = out.len();
                self::message(schema, inner, object, out).map(|()| out.close(field.tag, end))
            }
            _ => write_field(schema, field, object.get(&field.json), out),
        };
        written.map_err(|error| error.within(&field.json))?;
    }
    Ok(())
}

fn write_field(
    schema: &Schema,
    field: &Field,
    value: Option<&Value>,
    out: &mut Backwards,
) -> Result<(), CodecError> {
    let value = value.filter(|value| !value.is_null());
    match (field.arity, value) {
        (Arity::One, Some(value)) => one(schema, field.tag, field.kind, value, out),
        (Arity::One, None) if field.pointer => Ok(()),
        (Arity::One, None) => zero(schema, field.tag, field.kind, out),
        (_, None) => Ok(()),
        (Arity::List, Some(Value::Array(items))) => {
            for (at, item) in items.iter().enumerate().rev() {
                let written = one(schema, field.tag, field.kind, item, out);
                written.map_err(|error| error.within(&format!("[{at}]")))?;
            }
            Ok(())
        }
        (Arity::Map, Some(Value::Object(entries))) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            for (key, value) in sorted.into_iter().rev() {
                let end = out.len();
                let written = one(schema, 2, field.kind, value, out);
                written.map_err(|error| error.within(&format!("[{key}]")))?;
                out.bytes_field(1, key.as_bytes());
                out.close(field.tag, end);
            }
            Ok(())
        }
        (Arity::List, Some(other)) => Err(wrong_type("an array", other)),
        (Arity::Map, Some(other)) => Err(wrong_type("an object", other)),
    }
}

/// Writes the zero of a field that is not a pointer.
fn zero(schema: &Schema, tag: u32, kind: Kind, out: &mut Backwards) -> Result<(), CodecError> {
    match kind {
        Kind::Bool | Kind::Int32 | Kind::Int64 => out.number_field(tag, 0),
        Kind::Double => {
            out.raw(&[0; 8]);
            out.key(tag, FIXED64);
        }
        Kind::Bytes => {}
        Kind::String | Kind::Time | Kind::MicroTime | Kind::RawExtension | Kind::FieldsV1 => {
            out.bytes_field(tag, b"");
        }
        Kind::Quantity => {
            let end = out.len();
            out.bytes_field(1, b"0");
            out.close(tag, end);
        }
        Kind::IntOrString => int_or_string(tag, 0, 0, "", out),
        Kind::Duration => {
            let end = out.len();
            out.number_field(1, 0);
            out.close(tag, end);
        }
        Kind::Message(id) if schema.message(id).shape == Shape::Object => {
            let end = out.len();
            message(schema, id, &Object::new(), out)?;
            out.close(tag, end);
        }
        Kind::Message(_) => out.bytes_field(tag, b""),
    }
    Ok(())
}

fn one(
    schema: &Schema,
    tag: u32,
    kind: Kind,
    value: &Value,
    out: &mut Backwards,
) -> Result<(), CodecError> {
    if value.is_null() {
        return zero(schema, tag, kind, out);
    }
    match kind {
        Kind::String => out.bytes_field(tag, string(value)?.as_bytes()),
        Kind::Bool => {
            let flag = value.as_bool().ok_or_else(|| wrong_type("a boolean", value))?;
            out.number_field(tag, i64::from(flag));
        }
        Kind::Int32 => out.number_field(tag, i64::from(int32(value)?)),
        Kind::Int64 => out.number_field(tag, int64(value)?),
        Kind::Double => {
            out.raw(&double(value)?.to_le_bytes());
            out.key(tag, FIXED64);
        }
        Kind::Bytes => out.bytes_field(tag, &base64(value)?),
        Kind::Message(id) => {
            let end = out.len();
            nested(schema, id, value, out)?;
            out.close(tag, end);
        }
        _ => return special(tag, kind, value, out),
    }
    Ok(())
}

fn special(tag: u32, kind: Kind, value: &Value, out: &mut Backwards) -> Result<(), CodecError> {
    let end = out.len();
    match kind {
        Kind::IntOrString => {
            match value {
                Value::String(text) => int_or_string(tag, 1, 0, text, out),
                _ => int_or_string(tag, 0, i64::from(int32(value)?), "", out),
            }
            return Ok(());
        }
        Kind::Quantity => out.bytes_field(1, quantity(value)?.as_bytes()),
        Kind::Time | Kind::MicroTime => {
            let time = timestamp(value)?;
            // `Time` keeps whole seconds in JSON, and so in protobuf.
            let nanos = if kind == Kind::Time { 0 } else { i64::from(time.nanos / 1_000 * 1_000) };
            out.number_field(2, nanos);
            out.number_field(1, time.seconds);
        }
        Kind::Duration => out.number_field(1, duration(value)?),
        _ => out.bytes_field(1, &raw_json(value)),
    }
    out.close(tag, end);
    Ok(())
}

fn int_or_string(tag: u32, kind: i64, number: i64, text: &str, out: &mut Backwards) {
    let end = out.len();
    out.bytes_field(3, text.as_bytes());
    out.number_field(2, number);
    out.number_field(1, kind);
    out.close(tag, end);
}

/// A message in whatever shape JSON gives it.
fn nested(
    schema: &Schema,
    id: MessageId,
    value: &Value,
    out: &mut Backwards,
) -> Result<(), CodecError> {
    let inner = schema.message(id);
    let field = |tag| inner.field_by_tag(tag).expect("the shape has this field");
    match (inner.shape, value) {
        (Shape::Object, Value::Object(object))
        | (
            Shape::SchemaOrBool | Shape::SchemaOrList | Shape::SchemaOrStrings,
            Value::Object(object),
        ) if inner.shape == Shape::Object => message(schema, id, object, out),
        (Shape::List, Value::Array(_)) => write_field(schema, field(1), Some(value), out),
        (Shape::Json, _) => {
            out.bytes_field(1, &raw_json(value));
            Ok(())
        }
        (Shape::SchemaOrBool, Value::Bool(flag)) => {
            out.number_field(1, i64::from(*flag));
            Ok(())
        }
        (Shape::SchemaOrBool, Value::Object(_)) => {
            write_field(schema, field(2), Some(value), out)?;
            out.number_field(1, 1);
            Ok(())
        }
        (Shape::SchemaOrList | Shape::SchemaOrStrings, Value::Array(_)) => {
            write_field(schema, field(2), Some(value), out)
        }
        (Shape::SchemaOrList | Shape::SchemaOrStrings, Value::Object(_)) => {
            write_field(schema, field(1), Some(value), out)
        }
        (Shape::List, other) => Err(wrong_type("an array", other)),
        (_, other) => Err(wrong_type("an object", other)),
    }
}

fn string(value: &Value) -> Result<&str, CodecError> {
    value.as_str().ok_or_else(|| wrong_type("a string", value))
}

fn int64(value: &Value) -> Result<i64, CodecError> {
    match value {
        Value::Int(number) => Ok(*number),
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 9.0e15 => {
            Ok(*number as i64)
        }
        Value::Float(_) => Err(invalid("expected an integer")),
        other => Err(wrong_type("an integer", other)),
    }
}

fn int32(value: &Value) -> Result<i32, CodecError> {
    i32::try_from(int64(value)?).map_err(|_| invalid("does not fit 32 bits"))
}

fn double(value: &Value) -> Result<f64, CodecError> {
    match value {
        Value::Int(number) => Ok(*number as f64),
        Value::Float(number) => Ok(*number),
        other => Err(wrong_type("a number", other)),
    }
}

fn base64(value: &Value) -> Result<Vec<u8>, CodecError> {
    let decoded = base64::engine::general_purpose::STANDARD.decode(string(value)?);
    decoded.map_err(|error| invalid(format!("base64: {error}")))
}
