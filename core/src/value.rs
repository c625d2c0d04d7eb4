//! [`Value`]: an object of the API as a tree, in the order in which it was written.
//!
//! Objects are vectors of pairs: those of Kubernetes have few fields, a scan beats a hash, and the
//! order of JSON survives.

mod lookup;

pub use lookup::Lookup;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use std::collections::HashMap;
use std::fmt;

/// A JSON value; integers and floating-point numbers differ, as in Kubernetes' decoder.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(Box<str>),
    Array(Vec<Value>),
    Object(Object),
}

/// The fields of an object in order. Names are unique unless a decoder was asked to keep
/// duplicates apart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object {
    fields: Vec<(Box<str>, Value)>,
}

impl Object {
    pub const EMPTY: Self = Self { fields: Vec::new() };

    pub fn new() -> Self {
        Self::default()
    }

    pub fn with_capacity(count: usize) -> Self {
        Self { fields: Vec::with_capacity(count) }
    }

    /// The field at a position.
    pub fn at(&self, at: usize) -> Option<(&str, &Value)> {
        self.fields.get(at).map(|(name, value)| (&**name, value))
    }

    /// The value at a position.
    pub fn at_mut(&mut self, at: usize) -> Option<&mut Value> {
        self.fields.get_mut(at).map(|(_, value)| value)
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(key, _)| &**key == name).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.fields.iter_mut().find(|(key, _)| &**key == name).map(|(_, value)| value)
    }

    /// Sets a field; a new one comes last. Returns what it held.
    pub fn insert(&mut self, name: impl Into<Box<str>>, value: Value) -> Option<Value> {
        let name = name.into();
        if let Some(held) = self.get_mut(&name) {
            return Some(std::mem::replace(held, value));
        }
        self.fields.push((name, value));
        None
    }

    /// Adds a field that is known not to be there.
    pub fn push(&mut self, name: impl Into<Box<str>>, value: Value) {
        self.fields.push((name.into(), value));
    }

    /// Adds a field that is known not to be there, before the one at a position.
    pub fn insert_at(&mut self, at: usize, name: impl Into<Box<str>>, value: Value) {
        self.fields.insert(at, (name.into(), value));
    }

    /// Sets an entry of a map, whose keys stand in their order.
    pub fn insert_sorted(&mut self, key: &str, value: Value) {
        match self.fields.binary_search_by(|(held, _)| (**held).cmp(key)) {
            Ok(at) => self.fields[at].1 = value,
            Err(at) => self.insert_at(at, key, value),
        }
    }

    /// Sets entries of a map, whose keys stand in their order.
    pub fn extend_sorted(&mut self, entries: impl IntoIterator<Item = (Box<str>, Value)>) {
        let held = self.fields.len();
        self.fields.extend(entries);
        if self.fields.len() == held || self.fields.is_sorted_by(|(a, _), (b, _)| a < b) {
            return;
        }
        self.fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        // Of equal ones the last was given last: it takes the place of the one before it.
        self.fields.dedup_by(|later, kept| {
            let is_same = later.0 == kept.0;
            if is_same {
                std::mem::swap(later, kept);
            }
            is_same
        });
    }

    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.fields.iter().position(|(key, _)| &**key == name)?;
        Some(self.fields.remove(at).1)
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> + DoubleEndedIterator {
        self.fields.iter().map(|(key, value)| (&**key, value))
    }

    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&str, &mut Value)> {
        self.fields.iter_mut().map(|(key, value)| (&**key, value))
    }

    /// Brings the fields into the order of their names.
    pub fn sort(&mut self) {
        self.sort_by_key(|_| 0);
    }

    /// Brings the fields into the order of a rank, and of their names where that is the same.
    pub fn sort_by_key(&mut self, rank: impl Fn(&str) -> usize) {
        let order = |a: &str, b: &str| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b));
        if !self.fields.is_sorted_by(|(a, _), (b, _)| order(a, b).is_le()) {
            self.fields.sort_by(|(a, _), (b, _)| order(a, b));
        }
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Value) -> bool) {
        self.fields.retain_mut(|(key, value)| keep(key, value));
    }
}

impl FromIterator<(Box<str>, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (Box<str>, Value)>>(fields: I) -> Self {
        Self { fields: fields.into_iter().collect() }
    }
}

impl IntoIterator for Object {
    type Item = (Box<str>, Value);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

/// Collects fields of which some may be given twice, at a cost that stays linear however many
/// they are.
#[derive(Debug, Default)]
pub struct ObjectBuilder {
    object: Object,
    /// Made once a scan would be dear.
    positions: HashMap<Box<str>, usize>,
}

/// Up to here a scan beats a hash.
const SCAN_MAX: usize = 32;

impl From<Object> for ObjectBuilder {
    fn from(object: Object) -> Self {
        Self { object, positions: HashMap::new() }
    }
}

impl ObjectBuilder {
    /// Sets a field; of one given twice the last counts. Returns whether it was there.
    pub fn set(&mut self, name: Box<str>, value: Value) -> bool {
        if let Some(held) = self.get_mut(&name) {
            *held = value;
            return true;
        }
        if !self.positions.is_empty() {
            self.positions.insert(name.clone(), self.object.len());
        }
        self.object.push(name, value);
        false
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        if self.object.len() >= SCAN_MAX && self.positions.is_empty() {
            let names = self.object.iter().enumerate();
            self.positions = names.map(|(at, (name, _))| (name.into(), at)).collect();
        }
        let at = if self.positions.is_empty() {
            self.object.iter().position(|(key, _)| key == name)?
        } else {
            *self.positions.get(name)?
        };
        self.object.at_mut(at)
    }

    pub fn finish(self) -> Object {
        self.object
    }
}

impl Value {
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(flag) = self { Some(*flag) } else { None }
    }

    pub fn as_array(&self) -> Option<&[Value]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    pub fn as_object(&self) -> Option<&Object> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    pub fn as_object_mut(&mut self) -> Option<&mut Object> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// The field of an object; `None` on anything else.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_object()?.get(name)
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// What the value is, as error messages name it.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Float(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::Array(items)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_unit(),
            Self::Bool(flag) => to.serialize_bool(*flag),
            Self::Int(number) => to.serialize_i64(*number),
            Self::Float(number) => to.serialize_f64(*number),
            Self::String(text) => to.serialize_str(text),
            Self::Array(items) => {
                let mut seq = to.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Self::Object(object) => {
                let mut map = to.serialize_map(Some(object.len()))?;
                for (key, value) in object.iter() {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

/// Plain decoding: of fields given twice the last one counts.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
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
        Ok(Value::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = ObjectBuilder::default();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            object.set(key.into(), value);
        }
        Ok(Value::Object(object.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_takes_the_last_of_a_duplicate() {
        let text = r#"{"b":1,"a":[true,null,1.5,"x"],"b":2}"#;
        let value: Value = serde_json::from_str(text).expect("valid JSON");
        let written = serde_json::to_string(&value).expect("serializable");
        assert_eq!(written, r#"{"b":2,"a":[true,null,1.5,"x"]}"#);
    }

    #[test]
    fn entries_enter_a_map_in_the_order_of_keys_and_the_last_counts() {
        let entries = |pairs: &[(&str, i64)]| -> Vec<(Box<str>, Value)> {
            pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
        };
        let mut map: Object = entries(&[("b", 1), ("d", 2)]).into_iter().collect();
        map.extend_sorted(entries(&[("e", 3), ("a", 4), ("b", 5), ("a", 6)]));
        let wanted: Object =
            entries(&[("a", 6), ("b", 5), ("d", 2), ("e", 3)]).into_iter().collect();
        assert_eq!(map, wanted);
    }
}
