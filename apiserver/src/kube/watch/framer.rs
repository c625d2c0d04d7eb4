//! [`Framer`]: events as bytes.
//!
//! JSON has one event per line; protobuf has them behind their lengths.

use super::change::Change;
use crate::kube::clock;
use crate::kube::list::{push_field, push_json};
use crate::kube::negotiate::{Form, JSON, Media};
use crate::kube::protobuf::Encoder;
use crate::kube::shape::{AtRest, Shape, meta_message};
use xebec_core::codec::{normal, proto};
use xebec_core::schema::{BUILT_IN, MessageId, Schema};
use xebec_core::status::Status;
use xebec_core::table::partial_object;
use xebec_core::value::{Object, Value};
use xebec_store::kv::Revision;

/// Writes the events of one resource in one form.
#[derive(Debug)]
pub struct Framer {
    /// Differs from that of every other framer.
    pub id: u64,
    shape: Shape,
}

/// On the bookmark that ends the initial events.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

impl Framer {
    pub fn new(id: u64, shape: Shape) -> Self {
        Self { id, shape }
    }

    pub fn content_type(&self) -> &'static str {
        match self.shape.media() {
            Media::Protobuf => "application/vnd.kubernetes.protobuf;stream=watch",
            Media::Json | Media::Yaml => JSON,
        }
    }

    /// True if the first event of a watch says more than the same event later: a table's has the
    /// columns.
    pub fn has_headers(&self) -> bool {
        self.shape.printer().is_some()
    }

    /// Writes an event about an object. Of tables, only the first has `headers`.
    pub fn push(
        &self,
        out: &mut Vec<u8>,
        change: Change,
        object: AtRest<'_>,
        headers: bool,
    ) -> Result<(), Status> {
        if self.shape.is_verbatim() {
            let start = out.len();
            begin_json(out, change.name());
            if self.shape.push_verbatim(out, object, false) {
                out.extend_from_slice(b"}\n");
                return Ok(());
            }
            out.truncate(start);
        }
        if self.shape.media() == Media::Protobuf {
            let mut encoder = Encoder::default();
            push_protobuf(out, change.name(), encoder.encode_enveloped(&self.shape, object)?);
            return Ok(());
        }
        let object = match self.shape.printer() {
            Some(_) => self.table(&Value::Object(self.shape.whole(object)?), headers),
            None => self.shape.shown(object)?,
        };
        self.push_object(out, change.name(), object)
    }

    /// Writes an event without an object: how far the watch has come.
    pub fn push_bookmark(
        &self,
        out: &mut Vec<u8>,
        revision: Revision,
        (initial_end, headers): (bool, bool),
    ) -> Result<(), Status> {
        let mut metadata = Object::new();
        metadata.push("resourceVersion", revision.to_string().into());
        if initial_end {
            let mut annotations = Object::new();
            annotations.push(INITIAL_EVENTS_END, "true".into());
            metadata.push("annotations", Value::Object(annotations));
        }
        let resource = self.shape.resource();
        let mut object = Object::new();
        object.push("kind", resource.kind.as_ref().into());
        object.push("apiVersion", self.shape.api_version().into());
        object.push("metadata", Value::Object(metadata));
        if !resource.custom {
            let message = &self.shape.version().message;
            normal::complete(message.schema(), message.id(), &mut object);
        }
        let object = match (self.shape.form(), Value::Object(object)) {
            (Form::Table { .. }, object) => self.table(&object, headers),
            (Form::Partial { api_version }, object) => {
                into_object(partial_object(&resource.kind, &object, api_version))
            }
            (Form::Object, object) => into_object(object),
        };
        self.push_object(out, "BOOKMARK", object)
    }

    /// Writes the event with which a watch fails.
    pub fn push_error(&self, out: &mut Vec<u8>, status: &Status) -> Result<(), Status> {
        let message = (&*BUILT_IN, meta_message("v1", "Status"));
        self.push_message(out, "ERROR", status.to_object(), message)
    }

    fn table(&self, object: &Value, headers: bool) -> Object {
        let Some(printer) = self.shape.printer() else { return Object::new() };
        into_object(printer.table(object, &self.shape.table_options(clock::now(), !headers)))
    }

    fn push_object(&self, out: &mut Vec<u8>, name: &str, object: Object) -> Result<(), Status> {
        self.push_message(out, name, object, self.shape.message())
    }

    fn push_message(
        &self,
        out: &mut Vec<u8>,
        name: &str,
        object: Object,
        (schema, message): (&Schema, MessageId),
    ) -> Result<(), Status> {
        if self.shape.media() != Media::Protobuf {
            begin_json(out, name);
            push_json(out, &Value::Object(object));
            out.extend_from_slice(b"}\n");
            return Ok(());
        }
        let enveloped =
            proto::encode_enveloped(schema, message, &object).map_err(Status::internal)?;
        push_protobuf(out, name, &enveloped);
        Ok(())
    }
}

fn into_object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn begin_json(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
}

/// Writes a `WatchEvent` behind its length: field 1 the type, field 2 a `RawExtension`.
fn push_protobuf(out: &mut Vec<u8>, name: &str, object: &[u8]) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    push_field(out, 1, name.as_bytes());
    let mut raw = Vec::with_capacity(object.len() + 8);
    push_field(&mut raw, 1, object);
    push_field(out, 2, &raw);
    let len = u32::try_from(out.len() - start - 4).expect("an event is smaller than 4 GiB");
    out[start..start + 4].copy_from_slice(&len.to_be_bytes());
}
