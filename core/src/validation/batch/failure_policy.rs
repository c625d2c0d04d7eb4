//! What a Job does about Pods that fail (`spec.podFailurePolicy`).

use crate::field_error::{FieldError, Reason};
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::value::{Object, Value};

const RULES_MAX: usize = 20;
const EXIT_CODES_MAX: usize = 255;
const CONDITIONS_MAX: usize = 20;

pub fn of(policy: &Object, spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("rules");
    let count = policy.list("rules").len();
    if count > RULES_MAX {
        errors.push(FieldError::too_many(path, count, RULES_MAX));
    }
    for (at, rule) in policy.objects("rules") {
        self::rule(rule, spec, &path.index(at), errors);
    }
}

fn rule(rule: &Object, spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    action(rule.text("action"), spec, &path.child("action"), errors);
    let codes = rule.object("onExitCodes");
    let conditions = !rule.list("onPodConditions").is_empty();
    if let Some(codes) = codes {
        exit_codes(codes, spec, &path.child("onExitCodes"), errors);
    }
    pod_conditions(rule, &path.child("onPodConditions"), errors);
    let detail = match (codes.is_some(), conditions) {
        (true, true) => "specifying both OnExitCodes and OnPodConditions is not supported",
        (false, false) => "specifying one of OnExitCodes and OnPodConditions is required",
        _ => return,
    };
    errors.push(FieldError::shown(Reason::Invalid, path, "", detail));
}

fn action(action: &str, spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    match action {
        "" => {
            let detail = "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]";
            errors.push(FieldError::required(path, detail));
        }
        "FailIndex" if !spec.has("backoffLimitPerIndex") => {
            let detail = "requires the backoffLimitPerIndex to be set";
            errors.push(FieldError::invalid(path, action, detail));
        }
        _ => check::one_of(errors, path, action, &["Count", "FailIndex", "FailJob", "Ignore"]),
    }
}

fn pod_conditions(rule: &Object, path: &Path<'_>, errors: &mut Errors) {
    let count = rule.list("onPodConditions").len();
    if count > CONDITIONS_MAX {
        errors.push(FieldError::too_many(path, count, CONDITIONS_MAX));
    }
    for (at, pattern) in rule.objects("onPodConditions") {
        let path = path.index(at);
        check::label_key(errors, path.child("type"), pattern.text("type"));
        let path = path.child("status");
        match pattern.text("status") {
            "" => {
                let detail = "valid values: [\"False\" \"True\" \"Unknown\"]";
                errors.push(FieldError::required(path, detail));
            }
            status => check::one_of(errors, path, status, &["False", "True", "Unknown"]),
        }
    }
}

fn exit_codes(codes: &Object, spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let operator = codes.text("operator");
    let operator_path = path.child("operator");
    match operator {
        "" => {
            let detail = "valid values: [\"In\" \"NotIn\"]";
            errors.push(FieldError::required(operator_path, detail));
        }
        _ => check::one_of(errors, operator_path, operator, &["In", "NotIn"]),
    }
    if let Some(name) = codes.value("containerName").and_then(Value::as_str)
        && !has_container(spec, name)
    {
        let detail = "must be one of the container or initContainer names in the pod template";
        errors.push(FieldError::invalid(path.child("containerName"), name, detail));
    }
    exit_values(codes, operator, &path.child("values"), errors);
}

fn has_container(spec: &Object, name: &str) -> bool {
    let pod = spec.part("template").part("spec");
    ["containers", "initContainers"]
        .into_iter()
        .any(|list| pod.objects(list).any(|(_, container)| container.text("name") == name))
}

fn exit_values(codes: &Object, operator: &str, path: &Path<'_>, errors: &mut Errors) {
    let values = codes.list("values");
    let shown = codes.value("values").unwrap_or(&Value::Null);
    if values.is_empty() {
        errors.push(FieldError::invalid(path, shown, "at least one value is required"));
    } else if values.len() > EXIT_CODES_MAX {
        errors.push(FieldError::too_many(path, values.len(), EXIT_CODES_MAX));
    }
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    for (at, value) in values.iter().enumerate() {
        let path = path.index(at);
        if operator == "In" && number(value) == 0 {
            errors.push(FieldError::invalid(path, value, "must not be 0 for the In operator"));
        }
        if values[..at].contains(value) {
            errors.push(FieldError::duplicate(path, value));
        }
    }
    if values.windows(2).any(|pair| number(&pair[0]) > number(&pair[1])) {
        errors.push(FieldError::invalid(path, shown, "must be ordered"));
    }
}
