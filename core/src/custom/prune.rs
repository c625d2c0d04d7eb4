//! Takes out of objects what their schema does not know: unknown fields, nulls that mean nothing,
//! and unknown fields of embedded metadata.

use super::path::Path;
use super::structural::{Additional, Structural};
use crate::codec::json::{self, JsonError};
use crate::schema::{Kind, MessageId, Schema};
use crate::value::{Object, Value};

/// What every object has, whatever its schema says.
const META: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Prunes a whole object; `unknown` gets the paths of what was unknown.
pub(super) fn root(structural: &Structural, object: &mut Object, unknown: &mut Vec<String>) {
    fields(structural, object, (true, structural.preserve), &Path::ROOT, unknown);
    nulls_of(Some(structural), object);
}

/// Prunes fields; `embedded`: those of every object are left alone, `keep`: unknown ones stay.
fn fields(
    structural: &Structural,
    object: &mut Object,
    (embedded, keep): (bool, bool),
    path: &Path<'_>,
    unknown: &mut Vec<String>,
) {
    object.retain(|name, inner| {
        if embedded && META.contains(&name) {
            return true;
        }
        let path = path.field(name);
        match structural.child(name) {
            Some(child) => value(Some(child), inner, &path, unknown),
            // `additionalProperties: true`: the field may be there, and nothing is known of it.
            None if matches!(structural.additional, Additional::Allowed(_)) => {
                value(None, inner, &path, unknown);
            }
            None if keep => {}
            None => {
                unknown.push(path.dotted());
                return false;
            }
        }
        true
    });
}

fn value(
    structural: Option<&Structural>,
    inner: &mut Value,
    path: &Path<'_>,
    unknown: &mut Vec<String>,
) {
    match (structural, inner) {
        (Some(node), Value::Object(object)) => {
            fields(node, object, (node.embedded, node.preserve), path, unknown);
        }
        (None, Value::Object(object)) => {
            unknown.extend(object.iter().map(|(name, _)| path.field(name).dotted()));
            *object = Object::new();
        }
        (Some(node), Value::Array(list)) if node.preserve => {
            // Without a schema for its items nothing below is pruned.
            let Some(items) = node.items.as_deref() else { return };
            for (at, item) in list.iter_mut().enumerate() {
                preserved(items, item, &path.index(at), unknown);
            }
        }
        (_, Value::Array(list)) => {
            let items = structural.and_then(|node| node.items.as_deref());
            for (at, item) in list.iter_mut().enumerate() {
                value(items, item, &path.index(at), unknown);
            }
        }
        _ => {}
    }
}

/// An item of a list whose unknown fields stay: so do the item's own.
fn preserved(node: &Structural, inner: &mut Value, path: &Path<'_>, unknown: &mut Vec<String>) {
    match inner {
        Value::Object(object) => fields(node, object, (node.embedded, true), path, unknown),
        Value::Array(list) => {
            let Some(items) = node.items.as_deref() else { return };
            for (at, item) in list.iter_mut().enumerate() {
                preserved(items, item, &path.index(at), unknown);
            }
        }
        _ => {}
    }
}

/// Whether a null says nothing here: it is neither allowed nor the place of a default.
fn is_idle(node: Option<&Structural>) -> bool {
    node.is_some_and(|node| !node.nullable && node.default.is_none())
}

fn nulls_of(structural: Option<&Structural>, object: &mut Object) {
    object.retain(|name, value| {
        let child = structural.and_then(|node| node.child(name));
        if value.is_null() {
            return !is_idle(child);
        }
        nulls(child, value);
        true
    });
}

fn nulls(structural: Option<&Structural>, value: &mut Value) {
    // Below here nothing is said that could make a null idle.
    let Some(node) = structural else { return };
    match value {
        Value::Object(object) => nulls_of(Some(node), object),
        Value::Array(items) => {
            items.iter_mut().for_each(|item| nulls(node.items.as_deref(), item));
        }
        _ => {}
    }
}

/// The message of `metadata` in an object of a message.
pub(crate) fn metadata_message(schema: &Schema, id: MessageId) -> Option<MessageId> {
    match schema.field(id, "metadata")?.kind {
        Kind::Message(metadata) => Some(metadata),
        _ => None,
    }
}

/// Checks and prunes the metadata of embedded objects.
pub(super) struct Coercer<'s> {
    pub schema: &'s Schema,
    pub metadata: MessageId,
    /// What is malformed is dropped rather than refused.
    pub drops: bool,
}

impl Coercer<'_> {
    /// `unknown` gets the paths of unknown fields of metadata.
    pub fn children(
        &self,
        structural: &Structural,
        object: &mut Object,
        path: &Path<'_>,
        unknown: &mut Vec<String>,
    ) -> Result<(), JsonError> {
        for (name, value) in object.iter_mut() {
            if let Some(property) = structural.property(name) {
                self.value(property, value, &path.field(name), unknown)?;
            } else if let Some(schema) = structural.additional_schema() {
                self.value(schema, value, &path.entry(name), unknown)?;
            }
        }
        Ok(())
    }

    fn value(
        &self,
        structural: &Structural,
        value: &mut Value,
        path: &Path<'_>,
        unknown: &mut Vec<String>,
    ) -> Result<(), JsonError> {
        if !structural.below.embedded {
            return Ok(());
        }
        match value {
            Value::Object(object) => {
                if structural.embedded {
                    self.embedded(object, path, unknown)?;
                }
                self.children(structural, object, path, unknown)
            }
            Value::Array(list) => {
                let Some(items) = structural.items.as_deref() else { return Ok(()) };
                for (at, item) in list.iter_mut().enumerate() {
                    self.value(items, item, &path.index(at), unknown)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn embedded(
        &self,
        object: &mut Object,
        path: &Path<'_>,
        unknown: &mut Vec<String>,
    ) -> Result<(), JsonError> {
        for name in ["apiVersion", "kind"] {
            if object.get(name).is_some_and(|value| value.as_str().is_none()) {
                if !self.drops {
                    let place = path.field(name).keyed();
                    return Err(JsonError { message: format!("{place}: must be a string") });
                }
                object.remove(name);
            }
        }
        let Some(held) = object.get_mut("metadata") else { return Ok(()) };
        match json::decode_tree(self.schema, self.metadata, held) {
            Ok(decoded) => {
                let place = path.field("metadata").keyed();
                unknown.extend(decoded.strict_errors.iter().filter_map(|error| {
                    let name = error.strip_prefix("unknown field \"")?.strip_suffix('"')?;
                    Some(format!("{place}.{name}"))
                }));
                *held = Value::Object(decoded.object);
                super::sort(held);
                Ok(())
            }
            Err(_) if self.drops => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Takes out of the defaults of a schema what the schema does not know.
pub(super) fn defaults(structural: &mut Structural) {
    if !structural.below.defaults {
        return;
    }
    if let Some(mut default) = structural.default.take() {
        value(Some(structural), &mut default, &Path::ROOT, &mut Vec::new());
        structural.default = Some(default);
    }
    structural.children_mut().for_each(defaults);
}
