//! Bindings of policies: ValidatingAdmissionPolicyBindings and MutatingAdmissionPolicyBindings.

use super::match_resources;
use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::{Fields, Seen};
use crate::validation::labels;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const VALIDATING: Rules = Rules {
    create: validating,
    update: |target, new, _, errors| validating(target, new, errors),
    warnings: |_, _, _, _| {},
};

pub(super) const MUTATING: Rules = Rules {
    create: mutating,
    update: |target, new, _, errors| mutating(target, new, errors),
    warnings: |_, _, _, _| {},
};

fn mutating(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::plain_on_create(target, object, meta::subdomain, errors);
    let spec = object.part("spec");
    let path = Path::root("spec");
    let policy = spec.text("policyName");
    if policy.is_empty() {
        errors.push(FieldError::required(path.child("policyName"), ""));
    } else {
        check::dns_subdomain(errors, path.child("policyName"), policy);
    }
    if let Some(parameter) = spec.object("paramRef") {
        self::parameter(parameter, &path.child("paramRef"), errors);
    }
    if let Some(matched) = spec.object("matchResources") {
        match_resources::of(matched, &path.child("matchResources"), errors);
    }
}

fn validating(target: Target<'_>, object: &Object, errors: &mut Errors) {
    mutating(target, object, errors);
    let spec = object.part("spec");
    let path = Path::root("spec.validationActions");
    let mut seen = Seen::default();
    for (at, action) in spec.texts("validationActions").enumerate() {
        check::one_of(errors, path.index(at), action, &["Audit", "Deny", "Warn"]);
        if seen.again(action) {
            errors.push(FieldError::duplicate(path.index(at), action));
        }
    }
    let actions = spec.list("validationActions");
    if seen.has("Deny") && seen.has("Warn") {
        let actions = Value::Array(actions.to_vec());
        let detail = "must not contain both Deny and Warn (repeating the same validation failure \
                      information in the API response and headers serves no purpose)";
        errors.push(FieldError::invalid(path, &actions, detail));
    }
    if actions.is_empty() {
        errors.push(FieldError::required(path, "at least one validation action is required"));
    }
}

/// The objects that parametrize a policy: by name, or by labels.
fn parameter(parameter: &Object, path: &Path<'_>, errors: &mut Errors) {
    let name = parameter.text("name");
    let selector = parameter.object("selector");
    let both = "name and selector are mutually exclusive";
    if !name.is_empty() {
        check::each(errors, path.child("name"), name, names::path_segment(name));
        if selector.is_some() {
            errors.push(FieldError::forbidden(path.child("name"), both));
        }
    }
    if selector.is_some() {
        let path = path.child("selector");
        labels::selector(selector, labels::Options::default(), &path, errors);
        if !name.is_empty() {
            errors.push(FieldError::forbidden(path, both));
        }
    } else if name.is_empty() {
        errors.push(FieldError::required(path, "one of name or selector must be specified"));
    }
    let action_path = path.child("parameterNotFoundAction");
    match parameter.text("parameterNotFoundAction") {
        "" => errors.push(FieldError::required(action_path, "")),
        action => check::one_of(errors, action_path, action, &["Deny", "Allow"]),
    }
}
