//! IngressClasses.

use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::formats;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

const CONTROLLER_MAX_BYTES: usize = 250;

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let path = Path::root("spec");
    let spec = object.part("spec");
    let controller = spec.text("controller");
    if controller.len() > CONTROLLER_MAX_BYTES {
        errors.push(FieldError::too_long(path.child("controller"), CONTROLLER_MAX_BYTES));
    }
    formats::domain_prefixed_path(controller, &path.child("controller"), errors);
    if let Some(parameters) = spec.object("parameters") {
        let path = path.child("parameters");
        local_reference(parameters, &path, errors);
        scope(parameters, &path, errors);
    }
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    let name = "controller";
    let (after, before) = (new.part("spec").value(name), old.part("spec").value(name));
    check::immutable(errors, &Path::root("spec.controller"), after, before, "\"\"");
    create(target, new, errors);
}

/// An object of any kind: `TypedLocalObjectReference`.
pub fn local_reference(reference: &Object, path: &Path<'_>, errors: &mut Errors) {
    if let Some(group) = reference.value("apiGroup").and_then(Value::as_str) {
        check::dns_subdomain(errors, path.child("apiGroup"), group);
    }
    for name in ["kind", "name"] {
        let text = reference.text(name);
        if text.is_empty() {
            errors.push(FieldError::required(path.child(name), ""));
        } else {
            check::each(errors, path.child(name), text, names::path_segment(text));
        }
    }
}

fn scope(parameters: &Object, path: &Path<'_>, errors: &mut Errors) {
    let namespace = parameters.value("namespace").and_then(Value::as_str);
    let namespace_path = path.child("namespace");
    match (parameters.value("scope").and_then(Value::as_str), namespace) {
        (None, _) => errors.push(FieldError::required(path.child("scope"), "")),
        (Some("Namespace"), None) => {
            let detail = "`parameters.scope` is set to 'Namespace'";
            errors.push(FieldError::required(namespace_path, detail));
        }
        (Some("Namespace"), Some(namespace)) => {
            check::dns_label(errors, namespace_path, namespace);
        }
        (Some("Cluster"), Some(_)) => {
            let detail = "`parameters.scope` is set to 'Cluster'";
            errors.push(FieldError::forbidden(namespace_path, detail));
        }
        (Some(scope), _) => {
            check::one_of(errors, path.child("scope"), scope, &["Cluster", "Namespace"]);
        }
    }
}
