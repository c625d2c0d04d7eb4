//! What a Job does: the rules that Jobs and the templates in CronJobs share.

use super::{failure_policy, success_policy};
use crate::field_error::{FieldError, Reason};
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::formats;
use crate::validation::internal;
use crate::validation::path::Path;
use crate::validation::pod;
use crate::value::{Object, Value};

/// Indexes are listed in the status, which must stay small.
const PARALLELISM_MAX: i64 = 100_000;
const FAILED_INDEXES_MAX: i64 = 100_000;
/// Above this many completions, limits per index are tighter.
const COMPLETIONS_SOFT_MAX: i64 = 100_000;
const HIGH_COMPLETIONS_MAX: i64 = 10_000;
const MANAGER_MAX_BYTES: usize = 63;

/// The selector apart, which only a Job has.
pub fn of(spec: &Object, old: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    for name in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ] {
        check::not_negative(errors, &path.child(name), spec.int(name));
    }
    if spec.has("maxFailedIndexes") && !spec.has("backoffLimitPerIndex") {
        let path = path.child("backoffLimitPerIndex");
        errors.push(FieldError::required(path, "when maxFailedIndexes is specified"));
    }
    manager(spec, &path.child("managedBy"), errors);
    mode(spec, path, errors);
    if let Some(policy) = spec.object("podFailurePolicy") {
        failure_policy::of(policy, spec, &path.child("podFailurePolicy"), errors);
    }
    success(spec, &path.child("successPolicy"), errors);
    replacement(spec, &path.child("podReplacementPolicy"), errors);
    let old = old.map(|old| old.part("template"));
    pod::template(spec.part("template"), old, &path.child("template"), errors);
    restarts(spec, path, errors);
}

/// Whether Pods have indexes.
pub fn is_indexed(spec: &Object) -> bool {
    spec.text("completionMode") == "Indexed"
}

fn manager(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let Some(manager) = spec.value("managedBy").and_then(Value::as_str) else { return };
    formats::domain_prefixed_path(manager, path, errors);
    if manager.len() > MANAGER_MAX_BYTES {
        errors.push(FieldError::too_long(path, MANAGER_MAX_BYTES));
    }
}

fn mode(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let mode = spec.value("completionMode").and_then(Value::as_str);
    match mode {
        Some("Indexed") => indexed(spec, path, errors),
        None | Some("NonIndexed") => {
            for name in ["backoffLimitPerIndex", "maxFailedIndexes"] {
                let Some(value) = spec.value(name) else { continue };
                let detail = "requires indexed completion mode";
                errors.push(FieldError::invalid(path.child(name), value, detail));
            }
        }
        Some(other) => {
            let path = path.child("completionMode");
            errors.push(FieldError::not_supported(path, other, &["NonIndexed", "Indexed"]));
        }
    }
}

fn indexed(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let (completions, failed) = (spec.int("completions"), spec.int("maxFailedIndexes"));
    let parallelism = spec.int("parallelism");
    if completions.is_none() {
        let detail = "when completion mode is Indexed";
        errors.push(FieldError::required(path.child("completions"), detail));
    }
    let mut refuse = |name: &str, value: i64, detail: &str| {
        errors.push(FieldError::invalid(path.child(name), &Value::Int(value), detail));
    };
    if let Some(parallelism) = parallelism.filter(|number| *number > PARALLELISM_MAX) {
        let detail = "must be less than or equal to 100000 when completion mode is Indexed";
        refuse("parallelism", parallelism, detail);
    }
    if let (Some(failed), Some(completions)) = (failed, completions)
        && failed > completions
    {
        refuse("maxFailedIndexes", failed, "must be less than or equal to completions");
    }
    if let Some(failed) = failed.filter(|number| *number > FAILED_INDEXES_MAX) {
        refuse("maxFailedIndexes", failed, "must be less than or equal to 100000");
    }
    let many = completions.is_some_and(|number| number > COMPLETIONS_SOFT_MAX);
    if !many || !spec.has("backoffLimitPerIndex") {
        return;
    }
    if failed.is_none() {
        let detail = "must be specified when completions is above 100000";
        errors.push(FieldError::required(path.child("maxFailedIndexes"), detail));
    }
    for (name, value) in [("parallelism", parallelism), ("maxFailedIndexes", failed)] {
        if let Some(value) = value.filter(|value| *value > HIGH_COMPLETIONS_MAX) {
            let detail = "must be less than or equal to 10000 when completions are above 100000 \
                          and used with backoff limit per index";
            errors.push(FieldError::invalid(path.child(name), &Value::Int(value), detail));
        }
    }
}

fn success(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let Some(policy) = spec.object("successPolicy") else { return };
    if is_indexed(spec) {
        success_policy::of(policy, spec.int("completions").unwrap_or(0), path, errors);
        return;
    }
    let value = spec.value("successPolicy");
    let detail = "requires indexed completion mode";
    errors.push(internal::invalid(path, "k8s.io.api.batch.v1.SuccessPolicy", value, detail));
}

fn replacement(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let Some(policy) = spec.value("podReplacementPolicy").and_then(Value::as_str) else { return };
    let allowed: &[&str] =
        if spec.has("podFailurePolicy") { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
    check::one_of(errors, path, policy, allowed);
}

/// Pods of a Job end. `Always` is what the default leaves where nothing is said.
fn restarts(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let policy = spec.part("template").part("spec").text("restartPolicy");
    let path = path.child("template.spec.restartPolicy");
    match policy {
        "" | "Always" => {
            let detail = "valid values: \"OnFailure\", \"Never\"";
            errors.push(FieldError::required(path, detail));
        }
        "Never" => {}
        "OnFailure" if spec.has("podFailurePolicy") => {
            let detail = "only \"Never\" is supported when podFailurePolicy is specified";
            errors.push(FieldError::shown(Reason::Invalid, path, "\"OnFailure\"", detail));
        }
        "OnFailure" => {}
        other => errors.push(FieldError::not_supported(path, other, &["OnFailure", "Never"])),
    }
}
