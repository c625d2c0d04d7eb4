//! The group `rbac.authorization.k8s.io`: roles and bindings.

use super::check;
use super::fields::{Fields, same};
use super::internal;
use super::labels;
use super::path::Path;
use super::{Errors, Rules, meta};
use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::value::{Object, Value};

const GROUP: &str = "rbac.authorization.k8s.io";
const ROLE_REF: &str = "k8s.io.api.rbac.v1.RoleRef";

pub(super) fn rules(kind: &str) -> Option<Rules> {
    Some(match kind {
        "Role" | "ClusterRole" => {
            Rules { create: role, update: role_update, warnings: |_, _, _, _| {} }
        }
        "RoleBinding" | "ClusterRoleBinding" => {
            Rules { create: binding, update: binding_update, warnings: |_, _, _, _| {} }
        }
        _ => return None,
    })
}

fn role(target: Target<'_>, object: &Object, errors: &mut Errors) {
    judge_role(target, object, None, errors);
}

fn role_update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    judge_role(target, new, Some(old), errors);
    meta::on_update(new, old, errors);
}

fn judge_role(target: Target<'_>, role: &Object, old: Option<&Object>, errors: &mut Errors) {
    meta::on_create(target, role, meta::path_segment, errors);
    let path = Path::root("rules");
    for (at, rule) in role.objects("rules") {
        self::rule(rule, target.resource.namespaced, &path.index(at), errors);
    }
    if let Some(aggregation) = role.object("aggregationRule") {
        self::aggregation(aggregation, old.map(|old| old.part("aggregationRule")), errors);
    }
}

fn rule(rule: &Object, namespaced: bool, path: &Path<'_>, errors: &mut Errors) {
    let mut demand = |name: &str, detail: &str| {
        if rule.list(name).is_empty() {
            errors.push(FieldError::required(path.child(name), detail));
        }
    };
    demand("verbs", "verbs must contain at least one value");
    if rule.list("nonResourceURLs").is_empty() {
        demand("apiGroups", "resource rules must supply at least one api group");
        demand("resources", "resource rules must supply at least one resource");
        return;
    }
    let path = path.child("nonResourceURLs");
    let urls = Value::Array(rule.list("nonResourceURLs").to_vec());
    if namespaced {
        let detail = "namespaced rules cannot apply to non-resource URLs";
        errors.push(FieldError::invalid(path, &urls, detail));
    }
    if ["apiGroups", "resources", "resourceNames"].iter().any(|name| !rule.list(name).is_empty()) {
        let detail = "rules cannot apply to both regular resources and non-resource URLs";
        errors.push(FieldError::invalid(path, &urls, detail));
    }
}

fn aggregation(aggregation: &Object, old: Option<&Object>, errors: &mut Errors) {
    let path = Path::root("aggregationRule.clusterRoleSelectors");
    if aggregation.list("clusterRoleSelectors").is_empty() {
        let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        errors.push(FieldError::required(path, detail));
    }
    let any_value = old.is_some_and(|old| {
        let mut selectors = old.objects("clusterRoleSelectors");
        selectors.any(|(_, selector)| labels::has_bad_value(Some(selector)))
    });
    let options = labels::Options { any_value, ..labels::Options::default() };
    for (at, selector) in aggregation.objects("clusterRoleSelectors") {
        labels::selector(Some(selector), options, &path.index(at), errors);
    }
}

fn binding(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::path_segment, errors);
    let namespaced = target.resource.namespaced;
    let role = object.part("roleRef");
    let path = Path::root("roleRef");
    check::one_of(errors, path.child("apiGroup"), role.text("apiGroup"), &[GROUP]);
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    check::one_of(errors, path.child("kind"), role.text("kind"), kinds);
    let name = role.text("name");
    if name.is_empty() {
        errors.push(FieldError::required(path.child("name"), ""));
    } else {
        check::each(errors, path.child("name"), name, names::path_segment(name));
    }
    let path = Path::root("subjects");
    for (at, subject) in object.objects("subjects") {
        self::subject(subject, namespaced, &path.index(at), errors);
    }
}

fn subject(subject: &Object, namespaced: bool, path: &Path<'_>, errors: &mut Errors) {
    let name = subject.text("name");
    check::required(errors, path.child("name"), name, "");
    let group = subject.text("apiGroup");
    match subject.text("kind") {
        "ServiceAccount" => {
            if !name.is_empty() {
                check::dns_subdomain(errors, path.child("name"), name);
            }
            check::one_of(errors, path.child("apiGroup"), group, &[""]);
            if !namespaced {
                let namespace = subject.text("namespace");
                check::required(errors, path.child("namespace"), namespace, "");
            }
        }
        "User" | "Group" => check::one_of(errors, path.child("apiGroup"), group, &[GROUP]),
        kind => {
            let kinds = ["ServiceAccount", "User", "Group"];
            errors.push(FieldError::not_supported(path.child("kind"), kind, &kinds));
        }
    }
}

fn binding_update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    binding(target, new, errors);
    meta::on_update(new, old, errors);
    let role = new.value("roleRef");
    if !same(role, old.value("roleRef")) {
        let detail = "cannot change roleRef";
        errors.push(internal::invalid(&Path::root("roleRef"), ROLE_REF, role, detail));
    }
}
