//! [`FieldError`]: what is wrong with one field, in upstream's words. Clients match on the reasons,
//! people on the texts.

use crate::value::Value;
use std::fmt::{self, Write as _};

/// One finding of validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    pub reason: Reason,
    /// `spec.containers[0].name`.
    pub field: String,
    /// Everything behind the field: `Invalid value: "x": must be …`.
    pub body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    NotFound,
    Required,
    Duplicate,
    Invalid,
    NotSupported,
    Forbidden,
    TooLong,
    TooMany,
    TooFew,
    TypeInvalid,
    Internal,
}

impl Reason {
    /// The cause's reason in a Status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "FieldValueNotFound",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TooFew => "FieldValueTooFew",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::Internal => "InternalError",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::NotFound => "Not found",
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::TooFew => "Too few",
            Self::Internal => "Internal error",
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body)
    }
}

impl FieldError {
    fn of(reason: Reason, field: impl fmt::Display, value: &str, detail: &str) -> Self {
        let mut body = reason.words().to_owned();
        if !value.is_empty() {
            body.push_str(": ");
            body.push_str(value);
        }
        if !detail.is_empty() {
            body.push_str(": ");
            body.push_str(detail);
        }
        Self { reason, field: field.to_string(), body }
    }

    pub fn required(field: impl fmt::Display, detail: &str) -> Self {
        Self::of(Reason::Required, field, "", detail)
    }

    pub fn forbidden(field: impl fmt::Display, detail: &str) -> Self {
        Self::of(Reason::Forbidden, field, "", detail)
    }

    pub fn internal(field: impl fmt::Display, detail: &str) -> Self {
        Self::of(Reason::Internal, field, "", detail)
    }

    pub fn invalid(field: impl fmt::Display, value: &(impl Shown + ?Sized), detail: &str) -> Self {
        Self::of(Reason::Invalid, field, &value.shown(), detail)
    }

    pub fn type_invalid(
        field: impl fmt::Display,
        value: &(impl Shown + ?Sized),
        detail: &str,
    ) -> Self {
        Self::of(Reason::TypeInvalid, field, &value.shown(), detail)
    }

    pub fn duplicate(field: impl fmt::Display, value: &(impl Shown + ?Sized)) -> Self {
        Self::of(Reason::Duplicate, field, &value.shown(), "")
    }

    pub fn not_found(field: impl fmt::Display, value: &(impl Shown + ?Sized)) -> Self {
        Self::of(Reason::NotFound, field, &value.shown(), "")
    }

    /// An error that shows a value in a text of its own; an empty one shows none.
    pub fn shown(reason: Reason, field: impl fmt::Display, value: &str, detail: &str) -> Self {
        Self::of(reason, field, value, detail)
    }

    /// `supported` in the order in which it is to be listed.
    pub fn not_supported(
        field: impl fmt::Display,
        value: &(impl Shown + ?Sized),
        supported: &[&str],
    ) -> Self {
        let mut detail = String::new();
        for (at, one) in supported.iter().enumerate() {
            let lead = if at == 0 { "supported values: " } else { ", " };
            let _ = write!(detail, "{lead}{}", quoted(one));
        }
        Self::of(Reason::NotSupported, field, &value.shown(), &detail)
    }

    pub fn too_long(field: impl fmt::Display, bytes_max: usize) -> Self {
        let unit = if bytes_max == 1 { "byte" } else { "bytes" };
        let detail = format!("may not be more than {bytes_max} {unit}");
        Self::of(Reason::TooLong, field, "", &detail)
    }

    /// The same where characters count, not bytes.
    pub fn too_many_characters(field: impl fmt::Display, count_max: usize) -> Self {
        let unit = if count_max == 1 { "character" } else { "characters" };
        let detail = format!("may not be more than {count_max} {unit}");
        Self::of(Reason::TooLong, field, "", &detail)
    }

    /// Too many of something that is not counted.
    pub fn too_many_of(field: impl fmt::Display, count_max: usize) -> Self {
        let unit = if count_max == 1 { "item" } else { "items" };
        Self::of(Reason::TooMany, field, "", &format!("must have at most {count_max} {unit}"))
    }

    pub fn too_many(field: impl fmt::Display, count: usize, count_max: usize) -> Self {
        let unit = if count_max == 1 { "item" } else { "items" };
        let detail = format!("must have at most {count_max} {unit}");
        Self::of(Reason::TooMany, field, &count.to_string(), &detail)
    }
}

/// A value that an error can show.
pub trait Shown {
    /// The value as Go's printer shows it in an error.
    fn shown(&self) -> String;
}

impl Shown for Value {
    fn shown(&self) -> String {
        match self {
            Self::String(text) => quoted(text),
            Self::Bool(flag) => flag.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => crate::apply::gotext::float(*number),
            other => serde_json::to_string(other).expect("a tree serializes"),
        }
    }
}

impl Shown for str {
    fn shown(&self) -> String {
        quoted(self)
    }
}

impl Shown for String {
    fn shown(&self) -> String {
        quoted(self)
    }
}

impl Shown for i64 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

/// Go's `%q`.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0b' => out.push_str("\\v"),
            '\x0c' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_upstreams() {
        let text = |error: FieldError| error.to_string();
        assert_eq!(text(FieldError::required("spec.a", "")), "spec.a: Required value");
        assert_eq!(
            text(FieldError::invalid("spec.a", "x\"y", "must be z")),
            r#"spec.a: Invalid value: "x\"y": must be z"#
        );
        assert_eq!(
            text(FieldError::not_supported("a", "x", &["A", "B"])),
            r#"a: Unsupported value: "x": supported values: "A", "B""#
        );
        assert_eq!(
            text(FieldError::too_long("a", 253)),
            "a: Too long: may not be more than 253 bytes"
        );
        assert_eq!(
            text(FieldError::too_many("a", 9, 8)),
            "a: Too many: 9: must have at most 8 items"
        );
        let list = Value::Array(vec![Value::Int(1)]);
        assert_eq!(text(FieldError::invalid("a", &list, "")), "a: Invalid value: [1]");
    }
}
