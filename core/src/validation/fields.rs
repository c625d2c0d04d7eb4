//! [`Fields`]: reading an object in normal form, where absent is the same as empty.

use crate::value::{Lookup, Object, Value};
use std::collections::HashSet;

/// Looks up fields by their JSON names; what is absent or null reads as empty.
pub trait Fields {
    /// The value of a field, if there is one.
    fn value(&self, name: &str) -> Option<&Value>;

    fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// A string; empty where absent.
    fn text(&self, name: &str) -> &str {
        self.value(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number, if there is one.
    fn int(&self, name: &str) -> Option<i64> {
        self.value(name).and_then(Value::as_i64)
    }

    /// A flag; false where absent.
    fn flag(&self, name: &str) -> bool {
        self.set_flag(name).unwrap_or_default()
    }

    /// A flag, if it is given.
    fn set_flag(&self, name: &str) -> Option<bool> {
        self.value(name).and_then(Value::as_bool)
    }

    fn object(&self, name: &str) -> Option<&Object> {
        self.value(name).and_then(Value::as_object)
    }

    /// An object; the empty one where absent.
    fn part(&self, name: &str) -> &Object {
        const EMPTY: &Object = &Object::EMPTY;
        self.object(name).unwrap_or(EMPTY)
    }

    /// The items of a list.
    fn list(&self, name: &str) -> &[Value] {
        self.value(name).and_then(Value::as_array).unwrap_or_default()
    }

    /// The objects of a list, with their places.
    fn objects(&self, name: &str) -> impl Iterator<Item = (usize, &Object)> + Clone {
        let items = self.list(name).iter().enumerate();
        items.filter_map(|(at, item)| item.as_object().map(|item| (at, item)))
    }

    /// The strings of a list, in order.
    fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.list(name).iter().map(|item| item.as_str().unwrap_or_default())
    }

    /// The entries of a map of strings.
    fn entries(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        self.part(name).own_entries()
    }

    /// The entries of what is itself a map of strings.
    fn own_entries(&self) -> impl Iterator<Item = (&str, &str)>;
}

impl Fields for Object {
    fn value(&self, name: &str) -> Option<&Value> {
        self.get(name).filter(|value| !value.is_null())
    }

    fn own_entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().map(|(key, value)| (key, value.as_str().unwrap_or_default()))
    }
}

/// The metadata of an object.
pub fn metadata(object: &Object) -> &Object {
    object.part("metadata")
}

/// Equal, whatever the order of the entries of maps, and whether what is empty is absent.
pub fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(one), None) | (None, Some(one)) => is_nothing(one),
        (Some(Value::Object(a)), Some(Value::Object(b))) => same_objects(a, b),
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(Some(a), Some(b)))
        }
        (Some(a), Some(b)) => a == b || (is_nothing(a) && is_nothing(b)),
    }
}

pub fn same_objects(a: &Object, b: &Object) -> bool {
    let (mut in_a, mut in_b) = (Lookup::new(a), Lookup::new(b));
    a.iter().all(|(name, value)| same(Some(value), in_b.get(name)))
        && b.iter().all(|(name, value)| in_a.get(name).is_some() || is_nothing(value))
}

/// Empty, and so the same as absent. (An empty object is something: a pointer to it is set.)
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Names seen so far, to find those given twice.
#[derive(Debug, Default)]
pub struct Seen<'s>(HashSet<&'s str>);

impl<'s> Seen<'s> {
    /// Notes a name; whether it was there before.
    pub fn again(&mut self, name: &'s str) -> bool {
        !self.0.insert(name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    pub fn sorted(&self) -> Vec<&'s str> {
        let mut names: Vec<&str> = self.0.iter().copied().collect();
        names.sort_unstable();
        names
    }
}

impl<'s> FromIterator<&'s str> for Seen<'s> {
    fn from_iter<I: IntoIterator<Item = &'s str>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}
