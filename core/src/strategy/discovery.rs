//! EndpointSlices.

use crate::edit::{self, Edit};
use crate::target::Target;
use crate::value::Object;

const ENDPOINTS: &[&str] = &["endpoints"];

/// Only the first version of the group had topologies of endpoints: nobody writes them any more.
pub(super) fn create(target: Target<'_>, object: &mut Object) {
    let is_told = |one: &crate::value::Value| one.get("deprecatedTopology").is_some();
    if edit::items(object, ENDPOINTS).iter().any(is_told) {
        Edit::new(target, object)
            .each(ENDPOINTS, |mut endpoint| endpoint.remove(&["deprecatedTopology"]));
    }
}

/// What is stored keeps them while the endpoints stay as they are.
pub(super) fn update(target: Target<'_>, new: &mut Object, old: &Object) {
    if !edit::same_at(target, ENDPOINTS, new, old) {
        create(target, new);
    }
}
