//! OpenAPI documents in protobuf.
use crate::value::Value;
pub(super) fn v2(_document: &Value) -> Vec<u8> { Vec::new() }
pub(super) fn v3(_document: &Value) -> Vec<u8> { Vec::new() }
