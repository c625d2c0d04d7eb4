//! What workloads share: a selector, the template of Pods that it must take, and counts in statuses.

use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::{Fields, metadata, same};
use crate::validation::labels;
use crate::validation::meta::IMMUTABLE;
use crate::validation::path::Path;
use crate::validation::pod;
use crate::value::{Object, Value};

/// How a kind words what its selector and template lack.
pub struct Wording {
    pub empty: &'static str,
    /// Beside a selector that cannot be read.
    pub unreadable: &'static str,
    /// For a deadline in the template, which makes no sense where Pods are replaced.
    pub deadline: &'static str,
}

/// Deployments and ReplicaSets, whose words are the same.
pub const REPLICATED: Wording = Wording {
    empty: "empty selector is invalid for deployment",
    unreadable: "invalid label selector",
    deadline: "activeDeadlineSeconds in ReplicaSet is not Supported",
};

/// The selector of a specification: given, well formed, and not empty.
pub fn selector(spec: &Object, wording: &Wording, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("selector");
    let Some(selector) = spec.object("selector") else {
        errors.push(FieldError::required(path, ""));
        return;
    };
    labels::selector(Some(selector), labels::Options::default(), &path, errors);
    not_empty(selector, wording, &path, errors);
}

pub fn not_empty(selector: &Object, wording: &Wording, path: &Path<'_>, errors: &mut Errors) {
    if is_empty(selector) {
        errors.push(FieldError::invalid(path, &Value::Object(selector.clone()), wording.empty));
    }
}

fn is_empty(selector: &Object) -> bool {
    selector.part("matchLabels").is_empty() && selector.list("matchExpressions").is_empty()
}

/// Whether the template may be judged: its selector can be read. Says so if not.
pub fn readable(spec: &Object, wording: &Wording, path: &Path<'_>, errors: &mut Errors) -> bool {
    let Some(selector) = spec.object("selector") else { return true };
    let readable = labels::parsed(selector).is_some();
    if !readable {
        let selector = Value::Object(selector.clone());
        errors.push(FieldError::invalid(path.child("selector"), &selector, wording.unreadable));
    }
    readable
}

/// The template's labels, which the selector must take; an absent selector takes nothing.
pub fn template_labels(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let labels = spec.part("template").part("metadata");
    let taken = spec
        .object("selector")
        .is_some_and(|selector| labels::takes(selector, labels.part("labels")));
    if !taken {
        mismatch(labels, path, errors);
    }
}

pub fn mismatch(meta: &Object, path: &Path<'_>, errors: &mut Errors) {
    let labels = meta.value("labels").unwrap_or(&Value::Null);
    let path = path.child("template.metadata.labels");
    errors.push(FieldError::invalid(path, labels, "`selector` does not match template `labels`"));
}

/// Selector and template, as Deployments and ReplicaSets have them.
pub fn selector_and_template(
    spec: &Object,
    old: Option<&Object>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    selector(spec, &REPLICATED, path, errors);
    if !readable(spec, &REPLICATED, path, errors) {
        return;
    }
    template_labels(spec, path, errors);
    template(spec, old, path, errors);
    always_restarted(spec.part("template"), &REPLICATED, path, errors);
}

/// The template of Pods in a specification that may replace another.
pub fn template(spec: &Object, old: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    let old = old.map(|old| old.part("template"));
    pod::template(spec.part("template"), old, &path.child("template"), errors);
}

/// What is unwise about the template, if it may have changed.
pub fn warnings(target: Target<'_>, new: &Object, old: Option<&Object>, found: &mut Vec<String>) {
    let generation = |object| metadata(object).int("generation");
    if !target.subresource.is_empty() || old.is_some_and(|old| generation(old) == generation(new)) {
        return;
    }
    template_warnings(new, old, found);
}

pub fn template_warnings(new: &Object, old: Option<&Object>, found: &mut Vec<String>) {
    let old = old.map(|old| old.part("spec").part("template"));
    let path = Path::root("spec.template");
    pod::template_warnings(new.part("spec").part("template"), old, &path, found);
}

/// Pods are named for their workload; a name that is no label makes odd hosts.
pub fn host_name_warning(object: &Object, found: &mut Vec<String>) {
    let messages = names::dns_1123_label(metadata(object).text("name"));
    if !messages.is_empty() {
        found.push(format!(
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising \
             behavior; a DNS label is recommended: [{}]",
            messages.join(" ")
        ));
    }
}

/// Pods of a workload are restarted for ever.
pub fn always_restarted(
    template: &Object,
    wording: &Wording,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let pod = template.part("spec");
    let path = path.child("template.spec");
    check::one_of(errors, path.child("restartPolicy"), pod.text("restartPolicy"), &["Always"]);
    if pod.has("activeDeadlineSeconds") {
        let path = path.child("activeDeadlineSeconds");
        errors.push(FieldError::forbidden(path, wording.deadline));
    }
}

/// A selector never changes. Upstream's strategies compare it after all else.
pub fn same_selector(new: &Object, old: &Object, errors: &mut Errors) {
    let (new, old) = (new.part("spec"), old.part("spec"));
    if !same(new.value("selector"), old.value("selector")) {
        let selector = new.value("selector").unwrap_or(&Value::Null);
        errors.push(FieldError::invalid("spec.selector", selector, IMMUTABLE));
    }
}

/// Counts that are not below zero.
pub fn counts(status: &Object, names: &[&str], path: &Path<'_>, errors: &mut Errors) {
    for name in names {
        check::not_negative(errors, &path.child(name), status.int(name));
    }
}

/// One count is not above another.
pub fn at_most(
    status: &Object,
    (less, more): (&str, &str),
    detail: &str,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let count = |name| status.int(name).unwrap_or(0);
    if count(less) > count(more) {
        let less_count = Value::Int(count(less));
        errors.push(FieldError::invalid(path.child(less), &less_count, detail));
    }
}

/// The count of hash collisions only grows.
pub fn collisions(new: &Object, old: &Object, path: &Path<'_>, errors: &mut Errors) {
    let new_count = new.int("collisionCount");
    if old.int("collisionCount").is_some_and(|old| new_count.is_none_or(|new| new < old)) {
        let count = Value::Int(new_count.unwrap_or(0));
        errors.push(FieldError::invalid(
            path.child("collisionCount"),
            &count,
            "cannot be decremented",
        ));
    }
}
