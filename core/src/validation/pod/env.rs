//! Environment variables, and the facts and keys that their values may come from.

use super::super::Errors;
use super::super::check;
use super::super::fields::Fields;
use super::super::path::Path;
use crate::field_error::FieldError;
use crate::names;
use crate::value::Object;

const FACTS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// All that a field path may be, for one use or another.
const KNOWN: [&str; 12] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.serviceAccountName",
    "spec.schedulerName",
    "status.phase",
    "status.hostIP",
    "status.hostIPs",
];
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// `env` of a container.
pub(crate) fn list(container: &Object, path: &Path<'_>, errors: &mut Errors) {
    for (at, variable) in container.objects("env") {
        let path = path.index(at);
        let name = variable.text("name");
        if name.is_empty() {
            errors.push(FieldError::required(path.child("name"), ""));
        } else {
            check::each(errors, path.child("name"), name, names::env_name(name));
        }
        if let Some(source) = variable.object("valueFrom") {
            value_from(source, variable.text("value"), &path.child("valueFrom"), errors);
        }
    }
}

fn value_from(source: &Object, value: &str, path: &Path<'_>, errors: &mut Errors) {
    let mut count = 0;
    if let Some(field) = source.object("fieldRef") {
        count += 1;
        field_ref(field, &FACTS, &path.child("fieldRef"), errors);
    }
    if let Some(resource) = source.object("resourceFieldRef") {
        count += 1;
        resource_ref(resource, false, &path.child("resourceFieldRef"), errors);
    }
    for name in ["configMapKeyRef", "secretKeyRef"] {
        if let Some(key) = source.object(name) {
            count += 1;
            key_ref(key, &path.child(name), errors);
        }
    }
    if let Some(file) = source.object("fileKeyRef") {
        count += 1;
        file_ref(file, &path.child("fileKeyRef"), errors);
    }
    let detail = match count {
        0 => {
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, \
             `secretKeyRef` or `fileKeyRef`"
        }
        _ if !value.is_empty() => "may not be specified when `value` is not empty",
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    errors.push(FieldError::invalid(path, "", detail));
}

/// `metadata.labels['key']` → `metadata.labels` and `key`.
fn subscripted(path: &str) -> Option<(&str, &str)> {
    path.strip_suffix("']")?.split_once("['").filter(|(field, _)| !field.is_empty())
}

/// A field of the pod, one of those that a use allows.
pub(crate) fn field_ref(field: &Object, allowed: &[&str], path: &Path<'_>, errors: &mut Errors) {
    for name in ["apiVersion", "fieldPath"] {
        if field.text(name).is_empty() {
            errors.push(FieldError::required(path.child(name), ""));
            return;
        }
    }
    let (version, target) = (field.text("apiVersion"), field.text("fieldPath"));
    let invalid = |detail: &str| FieldError::invalid(path.child("fieldPath"), target, detail);
    if version != "v1" {
        let detail = format!("error converting fieldPath: unsupported pod version: {version}");
        errors.push(invalid(&detail));
        return;
    }
    if let Some((field, key)) = subscripted(target) {
        match field {
            "metadata.annotations" => check::label_key(errors, path, &key.to_lowercase()),
            "metadata.labels" => check::label_key(errors, path, key),
            _ => {
                let detail = format!(
                    "error converting fieldPath: field label does not support subscript: {target}"
                );
                errors.push(invalid(&detail));
            }
        }
        return;
    }
    // An older name of the same.
    let target = if target == "spec.host" { "spec.nodeName" } else { target };
    let is_known = KNOWN.contains(&target) || matches!(target, "status.podIP" | "status.podIPs");
    if !is_known {
        let detail = format!("error converting fieldPath: field label not supported: {target}");
        errors.push(invalid(&detail));
    } else if !allowed.contains(&target) {
        errors.push(FieldError::not_supported(path.child("fieldPath"), target, allowed));
    }
}

/// An amount of a container's resources; in a file it must say of which container.
pub(crate) fn resource_ref(resource: &Object, in_file: bool, path: &Path<'_>, errors: &mut Errors) {
    let name = resource.text("resource");
    let huge_pages = ["limits.hugepages-", "requests.hugepages-"];
    let is_huge_pages = huge_pages.iter().any(|start| name.starts_with(start));
    if in_file && resource.text("containerName").is_empty() {
        errors.push(FieldError::required(path.child("containerName"), ""));
    } else if name.is_empty() {
        errors.push(FieldError::required(path.child("resource"), ""));
    } else if !RESOURCES.contains(&name) && !is_huge_pages {
        errors.push(FieldError::not_supported(path.child("resource"), name, &RESOURCES));
    }
    let divisor = resource.value("divisor");
    if check::quantity(divisor).is_zero() {
        return;
    }
    let divisor = check::text_of(divisor);
    let (kind, is_good) = match name {
        "limits.cpu" | "requests.cpu" => ("cpu", matches!(divisor, "1m" | "1")),
        "limits.memory" | "requests.memory" => ("memory", is_unit(divisor)),
        "limits.ephemeral-storage" | "requests.ephemeral-storage" => {
            ("local ephemeral storage", is_unit(divisor))
        }
        _ if is_huge_pages => ("hugepages", is_unit(divisor)),
        _ => return,
    };
    if !is_good {
        let values = match kind {
            "cpu" => "1m and 1",
            _ => "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei",
        };
        let detail =
            format!("only divisor's values {values} are supported with the {kind} resource");
        errors.push(FieldError::invalid(path.child("divisor"), name, &detail));
    }
}

fn is_unit(divisor: &str) -> bool {
    let units = ["", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    divisor.strip_prefix('1').is_some_and(|unit| units.contains(&unit))
}

fn key_ref(key: &Object, path: &Path<'_>, errors: &mut Errors) {
    check::dns_subdomain(errors, path.child("name"), key.text("name"));
    let key = key.text("key");
    if key.is_empty() {
        errors.push(FieldError::required(path.child("key"), ""));
    } else {
        check::each(errors, path.child("key"), key, names::config_key(key));
    }
}

fn file_ref(file: &Object, path: &Path<'_>, errors: &mut Errors) {
    let (key, volume, target) = (file.text("key"), file.text("volumeName"), file.text("path"));
    if key.is_empty() {
        errors.push(FieldError::required(path.child("key"), ""));
    } else {
        check::each(errors, path.child("key"), key, names::env_name(key));
    }
    if volume.is_empty() {
        errors.push(FieldError::required(path.child("volumeName"), ""));
    } else {
        check::dns_label(errors, path.child("volumeName"), volume);
    }
    if target.is_empty() {
        errors.push(FieldError::required(path.child("path"), ""));
    } else {
        check::no_backsteps(errors, &path.child("path"), target);
    }
}

/// `envFrom` of a container.
pub(crate) fn from(container: &Object, path: &Path<'_>, errors: &mut Errors) {
    for (at, source) in container.objects("envFrom") {
        let item = path.index(at);
        let prefix = source.text("prefix");
        if !prefix.is_empty() {
            check::each(errors, item.child("prefix"), prefix, names::env_name(prefix));
        }
        let mut count = 0;
        for name in ["configMapRef", "secretRef"] {
            let Some(reference) = source.object(name) else { continue };
            count += 1;
            let path = item.child(name);
            let of = reference.text("name");
            if of.is_empty() {
                errors.push(FieldError::required(path.child("name"), ""));
            } else {
                // Judged as a prefix of a name, at whose end a dash may stand.
                let messages = super::super::meta::subdomain(of, true);
                check::each(errors, path.child("name"), of, messages);
            }
        }
        let detail = match count {
            0 => "must specify one of: `configMapRef` or `secretRef`",
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        errors.push(FieldError::invalid(path, "", detail));
    }
}
