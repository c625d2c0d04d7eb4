//! Jobs.

use super::{job_spec, job_status};
use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::apps::selected;
use crate::validation::check;
use crate::validation::fields::{Fields, metadata, same};
use crate::validation::internal;
use crate::validation::labels;
use crate::validation::meta::IMMUTABLE;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings };

/// The labels that find a Job's Pods.
const GENERATED: [&str; 4] = [
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
];

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    job(target, object, None, errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    if target.subresource == "status" {
        meta::on_update(new, old, errors);
        job_status::update(new, old, errors);
        return;
    }
    let path = Path::root("spec");
    let (new_spec, old_spec) = (new.part("spec"), old.part("spec"));
    job(target, new, Some(old), errors);
    meta::on_update(new, old, errors);
    // Upstream looks twice at the specification.
    spec(new_spec, Some(old_spec), &path, errors);
    completions(new_spec, old_spec, &path.child("completions"), errors);
    immutable("selector", new_spec, old_spec, &path, errors);
    template(new, old, &path.child("template"), errors);
    for name in
        ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"]
    {
        immutable(name, new_spec, old_spec, &path, errors);
    }
}

fn job(target: Target<'_>, object: &Object, old: Option<&Object>, errors: &mut Errors) {
    let found = errors.len();
    meta::on_create(target, object, meta::subdomain, errors);
    if old.is_none() && has_generated_labels(object) {
        let mut at = 0..;
        let labels = |error: &FieldError| error.field == "metadata.labels";
        errors.retain(|error| at.next().is_some_and(|at| at < found) || !labels(error));
    }
    generated_selector(object, errors);
    let spec = object.part("spec");
    self::spec(spec, old.map(|old| old.part("spec")), &Path::root("spec"), errors);
    let completions = spec.int("completions").unwrap_or(0);
    if job_spec::is_indexed(spec) && completions > 0 {
        let name = metadata(object).text("name");
        let host = format!("{name}-{}", completions - 1);
        if !names::dns_1123_label(&host).is_empty() {
            let detail = format!("will not able to create pod with invalid DNS label: {host}");
            errors.push(FieldError::invalid("metadata.name", name, &detail));
        }
    }
}

/// Whether a Job's labels are none but those that its Pods were given. Upstream copies them when it
/// reads the Job again, and so does not judge them twice.
fn has_generated_labels(object: &Object) -> bool {
    let labels = object.part("spec").part("template").part("metadata").part("labels");
    let own = metadata(object).part("labels");
    own == labels && labels.iter().all(|(key, _)| GENERATED.contains(&key))
}

/// The server makes selector and labels of it; what a client adds may not disturb them.
fn generated_selector(object: &Object, errors: &mut Errors) {
    let spec = object.part("spec");
    let Some(selector) = spec.object("selector") else { return };
    if spec.flag("manualSelector") {
        return;
    }
    let (uid, name) = (metadata(object).text("uid"), metadata(object).text("name"));
    check::required(errors, "metadata.uid", uid, "");
    let labels = spec.part("template").part("metadata").part("labels");
    let mut expected = Object::new();
    for (key, value) in GENERATED.into_iter().zip([uid, name, uid, name]) {
        expected.push(key, value.into());
        has_label(labels, key, value, errors);
    }
    if labels::parsed(selector).is_some() && !labels::takes(selector, &expected) {
        let selector = Value::Object(selector.clone());
        let detail = "`selector` not auto-generated";
        errors.push(FieldError::invalid("spec.selector", &selector, detail));
    }
}

fn has_label(labels: &Object, key: &str, expected: &str, errors: &mut Errors) {
    let template = Path::root("spec.template.metadata");
    let labels_path = template.child("labels");
    let path = labels_path.key(key);
    match labels.value(key).and_then(Value::as_str) {
        None => errors.push(FieldError::required(path, &format!("must be '{expected}'"))),
        Some(value) if value != expected => {
            let detail = format!("must be '{expected}'");
            let all = Value::Object(labels.clone());
            errors.push(FieldError::invalid(path, &all, &detail));
        }
        Some(_) => {}
    }
}

fn spec(spec: &Object, old: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    job_spec::of(spec, old, path, errors);
    let selector = spec.object("selector");
    if selector.is_none() {
        errors.push(FieldError::required(path.child("selector"), ""));
    }
    let any_value = old.is_some_and(|old| labels::has_bad_value(old.object("selector")));
    let options = labels::Options { any_value, ..labels::Options::default() };
    labels::selector(selector, options, &path.child("selector"), errors);
    let readable = selector.is_none_or(|selector| labels::parsed(selector).is_some());
    let meta = spec.part("template").part("metadata");
    let taken = selector.is_some_and(|selector| labels::takes(selector, meta.part("labels")));
    if readable && !taken {
        let labels = meta.value("labels").unwrap_or(&Value::Null);
        let path = path.child("template.metadata.labels");
        let detail = "`selector` does not match template `labels`";
        errors.push(FieldError::invalid(path, labels, detail));
    }
}

/// An indexed Job may grow and shrink, with its parallelism.
fn completions(new: &Object, old: &Object, path: &Path<'_>, errors: &mut Errors) {
    let (after, before) = (new.value("completions"), old.value("completions"));
    if !job_spec::is_indexed(new) {
        check::immutable(errors, path, after, before, "null");
        return;
    }
    let Some(after) = after.filter(|_| !same(after, before)) else { return };
    if after.as_i64() != new.int("parallelism") {
        let detail = "can only be modified in tandem with spec.parallelism";
        errors.push(FieldError::invalid(path, after, detail));
    }
}

fn immutable(name: &str, new: &Object, old: &Object, path: &Path<'_>, errors: &mut Errors) {
    let (after, before) = (new.value(name), old.value(name));
    if same(after, before) {
        return;
    }
    let message = match name {
        "podFailurePolicy" => "k8s.io.api.batch.v1.PodFailurePolicy",
        "successPolicy" => "k8s.io.api.batch.v1.SuccessPolicy",
        _ => "",
    };
    let path = path.child(name);
    errors.push(match after {
        Some(after) if message.is_empty() => FieldError::invalid(path, after, IMMUTABLE),
        after => internal::invalid(&path, message, after, IMMUTABLE),
    });
}

/// The template is fixed, but for where Pods run while the Job is suspended and has not begun.
fn template(new: &Object, old: &Object, path: &Path<'_>, errors: &mut Errors) {
    let after = new.part("spec").value("template");
    let before = old.part("spec").part("template");
    let unchanged = if may_reschedule(old) {
        let after = new.part("spec").part("template");
        same(Some(&Value::Object(after.clone())), Some(&rescheduled(before, after)))
    } else {
        same(after, old.part("spec").value("template"))
    };
    if !unchanged {
        errors.push(internal::invalid(
            path,
            "k8s.io.api.core.v1.PodTemplateSpec",
            after,
            IMMUTABLE,
        ));
    }
}

fn may_reschedule(old: &Object) -> bool {
    let suspended = old.part("spec").flag("suspend");
    let unstarted = !old.part("status").has("startTime");
    let noted = || job_status::is_true(old, "Suspended");
    suspended && (unstarted || noted())
}

/// The old template with the new one's directives for the scheduler.
fn rescheduled(before: &Object, after: &Object) -> Value {
    let mut template = before.clone();
    let mut meta = before.part("metadata").clone();
    for name in ["annotations", "labels"] {
        copy(&mut meta, after.part("metadata"), name);
    }
    set(&mut template, "metadata", meta);
    let (old_pod, new_pod) = (before.part("spec"), after.part("spec"));
    let mut pod = old_pod.clone();
    for name in ["nodeSelector", "tolerations", "schedulingGates"] {
        copy(&mut pod, new_pod, name);
    }
    for name in ["containers", "initContainers"] {
        resized(&mut pod, new_pod, name);
    }
    let mut affinity = old_pod.part("affinity").clone();
    copy(&mut affinity, new_pod.part("affinity"), "nodeAffinity");
    // An affinity that held nothing else may come and go whole.
    if affinity.is_empty() && !new_pod.has("affinity") {
        pod.remove("affinity");
    } else {
        pod.insert("affinity", Value::Object(affinity));
    }
    set(&mut template, "spec", pod);
    Value::Object(template)
}

/// Containers with the resources of the new ones at their places.
fn resized(pod: &mut Object, new_pod: &Object, name: &str) {
    let Some(Value::Array(containers)) = pod.get_mut(name) else { return };
    for (at, new) in new_pod.objects(name) {
        if let Some(Value::Object(container)) = containers.get_mut(at) {
            copy(container, new, "resources");
        }
    }
}

fn copy(to: &mut Object, from: &Object, name: &str) {
    match from.value(name) {
        Some(value) => {
            to.insert(name, value.clone());
        }
        None => {
            to.remove(name);
        }
    }
}

fn set(to: &mut Object, name: &str, part: Object) {
    if to.has(name) || !part.is_empty() {
        to.insert(name, Value::Object(part));
    }
}

fn warnings(target: Target<'_>, new: &Object, old: Option<&Object>, found: &mut Vec<String>) {
    if !target.subresource.is_empty() {
        return;
    }
    if old.is_none() {
        selected::host_name_warning(new, found);
    }
    high_completions(new.part("spec"), "spec", found);
    selected::template_warnings(new, old, found);
}

/// Beyond this, a status that lists indexes grows too large.
fn high_completions(spec: &Object, path: &str, found: &mut Vec<String>) {
    let completions = spec.int("completions").unwrap_or(0);
    let parallelism = spec.int("parallelism").unwrap_or(0);
    if completions > 100_000 && parallelism > 10_000 {
        found.push(format!(
            "{path}: In Indexed Jobs with a number of completions higher than 10^5 and a \
             parallelism higher than 10^4, Kubernetes might not be able to track \
             completedIndexes when a big number of indexes fail"
        ));
    }
}
