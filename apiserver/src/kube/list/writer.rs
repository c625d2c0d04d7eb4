//! [`Writer`]: a list as bytes, piece by piece.

use super::frame::Frame;
use super::kept::Kept;
use super::protobuf::ProtobufList;
use crate::kube::negotiate::Form;
use crate::kube::protobuf::Encoder;
use crate::kube::respond::yaml;
use crate::kube::shape::{AtRest, Shape};
use std::sync::Arc;
use xebec_core::status::Status;
use xebec_core::time::Timestamp;
use xebec_core::value::{Object, Value};

/// Writes the beginning, each item, and the end.
#[derive(Debug)]
pub struct Writer {
    shape: Arc<Shape>,
    now: Timestamp,
    dialect: Dialect,
    /// There was an item already.
    begun: bool,
}

#[derive(Debug)]
enum Dialect {
    Json(Frame),
    Yaml { before: String, items: &'static str, none: &'static str, after: String },
    Protobuf(ProtobufList, Kept, Box<Encoder>),
}

impl Writer {
    pub fn json(shape: Arc<Shape>, now: Timestamp, frame: Frame) -> Self {
        Self { shape, now, dialect: Dialect::Json(frame), begun: false }
    }

    pub fn yaml(shape: Arc<Shape>, now: Timestamp, frame: Frame) -> Result<Self, Status> {
        let Frame { before, items, after, none } = frame.sorted();
        let block =
            |object: &Object| if object.is_empty() { Ok(String::new()) } else { yaml(object) };
        let dialect = Dialect::Yaml { before: block(&before)?, items, none, after: block(&after)? };
        Ok(Self { shape, now, dialect, begun: false })
    }

    /// `kept` are the first of the items that will come.
    pub fn protobuf(shape: Arc<Shape>, now: Timestamp, list: ProtobufList, kept: Kept) -> Self {
        Self { shape, now, dialect: Dialect::Protobuf(list, kept, Box::default()), begun: false }
    }

    /// Writes what comes before the items.
    pub fn head(&self, out: &mut Vec<u8>) {
        match &self.dialect {
            Dialect::Json(frame) => {
                out.push(b'{');
                push_members(out, &frame.before);
                out.extend_from_slice(b",\"");
                out.extend_from_slice(frame.items.as_bytes());
                out.extend_from_slice(b"\":");
            }
            Dialect::Yaml { before, items, .. } => {
                out.extend_from_slice(before.as_bytes());
                out.extend_from_slice(items.as_bytes());
                out.push(b':');
            }
            Dialect::Protobuf(list, ..) => list.head(out),
        }
    }

    /// Writes the next item.
    pub fn item(&mut self, out: &mut Vec<u8>, object: AtRest<'_>) -> Result<(), Status> {
        let first = !std::mem::replace(&mut self.begun, true);
        match &mut self.dialect {
            Dialect::Json(_) => {
                out.push(if first { b'[' } else { b',' });
                self.json_item(out, object)
            }
            Dialect::Yaml { .. } => {
                if first {
                    out.push(b'\n');
                }
                push_block(out, &yaml(&self.tree_item(object)?)?);
                Ok(())
            }
            Dialect::Protobuf(list, kept, encoder) => {
                match kept.next() {
                    Some(item) => list.item(out, &item),
                    None => list.item(out, encoder.encode(&self.shape, object)?),
                }
                Ok(())
            }
        }
    }

    /// Writes what comes after the items.
    pub fn tail(&self, out: &mut Vec<u8>) {
        match &self.dialect {
            Dialect::Json(frame) => {
                out.extend_from_slice(if self.begun { b"]" } else { frame.none.as_bytes() });
                if !frame.after.is_empty() {
                    out.push(b',');
                    push_members(out, &frame.after);
                }
                out.extend_from_slice(b"}\n");
            }
            Dialect::Yaml { none, after, .. } => {
                if !self.begun {
                    out.push(b' ');
                    out.extend_from_slice(none.as_bytes());
                    out.push(b'\n');
                }
                out.extend_from_slice(after.as_bytes());
            }
            Dialect::Protobuf(list, ..) => list.tail(out),
        }
    }

    fn json_item(&self, out: &mut Vec<u8>, object: AtRest<'_>) -> Result<(), Status> {
        if self.shape.push_verbatim(out, object, !self.shape.resource().custom) {
            return Ok(());
        }
        push_json(out, &Value::Object(self.tree_item(object)?));
        Ok(())
    }

    /// An item as a tree: a row of a table, or what is shown of an object.
    fn tree_item(&self, object: AtRest<'_>) -> Result<Object, Status> {
        if let Some(printer) = self.shape.printer() {
            let whole = Value::Object(self.shape.whole(object)?);
            return match printer.row(&whole, &self.shape.table_options(self.now, false)) {
                Value::Object(row) => Ok(row),
                _ => Err(Status::internal("a row is no object")),
            };
        }
        let mut shown = self.shape.shown(object)?;
        // A typed list says what its items are.
        if *self.shape.form() == Form::Object && !self.shape.resource().custom {
            shown.remove("kind");
            shown.remove("apiVersion");
        }
        Ok(shown)
    }
}

/// Writes the members of an object without its braces.
fn push_members(out: &mut Vec<u8>, object: &Object) {
    for (at, (name, value)) in object.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_json(out, &Value::from(name));
        out.push(b':');
        push_json(out, value);
    }
}

pub fn push_json(out: &mut Vec<u8>, value: &Value) {
    serde_json::to_writer(out, value).expect("memory takes every write, and a tree serializes");
}

/// Writes a block of YAML as an entry of a sequence.
fn push_block(out: &mut Vec<u8>, block: &str) {
    for (at, line) in block.lines().enumerate() {
        out.extend_from_slice(match at {
            0 => b"- ",
            _ if line.is_empty() => b"",
            _ => b"  ",
        });
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
}
