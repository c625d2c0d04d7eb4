//! Defaults: what an object has where its author said nothing.
//!
//! Static ones stand in the schema table; those that depend on other fields are functions, one file
//! for each group, reached by the message they complete.

use crate::target::Target;
use crate::value::Object;

/// Completes an object in normal form of the target's version. Doing it twice changes nothing.
pub fn complete(_target: Target<'_>, _object: &mut Object) {}
