//! Deployments.

use super::rollout::{amount, not_above_all};
use super::selected::{self, at_most, counts};
use crate::field_error::{FieldError, Reason};
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::internal;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings };

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    spec(object.part("spec"), None, &Path::root("spec"), errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    if target.subresource == "status" {
        let path = Path::root("status");
        status(new.part("status"), &path, errors);
        selected::collisions(new.part("status"), old.part("status"), &path, errors);
        return;
    }
    spec(new.part("spec"), Some(old.part("spec")), &Path::root("spec"), errors);
    selected::same_selector(new, old, errors);
}

fn spec(spec: &Object, old: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    check::not_negative(errors, &path.child("replicas"), spec.int("replicas"));
    selected::selector_and_template(spec, old, path, errors);
    strategy(spec.part("strategy"), &path.child("strategy"), errors);
    let ready_s = spec.int("minReadySeconds");
    check::not_negative(errors, &path.child("minReadySeconds"), ready_s);
    let history = spec.int("revisionHistoryLimit");
    check::not_negative(errors, &path.child("revisionHistoryLimit"), history);
    if let Some(deadline_s) = spec.int("progressDeadlineSeconds") {
        let path = path.child("progressDeadlineSeconds");
        check::not_negative(errors, &path, Some(deadline_s));
        if deadline_s <= ready_s.unwrap_or(0) {
            let detail = "must be greater than minReadySeconds";
            errors.push(FieldError::invalid(path, &Value::Int(deadline_s), detail));
        }
    }
}

fn strategy(strategy: &Object, path: &Path<'_>, errors: &mut Errors) {
    let rolling = strategy.object("rollingUpdate");
    let rolling_path = path.child("rollingUpdate");
    match (strategy.text("type"), rolling) {
        ("Recreate", Some(_)) => {
            let detail = "may not be specified when strategy `type` is 'Recreate'";
            errors.push(FieldError::forbidden(rolling_path, detail));
        }
        ("Recreate", None) => {}
        ("RollingUpdate", None) => {
            let detail = "this should be defaulted and never be nil";
            errors.push(FieldError::required(rolling_path, detail));
        }
        ("RollingUpdate", Some(rolling)) => rolling_update(rolling, &rolling_path, errors),
        _ => {
            let strategy = Value::Object(strategy.clone());
            let shown = internal::shown("k8s.io.api.apps.v1.DeploymentStrategy", Some(&strategy));
            let detail = "supported values: \"Recreate\", \"RollingUpdate\"";
            errors.push(FieldError::shown(Reason::NotSupported, path, &shown, detail));
        }
    }
}

fn rolling_update(rolling: &Object, path: &Path<'_>, errors: &mut Errors) {
    let (unavailable, surge) = (rolling.value("maxUnavailable"), rolling.value("maxSurge"));
    let unavailable_path = path.child("maxUnavailable");
    check::count_or_percent(errors, &unavailable_path, unavailable);
    check::count_or_percent(errors, &path.child("maxSurge"), surge);
    if amount(unavailable) == 0 && amount(surge) == 0 {
        let detail = "may not be 0 when `maxSurge` is 0";
        let shown = unavailable.unwrap_or(&Value::Int(0));
        errors.push(FieldError::invalid(unavailable_path, shown, detail));
    }
    not_above_all(unavailable, &unavailable_path, errors);
}

fn status(status: &Object, path: &Path<'_>, errors: &mut Errors) {
    let names = [
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "terminatingReplicas",
        "collisionCount",
    ];
    counts(status, &names, path, errors);
    let detail = "cannot be greater than status.replicas";
    for name in ["updatedReplicas", "readyReplicas", "availableReplicas"] {
        at_most(status, (name, "replicas"), detail, path, errors);
    }
    let detail = "cannot be greater than readyReplicas";
    at_most(status, ("availableReplicas", "readyReplicas"), detail, path, errors);
}

fn warnings(target: Target<'_>, new: &Object, old: Option<&Object>, found: &mut Vec<String>) {
    if old.is_none() {
        selected::host_name_warning(new, found);
    }
    selected::warnings(target, new, old, found);
}
