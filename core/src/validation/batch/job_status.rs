//! What the controller of Jobs may say in a status: it must be consistent, and terminal conditions
//! stay.

use super::{indexes, job_spec};
use crate::field_error::{FieldError, Reason};
use crate::time::Timestamp;
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::{Fields, Seen, same};
use crate::validation::internal;
use crate::validation::path::Path;
use crate::value::{Object, Value};

pub fn update(new: &Object, old: &Object, errors: &mut Errors) {
    let path = Path::root("status");
    // What was broken before may stay so: only a change of what a rule speaks of is judged.
    let changed = Changed::between(new, old);
    counts(new.part("status"), &path, errors);
    uncounted(new.part("status"), &path.child("uncountedTerminatedPods"), errors);
    contradictions(new, &changed, &path, errors);
    times(new, &changed, &path, errors);
    finished(new, &changed, &path, errors);
    listed(new, &changed, &path, errors);
    success(new, &path, errors);
    transitions(new, old, &changed, &path, errors);
}

/// Whether a Job has a condition, and it is true.
pub fn is_true(job: &Object, kind: &str) -> bool {
    let mut conditions = job.part("status").objects("conditions");
    conditions.any(|(_, one)| one.text("type") == kind && one.text("status") == "True")
}

fn is_finished(job: &Object) -> bool {
    is_true(job, "Complete") || is_true(job, "Failed")
}

/// What an update changes, as far as rules ask.
struct Changed {
    suspended: bool,
    finished: bool,
    complete: bool,
    failed: bool,
    target: bool,
    criteria: bool,
    indexes: bool,
    failed_indexes: bool,
    completion: bool,
    start: bool,
    uncounted: bool,
    terminating: bool,
    active: bool,
    ready: bool,
}

impl Changed {
    fn between(new: &Object, old: &Object) -> Self {
        let (after, before) = (new.part("status"), old.part("status"));
        let differs = |name: &str| !same(after.value(name), before.value(name));
        let turned = |kind: &str| is_true(new, kind) != is_true(old, kind);
        Self {
            suspended: new.part("spec").flag("suspend"),
            finished: is_finished(new) != is_finished(old),
            complete: turned("Complete"),
            failed: turned("Failed"),
            target: turned("FailureTarget"),
            criteria: turned("SuccessCriteriaMet"),
            indexes: differs("completedIndexes"),
            failed_indexes: differs("failedIndexes"),
            completion: differs("completionTime"),
            start: differs("startTime"),
            uncounted: differs("uncountedTerminatedPods"),
            terminating: differs("terminating"),
            active: differs("active"),
            ready: differs("ready"),
        }
    }
}

fn counts(status: &Object, path: &Path<'_>, errors: &mut Errors) {
    for name in ["active", "succeeded", "failed", "ready", "terminating"] {
        check::not_negative(errors, &path.child(name), status.int(name));
    }
}

fn uncounted(status: &Object, path: &Path<'_>, errors: &mut Errors) {
    let pods = status.part("uncountedTerminatedPods");
    let mut seen = Seen::default();
    for name in ["succeeded", "failed"] {
        for (at, uid) in pods.texts(name).enumerate() {
            let path = path.child(name);
            let path = path.index(at);
            if uid.is_empty() {
                errors.push(FieldError::invalid(path, uid, "must not be empty"));
            } else if seen.again(uid) {
                errors.push(FieldError::duplicate(path, uid));
            }
        }
    }
}

/// An error about the conditions as a whole.
fn conditions(path: &Path<'_>, detail: &str, errors: &mut Errors) {
    errors.push(FieldError::shown(Reason::Invalid, path.child("conditions"), "", detail));
}

fn contradictions(new: &Object, changed: &Changed, path: &Path<'_>, errors: &mut Errors) {
    let complete = is_true(new, "Complete");
    if (changed.complete || changed.failed) && complete && is_true(new, "Failed") {
        conditions(path, "cannot set Complete=True and Failed=true conditions", errors);
    }
    if (changed.complete || changed.target) && complete && is_true(new, "FailureTarget") {
        conditions(path, "cannot set Complete=True and FailureTarget=true conditions", errors);
    }
}

fn times(new: &Object, changed: &Changed, path: &Path<'_>, errors: &mut Errors) {
    let status = new.part("status");
    let complete = is_true(new, "Complete");
    let completion = status.value("completionTime");
    let path_of_completion = path.child("completionTime");
    let judged = changed.complete || changed.completion;
    if let Some(time) = completion.filter(|_| judged && !complete) {
        let detail = "cannot set completionTime when there is no Complete=True condition";
        errors.push(FieldError::invalid(path_of_completion, time, detail));
    }
    if judged && complete && completion.is_none() {
        let detail = "completionTime is required for Complete jobs";
        errors.push(FieldError::required(path_of_completion, detail));
    }
    let at = |name: &str| Timestamp::parse(status.text(name));
    if let (Some(end), Some(begin), Some(shown)) =
        (at("completionTime"), at("startTime"), completion)
        && (changed.start || changed.completion)
        && end < begin
    {
        let detail = "completionTime cannot be set before startTime";
        errors.push(FieldError::invalid(path_of_completion, shown, detail));
    }
    if changed.failed && is_true(new, "Failed") && !is_true(new, "FailureTarget") {
        let detail = "cannot set Failed=True condition without the FailureTarget=true condition";
        conditions(path, detail, errors);
    }
    if changed.complete && complete && !is_true(new, "SuccessCriteriaMet") {
        let detail =
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition";
        conditions(path, detail, errors);
    }
}

fn finished(new: &Object, changed: &Changed, path: &Path<'_>, errors: &mut Errors) {
    let status = new.part("status");
    if !is_finished(new) {
        return;
    }
    let active = status.int("active").unwrap_or(0);
    if (changed.finished || changed.active) && active > 0 {
        let detail = "active>0 is invalid for finished job";
        errors.push(FieldError::invalid(path.child("active"), &Value::Int(active), detail));
    }
    if (changed.finished || changed.start) && !status.has("startTime") {
        let detail = "startTime is required for finished job";
        errors.push(FieldError::required(path.child("startTime"), detail));
    }
    let pods = status.part("uncountedTerminatedPods");
    let some = ["failed", "succeeded"].iter().any(|name| !pods.list(name).is_empty());
    if (changed.finished || changed.uncounted) && some {
        errors.push(internal::invalid(
            &path.child("uncountedTerminatedPods"),
            "k8s.io.api.batch.v1.UncountedTerminatedPods",
            status.value("uncountedTerminatedPods"),
            "uncountedTerminatedPods needs to be empty for finished job",
        ));
    }
}

fn listed(new: &Object, changed: &Changed, path: &Path<'_>, errors: &mut Errors) {
    let (spec, status) = (new.part("spec"), new.part("status"));
    let completed = status.text("completedIndexes");
    let failed = status.value("failedIndexes").and_then(Value::as_str);
    let (completed_path, failed_path) =
        (path.child("completedIndexes"), path.child("failedIndexes"));
    let per_index = spec.has("backoffLimitPerIndex");
    if let Some(completions) = spec.int("completions") {
        if changed.indexes
            && let Err(message) = indexes::count(completed, completions)
        {
            let detail = format!("error parsing completedIndexes: {message}");
            errors.push(FieldError::invalid(completed_path, completed, &detail));
        }
        if let Some(failed) = failed.filter(|_| changed.failed_indexes && per_index)
            && let Err(message) = indexes::count(failed, completions)
        {
            let detail = format!("error parsing failedIndexes: {message}");
            errors.push(FieldError::invalid(failed_path, failed, &detail));
        }
    }
    if changed.indexes && !completed.is_empty() && !job_spec::is_indexed(spec) {
        let detail = "cannot set non-empty completedIndexes when non-indexed completion mode";
        errors.push(FieldError::invalid(completed_path, completed, detail));
    }
    if let Some(failed) = failed.filter(|_| changed.failed_indexes && !per_index) {
        let detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
        errors.push(FieldError::invalid(failed_path, failed, detail));
    }
    if let (Some(failed), Some(completions)) = (failed, spec.int("completions"))
        && (changed.indexes || changed.failed_indexes)
        && let Some(index) = indexes::overlap(completed, failed, completions)
    {
        let detail = format!("failedIndexes and completedIndexes overlap at index: {index}");
        errors.push(FieldError::invalid(failed_path, failed, &detail));
    }
    let terminating = status.int("terminating").unwrap_or(0);
    if (changed.finished || changed.terminating) && terminating > 0 && is_finished(new) {
        let detail = "terminating>0 is invalid for finished job";
        let path = path.child("terminating");
        errors.push(FieldError::invalid(path, &Value::Int(terminating), detail));
    }
    let (ready, active) = (status.int("ready"), status.int("active").unwrap_or(0));
    let judged = ready.filter(|_| changed.ready || changed.active);
    if let Some(ready) = judged.filter(|ready| *ready > active) {
        let detail = "cannot set more ready pods than active";
        errors.push(FieldError::invalid(path.child("ready"), &Value::Int(ready), detail));
    }
}

fn success(new: &Object, path: &Path<'_>, errors: &mut Errors) {
    let met = is_true(new, "SuccessCriteriaMet");
    if met && is_true(new, "Failed") {
        conditions(path, "cannot set SuccessCriteriaMet=True and Failed=true conditions", errors);
    }
    if met && is_true(new, "FailureTarget") {
        let detail = "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions";
        conditions(path, detail, errors);
    }
    if new.part("spec").has("successPolicy") && !met && is_true(new, "Complete") {
        let detail = "cannot set Complete=True for Job with SuccessPolicy unless \
                      SuccessCriteriaMet=True";
        conditions(path, detail, errors);
    }
}

fn transitions(
    new: &Object,
    old: &Object,
    changed: &Changed,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    for kind in ["Failed", "Complete", "FailureTarget"] {
        if is_true(old, kind) && !is_true(new, kind) {
            let detail = format!("cannot disable the terminal {kind}=True condition");
            conditions(path, &detail, errors);
        }
    }
    let (after, before) = (new.part("status"), old.part("status"));
    // An elastic Job, whose completions follow its parallelism, may lose what succeeded.
    let spec = new.part("spec");
    let elastic = job_spec::is_indexed(spec) && spec.int("completions") == spec.int("parallelism");
    for name in ["failed", "succeeded"] {
        let count = after.int(name).unwrap_or(0);
        if count < before.int(name).unwrap_or(0) && !(elastic && name == "succeeded") {
            let detail = format!("cannot decrease the {name} counter");
            errors.push(FieldError::invalid(path.child(name), &Value::Int(count), &detail));
        }
    }
    let completion = after.value("completionTime").filter(|_| before.has("completionTime"));
    if let Some(time) = completion.filter(|_| changed.completion) {
        let detail = "completionTime cannot be mutated";
        errors.push(FieldError::invalid(path.child("completionTime"), time, detail));
    }
    if before.has("startTime") && changed.start && !changed.suspended {
        let detail = "startTime cannot be removed for unsuspended job";
        errors.push(FieldError::required(path.child("startTime"), detail));
    }
    if is_true(old, "SuccessCriteriaMet") && !is_true(new, "SuccessCriteriaMet") {
        conditions(path, "cannot disable the SuccessCriteriaMet=True condition", errors);
    }
    let done = is_true(old, "Complete") && !is_true(old, "SuccessCriteriaMet");
    if done && changed.criteria && is_true(new, "SuccessCriteriaMet") {
        let detail = "cannot set SuccessCriteriaMet=True for Job already has Complete=true \
                      conditions";
        conditions(path, detail, errors);
    }
}
