//! Which requests a webhook or a policy is asked about.

use super::MATCH_POLICIES;
use crate::field_error::FieldError;
use crate::names;
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::{Fields, Seen};
use crate::validation::labels;
use crate::validation::path::Path;
use crate::value::{Object, Value};

const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const SCOPES: [&str; 3] = ["*", "Cluster", "Namespaced"];

/// `MatchResources` of a policy or binding, whose defaults are set.
pub fn of(matched: &Object, path: &Path<'_>, errors: &mut Errors) {
    match matched.value("matchPolicy").and_then(Value::as_str) {
        None => errors.push(FieldError::required(path.child("matchPolicy"), "")),
        Some(policy) => check::one_of(errors, path.child("matchPolicy"), policy, &MATCH_POLICIES),
    }
    for name in ["namespaceSelector", "objectSelector"] {
        let path = path.child(name);
        if !matched.has(name) {
            errors.push(FieldError::required(path, ""));
        }
        labels::selector(matched.object(name), labels::Options::default(), &path, errors);
    }
    for name in ["resourceRules", "excludeResourceRules"] {
        for (at, rule) in matched.objects(name) {
            let path = path.child(name);
            let path = path.index(at);
            resource_names(rule, &path.child("resourceNames"), errors);
            self::rule(rule, &path, errors);
        }
    }
}

fn resource_names(rule: &Object, path: &Path<'_>, errors: &mut Errors) {
    let mut seen = Seen::default();
    for (at, name) in rule.texts("resourceNames").enumerate() {
        let path = path.index(at);
        check::each(errors, path, name, names::path_segment(name));
        if seen.again(name) {
            errors.push(FieldError::duplicate(path, name));
        }
    }
}

/// A rule with its operations.
pub fn rule(rule: &Object, path: &Path<'_>, errors: &mut Errors) {
    listed(rule, ("operations", "operations"), path, errors);
    for (at, operation) in rule.texts("operations").enumerate() {
        check::one_of(errors, path.child("operations").index(at), operation, &OPERATIONS);
    }
    listed(rule, ("apiGroups", "API groups"), path, errors);
    listed(rule, ("apiVersions", "API versions"), path, errors);
    for (at, version) in rule.texts("apiVersions").enumerate() {
        check::required(errors, path.child("apiVersions").index(at), version, "");
    }
    resources(rule, &path.child("resources"), errors);
    if let Some(scope) = rule.value("scope").and_then(Value::as_str) {
        check::one_of(errors, path.child("scope"), scope, &SCOPES);
    }
}

/// A list that is not empty, and whose wildcard stands alone.
fn listed(rule: &Object, (name, others): (&str, &str), path: &Path<'_>, errors: &mut Errors) {
    let items = rule.list(name);
    if items.is_empty() {
        errors.push(FieldError::required(path.child(name), ""));
    }
    if items.len() > 1 && rule.texts(name).any(|item| item == "*") {
        let detail = format!("if '*' is present, must not specify other {others}");
        let items = Value::Array(items.to_vec());
        errors.push(FieldError::invalid(path.child(name), &items, &detail));
    }
}

fn resources(rule: &Object, path: &Path<'_>, errors: &mut Errors) {
    let items = rule.list("resources");
    if items.is_empty() {
        errors.push(FieldError::required(path, ""));
    }
    let (mut whole, mut of_any) = (Seen::default(), Seen::default());
    let (mut all, mut all_top, mut top) = (false, false, false);
    for (at, text) in rule.texts("resources").enumerate() {
        let path = path.index(at);
        if text.is_empty() {
            errors.push(FieldError::required(path, ""));
            continue;
        }
        all |= text == "*/*";
        all_top |= text == "*";
        let Some((resource, sub)) = text.split_once('/') else {
            // Upstream remembers the last one alone.
            top = text != "*";
            continue;
        };
        let mut refuse = |covering: &str| {
            let detail = format!("if '{covering}' is present, must not specify {text}");
            errors.push(FieldError::invalid(path, text, &detail));
        };
        if whole.has(resource) {
            refuse(&format!("{resource}/*"));
        }
        if of_any.has(sub) {
            refuse(&format!("*/{sub}"));
        }
        if sub == "*" {
            whole.again(resource);
        }
        if resource == "*" {
            of_any.again(sub);
        }
    }
    let list = Value::Array(items.to_vec());
    if items.len() > 1 && all {
        let detail = "if '*/*' is present, must not specify other resources";
        errors.push(FieldError::invalid(path, &list, detail));
    }
    if all_top && top {
        let detail = "if '*' is present, must not specify other resources without subresources";
        errors.push(FieldError::invalid(path, &list, detail));
    }
}
