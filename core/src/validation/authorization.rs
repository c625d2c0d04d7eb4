//! The group `authorization.k8s.io`: questions of who may do what. They are never stored.

use super::fields::{Fields, metadata};
use super::internal;
use super::labels;
use super::path::Path;
use super::{Errors, Rules};
use crate::field_error::FieldError;
use crate::target::Target;
use crate::value::{Object, Value};

const NON_RESOURCE: &str = "k8s.io.api.authorization.v1.NonResourceAttributes";

pub(super) fn rules(kind: &str) -> Option<Rules> {
    let create = match kind {
        "SubjectAccessReview" => subject,
        "SelfSubjectAccessReview" => own,
        "LocalSubjectAccessReview" => local,
        "SelfSubjectRulesReview" => rules_review,
        _ => return None,
    };
    Some(Rules { create, update: |_, _, _, _| {}, warnings: |_, _, _, _| {} })
}

fn rules_review(_: Target<'_>, _: &Object, _: &mut Errors) {}

fn subject(_: Target<'_>, review: &Object, errors: &mut Errors) {
    attributes(review, true, errors);
    bare(review, &["managedFields"], "must be empty", errors);
}

fn own(_: Target<'_>, review: &Object, errors: &mut Errors) {
    attributes(review, false, errors);
    bare(review, &["managedFields"], "must be empty", errors);
}

fn local(_: Target<'_>, review: &Object, errors: &mut Errors) {
    attributes(review, true, errors);
    bare(review, &["managedFields", "namespace"], "must be empty except for namespace", errors);
    let spec = review.part("spec");
    if let Some(resource) = spec.object("resourceAttributes")
        && resource.text("namespace") != metadata(review).text("namespace")
    {
        let detail = "must match metadata.namespace";
        let field = "spec.resourceAttributes.namespace";
        errors.push(FieldError::invalid(field, resource.text("namespace"), detail));
    }
    if spec.has("nonResourceAttributes") {
        let detail = "disallowed on this kind of request";
        let value = spec.value("nonResourceAttributes");
        let path = Path::root("spec.nonResourceAttributes");
        errors.push(internal::invalid(&path, NON_RESOURCE, value, detail));
    }
}

/// Questions have no metadata, but for what the server puts there.
fn bare(review: &Object, allowed: &[&str], detail: &str, errors: &mut Errors) {
    let meta = metadata(review);
    if meta.iter().any(|(name, value)| !allowed.contains(&name) && !value.is_null()) {
        errors.push(FieldError::invalid("metadata", &Value::Object(meta.clone()), detail));
    }
}

fn attributes(review: &Object, names_subject: bool, errors: &mut Errors) {
    let spec = review.part("spec");
    let path = Path::root("spec");
    let other = spec.value("nonResourceAttributes");
    match (spec.has("resourceAttributes"), other.is_some()) {
        (true, true) => {
            let detail = "cannot be specified in combination with resourceAttributes";
            let path = path.child("nonResourceAttributes");
            errors.push(internal::invalid(&path, NON_RESOURCE, other, detail));
        }
        (false, false) => {
            let detail = "exactly one of nonResourceAttributes or resourceAttributes must be \
                          specified";
            let path = path.child("resourceAttributes");
            errors.push(internal::invalid(&path, NON_RESOURCE, other, detail));
        }
        _ => {}
    }
    if names_subject && spec.text("user").is_empty() && spec.list("groups").is_empty() {
        let detail = "at least one of user or group must be specified";
        errors.push(FieldError::invalid(path.child("user"), "", detail));
    }
    if let Some(resource) = spec.object("resourceAttributes") {
        let path = path.child("resourceAttributes");
        for name in ["fieldSelector", "labelSelector"] {
            if let Some(selector) = resource.object(name) {
                self::selector(selector, name, &path.child(name), errors);
            }
        }
    }
}

fn selector(selector: &Object, name: &str, path: &Path<'_>, errors: &mut Errors) {
    let raw = selector.text("rawSelector");
    let listed = !selector.list("requirements").is_empty();
    if !raw.is_empty() && listed {
        let detail = "may not specified at the same time as requirements";
        errors.push(FieldError::invalid(path.child("rawSelector"), raw, detail));
    }
    let path_of_requirements = path.child("requirements");
    if raw.is_empty() && !listed {
        let detail = format!("when {path} is specified, requirements or rawSelector is required");
        errors.push(FieldError::required(path_of_requirements, &detail));
    }
    // Operators that are not known here may be known to who asks.
    let options = labels::Options { any_operator: true, ..labels::Options::default() };
    for (at, requirement) in selector.objects("requirements") {
        let path = path_of_requirements.index(at);
        if name == "labelSelector" {
            labels::requirement(requirement, options, &path, errors);
        } else {
            field_requirement(requirement, &path, errors);
        }
    }
}

fn field_requirement(requirement: &Object, path: &Path<'_>, errors: &mut Errors) {
    if requirement.text("key").is_empty() {
        errors.push(FieldError::required(path.child("key"), "must be specified"));
    }
    let some = !requirement.list("values").is_empty();
    match requirement.text("operator") {
        "In" | "NotIn" if !some => {
            let detail = "must be specified when `operator` is 'In' or 'NotIn'";
            errors.push(FieldError::required(path.child("values"), detail));
        }
        "Exists" | "DoesNotExist" if some => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.push(FieldError::forbidden(path.child("values"), detail));
        }
        _ => {}
    }
}
