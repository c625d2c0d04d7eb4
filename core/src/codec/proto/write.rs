//! The writing half.

use super::source::{Members, Number, Source};
use crate::codec::CodecError;
use crate::codec::special::{duration_of, invalid, quantity_of, timestamp_of};
use crate::schema::{Arity, Field, Kind, Message, MessageId, Schema, Shape};
use base64::Engine as _;

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const DELIMITED: u32 = 2;

/// A buffer that is filled from its end.
#[derive(Debug, Default)]
pub(super) struct Backwards {
    bytes: Vec<u8>,
    /// Everything from here on is written.
    start: usize,
}

impl Backwards {
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Forgets what is written; the room stays.
    pub(super) fn clear(&mut self) {
        self.start = self.bytes.len();
    }

    pub(super) fn written(&self) -> &[u8] {
        &self.bytes[self.start..]
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

    fn byte(&mut self, byte: u8) {
        if self.start == 0 {
            self.reserve(1);
        }
        self.start -= 1;
        self.bytes[self.start] = byte;
    }

    fn varint(&mut self, mut number: u64) {
        if number < 0x80 {
            return self.byte(number as u8);
        }
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

/// Writes messages of a schema from values of one kind.
pub(super) struct Writer<'s, 'o, 'j, V> {
    schema: &'s Schema,
    out: &'o mut Backwards,
    /// Values of the messages and lists that are being written: what is found going forwards is
    /// written going backwards.
    found: Vec<Option<V>>,
    /// Entries of the maps that are being written.
    entries: Vec<(&'j str, V)>,
}

impl<'s, 'o, 'j, V: Source<'j>> Writer<'s, 'o, 'j, V> {
    pub(super) fn new(schema: &'s Schema, out: &'o mut Backwards) -> Self {
        Self { schema, out, found: Vec::new(), entries: Vec::new() }
    }

    /// Writes an object, or a message of which nothing is set.
    pub(super) fn message(
        &mut self,
        id: MessageId,
        object: Option<V::Object>,
    ) -> Result<(), CodecError> {
        let message = self.schema.message(id);
        let start = self.found.len();
        self.find_fields(message, object);
        for at in message.by_tag.iter().rev() {
            let field = &message.fields[usize::from(*at)];
            let written = match field.kind {
                Kind::Message(inner) if field.inline => {
                    let end = self.out.len();
                    self.message(inner, object).map(|()| self.out.close(field.tag, end))
                }
                _ => self.field(field, self.found[start + usize::from(*at)]),
            };
            written.map_err(|error| error.within(&field.json))?;
        }
        self.found.truncate(start);
        Ok(())
    }

    /// Puts the value of every field behind what is found.
    fn find_fields(&mut self, message: &Message, object: Option<V::Object>) {
        let (start, fields) = (self.found.len(), &message.fields);
        self.found.resize(start + fields.len(), None);
        // Members mostly come in the order of the fields.
        let mut next = 0;
        for (name, value) in object.into_iter().flat_map(Members::members) {
            let is_it = |field: &Field| field.json == name && !name.is_empty();
            let after = fields[next..].iter().position(is_it).map(|at| next + at);
            if let Some(at) = after.or_else(|| fields[..next].iter().position(is_it)) {
                self.found[start + at] = Some(value);
                next = at + 1;
            }
        }
    }

    fn field(&mut self, field: &Field, value: Option<V>) -> Result<(), CodecError> {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return match field.arity {
                Arity::One if !field.pointer => self.zero(field.tag, field.kind),
                _ => Ok(()),
            };
        };
        match field.arity {
            Arity::One => self.one(field.tag, field.kind, value),
            Arity::List => {
                let items = value.items().ok_or_else(|| value.wrong("an array"))?;
                let start = self.found.len();
                self.found.extend(items.map(Some));
                while self.found.len() > start {
                    let item = self.found.pop().flatten().expect("there is one more");
                    let written = self.one(field.tag, field.kind, item);
                    let at = self.found.len() - start;
                    written.map_err(|error| error.within(&format!("[{at}]")))?;
                }
                Ok(())
            }
            Arity::Map => {
                let object = value.as_object().ok_or_else(|| value.wrong("an object"))?;
                let start = self.entries.len();
                self.entries.extend(object.members());
                self.entries[start..].sort_unstable_by_key(|(key, _)| *key);
                while self.entries.len() > start {
                    let (key, value) = self.entries.pop().expect("there is one more");
                    let end = self.out.len();
                    let written = self.one(2, field.kind, value);
                    written.map_err(|error| error.within(&format!("[{key}]")))?;
                    self.out.bytes_field(1, key.as_bytes());
                    self.out.close(field.tag, end);
                }
                Ok(())
            }
        }
    }

    /// Writes the zero of a field that is not a pointer.
    fn zero(&mut self, tag: u32, kind: Kind) -> Result<(), CodecError> {
        let out = &mut *self.out;
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
            Kind::IntOrString => out.int_or_string(tag, 0, 0, ""),
            Kind::Duration => {
                let end = out.len();
                out.number_field(1, 0);
                out.close(tag, end);
            }
            Kind::Message(id) if self.schema.message(id).shape == Shape::Object => {
                let end = out.len();
                self.message(id, None)?;
                self.out.close(tag, end);
            }
            Kind::Message(_) => out.bytes_field(tag, b""),
        }
        Ok(())
    }

    fn one(&mut self, tag: u32, kind: Kind, value: V) -> Result<(), CodecError> {
        if value.is_null() {
            return self.zero(tag, kind);
        }
        let out = &mut *self.out;
        match kind {
            Kind::String => out.bytes_field(tag, value.text()?.as_bytes()),
            Kind::Bool => {
                let flag = value.as_flag().ok_or_else(|| value.wrong("a boolean"))?;
                out.number_field(tag, i64::from(flag));
            }
            Kind::Int32 => out.number_field(tag, i64::from(value.int32()?)),
            Kind::Int64 => out.number_field(tag, value.int64()?),
            Kind::Double => {
                out.raw(&value.double()?.to_le_bytes());
                out.key(tag, FIXED64);
            }
            Kind::Bytes => {
                let decoded = base64::engine::general_purpose::STANDARD.decode(&*value.text()?);
                out.bytes_field(
                    tag,
                    &decoded.map_err(|error| invalid(format!("base64: {error}")))?,
                );
            }
            Kind::Message(id) => {
                let end = out.len();
                self.nested(id, value)?;
                self.out.close(tag, end);
            }
            _ => return out.special(tag, kind, value),
        }
        Ok(())
    }

    /// A message in whatever shape JSON gives it.
    fn nested(&mut self, id: MessageId, value: V) -> Result<(), CodecError> {
        let inner = self.schema.message(id);
        let field = |tag| inner.field_by_tag(tag).expect("the shape has this field");
        let is_object = value.as_object().is_some();
        match inner.shape {
            Shape::Object => {
                let object = value.as_object().ok_or_else(|| value.wrong("an object"))?;
                self.message(id, Some(object))
            }
            Shape::List if value.items().is_some() => self.field(field(1), Some(value)),
            Shape::List => Err(value.wrong("an array")),
            Shape::Json => {
                self.out.bytes_field(1, &value.raw()?);
                Ok(())
            }
            Shape::SchemaOrBool if is_object => {
                self.field(field(2), Some(value))?;
                self.out.number_field(1, 1);
                Ok(())
            }
            Shape::SchemaOrBool => {
                let flag = value.as_flag().ok_or_else(|| value.wrong("an object"))?;
                self.out.number_field(1, i64::from(flag));
                Ok(())
            }
            Shape::SchemaOrList | Shape::SchemaOrStrings if is_object => {
                self.field(field(1), Some(value))
            }
            Shape::SchemaOrList | Shape::SchemaOrStrings if value.items().is_some() => {
                self.field(field(2), Some(value))
            }
            Shape::SchemaOrList | Shape::SchemaOrStrings => Err(value.wrong("an object")),
        }
    }
}

impl Backwards {
    /// A scalar that has a form of its own.
    fn special<'j>(
        &mut self,
        tag: u32,
        kind: Kind,
        value: impl Source<'j>,
    ) -> Result<(), CodecError> {
        let end = self.len();
        match kind {
            Kind::IntOrString => {
                match value.as_text() {
                    Some(text) => self.int_or_string(tag, 1, 0, &text),
                    None => self.int_or_string(tag, 0, i64::from(value.int32()?), ""),
                }
                return Ok(());
            }
            Kind::Quantity => {
                let quantity = match (value.as_text(), value.as_number()) {
                    (Some(text), _) => quantity_of(&text),
                    (None, Some(Number::Int(number))) => quantity_of(&number.to_string()),
                    (None, Some(Number::Float(number))) => quantity_of(&number.to_string()),
                    (None, None) => Err(value.wrong("a quantity")),
                };
                self.bytes_field(1, quantity?.as_bytes());
            }
            Kind::Time | Kind::MicroTime => {
                let time = timestamp_of(&value.as_text().ok_or_else(|| value.wrong("a time"))?)?;
                // `Time` keeps whole seconds in JSON, and so in protobuf.
                let nanos =
                    if kind == Kind::Time { 0 } else { i64::from(time.nanos / 1_000 * 1_000) };
                self.number_field(2, nanos);
                self.number_field(1, time.seconds);
            }
            Kind::Duration => {
                let text = value.as_text().ok_or_else(|| value.wrong("a duration"))?;
                self.number_field(1, duration_of(&text)?);
            }
            _ => self.bytes_field(1, &value.raw()?),
        }
        self.close(tag, end);
        Ok(())
    }

    fn int_or_string(&mut self, tag: u32, kind: i64, number: i64, text: &str) {
        let end = self.len();
        self.bytes_field(3, text.as_bytes());
        self.number_field(2, number);
        self.number_field(1, kind);
        self.close(tag, end);
    }
}
