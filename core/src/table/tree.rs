//! [`Tree`]: reading an object without asking at each step whether the field is there.

use crate::value::Value;

/// A value that may be missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tree<'v>(Option<&'v Value>);

impl<'v> Tree<'v> {
    pub fn new(value: &'v Value) -> Self {
        Self(Some(value))
    }

    /// A field below, by names joined with dots.
    pub fn at(self, path: &str) -> Self {
        Self(
            self.0.and_then(|value| path.split('.').try_fold(value, |value, step| value.get(step))),
        )
    }

    /// A field whose name may hold dots.
    pub fn key(self, name: &str) -> Self {
        Self(self.0.and_then(|value| value.get(name)))
    }

    pub fn is_set(self) -> bool {
        self.0.is_some_and(|value| !value.is_null())
    }

    /// Empty where there is none.
    pub fn text(self) -> &'v str {
        self.0.and_then(Value::as_str).unwrap_or_default()
    }

    pub fn text_or(self, none: &'v str) -> &'v str {
        let text = self.text();
        if text.is_empty() { none } else { text }
    }

    /// The text of a string or number.
    pub fn printed(self) -> String {
        match self.0 {
            Some(Value::String(text)) => text.to_string(),
            Some(Value::Int(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    /// Zero where there is none.
    pub fn int(self) -> i64 {
        self.0.and_then(Value::as_i64).unwrap_or_default()
    }

    pub fn flag(self) -> bool {
        self.0.and_then(Value::as_bool).unwrap_or_default()
    }

    pub fn flag_or(self, none: bool) -> bool {
        self.0.and_then(Value::as_bool).unwrap_or(none)
    }

    /// The elements of a list.
    pub fn items(self) -> impl DoubleEndedIterator<Item = Tree<'v>> + ExactSizeIterator + Clone {
        let items = self.0.and_then(Value::as_array).unwrap_or_default();
        items.iter().map(Tree::new)
    }

    /// How many elements a list or fields an object has.
    pub fn len(self) -> i64 {
        match self.0 {
            Some(Value::Array(items)) => items.len() as i64,
            Some(Value::Object(object)) => object.len() as i64,
            _ => 0,
        }
    }

    /// The fields of an object, by name.
    pub fn sorted_fields(self) -> Vec<(&'v str, Tree<'v>)> {
        let Some(object) = self.0.and_then(Value::as_object) else { return Vec::new() };
        let mut fields: Vec<_> =
            object.iter().map(|(name, value)| (name, Tree::new(value))).collect();
        fields.sort_by_key(|(name, _)| *name);
        fields
    }
}
