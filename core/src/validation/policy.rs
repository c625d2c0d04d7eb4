//! The group `policy`: PodDisruptionBudgets.

use super::apps::rollout::not_above_all;
use super::check;
use super::fields::Fields;
use super::internal;
use super::labels;
use super::path::Path;
use super::{Errors, Rules};
use crate::target::Target;
use crate::value::{Object, Value};

pub(super) fn rules(kind: &str) -> Option<Rules> {
    (kind == "PodDisruptionBudget").then_some(Rules { create, update, warnings: |_, _, _, _| {} })
}

/// Metadata is not judged: any name that makes a path will do.
fn create(_: Target<'_>, object: &Object, errors: &mut Errors) {
    spec(object.part("spec"), None, errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    if target.subresource == "status" {
        status(new.part("status"), errors);
    } else {
        spec(new.part("spec"), Some(old.part("spec")), errors);
    }
}

fn spec(spec: &Object, old: Option<&Object>, errors: &mut Errors) {
    let path = Path::root("spec");
    let bounds = ["minAvailable", "maxUnavailable"];
    if bounds.iter().all(|name| spec.has(name)) {
        let value = Value::Object(spec.clone());
        let message = "k8s.io.api.policy.v1.PodDisruptionBudgetSpec";
        let detail = "minAvailable and maxUnavailable cannot be both set";
        errors.push(internal::invalid(&path, message, Some(&value), detail));
    }
    for name in bounds {
        check::count_or_percent(errors, &path.child(name), spec.value(name));
        not_above_all(spec.value(name), &path.child(name), errors);
    }
    let any_value = old.is_some_and(|old| labels::has_bad_value(old.object("selector")));
    let options = labels::Options { any_value, ..labels::Options::default() };
    labels::selector(spec.object("selector"), options, &path.child("selector"), errors);
    if let Some(policy) = spec.value("unhealthyPodEvictionPolicy").and_then(Value::as_str) {
        let path = path.child("unhealthyPodEvictionPolicy");
        check::one_of(errors, path, policy, &["AlwaysAllow", "IfHealthyBudget"]);
    }
}

fn status(status: &Object, errors: &mut Errors) {
    let path = Path::root("status");
    check::conditions(errors, &path.child("conditions"), status);
    for name in ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] {
        check::not_negative(errors, &path.child(name), status.int(name));
    }
}
