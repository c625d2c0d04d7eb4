//! ResourceQuotas: what they bound, and the scopes to which they apply.

use crate::field_error::FieldError;
use crate::target::Target;
use crate::validation::fields::Fields;
use crate::validation::internal;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta, resources};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules {
    create: |target, object, errors| {
        meta::on_create(target, object, meta::subdomain, errors);
        spec(object.part("spec"), errors);
        status(object.part("status"), errors);
    },
    update,
    warnings: |_, _, _, _| {},
};

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    if target.subresource == "status" {
        return status(new.part("status"), errors);
    }
    spec(new.part("spec"), errors);
    let scopes = |object: &Object| {
        let mut scopes: Vec<String> =
            object.part("spec").texts("scopes").map(str::to_owned).collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    };
    if scopes(new) != scopes(old) {
        let shown = list(new.part("spec"));
        errors.push(FieldError::invalid("spec.scopes", &shown, meta::IMMUTABLE));
    }
}

/// The scopes as an error shows them.
fn list(spec: &Object) -> Value {
    spec.value("scopes").cloned().unwrap_or(Value::Null)
}

fn amounts(holder: &Object, name: &str, path: &Path<'_>, errors: &mut Errors) {
    for (key, value) in holder.part(name).iter() {
        let path = path.child(name);
        let path = path.key(key);
        resources::quota_name(key, &path, errors);
        resources::amount(key, value, &path, errors);
    }
}

fn status(status: &Object, errors: &mut Errors) {
    let path = Path::root("status");
    amounts(status, "hard", &path, errors);
    amounts(status, "used", &path, errors);
}

fn spec(spec: &Object, errors: &mut Errors) {
    let path = Path::root("spec");
    amounts(spec, "hard", &path, errors);
    let mut hard: Vec<&str> = spec.part("hard").iter().map(|(name, _)| name).collect();
    hard.retain(|name| resources::is_quota_name(name));
    hard.sort_unstable();
    scopes(spec, &hard, &path.child("scopes"), errors);
    if let Some(selector) = spec.object("scopeSelector") {
        self::selector(spec, selector, &hard, &path.child("scopeSelector"), errors);
    }
}

const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];
const COMPUTE: [&str; 6] =
    ["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
const CLAIMS: [&str; 2] = ["persistentvolumeclaims", "requests.storage"];

/// Whether a resource is one of those that a scope picks from.
fn applies(scope: &str, resource: &str) -> bool {
    let is_pods = resource == "pods" || resource == "count/pods";
    let is_compute = COMPUTE.contains(&resource);
    match scope {
        "Terminating"
        | "NotTerminating"
        | "NotBestEffort"
        | "PriorityClass"
        | "CrossNamespacePodAffinity" => is_pods || is_compute,
        "BestEffort" => is_pods,
        "VolumeAttributesClass" => CLAIMS.contains(&resource),
        _ => true,
    }
}

fn scopes(spec: &Object, hard: &[&str], path: &Path<'_>, errors: &mut Errors) {
    let given: Vec<&str> = spec.texts("scopes").collect();
    let mut refuse = |detail: &str| errors.push(FieldError::invalid(path, &list(spec), detail));
    for scope in &given {
        if !SCOPES.contains(scope) {
            refuse("unsupported scope");
        }
        for _ in hard.iter().filter(|resource| !applies(scope, resource)) {
            refuse("unsupported scope applied to resource");
        }
    }
    for _ in 0..conflicts(&given) {
        refuse("conflicting scopes");
    }
}

/// How many pairs of scopes contradict each other.
fn conflicts(scopes: &[&str]) -> usize {
    let pairs = [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];
    pairs.iter().filter(|pair| pair.iter().all(|one| scopes.contains(one))).count()
}

fn selector(spec: &Object, selector: &Object, hard: &[&str], path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("matchExpressions");
    let mut given = Vec::new();
    for (_, requirement) in selector.objects("matchExpressions") {
        let scope = requirement.text("scopeName");
        if !SCOPES.contains(&scope) {
            let path = path.child("scopeName");
            errors.push(FieldError::invalid(path, scope, "unsupported scope"));
        }
        for _ in hard.iter().filter(|resource| !applies(scope, resource)) {
            let shown = Value::Object(selector.clone());
            let message = "k8s.io.api.core.v1.ScopeSelector";
            let detail = "unsupported scope applied to resource";
            errors.push(internal::invalid(&path, message, Some(&shown), detail));
        }
        requirement_of(scope, requirement, &path, errors);
        given.push(scope);
    }
    for _ in 0..conflicts(&given) {
        errors.push(FieldError::invalid(path, &list(spec), "conflicting scopes"));
    }
}

fn requirement_of(scope: &str, requirement: &Object, path: &Path<'_>, errors: &mut Errors) {
    let (operator, values) = (requirement.text("operator"), requirement.list("values"));
    let is_flag =
        SCOPES.contains(&scope) && !matches!(scope, "PriorityClass" | "VolumeAttributesClass");
    if is_flag && operator != "Exists" {
        let detail = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, \
                      ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, \
                      ResourceQuotaScopeNotBestEffort or \
                      ResourceQuotaScopeCrossNamespacePodAffinity";
        errors.push(FieldError::invalid(path.child("operator"), operator, detail));
    }
    match operator {
        "In" | "NotIn" if values.is_empty() => {
            let detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope \
                          selector";
            errors.push(FieldError::required(path.child("values"), detail));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope \
                          selector";
            let shown = Value::Array(values.to_vec());
            errors.push(FieldError::invalid(path.child("values"), &shown, detail));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        _ => {
            let path = path.child("operator");
            errors.push(FieldError::invalid(path, operator, "not a valid selector operator"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let value: Value = serde_json::from_str(text).expect("valid JSON");
        let mut errors = Errors::new();
        spec(value.as_object().expect("an object"), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn scopes_pick_from_what_is_bounded() {
        assert!(found(r#"{"hard":{"pods":"1"},"scopes":["BestEffort"]}"#).is_empty());
        assert_eq!(found(r#"{"hard":{"cpu":"1"},"scopes":["BestEffort"]}"#).len(), 1);
        assert_eq!(found(r#"{"scopes":["Terminating","NotTerminating"]}"#).len(), 1);
    }
}
