//! Custom resources: a version may or may not have its status apart.

use crate::lifecycle;
use crate::target::Target;
use crate::value::{Lookup, Object};

/// The version keeps status apart from the rest.
fn has_status(target: Target<'_>) -> bool {
    let mut subresources = target.resource.subresources_in(target.version);
    subresources.any(|one| &*one.name == "status")
}

pub(super) fn create(target: Target<'_>, object: &mut Object) {
    if has_status(target) {
        object.remove("status");
    }
}

pub(super) fn update(target: Target<'_>, new: &mut Object, old: &Object) {
    if has_status(target) {
        match old.get("status") {
            Some(status) => drop(new.insert("status", status.clone())),
            None => drop(new.remove("status")),
        }
    }
}

/// Everything is as it was but the status, and who wrote it.
pub(super) fn update_status(new: &mut Object, old: &Object) {
    let status = new.remove("status");
    let managers = lifecycle::metadata(new).get("managedFields").cloned();
    *new = old.clone();
    lifecycle::set_metadata(new, "managedFields", managers);
    match status {
        Some(status) => drop(new.insert("status", status)),
        None => drop(new.remove("status")),
    }
}

/// Whether anything beside metadata differs.
pub(super) fn differs(new: &Object, old: &Object) -> bool {
    let fields = |object: &Object| object.iter().filter(|(name, _)| *name != "metadata").count();
    let mut ours = new.iter().filter(|(name, _)| *name != "metadata");
    let mut theirs = Lookup::new(old);
    fields(new) != fields(old) || ours.any(|(name, value)| theirs.get(name) != Some(value))
}
