//! Strategic merge patch: a merge patch that knows from the schema which lists merge, and by which
//! key. Directives (`$patch`, `$retainKeys`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`)
//! say what else is to happen.

mod list;
mod order;
#[cfg(test)]
mod tests;

use crate::apply::gotext;
use crate::schema::{Arity, Field, Kind, MessageId, Schema, Shape};
use crate::value::{Object, ObjectBuilder, Value};

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList";
const ELEMENT_ORDER: &str = "$setElementOrder";

/// Why a patch does not apply; texts are upstream's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StrategicError {
    #[error("invalid patch format of {0}")]
    Format(&'static str),
    #[error("lists of lists are not supported")]
    ListOfLists,
    #[error("map: {map} does not contain declared merge key: {key}")]
    NoMergeKey { map: String, key: String },
    #[error("expected a {expected}, but received a {received}")]
    Type { expected: &'static str, received: &'static str },
    #[error("unknown patch type: {directive} in map: {map}")]
    Directive { directive: String, map: String },
    #[error("list element types are not identical: {0}")]
    MixedList(String),
    #[error("no elements in any of the given slices")]
    EmptyLists,
    #[error("value for key {0} is not a map")]
    NotMap(usize),
    #[error("merging lists cannot yet be specified in the patch")]
    MergeDirective,
    #[error("cannot merge lists without merge key for {0}")]
    NoKey(&'static str),
    #[error("The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n{order}\n")]
    Order { patch: String, order: String },
    #[error("unable to find api field in struct {message} for the json field \"{field}\"")]
    NoField { message: String, field: String },
    #[error("merging an object in json but data type is not struct, instead is: {0}")]
    NotStruct(&'static str),
    #[error("expected slice or array type, but got: struct")]
    NotSlice,
}

type Outcome<T> = Result<T, StrategicError>;

/// Merges a patch into an object of a kind.
pub fn apply(schema: &Schema, id: MessageId, original: Object, patch: Object) -> Outcome<Object> {
    Merger { schema }.objects(original, patch, Place::Message(id))
}

/// What the schema says of the object being merged.
#[derive(Debug, Clone, Copy)]
enum Place {
    Message(MessageId),
    /// The entries of a map; Go's name of its type.
    Other(&'static str),
}

/// How the value of one field merges.
#[derive(Debug, Clone, Copy)]
struct Meta<'s> {
    merge: bool,
    /// The value is replaced.
    replace: bool,
    key: &'s str,
    inner: Place,
}

struct Merger<'s> {
    schema: &'s Schema,
}

impl<'s> Merger<'s> {
    fn field(&self, place: Place, name: &str) -> Outcome<&'s Field> {
        let id = match place {
            Place::Message(id) => id,
            Place::Other(kind) => return Err(StrategicError::NotStruct(kind)),
        };
        self.schema.field(id, name).ok_or_else(|| {
            let full = &self.schema.message(id).name;
            let message = full.rsplit('.').next().unwrap_or(full).to_owned();
            StrategicError::NoField { message, field: name.to_owned() }
        })
    }

    fn meta(&self, place: Place, name: &str, list: bool) -> Outcome<Meta<'s>> {
        let field = self.field(place, name)?;
        let inner = match (field.arity, field.kind) {
            (Arity::Map, _) if !list => Place::Other("map"),
            (Arity::One | Arity::List, Kind::Message(id))
                if self.schema.message(id).shape == Shape::Object =>
            {
                Place::Message(id)
            }
            (_, Kind::Message(_) | Kind::RawExtension) => Place::Other("struct"),
            _ => Place::Other("string"),
        };
        if list && field.arity == Arity::Map {
            return Err(StrategicError::NotSlice);
        }
        Ok(Meta {
            merge: field.patch.merge,
            replace: field.patch.replace,
            key: field.merge_key.as_deref().unwrap_or_default(),
            inner,
        })
    }

    fn objects(&self, original: Object, patch: Object, place: Place) -> Outcome<Object> {
        let (mut original, mut patch) = (original, patch);
        if let Some(directive) = patch.get(PATCH) {
            let directive = directive.clone();
            return whole(&directive, patch);
        }
        retain_keys(&mut original, &mut patch)?;
        self.ordered_lists(&mut original, &mut patch, place)?;
        let mut merged = ObjectBuilder::from(original);
        for (name, value) in patch {
            let (name, deletes) = match after_prefix(&name, DELETE_FROM) {
                Some(rest) => (rest.ok_or(StrategicError::Format("primitive list"))?.into(), true),
                None => (name, false),
            };
            self.merge_field(&mut merged, name, value, deletes, place)?;
        }
        let mut merged = merged.finish();
        merged.retain(|_, value| !value.is_null());
        Ok(merged)
    }

    /// What goes is null from then on.
    fn merge_field(
        &self,
        original: &mut ObjectBuilder,
        name: Box<str>,
        value: Value,
        deletes: bool,
        place: Place,
    ) -> Outcome<()> {
        let Some(held) = original.get_mut(&name) else {
            if !deletes && let Some(value) = entering(value) {
                original.set(name, value);
            }
            return Ok(());
        };
        if value.is_null() {
            *held = Value::Null;
            return Ok(());
        }
        match (std::mem::take(held), value) {
            (Value::Object(before), Value::Object(patch)) => {
                let meta = self.meta(place, &name, false)?;
                let merged =
                    if meta.replace { patch } else { self.objects(before, patch, meta.inner)? };
                *held = Value::Object(merged);
            }
            (Value::Array(before), Value::Array(patch)) => {
                let meta = self.meta(place, &name, true)?;
                *held = Value::Array(self.lists(before, patch, meta, deletes)?);
            }
            (before, _) if deletes => *held = before,
            (_, value) => *held = entering(value).unwrap_or_default(),
        }
        Ok(())
    }
}

/// `$patch` in an object: the object is replaced or emptied.
fn whole(directive: &Value, mut patch: Object) -> Outcome<Object> {
    match directive.as_str() {
        Some("replace") => {
            patch.remove(PATCH);
            Ok(patch)
        }
        Some("delete") => Ok(Object::new()),
        _ => Err(unknown_directive(directive, &patch)),
    }
}

fn unknown_directive(directive: &Value, map: &Object) -> StrategicError {
    let map = gotext::plain(&Value::Object(map.clone()));
    StrategicError::Directive { directive: gotext::plain(directive), map }
}

/// What follows `$prefix/` in a name; `Some(None)` where the name is the prefix without a field.
fn after_prefix<'n>(name: &'n str, prefix: &str) -> Option<Option<&'n str>> {
    let rest = name.strip_prefix(prefix)?;
    Some(rest.strip_prefix('/'))
}

/// `$retainKeys`: fields that the list does not name go.
fn retain_keys(original: &mut Object, patch: &mut Object) -> Outcome<()> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let format = || StrategicError::Format("retainKeys");
    let keys = keys.as_array().ok_or_else(format)?;
    let kept: std::collections::HashSet<&str> = keys.iter().filter_map(Value::as_str).collect();
    for (name, value) in patch.iter() {
        let directive = name.starts_with(DELETE_FROM) || name.starts_with(ELEMENT_ORDER);
        if !value.is_null() && !directive && !kept.contains(name) {
            return Err(format());
        }
    }
    original.retain(|name, _| kept.contains(name));
    Ok(())
}

/// A value of the patch as it enters the object: without nulls and without what carries a
/// directive; `None` if it is itself a directive.
fn entering(value: Value) -> Option<Value> {
    match value {
        Value::Object(object) if object.get(PATCH).is_some() => None,
        Value::Object(object) => Some(Value::Object(
            object
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .filter_map(|(name, value)| entering(value).map(|value| (name, value)))
                .collect(),
        )),
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(entering).collect())),
        scalar => Some(scalar),
    }
}

fn wrong_type(expected: &'static str, received: &Value) -> StrategicError {
    StrategicError::Type { expected, received: gotext::type_name(received) }
}

const MAP: &str = "map[string]interface {}";
const SLICE: &str = "[]interface {}";
