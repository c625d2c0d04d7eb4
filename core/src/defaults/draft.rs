//! [`Draft`]: one message of an object while it is completed.

use crate::codec::normal;
use crate::schema::{BUILT_IN, Kind, MessageId};
use crate::value::{Lookup, Object, Value};

/// A message in normal form; every change leaves it so.
pub(super) struct Draft<'d> {
    id: MessageId,
    object: &'d mut Object,
}

impl<'d> Draft<'d> {
    pub(super) fn new(id: MessageId, object: &'d mut Object) -> Self {
        Self { id, object }
    }

    pub(super) fn object(&mut self) -> &mut Object {
        self.object
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The text of a field, or an empty one.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// A map or message; nothing where it is empty.
    pub(super) fn map(&self, name: &str) -> Option<&Object> {
        self.get(name).and_then(Value::as_object).filter(|map| !map.is_empty())
    }

    /// Whether a list has no items.
    pub(super) fn is_empty(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_array).is_none_or(<[Value]>::is_empty)
    }

    /// Sets a field to what is not empty.
    pub(super) fn put(&mut self, name: &str, value: impl Into<Value>) {
        normal::put(&BUILT_IN, self.id, self.object, name, value.into());
    }

    /// Sets a field that says nothing: a pointer that is not set, or the zero of anything else.
    pub(super) fn default(&mut self, name: &str, value: impl Into<Value>) {
        let says_nothing = match self.get(name) {
            None => true,
            Some(held) => {
                is_zero(held) && !BUILT_IN.field(self.id, name).is_some_and(|field| field.pointer)
            }
        };
        if says_nothing {
            self.put(name, value);
        }
    }

    /// A message in a field; an empty one is made where there is none.
    pub(super) fn child(&mut self, name: &str) -> Draft<'_> {
        let field = BUILT_IN.field(self.id, name);
        let Some(Kind::Message(id)) = field.map(|field| field.kind) else {
            unreachable!("rules name fields of the schema, and tests run every rule");
        };
        if !matches!(self.get(name), Some(Value::Object(_))) {
            let mut made = Object::new();
            normal::complete(&BUILT_IN, id, &mut made);
            self.put(name, Value::Object(made));
        }
        let Some(Value::Object(object)) = self.object.get_mut(name) else {
            unreachable!("the field was just set to an object");
        };
        Draft { id, object }
    }

    /// A message in a field, if there is one.
    pub(super) fn present(&mut self, name: &str) -> Option<Draft<'_>> {
        self.has(name).then(|| self.child(name))
    }

    /// Changes each of a list of messages.
    pub(super) fn each(&mut self, name: &str, mut change: impl FnMut(&mut Draft<'_>)) {
        let field = BUILT_IN.field(self.id, name);
        let Some(Kind::Message(id)) = field.map(|field| field.kind) else { return };
        let Some(Value::Array(items)) = self.object.get_mut(name) else { return };
        for object in items.iter_mut().filter_map(Value::as_object_mut) {
            change(&mut Draft { id, object });
        }
    }

    /// Sets those entries of a map that it does not have.
    pub(super) fn fill(&mut self, name: &str, entries: &Object) {
        if entries.is_empty() {
            return;
        }
        if !self.has(name) {
            self.put(name, Value::Object(entries.clone()));
            return;
        }
        let Some(Value::Object(map)) = self.object.get_mut(name) else { return };
        let mut held = Lookup::new(map);
        let missing: Vec<(Box<str>, Value)> = entries
            .iter()
            .filter(|(key, _)| held.get(key).is_none())
            .map(|(key, value)| (key.into(), value.clone()))
            .collect();
        map.extend_sorted(missing);
    }
}

/// Whether a value is what a field of its kind reads as while nobody sets it.
pub(super) fn is_zero(value: &Value) -> bool {
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

/// An object of given fields.
pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
}
