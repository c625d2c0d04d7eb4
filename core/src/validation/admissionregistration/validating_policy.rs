//! ValidatingAdmissionPolicies.

use super::{FAILURE_POLICIES, expression, match_resources};
use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::{Fields, Seen, metadata, same};
use crate::validation::internal;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

const ANNOTATIONS_MAX: usize = 20;
const ANNOTATION_EXPRESSION_MAX_BYTES: usize = 5 * 1024;
const REASONS: [&str; 3] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::plain_on_create(target, object, meta::subdomain, errors);
    spec(object, true, errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    if target.subresource == "status" {
        status(new.part("status"), errors);
        return;
    }
    meta::plain_on_create(target, new, meta::subdomain, errors);
    let (after, before) = (new.part("spec"), old.part("spec"));
    let mut kept = ["paramKind", "matchConditions"].into_iter();
    spec(new, !kept.all(|name| same(after.value(name), before.value(name))), errors);
}

fn spec(policy: &Object, judge_conditions: bool, errors: &mut Errors) {
    let spec = policy.part("spec");
    let path = Path::root("spec");
    failure_policy(spec, &path, errors);
    if let Some(kind) = spec.object("paramKind") {
        param_kind(kind, &path.child("paramKind"), errors);
    }
    constraints(spec, &path.child("matchConstraints"), errors);
    if judge_conditions {
        expression::conditions(spec, &path, errors);
    }
    expression::variables(spec, &path, errors);
    if spec.list("validations").is_empty() && spec.list("auditAnnotations").is_empty() {
        let detail = "validations or auditAnnotations must contain at least one item";
        for name in ["validations", "auditAnnotations"] {
            errors.push(FieldError::required(path.child(name), detail));
        }
        return;
    }
    for (at, validation) in spec.objects("validations") {
        self::validation(validation, &path.child("validations").index(at), errors);
    }
    let name = metadata(policy).text("name");
    annotations(spec, name, &path.child("auditAnnotations"), errors);
}

pub fn failure_policy(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("failurePolicy");
    match spec.value("failurePolicy").and_then(Value::as_str) {
        None => errors.push(FieldError::required(path, "")),
        Some(policy) => check::one_of(errors, path, policy, &FAILURE_POLICIES),
    }
}

/// What a policy is about: at least one rule, from which the types of expressions follow.
pub fn constraints(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let Some(matched) = spec.object("matchConstraints") else {
        errors.push(FieldError::required(path, ""));
        return;
    };
    match_resources::of(matched, path, errors);
    if matched.list("resourceRules").is_empty() {
        errors.push(FieldError::required(path.child("resourceRules"), ""));
    }
}

/// The kind of the objects that parametrize a policy.
pub fn param_kind(kind: &Object, path: &Path<'_>, errors: &mut Errors) {
    let version_path = path.child("apiVersion");
    let text = kind.text("apiVersion");
    let mut parts = text.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        _ if text.is_empty() => errors.push(FieldError::required(version_path, "")),
        (_, Some(_), Some(_)) => {
            let detail = format!("unexpected GroupVersion string: {text}");
            errors.push(FieldError::invalid(version_path, text, &detail));
        }
        (Some(version), None, _) => self::version(version, text, &version_path, errors),
        (Some(group), Some(version), None) => {
            let messages = names::dns_1123_subdomain(group);
            if !group.is_empty() && !messages.is_empty() {
                errors.push(FieldError::invalid(version_path, group, &messages.join(",")));
            }
            self::version(version, text, &version_path, errors);
        }
        _ => {}
    }
    let name = kind.text("kind");
    let messages = names::dns_1035_label(&name.to_lowercase());
    if name.is_empty() {
        errors.push(FieldError::required(path.child("kind"), ""));
    } else if !messages.is_empty() {
        let detail =
            format!("may have mixed case, but should otherwise match: {}", messages.join(","));
        errors.push(FieldError::invalid(path.child("kind"), name, &detail));
    }
}

fn version(version: &str, text: &str, path: &Path<'_>, errors: &mut Errors) {
    let messages = names::dns_1035_label(version);
    if version.is_empty() {
        errors.push(FieldError::invalid(path, text, "version must be specified"));
    } else if !messages.is_empty() {
        errors.push(FieldError::invalid(path, version, &messages.join(",")));
    }
}

fn validation(validation: &Object, path: &Path<'_>, errors: &mut Errors) {
    expression::specified(validation, "expression", path, errors);
    let of_message = validation.text("messageExpression");
    if !of_message.is_empty() && of_message.trim().is_empty() {
        let path = path.child("messageExpression");
        errors.push(FieldError::invalid(path, of_message, "must be non-empty if specified"));
    }
    let message = validation.text("message");
    if !message.is_empty() && message.trim().is_empty() {
        let detail = "message must be non-empty if specified";
        errors.push(FieldError::invalid(path.child("message"), message, detail));
    } else if message.trim().contains(['\n', '\r']) {
        let detail = "message must not contain line breaks";
        errors.push(FieldError::invalid(path.child("message"), message, detail));
    }
    if let Some(reason) = validation.value("reason").and_then(Value::as_str) {
        check::one_of(errors, path.child("reason"), reason, &REASONS);
    }
}

fn annotations(spec: &Object, policy: &str, path: &Path<'_>, errors: &mut Errors) {
    if spec.list("auditAnnotations").len() > ANNOTATIONS_MAX {
        let message = "k8s.io.api.admissionregistration.v1.AuditAnnotation";
        let detail = format!("must not have more than {ANNOTATIONS_MAX} auditAnnotations");
        errors.push(internal::invalid(path, message, spec.value("auditAnnotations"), &detail));
    }
    let mut seen = Seen::default();
    for (at, annotation) in spec.objects("auditAnnotations") {
        let path = path.index(at);
        let key = annotation.text("key");
        if policy.is_empty() {
            let detail = "requires metadata.name be non-empty";
            errors.push(FieldError::invalid(path.child("key"), key, detail));
        } else {
            check::label_key(errors, path.child("key"), &format!("{policy}/{key}"));
        }
        let expression = annotation.text("valueExpression").trim();
        let expression_path = path.child("valueExpression");
        if expression.is_empty() {
            let detail = "valueExpression is not specified";
            errors.push(FieldError::required(expression_path, detail));
        } else if expression.len() > ANNOTATION_EXPRESSION_MAX_BYTES {
            let detail =
                format!("must not exceed {ANNOTATION_EXPRESSION_MAX_BYTES} bytes in length");
            errors.push(FieldError::required(expression_path, &detail));
        }
        if seen.again(key) {
            errors.push(FieldError::duplicate(path.child("key"), key));
        }
    }
}

fn status(status: &Object, errors: &mut Errors) {
    let path = Path::root("status");
    let typing = path.child("typeChecking");
    let typing = typing.child("expressionWarnings");
    for (at, warning) in status.part("typeChecking").objects("expressionWarnings") {
        let path = typing.index(at);
        check::required(errors, path.child("warning"), warning.text("warning"), "");
        check::required(errors, path.child("fieldRef"), warning.text("fieldRef").trim(), "");
    }
    check::conditions(errors, &path.child("conditions"), status);
}
