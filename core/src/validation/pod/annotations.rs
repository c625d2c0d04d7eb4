//! Annotations of pods that mean something: deletion cost, mirror pods, and what seccomp and
//! AppArmor had before they had fields.

use super::super::Errors;
use super::super::check;
use super::super::fields::{Fields, Seen, metadata};
use super::super::path::Path;
use super::super::selectors;
use super::{Options, all_containers};
use crate::field_error::{FieldError, quoted};
use crate::value::{Lookup, Object, Value};

pub(super) const MIRROR: &str = "kubernetes.io/config.mirror";
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
const TOLERATIONS: &str = "scheduler.alpha.kubernetes.io/tolerations";
pub(super) const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
pub(super) const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
pub(super) const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// Whether the cost of deletion is a number, or not given.
pub(super) fn is_deletion_cost(annotations: &Object) -> bool {
    let Some(value) = annotations.value(DELETION_COST).and_then(Value::as_str) else {
        return true;
    };
    // Written as upstream would: no plus, no leading zeros, no minus zero.
    value.parse::<i32>().is_ok_and(|number| number.to_string() == value)
}

/// What a pod's or a template's annotations must be.
pub(super) fn of(
    meta: &Object,
    spec: &Object,
    options: &Options,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let annotations = meta.part("annotations");
    if annotations.has(MIRROR) && spec.text("nodeName").is_empty() {
        let detail = "must set spec.nodeName if mirror pod annotation is set";
        errors.push(FieldError::invalid(path.key(MIRROR), annotations.text(MIRROR), detail));
    }
    tolerations(annotations.text(TOLERATIONS), path, errors);
    if !options.any_deletion_cost && !is_deletion_cost(annotations) {
        let value = annotations.text(DELETION_COST);
        errors.push(FieldError::invalid(path.key(DELETION_COST), value, "must be a 32bit integer"));
    }
    if annotations.has(SECCOMP_POD) {
        seccomp(annotations.text(SECCOMP_POD), &path.child(SECCOMP_POD), errors);
    }
    for (key, value) in annotations.own_entries() {
        if key.starts_with(SECCOMP_CONTAINER) {
            seccomp(value, &path.child(key), errors);
        }
    }
    let mut containers = Seen::default();
    for (_, _, container) in all_containers(spec) {
        containers.again(container.text("name"));
    }
    for (key, value) in annotations.own_entries() {
        let Some(container) = key.strip_prefix(APP_ARMOR) else { continue };
        let path = path.key(key);
        if !containers.has(container) {
            errors.push(FieldError::invalid(path, container, "container not found"));
        }
        if !matches!(value, "" | "runtime/default" | "unconfined")
            && !value.starts_with("localhost/")
        {
            let detail = format!("invalid AppArmor profile name: {}", quoted(value));
            errors.push(FieldError::invalid(path, value, &detail));
        }
    }
}

fn tolerations(text: &str, path: &Path<'_>, errors: &mut Errors) {
    if text.is_empty() {
        return;
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(items)) => {
            let mut spec = Object::new();
            spec.push("tolerations", Value::Array(items));
            selectors::tolerations(&spec, &path.child(TOLERATIONS), errors);
        }
        Ok(Value::Null) => {}
        _ => errors.push(FieldError::invalid(path, TOLERATIONS, "not a list of tolerations")),
    }
}

fn seccomp(profile: &str, path: &Path<'_>, errors: &mut Errors) {
    if matches!(profile, "runtime/default" | "docker/default" | "unconfined") {
        return;
    }
    match profile.strip_prefix("localhost/") {
        Some(target) => check::local_path(errors, path, target),
        None => {
            errors.push(FieldError::invalid(path, profile, "must be a valid seccomp profile"));
        }
    }
}

/// Where annotations and fields both speak of seccomp or AppArmor, they must agree.
pub(super) fn match_fields(meta: &Object, spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let annotations = meta.part("annotations");
    let of_pod = spec.part("securityContext");
    if let (Some(profile), true) = (of_pod.object("seccompProfile"), annotations.has(SECCOMP_POD)) {
        let path = path.child("securityContext.seccompProfile");
        same_seccomp(annotations.text(SECCOMP_POD), profile, &path, errors);
    }
    for (name, at, container) in all_containers(spec) {
        let profile = container.part("securityContext").object("seccompProfile");
        let key = format!("{SECCOMP_CONTAINER}{}", container.text("name"));
        if let (Some(profile), true) = (profile, annotations.has(&key)) {
            let path = path.child(name);
            let path = path.index(at);
            let path = path.child("securityContext.seccompProfile");
            same_seccomp(annotations.text(&key), profile, &path, errors);
        }
    }
    if spec.part("os").text("name") == "windows" {
        return;
    }
    for (name, at, container) in all_containers(spec) {
        let own = container.part("securityContext").object("appArmorProfile");
        let profile = own.or_else(|| of_pod.object("appArmorProfile"));
        let key = format!("{APP_ARMOR}{}", container.text("name"));
        if let (Some(profile), true) = (profile, annotations.has(&key)) {
            let path = path.child(name);
            let path = path.index(at);
            let path = path.child("securityContext.appArmorProfile");
            let matches = matches_profile(annotations.text(&key), profile, false);
            differ(matches, "apparmor", &path, errors);
        }
    }
}

fn same_seccomp(annotation: &str, profile: &Object, path: &Path<'_>, errors: &mut Errors) {
    differ(matches_profile(annotation, profile, true), "seccomp", path, errors);
}

/// Which field an annotation contradicts, if any.
fn matches_profile(annotation: &str, profile: &Object, docker: bool) -> Option<&'static str> {
    let same = match profile.text("type") {
        "Unconfined" => annotation == "unconfined",
        "RuntimeDefault" => {
            annotation == "runtime/default" || (docker && annotation == "docker/default")
        }
        "Localhost" => match annotation.strip_prefix("localhost/") {
            None => false,
            Some(name) if profile.has("localhostProfile") => {
                let same = profile.text("localhostProfile") == name;
                return (!same).then_some("localhostProfile");
            }
            Some(_) => return Some("localhostProfile"),
        },
        _ => true,
    };
    (!same).then_some("type")
}

fn differ(field: Option<&'static str>, what: &str, path: &Path<'_>, errors: &mut Errors) {
    if let Some(field) = field {
        let aspect = if field == "type" { "type" } else { "profile" };
        let detail = format!("{what} {aspect} in annotation and field must match");
        errors.push(FieldError::forbidden(path.child(field), &detail));
    }
}

/// Annotations that stay as they are once a pod is there.
pub(super) fn unchanged(new: &Object, old: &Object, path: &Path<'_>, errors: &mut Errors) {
    let (new, old) = (metadata(new).part("annotations"), metadata(old).part("annotations"));
    let mut forbid = |key: &str, verb: &str| {
        let what = if key.starts_with(APP_ARMOR) {
            "AppArmor annotations"
        } else if key == MIRROR {
            "mirror pod annotation"
        } else {
            return;
        };
        errors.push(FieldError::forbidden(path.key(key), &format!("may not {verb} {what}")));
    };
    let (mut in_new, mut in_old) = (Lookup::new(new), Lookup::new(old));
    for (key, value) in old.iter() {
        if in_new.get(key) != Some(value) {
            forbid(key, "remove or update");
        }
    }
    for (key, _) in new.iter() {
        if in_old.get(key).is_none() {
            forbid(key, "add");
        }
    }
}
