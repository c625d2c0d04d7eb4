//! Deletes of kinds that are emptied first: Namespaces and CustomResourceDefinitions.

use super::delete::DeletePlan;
use super::metadata::{complete, metadata, name, open, settle, uid};
use super::options::DeleteOptions;
use crate::edit::{self, Edit};
use crate::status::Status;
use crate::strategy::conditions::{self, Condition};
use crate::target::Target;
use crate::time::Timestamp;
use crate::value::{Object, Value};

/// The finalizer under which the server removes custom resources before their definition goes.
const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// The first delete begins the end of a Namespace; those that follow find it pending until
/// `spec.finalizers` is empty, and only then is it an object like others.
pub(super) fn namespace(
    target: Target<'_>,
    object: &Object,
    options: &DeleteOptions,
    now: Timestamp,
) -> Result<Option<DeletePlan>, Status> {
    check_preconditions(target, object, options)?;
    if edit::at(metadata(object), &["deletionTimestamp"]).is_some() {
        let is_held = !edit::items(object, &["spec", "finalizers"]).is_empty();
        return Ok(is_held.then_some(DeletePlan::Pending { shows_object: true }));
    }
    let mut marked = object.clone();
    let meta = open(&mut marked);
    settle(meta, "deletionTimestamp", Some(now.to_seconds_text().into()));
    let orphan = match (options.orphan_dependents, options.propagation.as_deref()) {
        (Some(orphan), _) => Some(orphan),
        (None, Some(policy)) => Some(policy == "Orphan"),
        (None, None) => None,
    };
    let foreground = match (options.orphan_dependents, options.propagation.as_deref()) {
        (Some(orphan), _) => Some(!orphan),
        (None, Some(policy)) => Some(policy == "Foreground"),
        (None, None) => None,
    };
    for (finalizer, wanted) in [("orphan", orphan), ("foregroundDeletion", foreground)] {
        let held = edit::items(meta, &["finalizers"]);
        let is_there = held.iter().any(|one| one.as_str() == Some(finalizer));
        let list: Vec<Value> = match wanted {
            Some(true) if !is_there => {
                held.iter().cloned().chain([Value::from(finalizer)]).collect()
            }
            Some(false) if is_there => {
                held.iter().filter(|one| one.as_str() != Some(finalizer)).cloned().collect()
            }
            _ => continue,
        };
        settle(meta, "finalizers", (!list.is_empty()).then_some(Value::Array(list)));
    }
    complete(meta);
    Edit::new(target, &mut marked).set(&["status", "phase"], "Terminating");
    Ok(Some(DeletePlan::Mark(marked)))
}

/// The first delete leaves the custom resources to be removed, under a finalizer.
pub(super) fn definition(
    target: Target<'_>,
    object: &Object,
    options: &DeleteOptions,
    now: Timestamp,
) -> Result<Option<DeletePlan>, Status> {
    check_preconditions(target, object, options)?;
    if edit::at(metadata(object), &["deletionTimestamp"]).is_some() {
        return Ok(None);
    }
    let mut marked = object.clone();
    let meta = open(&mut marked);
    settle(meta, "deletionTimestamp", Some(now.to_seconds_text().into()));
    let held = edit::items(meta, &["finalizers"]);
    if !held.iter().any(|one| one.as_str() == Some(CLEANUP)) {
        let list = held.iter().cloned().chain([Value::from(CLEANUP)]).collect();
        settle(meta, "finalizers", Some(Value::Array(list)));
    }
    complete(meta);
    let condition = Condition {
        kind: "Terminating",
        status: "True",
        reason: "InstanceDeletionPending",
        message: "CustomResourceDefinition marked for deletion; CustomResource deletion will \
                  begin soon",
    };
    conditions::set(target, &mut marked, &condition, now);
    Ok(Some(DeletePlan::Mark(marked)))
}

/// Unlike other kinds', these preconditions speak in the words of storage.
fn check_preconditions(
    target: Target<'_>,
    object: &Object,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let version = edit::text(metadata(object), &["resourceVersion"]);
    let checks = [
        ("UID", options.preconditions.uid.as_deref(), uid(object)),
        ("ResourceVersion", options.preconditions.resource_version.as_deref(), version),
    ];
    for (what, wanted, held) in checks {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != held) {
            let why = format!(
                "Precondition failed: {what} in precondition: {wanted}, {what} in object meta: \
                 {held}"
            );
            return Err(Status::conflict(target.group_resource(), name(object), why));
        }
    }
    Ok(())
}
