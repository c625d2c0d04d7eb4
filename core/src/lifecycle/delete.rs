//! [`DeletePlan`]: what a delete request does to an object.

use super::metadata::{self, complete, finalizers, open, settle};
use super::options::DeleteOptions;
use super::rules::{self, Dependents};
use super::special;
use crate::edit;
use crate::status::{GroupName, Status};
use crate::target::Target;
use crate::time::Timestamp;
use crate::value::{Object, Value};

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// The decision. Where nothing but the object is answered, that is said here; see
/// [`DeletePlan::answers_object`].
#[derive(Debug, Clone, PartialEq)]
pub enum DeletePlan {
    /// Remove the object. `first` is stored before, for watchers to see, and is what is removed.
    Remove { first: Option<Object> },
    /// Store this in the object's place; something else will remove it.
    Mark(Object),
    /// Store nothing: the deletion is under way. `shows_object` answers with the object even
    /// where a removal does not.
    Pending { shows_object: bool },
}

impl DeletePlan {
    /// Whether the answer is the object (as it was removed or marked), or [`deleted_status`].
    pub fn answers_object(&self, target: Target<'_>, options: &DeleteOptions) -> bool {
        match self {
            Self::Mark(_) => true,
            Self::Pending { shows_object } => *shows_object || target.resource.deletes_object,
            // Upstream cannot remove what it only pretended to mark, and shows the mark.
            Self::Remove { first: Some(_) } if options.is_dry_run() => true,
            // Discovery does not say so, but an emptied Namespace is shown as well.
            Self::Remove { .. } => {
                target.resource.deletes_object || target.kind() == ("", "Namespace")
            }
        }
    }

    pub fn code(&self, options: &DeleteOptions) -> u16 {
        let removes = matches!(self, Self::Remove { .. });
        if !removes && options.orphan_dependents == Some(false) { 202 } else { 200 }
    }
}

/// The Status that says which object was removed.
pub fn deleted_status(target: Target<'_>, object: &Object) -> Object {
    let resource = target.resource;
    let mut details = Object::new();
    let texts = [
        ("name", metadata::name(object)),
        ("group", &*resource.group),
        ("kind", &*resource.plural),
        ("uid", metadata::uid(object)),
    ];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        details.push(name, text.into());
    }
    let mut status = Object::new();
    status.push("kind", "Status".into());
    status.push("apiVersion", "v1".into());
    status.push("metadata", Value::Object(Object::new()));
    status.push("status", "Success".into());
    status.push("details", Value::Object(details));
    status
}

/// What a client is told of how a kind deletes.
pub fn warnings(target: Target<'_>, options: &DeleteOptions) -> Option<&'static str> {
    let unsaid = options.propagation.is_none() && options.orphan_dependents.is_none();
    (target.kind() == ("batch", "Job") && unsaid).then_some(
        "child pods are preserved by default when jobs are deleted; set \
         propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress \
         this warning",
    )
}

/// Decides on a delete of `object`, which carries its resourceVersion where a precondition may ask
/// for it. Options must be valid.
pub fn plan(
    target: Target<'_>,
    object: &Object,
    options: &DeleteOptions,
    now: Timestamp,
) -> Result<DeletePlan, Status> {
    let plan = match target.kind() {
        ("", "Namespace") => special::namespace(target, object, options, now)?,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            special::definition(target, object, options, now)?
        }
        _ => None,
    };
    if let Some(plan) = plan {
        return Ok(plan);
    }
    check_preconditions(target, object, options)?;
    let graceful = grace(target, object, options, now);
    if graceful == Grace::Pending {
        return Ok(DeletePlan::Pending { shows_object: false });
    }
    let wanted = finalizers_for_dependents(target, object, options);
    let held = wanted.as_deref().unwrap_or_else(|| finalizers(object));
    let is_held = !held.is_empty();
    let mut marked = object.clone();
    match graceful {
        Grace::Until { deletion, period_s, first } => {
            let metadata = open(&mut marked);
            settle(metadata, "deletionTimestamp", Some(deletion.to_seconds_text().into()));
            settle(metadata, "deletionGracePeriodSeconds", Some(Value::Int(period_s)));
            if first {
                count_generation(metadata);
            }
            set_finalizers(metadata, wanted);
            complete(metadata);
            if is_held || period_s > 0 {
                return Ok(DeletePlan::Mark(marked));
            }
            Ok(DeletePlan::Remove { first: Some(marked) })
        }
        Grace::None | Grace::Pending if is_held => {
            mark(&mut marked, wanted, now);
            Ok(DeletePlan::Mark(marked))
        }
        Grace::None | Grace::Pending => Ok(DeletePlan::Remove { first: None }),
    }
}

fn check_preconditions(
    target: Target<'_>,
    object: &Object,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let of = GroupName { group: &target.resource.group, name: &target.resource.kind };
    let name = metadata::name(object);
    let uid = metadata::uid(object);
    if let Some(wanted) = options.preconditions.uid.as_deref().filter(|wanted| *wanted != uid) {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The \
             object might have been deleted and then recreated"
        );
        return Err(Status::conflict(of, name, why));
    }
    let version = edit::text(metadata::metadata(object), &["resourceVersion"]);
    let wanted = options.preconditions.resource_version.as_deref();
    if let Some(wanted) = wanted.filter(|wanted| *wanted != version) {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the \
             ResourceVersion in record ({version}). The object might have been modified"
        );
        return Err(Status::conflict(of, name, why));
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grace {
    /// The kind knows no grace, or all of it has passed.
    None,
    /// Under way, and not to be hurried.
    Pending,
    Until {
        deletion: Timestamp,
        period_s: i64,
        /// Nobody has deleted the object before.
        first: bool,
    },
}

/// Only Pods are deleted gracefully.
fn grace(target: Target<'_>, object: &Object, options: &DeleteOptions, now: Timestamp) -> Grace {
    if target.kind() != ("", "Pod") {
        return Grace::None;
    }
    // A negative grace is the shortest.
    let at_least = |period: i64| if period < 0 { 1 } else { period };
    let asked = options.grace_period_s.map(at_least);
    let metadata = metadata::metadata(object);
    let deletion = Timestamp::parse(edit::text(metadata, &["deletionTimestamp"]));
    let Some(deletion) = deletion else {
        let period_s = at_least(pod_grace(object, asked));
        let deletion = later(now, period_s);
        return Grace::Until { deletion, period_s, first: true };
    };
    let left = edit::int(metadata, &["deletionGracePeriodSeconds"]).map(at_least);
    match (left, asked) {
        (None | Some(0), _) => Grace::None,
        (Some(left), Some(asked)) if asked < left => {
            let deletion = later(deletion, asked.saturating_sub(left));
            // Never into the past; whoever waits is still to end it, unless no grace was asked for.
            if (deletion.seconds, deletion.nanos) < (now.seconds, now.nanos) {
                return Grace::Until { deletion: now, period_s: asked.min(1), first: false };
            }
            Grace::Until { deletion, period_s: asked, first: false }
        }
        _ => Grace::Pending,
    }
}

fn later(time: Timestamp, seconds: i64) -> Timestamp {
    Timestamp { seconds: time.seconds.saturating_add(seconds), nanos: time.nanos }
}

/// The grace of a Pod: nobody waits for one that no node runs.
fn pod_grace(pod: &Object, asked: Option<i64>) -> i64 {
    let is_unscheduled = edit::text(pod, &["spec", "nodeName"]).is_empty();
    let is_over = matches!(edit::text(pod, &["status", "phase"]), "Failed" | "Succeeded");
    if is_unscheduled || is_over {
        return 0;
    }
    let usual = || edit::int(pod, &["spec", "terminationGracePeriodSeconds"]).unwrap_or(0);
    asked.unwrap_or_else(usual)
}

/// The finalizers of the object with those that the garbage collector handles, where that changes
/// them.
fn finalizers_for_dependents(
    target: Target<'_>,
    object: &Object,
    options: &DeleteOptions,
) -> Option<Vec<Value>> {
    let held = finalizers(object);
    let ours = |value: &Value| matches!(value.as_str(), Some(ORPHAN | FOREGROUND));
    let wanted = wanted_finalizer(rules::dependents(target), held, options);
    let is_there = |name: &str| held.iter().any(|one| one.as_str() == Some(name));
    let unchanged = match wanted {
        None => !held.iter().any(ours),
        Some(name) => is_there(name) && held.iter().all(|one| !ours(one) || one.as_str() == wanted),
    };
    if unchanged {
        return None;
    }
    let kept = held.iter().filter(|one| !ours(one)).cloned();
    Some(kept.chain(wanted.map(Value::from)).collect())
}

fn wanted_finalizer(
    usual: Dependents,
    held: &[Value],
    options: &DeleteOptions,
) -> Option<&'static str> {
    if usual == Dependents::Unsupported {
        return None;
    }
    if let Some(orphan) = options.orphan_dependents {
        return orphan.then_some(ORPHAN);
    }
    match options.propagation.as_deref() {
        Some("Orphan") => return Some(ORPHAN),
        Some("Foreground") => return Some(FOREGROUND),
        Some("Background") => return None,
        _ => {}
    }
    let held = held.iter().find_map(|one| match one.as_str() {
        Some(ORPHAN) => Some(ORPHAN),
        Some(FOREGROUND) => Some(FOREGROUND),
        _ => None,
    });
    held.or((usual == Dependents::Orphan).then_some(ORPHAN))
}

fn set_finalizers(metadata: &mut Object, wanted: Option<Vec<Value>>) {
    if let Some(wanted) = wanted {
        let wanted = Some(Value::Array(wanted)).filter(|list| list != &Value::Array(Vec::new()));
        settle(metadata, "finalizers", wanted);
    }
}

fn count_generation(metadata: &mut Object) {
    if let Some(generation) = edit::int(metadata, &["generation"]).filter(|count| *count > 0) {
        settle(metadata, "generation", Some(Value::Int(generation + 1)));
    }
}

/// Marks an object that finalizers hold.
fn mark(object: &mut Object, wanted: Option<Vec<Value>>, now: Timestamp) {
    let metadata = open(object);
    let deletion = Timestamp::parse(edit::text(metadata, &["deletionTimestamp"]));
    if deletion.is_none() {
        count_generation(metadata);
    }
    let is_future = |time: Timestamp| (time.seconds, time.nanos) > (now.seconds, now.nanos);
    if deletion.is_none_or(is_future) {
        settle(metadata, "deletionTimestamp", Some(now.to_seconds_text().into()));
    }
    settle(metadata, "deletionGracePeriodSeconds", Some(Value::Int(0)));
    set_finalizers(metadata, wanted);
    complete(metadata);
}

#[cfg(test)]
mod tests;
