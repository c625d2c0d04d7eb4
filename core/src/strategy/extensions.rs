//! What extends the API: CustomResourceDefinitions and APIServices.

use super::conditions::{self, Condition};
use crate::edit::{self, Edit};
use crate::strategy::Context;
use crate::target::Target;
use crate::value::{Object, Value};

pub(super) fn create_definition(target: Target<'_>, object: &mut Object) {
    store_version(target, object);
}

/// `status.storedVersions` names every version in which objects were ever stored.
pub(super) fn store_version(target: Target<'_>, object: &mut Object) {
    const STORED: &[&str] = &["status", "storedVersions"];
    let flag = |version: &&Value| version.get("storage").and_then(Value::as_bool) == Some(true);
    let stored = edit::items(object, &["spec", "versions"]).iter().find(flag);
    let Some(name) = stored.and_then(|version| version.get("name")) else { return };
    let known = edit::items(object, STORED);
    if known.contains(name) {
        return;
    }
    let known = known.iter().chain([name]).cloned().collect();
    Edit::new(target, object).set(STORED, Value::Array(known));
}

/// What the server itself serves is there at once.
pub(super) fn create_service(target: Target<'_>, object: &mut Object, context: &Context<'_>) {
    if edit::at(object, &["spec", "service"]).is_some() {
        return;
    }
    let condition = Condition {
        kind: "Available",
        status: "True",
        reason: "Local",
        message: "Local APIServices are always available",
    };
    conditions::set(target, object, &condition, context.now);
}
