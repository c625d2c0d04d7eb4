//! Seeds: for each kind of field, how its JSON becomes a value.

use super::STRICT_ERRORS_MAX;
use super::path::Path;
use crate::codec::{CodecError, normal, special};
use crate::schema::{Arity, Field, Kind, MessageId, Schema, Shape};
use crate::value::{Object, Value};
use base64::Engine as _;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

pub(super) struct Context<'s> {
    pub(super) schema: &'s Schema,
    pub(super) strict_errors: Vec<String>,
    pub(super) resets_managed_fields: bool,
}

impl Context<'_> {
    pub(super) fn strict(&mut self, what: &str, path: &Path<'_>) {
        if self.strict_errors.len() < STRICT_ERRORS_MAX {
            self.strict_errors.push(format!("{what} field \"{path}\""));
        }
    }
}

/// Decodes one message that JSON shows as an object.
pub(super) struct MessageSeed<'a, 's> {
    pub(super) id: MessageId,
    pub(super) path: &'a Path<'a>,
    pub(super) context: &'a mut Context<'s>,
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_, '_> {
    type Value = Object;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Object, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_, '_> {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object at {:?}", self.path.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<Object, E> {
        let mut object = Object::new();
        normal::complete(self.context.schema, self.id, &mut object);
        Ok(object)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let schema = self.context.schema;
        let message = schema.message(self.id);
        let mut object = Object::new();
        while let Some(name) = map.next_key::<Name<'_>>()? {
            let name = &*name.0;
            let path = self.path.field(name);
            if message.typed && (name == "kind" || name == "apiVersion") {
                let seed = FieldSeed { kind: Kind::String, path: &path, context: self.context };
                let value = map.next_value_seed(seed)?;
                if object.insert(name, value).is_some() {
                    self.context.strict("duplicate", &path);
                }
                continue;
            }
            let Some(field) = schema.field(self.id, name) else {
                if message.open {
                    if object.insert(name, map.next_value()?).is_some() {
                        self.context.strict("duplicate", &path);
                    }
                } else {
                    map.next_value::<IgnoredAny>()?;
                    self.context.strict("unknown", &path);
                }
                continue;
            };
            let seed = ArrangedSeed { field, path: &path, context: self.context };
            let value = map.next_value_seed(seed)?;
            if object.insert(name, value).is_some() {
                self.context.strict("duplicate", &path);
            }
        }
        normal::complete(schema, self.id, &mut object);
        Ok(object)
    }
}

/// A key of an object, borrowed from the input where it has no escapes.
pub(super) struct Name<'n>(pub(super) std::borrow::Cow<'n, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }

            fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(name.into()))
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(name.to_owned().into()))
            }
        }
        from.deserialize_str(NameVisitor)
    }
}

/// A field with its arity: one value, a list or a map.
struct ArrangedSeed<'a, 's> {
    field: &'s Field,
    path: &'a Path<'a>,
    context: &'a mut Context<'s>,
}

impl<'de> DeserializeSeed<'de> for ArrangedSeed<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        match self.field.arity {
            Arity::One => {
                FieldSeed { kind: self.field.kind, path: self.path, context: self.context }
                    .deserialize(from)
            }
            Arity::List => from.deserialize_any(ListVisitor {
                kind: self.field.kind,
                path: self.path,
                context: self.context,
            }),
            Arity::Map => from.deserialize_any(MapVisitor {
                kind: self.field.kind,
                path: self.path,
                context: self.context,
            }),
        }
    }
}

struct ListVisitor<'a, 's> {
    kind: Kind,
    path: &'a Path<'a>,
    context: &'a mut Context<'s>,
}

impl<'de> Visitor<'de> for ListVisitor<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array at {:?}", self.path.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let path = self.path.index(items.len());
            let seed = FieldSeed { kind: self.kind, path: &path, context: self.context };
            let Some(item) = seq.next_element_seed(seed)? else { break };
            items.push(present(self.context.schema, self.kind, item));
        }
        if items.is_empty() && self.path.is(&["metadata", "managedFields"]) {
            self.context.resets_managed_fields = true;
        }
        Ok(Value::Array(items))
    }
}

struct MapVisitor<'a, 's> {
    kind: Kind,
    path: &'a Path<'a>,
    context: &'a mut Context<'s>,
}

impl<'de> Visitor<'de> for MapVisitor<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object at {:?}", self.path.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    /// Keys come in their order, as upstream writes maps; a set finds duplicates, so that a map of
    /// many keys costs no more than its size.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut seen: HashSet<Box<str>> = HashSet::new();
        let mut entries: Vec<(Box<str>, Value)> = Vec::new();
        while let Some(name) = map.next_key::<Name<'_>>()? {
            let key: Box<str> = name.0.into();
            let path = self.path.field(&key);
            let seed = FieldSeed { kind: self.kind, path: &path, context: self.context };
            let value = map.next_value_seed(seed)?;
            let value = present(self.context.schema, self.kind, value);
            if seen.insert(key.clone()) {
                entries.push((key, value));
            } else {
                self.context.strict("duplicate", &path);
                let held = entries.iter_mut().rev().find(|(held, _)| *held == key);
                held.expect("a key that was seen is kept").1 = value;
            }
        }
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Value::Object(entries.into_iter().collect()))
    }
}

/// An element of a list or map that was null is the zero of its kind.
fn present(schema: &Schema, kind: Kind, value: Value) -> Value {
    if value.is_null() { normal::zero(schema, kind) } else { value }
}

/// One value.
struct FieldSeed<'a, 's> {
    kind: Kind,
    path: &'a Path<'a>,
    context: &'a mut Context<'s>,
}

impl FieldSeed<'_, '_> {
    fn error<E: Error>(&self, error: CodecError) -> E {
        E::custom(match error {
            CodecError::Type { expected, got, .. } => {
                format!("{}: expected {expected}, got {got}", self.path)
            }
            CodecError::Value { message, .. } => format!("{}: {message}", self.path),
            other => format!("{}: {other}", self.path),
        })
    }

    /// A scalar or special value out of its plain form.
    fn settle<E: Error>(&self, value: Value) -> Result<Value, E> {
        if value.is_null() {
            return Ok(value);
        }
        let wrong = |expected| Err(self.error(special::wrong_type(expected, &value)));
        match self.kind {
            Kind::String if value.as_str().is_none() => wrong("a string"),
            Kind::Bool if value.as_bool().is_none() => wrong("a boolean"),
            Kind::Int64 if value.as_i64().is_none() => wrong("an integer"),
            Kind::Int32 => match value.as_i64().map(i32::try_from) {
                Some(Ok(_)) => Ok(value),
                _ => wrong("a 32-bit integer"),
            },
            Kind::IntOrString => match &value {
                Value::String(_) => Ok(value),
                Value::Int(number) if i32::try_from(*number).is_ok() => Ok(value),
                _ => wrong("a string or a 32-bit integer"),
            },
            Kind::Double if !matches!(value, Value::Int(_) | Value::Float(_)) => wrong("a number"),
            Kind::Bytes => {
                let Some(text) = value.as_str() else { return wrong("a string") };
                let decoded = base64::engine::general_purpose::STANDARD.decode(text);
                decoded.map_err(|e| self.error(special::invalid(format!("base64: {e}"))))?;
                Ok(value)
            }
            Kind::Quantity => special::quantity(&value).map(Value::from).map_err(|e| self.error(e)),
            Kind::Time | Kind::MicroTime => {
                let time = special::timestamp(&value).map_err(|e| self.error(e))?;
                let micro = self.kind == Kind::MicroTime;
                let text = if micro { time.to_micros_text() } else { time.to_seconds_text() };
                Ok(Value::from(text))
            }
            Kind::Duration => {
                let nanos = special::duration(&value).map_err(|e| self.error(e))?;
                Ok(special::duration_text(nanos))
            }
            _ => Ok(value),
        }
    }
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        match self.kind {
            Kind::Message(id) => {
                let shape = self.context.schema.message(id).shape;
                match shape {
                    Shape::Object => from.deserialize_any(NestedVisitor { id, seed: self }),
                    Shape::Json => serde::Deserialize::deserialize(from),
                    _ => from.deserialize_any(ShapedVisitor { id, shape, seed: self }),
                }
            }
            _ => {
                let value = serde::Deserialize::deserialize(from)?;
                self.settle(value)
            }
        }
    }
}

/// A message that may be null.
struct NestedVisitor<'a, 's> {
    id: MessageId,
    seed: FieldSeed<'a, 's>,
}

impl<'de> Visitor<'de> for NestedVisitor<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object at {:?}", self.seed.path.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        let FieldSeed { path, context, .. } = self.seed;
        MessageSeed { id: self.id, path, context }.visit_map(map).map(Value::Object)
    }
}

/// A message that JSON shows as a list, a boolean or one of its fields.
struct ShapedVisitor<'a, 's> {
    id: MessageId,
    shape: Shape,
    seed: FieldSeed<'a, 's>,
}

impl<'s> ShapedVisitor<'_, 's> {
    fn kind_of(&self, tag: u32) -> Kind {
        let schema: &'s Schema = self.seed.context.schema;
        schema.message(self.id).field_by_tag(tag).map_or(Kind::String, |field| field.kind)
    }
}

impl<'de> Visitor<'de> for ShapedVisitor<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "another type at {:?}", self.seed.path.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        match self.shape {
            Shape::SchemaOrBool => Ok(Value::Bool(flag)),
            _ => Err(E::invalid_type(serde::de::Unexpected::Bool(flag), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value, A::Error> {
        let kind = match self.shape {
            Shape::List => self.kind_of(1),
            Shape::SchemaOrList | Shape::SchemaOrStrings => self.kind_of(2),
            _ => return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self)),
        };
        let FieldSeed { path, context, .. } = self.seed;
        ListVisitor { kind, path, context }.visit_seq(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        let tag = if self.shape == Shape::SchemaOrBool { 2 } else { 1 };
        let Kind::Message(id) = self.kind_of(tag) else {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self));
        };
        let FieldSeed { path, context, .. } = self.seed;
        MessageSeed { id, path, context }.visit_map(map).map(Value::Object)
    }
}
