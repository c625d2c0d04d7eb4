//! The group `autoscaling`: HorizontalPodAutoscalers, as version 2 has them.

mod behavior;
mod metric;
mod reference;

use super::check;
use super::fields::Fields;
use super::path::Path;
use super::{Errors, Rules, meta};
use crate::field_error::FieldError;
use crate::target::Target;
use crate::value::{Object, Value};

pub(super) fn rules(kind: &str) -> Option<Rules> {
    let rules = Rules { create, update, warnings: |_, _, _, _| {} };
    (kind == "HorizontalPodAutoscaler").then_some(rules)
}

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    spec(object.part("spec"), None, errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    if target.subresource == "status" {
        let status = new.part("status");
        for name in ["currentReplicas", "desiredReplicas"] {
            let path = Path::root("status");
            check::not_negative(errors, &path.child(name), status.int(name));
        }
        return;
    }
    spec(new.part("spec"), Some(old.part("spec")), errors);
}

fn spec(spec: &Object, old: Option<&Object>, errors: &mut Errors) {
    let path = Path::root("spec");
    // Scaling to nothing is switched off; who had it keeps it.
    let held_zero = old.is_some_and(|old| old.int("minReplicas") == Some(0));
    let least = if held_zero { 0 } else { 1 };
    let min = spec.int("minReplicas");
    if let Some(min) = min.filter(|min| *min < least) {
        let detail = format!("must be greater than or equal to {least}");
        errors.push(FieldError::invalid(path.child("minReplicas"), &Value::Int(min), &detail));
    }
    let max = spec.int("maxReplicas").unwrap_or(0);
    let max_path = path.child("maxReplicas");
    if max == 0 {
        errors.push(FieldError::required(max_path, "must be set and greater than 0"));
    } else if max < 0 {
        errors.push(FieldError::invalid(max_path, &Value::Int(max), "must be greater than 0"));
    }
    if min.is_some_and(|min| max < min) {
        let detail = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid(max_path, &Value::Int(max), detail));
    }
    let held_bad = old.is_some_and(|old| {
        reference::bad_version(old.part("scaleTargetRef").text("apiVersion"), false).is_some()
    });
    let options = reference::Options { any_version: held_bad, core_group: false };
    let target_path = path.child("scaleTargetRef");
    reference::of(spec.part("scaleTargetRef"), options, &target_path, errors);
    metric::all(spec, old, &path.child("metrics"), errors);
    if let Some(behavior) = spec.object("behavior") {
        let path = path.child("behavior");
        for name in ["scaleUp", "scaleDown"] {
            if let Some(rules) = behavior.object(name) {
                behavior::rules(rules, &path.child(name), errors);
            }
        }
    }
}
