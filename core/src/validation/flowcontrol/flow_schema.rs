//! FlowSchemas.

use super::{mandatory, status};
use crate::field_error::{FieldError, Reason};
use crate::names;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::{Fields, metadata, same_objects};
use crate::validation::internal;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

const PRECEDENCE_MAX: i64 = 10_000;
const VERBS: [&str; 9] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let name = metadata(object).text("name");
    let path = Path::root("spec");
    spec(object.part("spec"), name, &path, errors);
    if let Some(fixed) = mandatory::schema(name)
        && !same_objects(object.part("spec"), fixed)
    {
        let detail = format!("spec of '{name}' must equal the fixed value");
        let message = "k8s.io.api.flowcontrol.v1.FlowSchemaSpec";
        errors.push(internal::invalid(&path, message, object.value("spec"), &detail));
    }
    status(object, errors);
}

fn update(target: Target<'_>, new: &Object, _: &Object, errors: &mut Errors) {
    if target.subresource == "status" {
        status(new, errors);
    } else {
        create(target, new, errors);
    }
}

fn spec(spec: &Object, name: &str, path: &Path<'_>, errors: &mut Errors) {
    precedence(spec.int("matchingPrecedence").unwrap_or(0), name, path, errors);
    if let Some(method) = spec.object("distinguisherMethod")
        && !matches!(method.text("type"), "ByNamespace" | "ByUser")
    {
        let message = "k8s.io.api.flowcontrol.v1.FlowDistinguisherMethod";
        let shown = internal::shown(message, spec.value("distinguisherMethod"));
        let detail = "supported values: \"ByNamespace\", \"ByUser\"";
        let path = path.child("distinguisherMethod.type");
        errors.push(FieldError::shown(Reason::NotSupported, path, &shown, detail));
    }
    let level = spec.part("priorityLevelConfiguration").text("name");
    let level_path = path.child("priorityLevelConfiguration.name");
    if level.is_empty() {
        errors.push(FieldError::required(level_path, "must reference a priority level"));
    } else {
        check::dns_subdomain(errors, level_path, level);
    }
    for (at, rule) in spec.objects("rules") {
        self::rule(rule, &path.child("rules").index(at), errors);
    }
}

fn precedence(precedence: i64, name: &str, path: &Path<'_>, errors: &mut Errors) {
    let detail = match precedence {
        ..=0 => "must be a positive value".to_owned(),
        1 if name != "exempt" => {
            "only the schema named 'exempt' may have matchingPrecedence 1".to_owned()
        }
        1..=PRECEDENCE_MAX => return,
        _ => format!("must not be greater than {PRECEDENCE_MAX}"),
    };
    let path = path.child("matchingPrecedence");
    errors.push(FieldError::invalid(path, &Value::Int(precedence), &detail));
}

fn rule(rule: &Object, path: &Path<'_>, errors: &mut Errors) {
    if rule.list("subjects").is_empty() {
        let detail = "subjects must contain at least one value";
        errors.push(FieldError::required(path.child("subjects"), detail));
    }
    for (at, subject) in rule.objects("subjects") {
        self::subject(subject, &path.child("subjects").index(at), errors);
    }
    if rule.list("resourceRules").is_empty() && rule.list("nonResourceRules").is_empty() {
        let detail = "at least one of resourceRules and nonResourceRules has to be non-empty";
        errors.push(FieldError::required(path, detail));
    }
    for (at, rule) in rule.objects("resourceRules") {
        resource_rule(rule, &path.child("resourceRules").index(at), errors);
    }
    for (at, rule) in rule.objects("nonResourceRules") {
        non_resource_rule(rule, &path.child("nonResourceRules").index(at), errors);
    }
}

/// Kinds of subjects, and the field in which each is described.
const SUBJECTS: [(&str, &str); 3] =
    [("ServiceAccount", "serviceAccount"), ("User", "user"), ("Group", "group")];

fn subject(subject: &Object, path: &Path<'_>, errors: &mut Errors) {
    let kind = subject.text("kind");
    let Some((_, meant)) = SUBJECTS.iter().find(|(one, _)| *one == kind) else {
        let kinds = ["Group", "ServiceAccount", "User"];
        errors.push(FieldError::not_supported(path.child("kind"), kind, &kinds));
        return;
    };
    match subject.object(meant) {
        None => {
            let detail = format!("{meant} is required when subject kind is '{kind}'");
            errors.push(FieldError::required(path.child(meant), &detail));
        }
        Some(described) if kind == "ServiceAccount" => {
            service_account(described, &path.child(meant), errors);
        }
        Some(described) => {
            check::required(errors, path.child(meant).child("name"), described.text("name"), "");
        }
    }
    for (kind, other) in SUBJECTS {
        if other != *meant && subject.has(other) {
            let detail = format!("{other} is forbidden when subject kind is not '{kind}'");
            errors.push(FieldError::forbidden(path.child(other), &detail));
        }
    }
}

fn service_account(account: &Object, path: &Path<'_>, errors: &mut Errors) {
    match account.text("name") {
        "" => errors.push(FieldError::required(path.child("name"), "")),
        "*" => {}
        name => check::dns_subdomain(errors, path.child("name"), name),
    }
    let namespace = account.text("namespace");
    if namespace.is_empty() {
        let detail = "must specify namespace for service account";
        errors.push(FieldError::required(path.child("namespace"), detail));
    } else {
        check::dns_label(errors, path.child("namespace"), namespace);
    }
}

/// Whether a list has the wildcard; beside others, that is an error.
fn wildcard(
    rule: &Object,
    (name, others): (&str, &str),
    path: &Path<'_>,
    errors: &mut Errors,
) -> bool {
    if !rule.texts(name).any(|one| one == "*") {
        return false;
    }
    if rule.list(name).len() > 1 {
        let list = Value::Array(rule.list(name).to_vec());
        let detail = format!("if '*' is present, must not specify other {others}");
        errors.push(FieldError::invalid(path.child(name), &list, &detail));
    }
    true
}

fn verbs(rule: &Object, path: &Path<'_>, errors: &mut Errors) {
    if rule.list("verbs").is_empty() {
        let detail = "verbs must contain at least one value";
        errors.push(FieldError::required(path.child("verbs"), detail));
    } else if !wildcard(rule, ("verbs", "verbs"), path, errors)
        && !rule.texts("verbs").all(|verb| VERBS.contains(&verb))
    {
        let list = Value::Array(rule.list("verbs").to_vec());
        errors.push(FieldError::not_supported(path.child("verbs"), &list, &VERBS));
    }
}

fn resource_rule(rule: &Object, path: &Path<'_>, errors: &mut Errors) {
    verbs(rule, path, errors);
    for (name, others, one) in
        [("apiGroups", "api groups", "api group"), ("resources", "resources", "resource")]
    {
        if rule.list(name).is_empty() {
            let detail = format!("resource rules must supply at least one {one}");
            errors.push(FieldError::required(path.child(name), &detail));
        } else {
            wildcard(rule, (name, others), path, errors);
        }
    }
    if rule.list("namespaces").is_empty() && !rule.flag("clusterScope") {
        let detail =
            "resource rules that are not cluster scoped must supply at least one namespace";
        errors.push(FieldError::required(path.child("namespaces"), detail));
    } else if !wildcard(rule, ("namespaces", "namespaces"), path, errors) {
        for (at, namespace) in rule.texts("namespaces").enumerate() {
            let path = path.child("namespaces");
            for message in names::dns_1123_label(namespace) {
                let detail =
                    format!("each member of this list must be '*' or a DNS-1123 label; {message}");
                errors.push(FieldError::invalid(path.index(at), namespace, &detail));
            }
        }
    }
}

fn non_resource_rule(rule: &Object, path: &Path<'_>, errors: &mut Errors) {
    verbs(rule, path, errors);
    let name = "nonResourceURLs";
    if rule.list(name).is_empty() {
        let detail = "nonResourceURLs must contain at least one value";
        errors.push(FieldError::required(path.child(name), detail));
    } else if !wildcard(rule, (name, "non-resource URLs"), path, errors) {
        for (at, url) in rule.texts(name).enumerate() {
            if let Some(detail) = bad_url(url) {
                errors.push(FieldError::invalid(path.child(name).index(at), url, detail));
            }
        }
    }
}

/// What is wrong with the path of a URL, in which only the end may be a wildcard.
fn bad_url(url: &str) -> Option<&'static str> {
    let wildcards = url.matches('*').count();
    if url.is_empty() {
        Some("must not be empty")
    } else if url == "/" {
        None
    } else if !url.starts_with('/') {
        Some("must start with slash")
    } else if url.contains(' ') {
        Some("must not contain white-space")
    } else if url.contains("//") {
        Some("must not contain double slash")
    } else if wildcards > 1 || (wildcards == 1 && !url.ends_with("/*")) {
        Some("wildcard can only do suffix matching")
    } else {
        None
    }
}
