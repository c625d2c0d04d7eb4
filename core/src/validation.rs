//! Validation: what may be stored. Findings carry upstream's reasons, texts and field paths.
//!
//! What the schema table can say (required, enumerations, ranges, lengths, list keys) is said there
//! and checked by one walker; rules across fields are one file for each kind. Objects are in normal
//! form of the version in which they are stored, defaulted and prepared (see [`crate::strategy`]).

use crate::field_error::FieldError;
use crate::target::Target;
use crate::value::Object;

/// What is wrong with a new object, metadata included.
pub fn on_create(_target: Target<'_>, _object: &Object) -> Vec<FieldError> {
    Vec::new()
}

/// What is wrong with an object that replaces `old`, through the target's subresource.
pub fn on_update(_target: Target<'_>, _new: &Object, _old: &Object) -> Vec<FieldError> {
    Vec::new()
}

/// Warnings for the client about what is allowed but unwise; `old` is absent on create.
pub fn warnings(_target: Target<'_>, _new: &Object, _old: Option<&Object>) -> Vec<String> {
    Vec::new()
}
