//! [`View`]: a borrowed value; the root of an object is one too.

use crate::value::{Object, Value};

#[derive(Debug, Clone, Copy)]
pub(super) enum View<'v> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'v str),
    List(&'v [Value]),
    Fields(&'v Object),
}

impl<'v> From<&'v Value> for View<'v> {
    fn from(value: &'v Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Int(number) => Self::Int(*number),
            Value::Float(number) => Self::Float(*number),
            Value::String(text) => Self::Text(text),
            Value::Array(items) => Self::List(items),
            Value::Object(object) => Self::Fields(object),
        }
    }
}

impl<'v> View<'v> {
    pub fn get(self, name: &str) -> Option<Self> {
        match self {
            Self::Fields(object) => object.get(name).map(Self::from),
            _ => None,
        }
    }

    pub fn fields(self) -> Option<&'v Object> {
        if let Self::Fields(object) = self { Some(object) } else { None }
    }

    pub fn items(self) -> Option<&'v [Value]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// A copy, for an error to show.
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(flag),
            Self::Int(number) => Value::Int(number),
            Self::Float(number) => Value::Float(number),
            Self::Text(text) => Value::from(text),
            Self::List(items) => Value::Array(items.to_vec()),
            Self::Fields(object) => Value::Object(object.clone()),
        }
    }
}

/// Equal as Go compares what it decoded.
impl PartialEq for View<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Fields(a), Self::Fields(b)) => a == b,
            _ => false,
        }
    }
}
