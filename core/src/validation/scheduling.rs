//! The group `scheduling.k8s.io`: PriorityClasses.

use super::check;
use super::fields::{Fields, metadata};
use super::path::Path;
use super::{Errors, Rules, meta};
use crate::field_error::FieldError;
use crate::target::Target;
use crate::value::{Object, Value};

const USER_PRIORITY_MAX: i64 = 1_000_000_000;

/// What the system itself makes, with the values that they have.
const SYSTEM: [(&str, i64); 2] =
    [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];

pub(super) fn rules(kind: &str) -> Option<Rules> {
    (kind == "PriorityClass").then_some(Rules { create, update, warnings: |_, _, _, _| {} })
}

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let name = metadata(object).text("name");
    if name.starts_with("system-") {
        if let Some(why) = unlike_system(name, object) {
            let detail = format!(
                "priority class names with 'system-' prefix are reserved for system use only. \
                 error: {why}"
            );
            errors.push(FieldError::forbidden("metadata.name", &detail));
        }
    } else if object.int("value").is_some_and(|value| value > USER_PRIORITY_MAX) {
        let detail =
            format!("maximum allowed value of a user defined priority is {USER_PRIORITY_MAX}");
        errors.push(FieldError::forbidden("value", &detail));
    }
    if let Some(policy) = object.value("preemptionPolicy").and_then(Value::as_str) {
        match policy {
            "" => errors.push(FieldError::required("preemptionPolicy", "")),
            _ => {
                let allowed = ["PreemptLowerPriority", "Never"];
                check::one_of(errors, "preemptionPolicy", policy, &allowed);
            }
        }
    }
}

fn unlike_system(name: &str, object: &Object) -> Option<String> {
    let Some((_, value)) = SYSTEM.iter().find(|(system, _)| *system == name) else {
        return Some(format!("{name} is not a known system priority class"));
    };
    if object.int("value").unwrap_or(0) != *value {
        return Some(format!("value of {name} PriorityClass must be {value}"));
    }
    let global = object.flag("globalDefault");
    global.then(|| format!("globalDefault of {name} PriorityClass must be false"))
}

fn update(_: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    if new.int("value").unwrap_or(0) != old.int("value").unwrap_or(0) {
        errors.push(FieldError::forbidden("value", "may not be changed in an update."));
    }
    let field = "preemptionPolicy";
    check::immutable(errors, &Path::root(field), new.value(field), old.value(field), "null");
}
