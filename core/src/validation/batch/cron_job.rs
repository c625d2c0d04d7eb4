//! CronJobs.

use super::{job_spec, schedule, time_zone};
use crate::field_error::FieldError;
use crate::target::Target;
use crate::validation::apps::selected;
use crate::validation::check;
use crate::validation::fields::{Fields, metadata, same};
use crate::validation::path::Path;
use crate::validation::pod;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings };

/// The controller adds eleven characters of time to make the name of a Job, a label.
const NAME_MAX_BYTES: usize = 52;

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    spec(object.part("spec"), None, errors);
    let name = metadata(object).text("name");
    if name.len() > NAME_MAX_BYTES {
        let detail = "must be no more than 52 characters";
        errors.push(FieldError::invalid("metadata.name", name, detail));
    }
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    if target.subresource.is_empty() {
        spec(new.part("spec"), Some(old.part("spec")), errors);
    }
}

fn spec(spec: &Object, old: Option<&Object>, errors: &mut Errors) {
    let path = Path::root("spec");
    self::schedule(spec, old, &path.child("schedule"), errors);
    let deadline_s = spec.int("startingDeadlineSeconds");
    check::not_negative(errors, &path.child("startingDeadlineSeconds"), deadline_s);
    if old.is_none_or(|old| !same(old.value("timeZone"), spec.value("timeZone"))) {
        zone(spec, &path.child("timeZone"), errors);
    }
    let policy_path = path.child("concurrencyPolicy");
    match spec.text("concurrencyPolicy") {
        "" => errors.push(FieldError::required(policy_path, "")),
        policy => check::one_of(errors, policy_path, policy, &["Allow", "Forbid", "Replace"]),
    }
    let old_job = old.map(|old| old.part("jobTemplate").part("spec"));
    let job = spec.part("jobTemplate").part("spec");
    job_template(job, old_job, &path.child("jobTemplate.spec"), errors);
    for name in ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        check::not_negative(errors, &path.child(name), spec.int(name));
    }
}

fn schedule(spec: &Object, old: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    let text = spec.text("schedule");
    if text.is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    if let Err(message) = schedule::check(text) {
        errors.push(FieldError::invalid(path, text, &message));
    }
    if !text.contains("TZ") {
        return;
    }
    // Zones in schedules were never promised; those that were stored go on working.
    let held = old.is_some_and(|old| old.text("schedule").contains("TZ"));
    let detail = match (held, spec.has("timeZone")) {
        (true, true) => "cannot use both timeZone field and TZ or CRON_TZ in schedule",
        (true, false) => return,
        (false, _) => "cannot use TZ or CRON_TZ in schedule, use timeZone field instead",
    };
    errors.push(FieldError::invalid(path, text, detail));
}

fn zone(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let Some(zone) = spec.value("timeZone").and_then(Value::as_str) else { return };
    if zone.is_empty() {
        let detail = "timeZone must be nil or non-empty string";
        errors.push(FieldError::invalid(path, zone, detail));
        return;
    }
    if zone.eq_ignore_ascii_case("Local") {
        let detail = "timeZone must be an explicit time zone as defined in \
                      https://www.iana.org/time-zones";
        errors.push(FieldError::invalid(path, zone, detail));
    }
    if !time_zone::is_known(zone) {
        errors.push(FieldError::invalid(path, zone, &format!("unknown time zone {zone}")));
    }
}

/// Selectors are made when a Job is.
fn job_template(spec: &Object, old: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    job_spec::of(spec, old, path, errors);
    if let Some(selector) = spec.value("selector") {
        let detail = "`selector` will be auto-generated";
        errors.push(FieldError::invalid(path.child("selector"), selector, detail));
    }
    if spec.flag("manualSelector") {
        let path = path.child("manualSelector");
        errors.push(FieldError::not_supported(path, &Value::Bool(true), &["nil", "false"]));
    }
}

fn template(object: &Object) -> &Object {
    object.part("spec").part("jobTemplate").part("spec").part("template")
}

fn warnings(target: Target<'_>, new: &Object, old: Option<&Object>, found: &mut Vec<String>) {
    if !target.subresource.is_empty() {
        return;
    }
    if old.is_none() {
        selected::host_name_warning(new, found);
    }
    let changed = old
        .is_none_or(|old| metadata(new).value("generation") != metadata(old).value("generation"));
    if changed {
        let path = Path::root("spec.jobTemplate.spec.template");
        pod::template_warnings(template(new), old.map(template), &path, found);
    }
    if new.part("spec").text("schedule").contains("TZ") {
        found.push(
            "CRON_TZ or TZ used in spec.spec.schedule is not officially supported, see \
             https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
                .to_owned(),
        );
    }
}
