//! MutatingAdmissionPolicies.

use super::validating_policy::{constraints, failure_policy, param_kind};
use super::{REINVOCATION_POLICIES, expression};
use crate::field_error::FieldError;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::{Fields, same};
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

/// Ways to say a change, and the field in which each is described.
const PATCHES: [(&str, &str); 2] =
    [("ApplyConfiguration", "applyConfiguration"), ("JSONPatch", "jsonPatch")];

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::plain_on_create(target, object, meta::subdomain, errors);
    spec(object.part("spec"), true, errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::plain_on_create(target, new, meta::subdomain, errors);
    let (after, before) = (new.part("spec"), old.part("spec"));
    let mut kept = ["paramKind", "matchConditions"].into_iter();
    spec(after, !kept.all(|name| same(after.value(name), before.value(name))), errors);
}

fn spec(spec: &Object, judge_conditions: bool, errors: &mut Errors) {
    let path = Path::root("spec");
    failure_policy(spec, &path, errors);
    if let Some(kind) = spec.object("paramKind") {
        param_kind(kind, &path.child("paramKind"), errors);
    }
    constraints(spec, &path.child("matchConstraints"), errors);
    if judge_conditions {
        expression::conditions(spec, &path, errors);
    }
    expression::variables(spec, &path, errors);
    let mutations_path = path.child("mutations");
    if spec.list("mutations").is_empty() {
        let detail = "mutations must contain at least one item";
        errors.push(FieldError::required(mutations_path, detail));
    }
    for (at, mutation) in spec.objects("mutations") {
        self::mutation(mutation, &mutations_path.index(at), errors);
    }
    let policy_path = path.child("reinvocationPolicy");
    match spec.value("reinvocationPolicy").and_then(Value::as_str) {
        None | Some("") => errors.push(FieldError::required(policy_path, "")),
        Some(policy) => check::one_of(errors, policy_path, policy, &REINVOCATION_POLICIES),
    }
}

fn mutation(mutation: &Object, path: &Path<'_>, errors: &mut Errors) {
    let kind = mutation.text("patchType");
    let Some((_, meant)) = PATCHES.iter().find(|(one, _)| *one == kind) else {
        let path = path.child("patchType");
        errors.push(match kind {
            "" => FieldError::required(path, ""),
            _ => FieldError::not_supported(path, kind, &PATCHES.map(|(one, _)| one)),
        });
        return;
    };
    match mutation.object(meant) {
        None => {
            let detail = format!("must be specified when patchType is {kind}");
            errors.push(FieldError::required(path.child(meant), &detail));
        }
        Some(described) => {
            expression::specified(described, "expression", &path.child(meant), errors);
        }
    }
    for (_, other) in PATCHES.iter().filter(|(one, other)| *one != kind && mutation.has(other)) {
        let detail = format!("must not be specified when patchType is {kind}");
        errors.push(FieldError::invalid(path.child(other), "{}", &detail));
    }
}
