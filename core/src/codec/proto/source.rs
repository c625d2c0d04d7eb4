//! [`Source`]: JSON values as the writer sees them, be they a tree or text.

use crate::codec::CodecError;
use crate::codec::special::{invalid, raw_json, wrong_kind};
use crate::value::{Object, Value};
use std::borrow::Cow;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

/// An object of JSON, whose values are `V`.
pub(super) trait Members<'j, V>: Copy {
    fn members(self) -> impl Iterator<Item = (&'j str, V)>;
}

/// A value of JSON that lives for `'j`.
pub(super) trait Source<'j>: Copy {
    type Object: Members<'j, Self>;

    /// What the value is, as error messages name it.
    fn kind_name(self) -> &'static str;

    fn is_null(self) -> bool;

    fn as_object(self) -> Option<Self::Object>;

    /// The items, if the value is an array.
    fn items(self) -> Option<impl Iterator<Item = Self>>;

    /// The string, if the value is one.
    fn as_text(self) -> Option<Cow<'j, str>>;

    fn as_flag(self) -> Option<bool>;

    fn as_number(self) -> Option<Number>;

    /// The value as compact JSON.
    fn raw(self) -> Result<Cow<'j, [u8]>, CodecError>;

    fn wrong(self, expected: &'static str) -> CodecError {
        wrong_kind(expected, self.kind_name())
    }

    fn text(self) -> Result<Cow<'j, str>, CodecError> {
        self.as_text().ok_or_else(|| self.wrong("a string"))
    }

    fn int64(self) -> Result<i64, CodecError> {
        match self.as_number() {
            Some(Number::Int(number)) => Ok(number),
            Some(Number::Float(number)) if number.fract() == 0.0 && number.abs() < 9.0e15 => {
                Ok(number as i64)
            }
            Some(Number::Float(_)) => Err(invalid("expected an integer")),
            None => Err(self.wrong("an integer")),
        }
    }

    fn int32(self) -> Result<i32, CodecError> {
        i32::try_from(self.int64()?).map_err(|_| invalid("does not fit 32 bits"))
    }

    fn double(self) -> Result<f64, CodecError> {
        match self.as_number() {
            Some(Number::Int(number)) => Ok(number as f64),
            Some(Number::Float(number)) => Ok(number),
            None => Err(self.wrong("a number")),
        }
    }
}

impl<'v> Source<'v> for &'v Value {
    type Object = &'v Object;

    fn kind_name(self) -> &'static str {
        Value::kind_name(self)
    }

    fn is_null(self) -> bool {
        Value::is_null(self)
    }

    fn as_object(self) -> Option<&'v Object> {
        Value::as_object(self)
    }

    fn items(self) -> Option<impl Iterator<Item = Self>> {
        Some(self.as_array()?.iter())
    }

    fn as_text(self) -> Option<Cow<'v, str>> {
        self.as_str().map(Cow::Borrowed)
    }

    fn as_flag(self) -> Option<bool> {
        self.as_bool()
    }

    fn as_number(self) -> Option<Number> {
        match self {
            Value::Int(number) => Some(Number::Int(*number)),
            Value::Float(number) => Some(Number::Float(*number)),
            _ => None,
        }
    }

    fn raw(self) -> Result<Cow<'v, [u8]>, CodecError> {
        Ok(Cow::Owned(raw_json(self)))
    }
}

impl<'v> Members<'v, &'v Value> for &'v Object {
    fn members(self) -> impl Iterator<Item = (&'v str, &'v Value)> {
        self.iter()
    }
}
