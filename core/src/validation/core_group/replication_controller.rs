//! ReplicationControllers: a selector that takes the template's pods.

use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, check, meta, pod};
use crate::value::{Lookup, Object, Value};

pub(super) const RULES: Rules = Rules {
    create: |target, object, errors| {
        meta::on_create(target, object, long_name, errors);
        spec(object.part("spec"), None, errors);
    },
    update,
    warnings: |target, new, old, warnings| {
        if target.subresource == "status" {
            return;
        }
        let template = |object: &Object| object.part("spec").part("template").clone();
        let old = old.map(template);
        let path = Path::root("spec.template");
        pod::template_warnings(&template(new), old.as_ref(), &path, warnings);
    },
};

/// A subdomain, in the words of newer formats; what a name is made from is not looked at.
fn long_name(name: &str, prefix: bool) -> Vec<String> {
    if prefix { Vec::new() } else { names::in_bytes(names::dns_1123_subdomain(name)) }
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    if target.subresource == "status" {
        meta::on_update(new, old, errors);
        return status(new.part("status"), errors);
    }
    meta::on_update(new, old, errors);
    spec(new.part("spec"), Some(old.part("spec")), errors);
}

fn spec(spec: &Object, old: Option<&Object>, errors: &mut Errors) {
    let path = Path::root("spec");
    check::not_negative(errors, &path.child("minReadySeconds"), spec.int("minReadySeconds"));
    let selector = spec.part("selector");
    if selector.is_empty() {
        errors.push(FieldError::required(path.child("selector"), ""));
    }
    match spec.int("replicas") {
        None => errors.push(FieldError::required(path.child("replicas"), "")),
        replicas => check::not_negative(errors, &path.child("replicas"), replicas),
    }
    let path = path.child("template");
    let Some(template) = spec.object("template") else {
        errors.push(FieldError::required(path, ""));
        return;
    };
    let labels = template.part("metadata").part("labels");
    let mut among = Lookup::new(labels);
    if selector.iter().any(|(key, value)| among.get(key) != Some(value)) {
        let shown = Value::Object(labels.clone());
        let detail = "`selector` does not match template `labels`";
        errors.push(FieldError::invalid(path.child("metadata.labels"), &shown, detail));
    }
    pod::template(template, old.and_then(|old| old.object("template")), &path, errors);
    let of_pod = template.part("spec");
    let policy = of_pod.text("restartPolicy");
    if policy != "Always" {
        let path = path.child("spec.restartPolicy");
        errors.push(FieldError::not_supported(path, policy, &["Always"]));
    }
    if of_pod.has("activeDeadlineSeconds") {
        let detail = "activeDeadlineSeconds in ReplicationController is not Supported";
        errors.push(FieldError::forbidden(path.child("spec.activeDeadlineSeconds"), detail));
    }
}

fn status(status: &Object, errors: &mut Errors) {
    let path = Path::root("status");
    let counts = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
    for name in ["replicas"].iter().chain(&counts).chain(&["observedGeneration"]) {
        check::not_negative(errors, &path.child(name), status.int(name));
    }
    let count = |name: &str| status.int(name).unwrap_or(0);
    let mut at_most = |name: &str, bound: &str, words: &str| {
        if count(name) > count(bound) {
            let detail = format!("cannot be greater than {words}");
            errors.push(FieldError::invalid(path.child(name), &count(name), &detail));
        }
    };
    for name in counts {
        at_most(name, "replicas", "status.replicas");
    }
    at_most("availableReplicas", "readyReplicas", "readyReplicas");
}
