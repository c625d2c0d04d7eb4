//! The scalars of the API that have forms of their own, between their JSON and protobuf forms.

use super::CodecError;
use crate::quantity::Quantity;
use crate::time::{Timestamp, format_duration, parse_duration};
use crate::value::Value;

/// The canonical text of a quantity given as text or number.
pub fn quantity(value: &Value) -> Result<String, CodecError> {
    match value {
        Value::String(text) => quantity_of(text),
        Value::Int(number) => quantity_of(&number.to_string()),
        Value::Float(number) => quantity_of(&number.to_string()),
        other => Err(wrong_type("a quantity", other)),
    }
}

/// The canonical text of a quantity.
pub(crate) fn quantity_of(text: &str) -> Result<String, CodecError> {
    Quantity::parse(text.trim()).map(|quantity| quantity.to_string()).map_err(invalid)
}

pub fn timestamp(value: &Value) -> Result<Timestamp, CodecError> {
    timestamp_of(value.as_str().ok_or_else(|| wrong_type("a time", value))?)
}

pub(crate) fn timestamp_of(text: &str) -> Result<Timestamp, CodecError> {
    Timestamp::parse(text).ok_or_else(|| invalid(format!("{text:?} is not an RFC 3339 time")))
}

pub fn duration(value: &Value) -> Result<i64, CodecError> {
    duration_of(value.as_str().ok_or_else(|| wrong_type("a duration", value))?)
}

pub(crate) fn duration_of(text: &str) -> Result<i64, CodecError> {
    parse_duration(text).ok_or_else(|| invalid(format!("{text:?} is not a duration")))
}

pub fn duration_text(nanos: i64) -> Value {
    Value::from(format_duration(nanos))
}

pub(crate) fn wrong_type(expected: &'static str, got: &Value) -> CodecError {
    wrong_kind(expected, got.kind_name())
}

pub(crate) fn wrong_kind(expected: &'static str, got: &'static str) -> CodecError {
    CodecError::Type { path: String::new(), expected, got }
}

pub(crate) fn invalid(message: impl std::fmt::Display) -> CodecError {
    CodecError::Value { path: String::new(), message: format!("{message}") }
}

/// Compact JSON of a raw extension; what a tree holds can always be written.
pub(crate) fn raw_json(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("a tree serializes")
}

pub(crate) fn parse_raw(bytes: &[u8]) -> Result<Value, CodecError> {
    serde_json::from_slice(bytes).map_err(|error| invalid(format!("raw JSON: {error}")))
}
