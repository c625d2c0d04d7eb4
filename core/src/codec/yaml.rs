//! YAML, read and written as sigs.k8s.io/yaml does: YAML 1.1's scalars (`yes` is true, `010` is
//! eight), aliases and merge keys; what is read is taken on as JSON would be. Only the first
//! document of a stream counts.

mod build;
mod emit;
mod parse;
mod resolve;
mod scalar;

use super::json::{self, Decoded, JsonError, STRICT_ERRORS_MAX};
use crate::schema::{MessageId, Schema};
use crate::value::{Object, Value};

/// How deep YAML may nest, aliases included: as deep as JSON.
pub const NESTING_MAX: usize = 128;

/// A document without a schema, such as an apply patch.
#[derive(Debug)]
pub struct Parsed {
    /// Keys of objects stand in their order; of one given twice the last counts.
    pub value: Value,
    /// What a strict decoder says of keys given twice.
    pub strict_error: Option<String>,
}

/// Parses a document; an empty one is null.
pub fn parse(bytes: &[u8]) -> Result<Parsed, JsonError> {
    let error = |message: String| JsonError {
        message: format!("error converting YAML to JSON: yaml: {message}"),
    };
    let text = std::str::from_utf8(bytes)
        .map_err(|invalid| error(format!("invalid UTF-8 at byte {}", invalid.valid_up_to())))?;
    let nodes = parse::parse(text).map_err(error)?;
    let built = build::build(&nodes).map_err(error)?;
    let strict_error = (!built.duplicates.is_empty())
        .then(|| format!("yaml: unmarshal errors:\n  {}", built.duplicates.join("\n  ")));
    Ok(Parsed { value: built.value, strict_error })
}

/// Decodes one object.
pub fn decode(schema: &Schema, id: MessageId, bytes: &[u8]) -> Result<Decoded, JsonError> {
    let parsed = parse(bytes)?;
    let mut decoded = json::decode_tree(schema, id, &parsed.value)?;
    if let Some(error) = parsed.strict_error {
        decoded.strict_errors.insert(0, error);
        decoded.strict_errors.truncate(STRICT_ERRORS_MAX);
    }
    Ok(decoded)
}

/// An object as a document: keys in their order, lists as far to the left as their names.
pub fn encode(object: &Object) -> String {
    emit::document(object)
}
