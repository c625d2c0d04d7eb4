//! `SelfSubjectRulesReview`: all that the asker may do in a namespace.

use crate::kube::access::Access;
use crate::kube::rbac::rule::Rule;
use crate::kube::user::User;
use xebec_core::edit;
use xebec_core::status::Status;
use xebec_core::value::{Object, Value};

/// The status of a review.
pub fn review(access: &Access, user: &User, review: &Object) -> Result<Object, Status> {
    let namespace = edit::text(review, &["spec", "namespace"]);
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let (rules, errors) = access.rbac.rules_of(user, namespace);
    let select = |of: fn(&Rule) -> bool, leave: [&str; 3]| {
        let selected = rules.iter().filter(|rule| of(rule)).map(|rule| without(rule, leave));
        Value::Array(selected.collect())
    };
    let mut status = Object::new();
    status.push(
        "resourceRules",
        select(|rule| !rule.resources.is_empty(), ["nonResourceURLs", "", ""]),
    );
    status.push(
        "nonResourceRules",
        select(|rule| !rule.paths.is_empty(), ["apiGroups", "resources", "resourceNames"]),
    );
    status.push("incomplete", false.into());
    if !errors.is_empty() {
        let mut texts: Vec<String> = errors.into_iter().map(|error| error.message).collect();
        texts.dedup();
        let text = match texts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        status.push("evaluationError", text.into());
    }
    Ok(status)
}

/// A rule without some of its fields.
fn without(rule: &Rule, leave: [&str; 3]) -> Value {
    let mut rule = rule.write();
    if let Some(rule) = rule.as_object_mut() {
        rule.retain(|name, _| !leave.contains(&name));
    }
    rule
}
