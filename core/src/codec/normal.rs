//! The form in which upstream writes an object as JSON: fields in the order of their declaration,
//! empty ones left out or filled with their zero as the schema says.

use crate::schema::{Arity, Field, Kind, Message, MessageId, Omit, Schema, Shape};
use crate::value::{Object, Value};

/// Brings one level of an object into normal form. Nested messages that are present must be
/// normal already; those that are not are made.
pub fn complete(schema: &Schema, id: MessageId, object: &mut Object) {
    let message = schema.message(id);
    if message.custom.is_some() {
        crate::custom::arrange_root(object);
        return;
    }
    let mut given = std::mem::take(object);
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

/// Sets a field of an object in normal form to a value that is not empty; a new one comes where
/// the schema says.
pub fn put(schema: &Schema, id: MessageId, object: &mut Object, name: &str, value: Value) {
    if let Some(held) = object.get_mut(name) {
        *held = value;
        return;
    }
    let message = schema.message(id);
    let mut at = 0;
    let mut typed = ["kind", "apiVersion"].iter().filter(|_| message.typed);
    let found = typed.any(|typed| pass(object, typed, name, &mut at));
    if !found && !seek(schema, message, object, name, &mut at) {
        at = object.len();
    }
    object.insert_at(at, name, value);
}

/// Goes on to where a field of a message stands, or would stand; `at` counts what is passed.
fn seek(schema: &Schema, message: &Message, object: &Object, name: &str, at: &mut usize) -> bool {
    message.fields.iter().any(|field| match field.kind {
        Kind::Message(inner) if field.inline => {
            seek(schema, schema.message(inner), object, name, at)
        }
        _ => pass(object, &field.json, name, at),
    })
}

fn pass(object: &Object, field: &str, name: &str, at: &mut usize) -> bool {
    if field == name {
        return true;
    }
    *at += usize::from(object.at(*at).is_some_and(|(held, _)| held == field));
    false
}

/// Makes empty lists and maps null. Until an object is stored they count as given (they have
/// managers); upstream stores built-in kinds as protobuf, which does not tell one from the other.
pub fn forget_empty(schema: &Schema, id: MessageId, object: &mut Object) {
    for (name, value) in object.iter_mut() {
        match value {
            Value::Array(items) if matches!(items.first(), Some(it) if it.as_object().is_none()) => {
            }
            Value::Array(_) | Value::Object(_) => {
                let Some(field) = schema.field(id, name) else { continue };
                forget_empty_in(schema, field, value);
            }
            _ => {}
        }
    }
}

fn forget_empty_in(schema: &Schema, field: &Field, value: &mut Value) {
    if field.arity != Arity::One && is_empty(field, value) {
        *value = Value::Null;
    }
    let Kind::Message(inner) = field.kind else { return };
    if schema.message(inner).shape != Shape::Object {
        return;
    }
    match (field.arity, value) {
        (Arity::One, Value::Object(object)) => forget_empty(schema, inner, object),
        (Arity::Map, Value::Object(entries)) => {
            for object in entries.iter_mut().filter_map(|(_, value)| value.as_object_mut()) {
                forget_empty(schema, inner, object);
            }
        }
        (_, Value::Array(items)) => {
            for object in items.iter_mut().filter_map(Value::as_object_mut) {
                forget_empty(schema, inner, object);
            }
        }
        _ => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::BUILT_IN;

    fn check(kind: &str, text: &str, change: impl Fn(MessageId, &mut Object)) -> String {
        let id = BUILT_IN.find(kind).expect("a kind of the table");
        let Ok(Value::Object(mut object)) = serde_json::from_str(text) else { panic!("{text}") };
        change(id, &mut object);
        serde_json::to_string(&Value::Object(object)).expect("serializable")
    }

    #[test]
    fn a_new_field_comes_where_the_schema_says() {
        let put = |name: &'static str| {
            let text = r#"{"name":"c","ports":[],"readinessProbe":{},"stdin":true}"#;
            check("k8s.io.api.core.v1.EphemeralContainer", text, |id, object| {
                let inner = "targetContainerName";
                normal_put(id, object, inner);
                normal_put(id, object, name);
                object.remove(inner);
            })
        };
        assert_eq!(
            put("image"),
            r#"{"name":"c","image":"x","ports":[],"readinessProbe":{},"stdin":true}"#
        );
        assert_eq!(
            put("tty"),
            r#"{"name":"c","ports":[],"readinessProbe":{},"stdin":true,"tty":"x"}"#
        );
        assert_eq!(put("stdin"), r#"{"name":"c","ports":[],"readinessProbe":{},"stdin":"x"}"#);
        let typed = check("k8s.io.api.core.v1.Pod", r#"{"kind":"Pod","spec":{}}"#, |id, object| {
            normal_put(id, object, "metadata");
            normal_put(id, object, "apiVersion");
        });
        assert_eq!(typed, r#"{"kind":"Pod","apiVersion":"x","metadata":"x","spec":{}}"#);
    }

    fn normal_put(id: MessageId, object: &mut Object, name: &str) {
        put(&BUILT_IN, id, object, name, "x".into());
    }

    #[test]
    fn empty_lists_are_forgotten_and_raw_content_is_not_touched() {
        let text = r#"{"endpoints":[{"addresses":[]}],"ports":[]}"#;
        let shown = check("k8s.io.api.discovery.v1.EndpointSlice", text, |id, object| {
            forget_empty(&BUILT_IN, id, object);
        });
        assert_eq!(shown, r#"{"endpoints":[{"addresses":null}],"ports":null}"#);
        let text = r#"{"data":{"a":[]},"revision":1}"#;
        let shown = check("k8s.io.api.apps.v1.ControllerRevision", text, |id, object| {
            forget_empty(&BUILT_IN, id, object);
        });
        assert_eq!(shown, text);
    }
}
