//! The group `apiregistration.k8s.io`: APIServices.

use super::check;
use super::fields::{Fields, metadata};
use super::path::Path;
use super::{Errors, Rules, meta};
use crate::field_error::{FieldError, quoted};
use crate::names;
use crate::target::Target;
use crate::value::{Object, Value};
use base64::Engine as _;

pub(super) fn rules(kind: &str) -> Option<Rules> {
    (kind == "APIService").then_some(Rules { create, update, warnings: |_, _, _, _| {} })
}

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    let spec = object.part("spec");
    let path = Path::root("spec");
    let (group, version) = (spec.text("group"), spec.text("version"));
    metadata_named(target, object, &format!("{version}.{group}"), errors);
    if group.is_empty() && version != "v1" {
        let detail = "only v1 may have an empty group and it better be legacy kube";
        errors.push(FieldError::required(path.child("group"), detail));
    }
    if !group.is_empty() {
        check::dns_subdomain(errors, path.child("group"), group);
    }
    check::each(errors, path.child("version"), version, names::dns_1035_label(version));
    for (name, most) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1_000)] {
        let priority = spec.int(name).unwrap_or(0);
        if !(1..=most).contains(&priority) {
            let detail = format!("must be positive and less than {most}");
            errors.push(FieldError::invalid(path.child(name), &Value::Int(priority), &detail));
        }
    }
    match spec.object("service") {
        Some(service) => remote(spec, service, &path, errors),
        None => local(spec, &path, errors),
    }
}

/// The name must be made of version and group, or nothing else about it matters.
fn metadata_named(target: Target<'_>, object: &Object, expected: &str, errors: &mut Errors) {
    meta::plain_on_create(target, object, meta::path_segment, errors);
    let name = metadata(object).text("name");
    if !name.is_empty() && names::path_segment(name).is_empty() && name != expected {
        let detail = format!("must be `spec.version+\".\"+spec.group`: {}", quoted(expected));
        errors.push(FieldError::invalid("metadata.name", name, &detail));
    }
}

fn local(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let bundle = spec.text("caBundle");
    if !bundle.is_empty() {
        let bytes = base64::engine::general_purpose::STANDARD.decode(bundle);
        let size = format!("{} bytes", bytes.map_or(0, |bytes| bytes.len()));
        let detail = "local APIServices may not have a caBundle";
        errors.push(FieldError::invalid(path.child("caBundle"), &*size, detail));
    }
    if spec.flag("insecureSkipTLSVerify") {
        let detail = "local APIServices may not have insecureSkipTLSVerify";
        let path = path.child("insecureSkipTLSVerify");
        errors.push(FieldError::invalid(path, &Value::Bool(true), detail));
    }
}

fn remote(spec: &Object, service: &Object, path: &Path<'_>, errors: &mut Errors) {
    for name in ["namespace", "name"] {
        check::required(errors, path.child("service").child(name), service.text(name), "");
    }
    let port = service.int("port").unwrap_or(0);
    let messages = names::port_number(port);
    if !messages.is_empty() {
        let detail = format!("port is not valid: {}", messages.join(", "));
        errors.push(FieldError::invalid(path.child("service.port"), &Value::Int(port), &detail));
    }
    if spec.flag("insecureSkipTLSVerify") && !spec.text("caBundle").is_empty() {
        let path = path.child("insecureSkipTLSVerify");
        let detail = "may not be true if caBundle is present";
        errors.push(FieldError::invalid(path, &Value::Bool(true), detail));
    }
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::common_on_update(new, old, errors);
    if target.subresource != "status" {
        create(target, new, errors);
        return;
    }
    let path = Path::root("status.conditions");
    for (at, condition) in new.part("status").objects("conditions") {
        let path = path.index(at);
        let allowed = ["True", "False", "Unknown"];
        check::one_of(errors, path.child("status"), condition.text("status"), &allowed);
    }
}
