//! Custom objects: any JSON, in which metadata is read as built-in objects' is, then what their
//! schema makes of it (see [`crate::custom::decode`]).

use super::path::Path;
use super::seed::{Context, MessageSeed, Name};
use super::{Decoded, JsonError, error};
use crate::custom::Structural;
use crate::custom::decode::{Raw, complete, whole};
use crate::schema::{Kind, MessageId};
use crate::value::{Object, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

pub(super) fn decode<'de, D>(
    mut context: Context<'_>,
    id: MessageId,
    structural: &Structural,
    from: D,
) -> Result<Decoded, JsonError>
where
    D: Deserializer<'de, Error = serde_json::Error>,
{
    let schema = context.schema;
    let metadata = schema.field(id, "metadata").and_then(|field| match field.kind {
        Kind::Message(id) => Some(id),
        _ => None,
    });
    let seed = TreeSeed { path: &Path::ROOT, metadata, context: &mut context };
    let object = match from.deserialize_any(seed).map_err(error)? {
        Value::Object(object) => object,
        Value::Null => Object::new(),
        other => {
            let message = format!("expected an object, got {}", other.kind_name());
            return Err(JsonError { message });
        }
    };
    let found = context.strict_errors.into_iter();
    let (duplicates, unknown) = found.partition(|found| found.starts_with("duplicate"));
    let raw = Raw { object, duplicates, unknown };
    let (object, strict_errors) = complete(schema, id, structural, raw)?;
    let resets_managed_fields = context.resets_managed_fields;
    Ok(Decoded { object, strict_errors, resets_managed_fields })
}

/// Any value, its fields sorted by name.
struct TreeSeed<'a, 's> {
    path: &'a Path<'a>,
    /// The message of the field `metadata`, at the root.
    metadata: Option<MessageId>,
    context: &'a mut Context<'s>,
}

impl<'de> DeserializeSeed<'de> for TreeSeed<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TreeSeed<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Int))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(whole(number).map_or(Value::Float(number), Value::Int))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let path = self.path.index(items.len());
            let seed = TreeSeed { path: &path, metadata: None, context: self.context };
            match seq.next_element_seed(seed)? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields: Vec<(Box<str>, Value)> = Vec::new();
        let mut sorted = true;
        while let Some(name) = map.next_key::<Name<'_>>()? {
            let name: Box<str> = name.0.into();
            let path = self.path.field(&name);
            let value = match self.metadata.filter(|_| *name == *"metadata") {
                Some(id) => {
                    let seed = MessageSeed { id, path: &path, context: self.context };
                    Value::Object(map.next_value_seed(seed)?)
                }
                None => {
                    let seed = TreeSeed { path: &path, metadata: None, context: self.context };
                    map.next_value_seed(seed)?
                }
            };
            sorted &= fields.last().is_none_or(|(last, _)| **last < *name);
            fields.push((name, value));
        }
        if !sorted {
            fields = self.without_duplicates(fields);
        }
        Ok(Value::Object(fields.into_iter().collect()))
    }
}

impl TreeSeed<'_, '_> {
    /// Sorts fields; of one that was given twice the last counts.
    fn without_duplicates(self, fields: Vec<(Box<str>, Value)>) -> Vec<(Box<str>, Value)> {
        let mut fields: Vec<_> = fields.into_iter().enumerate().collect();
        fields.sort_by(|(at, (a, _)), (other, (b, _))| a.cmp(b).then(at.cmp(other)));
        let mut kept: Vec<(Box<str>, Value)> = Vec::with_capacity(fields.len());
        let mut again = Vec::new();
        for (at, (name, value)) in fields {
            match kept.last_mut() {
                Some((last, held)) if **last == *name => {
                    *held = value;
                    again.push((at, name));
                }
                _ => kept.push((name, value)),
            }
        }
        again.sort_unstable();
        for (_, name) in again {
            self.context.strict("duplicate", &self.path.field(&name));
        }
        kept
    }
}
