//! The form in which upstream writes an object as JSON: fields in the order of their declaration,
//! empty ones left out or filled with their zero as the schema says.

use crate::schema::{Arity, Field, Kind, Message, MessageId, Omit, Schema, Shape};
use crate::value::{Object, Value};

/// Brings one level of an object into normal form. Nested messages that are present must be
/// normal already; those that are not are made.
pub fn complete(schema: &Schema, id: MessageId, object: &mut Object) {
    let mut given = std::mem::take(object);
    let message = schema.message(id);
    if message.typed {
        for name in ["kind", "apiVersion"] {
            if let Some(value) = given.remove(name) {
                object.push(name, value);
            }
        }
    }
    take_fields(schema, message, &mut given, object);
    // What the schema does not know stays, last.
    for (name, value) in given {
        object.push(name, value);
    }
}

fn take_fields(schema: &Schema, message: &Message, given: &mut Object, object: &mut Object) {
    for field in &message.fields {
        match field.kind {
            Kind::Message(inner) if field.inline => {
                take_fields(schema, schema.message(inner), given, object);
            }
            _ if field.json.is_empty() => {}
            _ => {
                let value = given.remove(&field.json).filter(|value| !value.is_null());
                if let Some(value) = settle(schema, field, value) {
                    object.push(field.json.as_str(), value);
                }
            }
        }
    }
}

/// What JSON shows of a field: the value, its zero, or nothing.
fn settle(schema: &Schema, field: &Field, value: Option<Value>) -> Option<Value> {
    match value {
        Some(value) if field.omit == Omit::Never || field.pointer => Some(value),
        Some(value) => (!is_empty(field, &value)).then_some(value),
        None if field.pointer || field.arity != Arity::One => {
            (field.omit == Omit::Never).then_some(Value::Null)
        }
        None => {
            let zero = zero(schema, field.kind);
            match field.omit {
                Omit::Never => Some(zero),
                Omit::Empty => is_message(schema, field.kind).then_some(zero),
                Omit::Zero => None,
            }
        }
    }
}

fn is_message(schema: &Schema, kind: Kind) -> bool {
    match kind {
        Kind::Message(id) => matches!(schema.message(id).shape, Shape::Object | Shape::Json),
        Kind::Time | Kind::MicroTime | Kind::Quantity | Kind::Duration | Kind::IntOrString => true,
        Kind::RawExtension | Kind::FieldsV1 => true,
        _ => false,
    }
}

fn is_empty(field: &Field, value: &Value) -> bool {
    if field.arity == Arity::One && !matches!(value, Value::Object(_)) {
        return match (field.kind, value) {
            (Kind::String | Kind::Bytes, Value::String(text)) => text.is_empty(),
            (Kind::Bool, Value::Bool(flag)) => !flag,
            (Kind::Int32 | Kind::Int64, Value::Int(number)) => *number == 0,
            (Kind::Double, Value::Float(number)) => *number == 0.0,
            (_, Value::Array(items)) => items.is_empty(),
            _ => false,
        };
    }
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(object) if field.arity == Arity::Map => object.is_empty(),
        Value::Object(object) => field.omit == Omit::Zero && object.is_empty(),
        _ => false,
    }
}

/// The zero of a kind.
pub(crate) fn zero(schema: &Schema, kind: Kind) -> Value {
    match kind {
        Kind::String | Kind::Bytes => Value::from(""),
        Kind::Bool => Value::Bool(false),
        Kind::Int32 | Kind::Int64 | Kind::IntOrString => Value::Int(0),
        Kind::Double => Value::Int(0),
        Kind::Quantity => Value::from("0"),
        Kind::Duration => Value::from("0s"),
        Kind::Time | Kind::MicroTime | Kind::RawExtension | Kind::FieldsV1 => Value::Null,
        Kind::Message(id) if schema.message(id).shape == Shape::Object => {
            let mut object = Object::new();
            complete(schema, id, &mut object);
            Value::Object(object)
        }
        Kind::Message(_) => Value::Null,
    }
}
