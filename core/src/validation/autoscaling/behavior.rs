//! How fast an autoscaler may scale (`spec.behavior`).

use crate::field_error::FieldError;
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::value::{Object, Value};

const PERIOD_MAX_S: i64 = 1_800;
const WINDOW_MAX_S: i64 = 3_600;

pub fn rules(rules: &Object, path: &Path<'_>, errors: &mut Errors) {
    if let Some(window_s) = rules.int("stabilizationWindowSeconds") {
        let path = path.child("stabilizationWindowSeconds");
        let window = Value::Int(window_s);
        if window_s < 0 {
            let detail = "must be greater than or equal to zero";
            errors.push(FieldError::invalid(path, &window, detail));
        }
        if window_s > WINDOW_MAX_S {
            let detail = format!("must be less than or equal to {WINDOW_MAX_S}");
            errors.push(FieldError::invalid(path, &window, &detail));
        }
    }
    if let Some(policy) = rules.value("selectPolicy").and_then(Value::as_str) {
        check::one_of(errors, path.child("selectPolicy"), policy, &["Disabled", "Max", "Min"]);
    }
    let policies = path.child("policies");
    if rules.list("policies").is_empty() {
        errors.push(FieldError::required(policies, "must specify at least one Policy"));
    }
    for (at, policy) in rules.objects("policies") {
        self::policy(policy, &policies.index(at), errors);
    }
    if rules.has("tolerance") {
        check::quantity_not_negative(errors, path.child("tolerance"), rules.value("tolerance"));
    }
}

fn policy(policy: &Object, path: &Path<'_>, errors: &mut Errors) {
    check::one_of(errors, path.child("type"), policy.text("type"), &["Percent", "Pods"]);
    for name in ["value", "periodSeconds"] {
        let number = policy.int(name).unwrap_or(0);
        if number <= 0 {
            let detail = "must be greater than zero";
            errors.push(FieldError::invalid(path.child(name), &Value::Int(number), detail));
        }
    }
    if let Some(period_s) = policy.int("periodSeconds").filter(|seconds| *seconds > PERIOD_MAX_S) {
        let detail = format!("must be less than or equal to {PERIOD_MAX_S}");
        let path = path.child("periodSeconds");
        errors.push(FieldError::invalid(path, &Value::Int(period_s), &detail));
    }
}
