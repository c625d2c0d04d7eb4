//! Custom resources: what CustomResourceDefinitions make the API serve.
//!
//! [`definition`] turns a definition into a [`crate::registry::Resource`]. Its versions share one
//! [`crate::schema::Schema`], in which every version is a message with a [`Structural`] schema; the
//! walkers of built-in objects ask for it where custom ones differ. Custom objects keep what their
//! authors wrote: nothing is filled in or left out but by the structural schema, and their normal
//! form has its fields sorted by name at every level, as upstream writes them.
//!
//! Invariant: an object that [`decode`] gave has sorted fields, no field that its schema does not
//! know, and no null that its schema does not allow or default.

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

/// Sorts the fields of an object at every level: the form in which custom objects are stored.
pub fn sort(object: &mut Object) {
    object.sort();
    for (_, value) in object.iter_mut() {
        sort_value(value);
    }
}

fn sort_value(value: &mut Value) {
    match value {
        Value::Object(object) => sort(object),
        Value::Array(items) => items.iter_mut().for_each(sort_value),
        _ => {}
    }
}
