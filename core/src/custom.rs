//! Custom resources: what CustomResourceDefinitions make the API serve.
//!
//! [`definition`] turns a definition into a [`crate::registry::Resource`]. Its versions share one
//! [`crate::schema::Schema`], in which every version is a message with a [`Structural`] schema; the
//! walkers of built-in objects ask for it where custom ones differ. Custom objects keep what their
//! authors wrote: nothing is filled in or left out but by the structural schema.
//!
//! Invariant: the normal form of a custom object is kind, version and metadata as of every object,
//! then all other fields, sorted by name at every level, as upstream writes them; no field that the
//! schema does not know, and no null that it neither allows nor replaces by a default.

mod checks;
pub mod conditions;
pub mod decode;
pub mod default;
pub mod definition;
mod embedded;
mod format;
mod lists;
mod path;
mod prune;
mod rules;
mod scale;
mod structural;
pub mod validate;
pub mod versions;

pub use decode::settle;
pub use format::is_recognized as is_recognized_format;
pub(crate) use rules::RULES;
pub use structural::{Additional, LoadError, Structural};

use crate::target::Target;
use crate::value::{Object, Value};

/// The structural schema of the target's version, if that is custom.
pub fn structural_of(target: Target<'_>) -> Option<&Structural> {
    target.schema().message(target.message()).custom.as_deref()
}

/// Brings the fields of an object into the order of normal form, at every level.
pub fn arrange(object: &mut Object) {
    arrange_root(object);
    for (_, value) in object.iter_mut().filter(|(name, _)| *name != "metadata") {
        sort(value);
    }
}

/// The same for the object itself, and nothing below it.
pub(crate) fn arrange_root(object: &mut Object) {
    const FIRST: [&str; 3] = ["kind", "apiVersion", "metadata"];
    let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    object.sort_by_key(|name| rank(name));
}

fn sort(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.sort();
            object.iter_mut().for_each(|(_, value)| sort(value));
        }
        Value::Array(items) => items.iter_mut().for_each(sort),
        _ => {}
    }
}
