//! Conversion between the versions of a kind. Most kinds have one form in all of theirs.

use crate::registry::{Resource, Version};
use crate::value::Object;

/// Why an object cannot be shown in another version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConvertError {
    pub message: String,
}

/// Brings an object in normal form into another version of its kind, `apiVersion` included.
pub fn convert(
    resource: &Resource,
    mut object: Object,
    to: &Version,
) -> Result<Object, ConvertError> {
    object.insert("apiVersion", resource.api_version(to).into());
    Ok(object)
}
