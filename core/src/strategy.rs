//! What the server itself does to an object that is written, before it is validated: status apart
//! from specification, generation, fields that clients do not set.
//!
//! One file for each group with rules per kind. Objects are in normal form of the version in which
//! they are stored; both are changed in place and stay in normal form. Callers go through
//! [`crate::lifecycle`], which deals with the metadata around these rules.

pub mod conditions;
mod context;
mod reset;

pub use context::{Context, Requester};
pub use reset::reset_fields;

use crate::target::Target;
use crate::value::Object;

/// Before a create: status is reset, generation begins.
pub fn prepare_for_create(_target: Target<'_>, _object: &mut Object, _context: &Context<'_>) {}

/// Before an update of the target's subresource: what it does not write is taken from `old`.
pub fn prepare_for_update(
    _target: Target<'_>,
    _new: &mut Object,
    _old: &Object,
    _context: &Context<'_>,
) {
}
