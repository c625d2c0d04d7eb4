//! Conversions between [`crate::value::Value`] trees and bytes, all of them driven by the schema.

pub mod json;
pub mod normal;
pub mod proto;
pub mod special;
pub mod yaml;

/// Bytes or a tree that do not fit the schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The value of a field has the wrong type; `path` leads to it (`spec.containers[0].name`).
    #[error("{path}: expected {expected}, got {got}")]
    Type { path: String, expected: &'static str, got: &'static str },
    #[error("{path}: {message}")]
    Value { path: String, message: String },
    #[error("malformed protobuf: {0}")]
    Protobuf(&'static str),
    #[error("nested deeper than {0} levels")]
    Depth(usize),
}

impl CodecError {
    /// Puts a step in front of the path, on the way out of a nested value.
    pub(crate) fn within(mut self, step: &str) -> Self {
        if let Self::Type { path, .. } | Self::Value { path, .. } = &mut self {
            let joint = if path.is_empty() || path.starts_with('[') { "" } else { "." };
            *path = format!("{step}{joint}{path}");
        }
        self
    }
}

/// How deep objects may nest: what upstream's decoder allows.
pub const DEPTH_MAX: usize = 10_000;

/// How deep protobuf may nest. Every level costs stack, and no kind but a schema nests without end.
pub const PROTO_DEPTH_MAX: usize = 100;
