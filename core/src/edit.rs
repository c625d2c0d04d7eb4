//! Reading and changing objects by the names of their fields, so that normal form stays.
//!
//! Reads take paths and say what an absent field reads as. [`Edit`] knows the message of what it
//! changes: a new field comes where the schema says, what becomes empty goes or shows its zero.

use crate::codec::normal;
use crate::quantity::Quantity;
use crate::schema::{Arity, Field, Kind, MessageId, Schema};
use crate::target::Target;
use crate::value::{Lookup, Object, Value};

/// The value at a path; nothing where it, or something on the way, is absent.
pub fn at<'v>(object: &'v Object, path: &[&str]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    let value = rest.iter().try_fold(object.get(first)?, |value, step| value.get(step))?;
    (!value.is_null()).then_some(value)
}

/// The text at a path, or an empty one.
pub fn text<'v>(object: &'v Object, path: &[&str]) -> &'v str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

pub fn int(object: &Object, path: &[&str]) -> Option<i64> {
    at(object, path).and_then(Value::as_i64)
}

pub fn flag(object: &Object, path: &[&str]) -> bool {
    at(object, path).and_then(Value::as_bool).unwrap_or_default()
}

/// The elements of the list at a path.
pub fn items<'v>(object: &'v Object, path: &[&str]) -> &'v [Value] {
    at(object, path).and_then(Value::as_array).unwrap_or_default()
}

/// The object at a path.
pub fn object<'v>(object: &'v Object, path: &[&str]) -> Option<&'v Object> {
    at(object, path).and_then(Value::as_object)
}

/// Whether two values mean the same: upstream's semantic equality, in which quantities are numbers
/// and nothing is as good as an empty list, map or text.
pub fn same(schema: &Schema, id: MessageId, a: &Object, b: &Object) -> bool {
    // Nearly always one of them was copied from the other.
    a == b || Edit::fields(schema, id).all(|field| same_field(schema, field, a, b))
}

/// The same for the fields at a path.
pub fn same_at(target: Target<'_>, path: &[&str], a: &Object, b: &Object) -> bool {
    let (value, other) = (at(a, path), at(b, path));
    if value == other {
        return true;
    }
    let Some((last, through)) = path.split_last() else { return false };
    let schema = target.schema();
    let holder = through.iter().try_fold(target.message(), |id, step| {
        let Kind::Message(inner) = schema.field(id, step)?.kind else { return None };
        Some(inner)
    });
    let field = holder.and_then(|id| schema.field(id, last));
    field.is_some_and(|field| same_value(schema, field, value, other))
}

fn same_field(schema: &Schema, field: &Field, a: &Object, b: &Object) -> bool {
    same_value(schema, field, a.get(&field.json), b.get(&field.json))
}

fn same_value(schema: &Schema, field: &Field, a: Option<&Value>, b: Option<&Value>) -> bool {
    let nothing = Value::Null;
    let (a, b) = (a.unwrap_or(&nothing), b.unwrap_or(&nothing));
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => field.arity == Arity::Map && object.is_empty(),
        _ => false,
    };
    if a == b || (is_empty(a) && is_empty(b)) {
        return true;
    }
    match (field.arity, a, b) {
        (Arity::One, a, b) => same_item(schema, field.kind, a, b),
        (Arity::List, Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_item(schema, field.kind, a, b))
        }
        (Arity::Map, Value::Object(a), Value::Object(b)) => {
            let mut other = Lookup::new(b);
            let mut same = |key: &str, a: &Value| {
                other.get(key).is_some_and(|b| same_item(schema, field.kind, a, b))
            };
            a.len() == b.len() && a.iter().all(|(key, a)| same(key, a))
        }
        _ => false,
    }
}

fn same_item(schema: &Schema, kind: Kind, a: &Value, b: &Value) -> bool {
    match (kind, a, b) {
        (Kind::Quantity, Value::String(a), Value::String(b)) => {
            let (a, b) = (Quantity::parse(a), Quantity::parse(b));
            a.is_ok_and(|a| b.is_ok_and(|b| a.partial_cmp(&b) == Some(std::cmp::Ordering::Equal)))
        }
        (Kind::Message(id), Value::Object(a), Value::Object(b)) => {
            let typeless = schema.message(id).fields.is_empty();
            if typeless { a == b } else { same(schema, id, a, b) }
        }
        _ => a == b,
    }
}

/// Changes an object of a known message.
pub struct Edit<'e> {
    schema: &'e Schema,
    id: MessageId,
    object: &'e mut Object,
}

impl<'e> Edit<'e> {
    pub fn new(target: Target<'e>, object: &'e mut Object) -> Self {
        Self { schema: target.schema(), id: target.message(), object }
    }

    /// Changes a part of an object: `id` is the part's message.
    pub fn part(schema: &'e Schema, id: MessageId, object: &'e mut Object) -> Self {
        Self { schema, id, object }
    }

    pub fn object(&self) -> &Object {
        self.object
    }

    /// Puts a value at a path; messages on the way are made. An empty value says no more than the
    /// zero of its field.
    pub fn set(&mut self, path: &[&str], value: impl Into<Value>) {
        put(self.schema, self.id, self.object, path, Some(value.into()));
    }

    pub fn remove(&mut self, path: &[&str]) {
        put(self.schema, self.id, self.object, path, None);
    }

    /// Makes the field at a path what it is in another object of the same message.
    pub fn copy(&mut self, path: &[&str], from: &Object) {
        put(self.schema, self.id, self.object, path, at(from, path).cloned());
    }

    /// The part at a path, if it is there.
    pub fn at(&mut self, path: &[&str]) -> Option<Edit<'_>> {
        let (mut id, mut object) = (self.id, &mut *self.object);
        for step in path {
            let Kind::Message(inner) = self.schema.field(id, step)?.kind else { return None };
            id = inner;
            object = object.get_mut(step)?.as_object_mut()?;
        }
        Some(Edit { schema: self.schema, id, object })
    }

    /// Changes each element of the list of messages at a path.
    pub fn each(&mut self, path: &[&str], mut change: impl FnMut(Edit<'_>)) {
        let Some((last, through)) = path.split_last() else { return };
        let Some(part) = self.at(through) else { return };
        let Some(Field { kind: Kind::Message(id), .. }) = part.schema.field(part.id, last) else {
            return;
        };
        let Some(Value::Array(items)) = part.object.get_mut(last) else { return };
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            change(Edit { schema: part.schema, id: *id, object: item });
        }
    }

    /// Keeps the fields that a test of their names lets stay, and completes the rest.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.object.retain(|name, _| keep(name));
        normal::complete(self.schema, self.id, self.object);
    }

    /// The fields of a message, those of inlined ones included.
    fn fields(schema: &'e Schema, id: MessageId) -> Box<dyn Iterator<Item = &'e Field> + 'e> {
        Box::new(schema.message(id).fields.iter().flat_map(move |field| match field.kind {
            Kind::Message(inner) if field.inline => Self::fields(schema, inner),
            _ => Box::new(std::iter::once(field)),
        }))
    }
}

fn put(schema: &Schema, id: MessageId, object: &mut Object, path: &[&str], value: Option<Value>) {
    let Some((first, rest)) = path.split_first() else { return };
    let value = value.filter(|value| !value.is_null());
    if rest.is_empty() {
        match (object.get_mut(first), value) {
            (Some(held), Some(value)) if !is_zero(&value) => *held = value,
            (_, Some(value)) => {
                object.insert(*first, value);
                normal::complete(schema, id, object);
            }
            (None, None) => {}
            (Some(_), None) => {
                object.remove(first);
                normal::complete(schema, id, object);
            }
        }
        return;
    }
    let Some(Field { kind: Kind::Message(inner), omit, pointer, .. }) = schema.field(id, first)
    else {
        return;
    };
    let is_new = object.get(first).and_then(Value::as_object).is_none();
    if is_new && value.is_none() {
        return;
    }
    if is_new {
        object.insert(*first, Value::Object(Object::new()));
    }
    let Some(part) = object.get_mut(first).and_then(Value::as_object_mut) else { return };
    put(schema, *inner, part, rest, value);
    let vanishes = part.is_empty() && *omit == crate::schema::Omit::Zero && !pointer;
    if is_new || vanishes {
        normal::complete(schema, id, object);
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Int(number) => *number == 0,
        Value::Float(number) => *number == 0.0,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
    }
}

/// Sets an entry of a map, whose keys stand in their order.
pub fn set_entry(map: &mut Object, key: &str, value: impl Into<Value>) {
    if let Some(held) = map.get_mut(key) {
        *held = value.into();
        return;
    }
    let given = std::mem::take(map);
    let (before, after): (Vec<_>, Vec<_>) = given.into_iter().partition(|(name, _)| **name < *key);
    for (name, value) in before {
        map.push(name, value);
    }
    map.push(key, value.into());
    for (name, value) in after {
        map.push(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::BUILT_IN;

    fn parse(text: &str) -> Object {
        match serde_json::from_str(text).expect("valid JSON") {
            Value::Object(object) => object,
            _ => Object::new(),
        }
    }

    fn json(object: &Object) -> String {
        serde_json::to_string(&Value::Object(object.clone())).expect("serializable")
    }

    fn pod() -> MessageId {
        BUILT_IN.find("k8s.io.api.core.v1.Pod").expect("Pod")
    }

    #[test]
    fn new_fields_come_where_the_schema_says() {
        let mut object = parse(r#"{"kind":"Pod","metadata":{"name":"a","uid":"u"},"status":{}}"#);
        let mut edit = Edit::part(&BUILT_IN, pod(), &mut object);
        edit.set(&["metadata", "namespace"], "n");
        edit.set(&["spec", "nodeName"], "m");
        assert_eq!(
            json(&object),
            r#"{"kind":"Pod","metadata":{"name":"a","namespace":"n","uid":"u"},"spec":{"containers":null,"nodeName":"m"},"status":{}}"#
        );
    }

    #[test]
    fn what_is_taken_away_shows_its_zero_or_nothing() {
        let mut object = parse(
            r#"{"metadata":{"name":"a"},"spec":{"containers":null,"nodeName":"m"},"status":{"phase":"Running"}}"#,
        );
        let mut edit = Edit::part(&BUILT_IN, pod(), &mut object);
        edit.remove(&["status"]);
        edit.remove(&["spec", "nodeName"]);
        edit.remove(&["metadata", "name"]);
        assert_eq!(json(&object), r#"{"metadata":{},"spec":{"containers":null},"status":{}}"#);
    }

    #[test]
    fn quantities_are_the_same_by_amount() {
        let one = parse(r#"{"spec":{"containers":[{"resources":{"limits":{"cpu":"1"}}}]}}"#);
        let other = parse(r#"{"spec":{"containers":[{"resources":{"limits":{"cpu":"1e0"}}}]}}"#);
        let more = parse(r#"{"spec":{"containers":[{"resources":{"limits":{"cpu":"2"}}}]}}"#);
        assert!(same(&BUILT_IN, pod(), &one, &other));
        assert!(!same(&BUILT_IN, pod(), &one, &more));
    }

    #[test]
    fn keys_of_maps_stand_in_order() {
        let mut map = parse(r#"{"a":1,"c":3}"#);
        set_entry(&mut map, "b", 2);
        set_entry(&mut map, "d", 4);
        set_entry(&mut map, "a", 0);
        assert_eq!(json(&map), r#"{"a":0,"b":2,"c":3,"d":4}"#);
    }
}
