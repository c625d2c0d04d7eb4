//! DaemonSets.

use super::rollout::{amount, not_above_all};
use super::selected::{self, Wording, counts};
use crate::field_error::{FieldError, Reason};
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::internal;
use crate::validation::labels;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings: selected::warnings };

const WORDING: Wording = Wording {
    empty: "empty selector is invalid for daemonset",
    unreadable: "",
    deadline: "activeDeadlineSeconds in DaemonSet is not Supported",
};

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    spec(object.part("spec"), None, errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    if target.subresource == "status" {
        let path = Path::root("status");
        status(new.part("status"), &path, errors);
        selected::collisions(new.part("status"), old.part("status"), &path, errors);
        return;
    }
    selected::same_selector(new, old, errors);
    spec(new.part("spec"), Some(old.part("spec")), errors);
}

fn spec(spec: &Object, old: Option<&Object>, errors: &mut Errors) {
    let path = Path::root("spec");
    let selector = spec.object("selector");
    // Values that were stored before they were checked stay.
    let any_value = old.is_some_and(|old| labels::has_bad_value(old.object("selector")));
    let options = labels::Options { any_value, ..labels::Options::default() };
    labels::selector(selector, options, &path.child("selector"), errors);
    let readable = selector.is_none_or(|selector| labels::parsed(selector).is_some());
    if readable {
        selected::template_labels(spec, &path, errors);
    }
    if let Some(selector) = selector {
        selected::not_empty(selector, &WORDING, &path.child("selector"), errors);
    }
    selected::template(spec, old, &path, errors);
    selected::always_restarted(spec.part("template"), &WORDING, &path, errors);
    check::not_negative(errors, &path.child("minReadySeconds"), spec.int("minReadySeconds"));
    update_strategy(spec.part("updateStrategy"), &path.child("updateStrategy"), errors);
    let history = spec.int("revisionHistoryLimit");
    check::not_negative(errors, &path.child("revisionHistoryLimit"), history);
}

fn update_strategy(strategy: &Object, path: &Path<'_>, errors: &mut Errors) {
    let rolling_path = path.child("rollingUpdate");
    match (strategy.text("type"), strategy.object("rollingUpdate")) {
        ("OnDelete", _) => {}
        ("RollingUpdate", None) => errors.push(FieldError::required(rolling_path, "")),
        ("RollingUpdate", Some(rolling)) => rolling_update(rolling, &rolling_path, errors),
        _ => {
            let strategy = Value::Object(strategy.clone());
            let message = "k8s.io.api.apps.v1.DaemonSetUpdateStrategy";
            let shown = internal::shown(message, Some(&strategy));
            let detail = "supported values: \"RollingUpdate\", \"OnDelete\"";
            errors.push(FieldError::shown(Reason::NotSupported, path, &shown, detail));
        }
    }
}

fn rolling_update(rolling: &Object, path: &Path<'_>, errors: &mut Errors) {
    let (unavailable, surge) = (rolling.value("maxUnavailable"), rolling.value("maxSurge"));
    let (unavailable_path, surge_path) = (path.child("maxUnavailable"), path.child("maxSurge"));
    check::count_or_percent(errors, &unavailable_path, unavailable);
    check::count_or_percent(errors, &surge_path, surge);
    not_above_all(unavailable, &unavailable_path, errors);
    not_above_all(surge, &surge_path, errors);
    match (amount(unavailable) != 0, amount(surge) != 0) {
        (true, true) => {
            let detail = "may not be set when maxUnavailable is non-zero";
            let surge = surge.unwrap_or(&Value::Int(0));
            errors.push(FieldError::invalid(surge_path, surge, detail));
        }
        (false, false) => {
            let detail = "cannot be 0 when maxSurge is 0";
            errors.push(FieldError::required(unavailable_path, detail));
        }
        _ => {}
    }
}

fn status(status: &Object, path: &Path<'_>, errors: &mut Errors) {
    let names = [
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    ];
    counts(status, &names, path, errors);
}
