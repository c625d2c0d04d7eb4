//! Where containers have volumes: as directories and as devices.

use super::super::Errors;
use super::super::check;
use super::super::fields::{Fields, Seen};
use super::super::path::Path;
use super::super::volume;
use super::spec::Scope;
use crate::field_error::FieldError;
use crate::value::Object;

/// `volumeMounts` of a container.
pub(super) fn directories(
    container: &Object,
    scope: &Scope<'_>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let mut points = Seen::default();
    let (names, paths) = named(container, "volumeDevices", "devicePath");
    for (at, mount) in container.objects("volumeMounts") {
        let item = path.index(at);
        let (name, point) = (mount.text("name"), mount.text("mountPath"));
        let (name_path, point_path) = (item.child("name"), item.child("mountPath"));
        check::need(errors, &item, mount, "name");
        if scope.volume(name).is_none() {
            errors.push(FieldError::not_found(name_path, name));
        }
        check::need(errors, &item, mount, "mountPath");
        if points.again(point) {
            errors.push(FieldError::invalid(point_path, point, "must be unique"));
        }
        if names.has(name) {
            let detail = "must not already exist in volumeDevices";
            errors.push(FieldError::invalid(name_path, name, detail));
        }
        if paths.has(point) {
            let detail = "must not already exist as a path in volumeDevices";
            errors.push(FieldError::invalid(point_path, point, detail));
        }
        let (sub, expression) = (mount.text("subPath"), mount.text("subPathExpr"));
        if !sub.is_empty() {
            check::local_path(errors, &path.child("subPath"), sub);
        }
        if !expression.is_empty() {
            if !sub.is_empty() {
                let path = item.child("subPathExpr");
                let detail = "subPathExpr and subPath are mutually exclusive";
                errors.push(FieldError::invalid(path, expression, detail));
            }
            check::local_path(errors, &path.child("subPathExpr"), expression);
        }
        propagation(mount, container, &path.child("mountPropagation"), errors);
        recursion(mount, &path.child("recursiveReadOnly"), errors);
    }
}

fn propagation(mount: &Object, container: &Object, path: &Path<'_>, errors: &mut Errors) {
    if !mount.has("mountPropagation") {
        return;
    }
    let mode = mount.text("mountPropagation");
    check::one_of(errors, path, mode, &["Bidirectional", "HostToContainer", "None"]);
    if mode == "Bidirectional" && !container.part("securityContext").flag("privileged") {
        let detail = "Bidirectional mount propagation is available only to privileged containers";
        errors.push(FieldError::forbidden(path, detail));
    }
}

fn recursion(mount: &Object, path: &Path<'_>, errors: &mut Errors) {
    if !mount.has("recursiveReadOnly") {
        return;
    }
    let mode = mount.text("recursiveReadOnly");
    if matches!(mode, "Enabled" | "IfPossible") {
        if !mount.flag("readOnly") {
            let detail = "may only be specified when readOnly is true";
            errors.push(FieldError::forbidden(path, detail));
        }
        if mount.has("mountPropagation") && mount.text("mountPropagation") != "None" {
            let detail = "may only be specified when mountPropagation is None or not specified";
            errors.push(FieldError::forbidden(path, detail));
        }
    } else {
        check::one_of(errors, path, mode, &["Disabled", "Enabled", "IfPossible"]);
    }
}

/// The names and the paths of what else a container has of volumes.
fn named<'c>(container: &'c Object, list: &str, path: &str) -> (Seen<'c>, Seen<'c>) {
    let (mut names, mut paths) = (Seen::default(), Seen::default());
    for (_, one) in container.objects(list) {
        names.again(one.text("name"));
        paths.again(one.text(path));
    }
    (names, paths)
}

/// `volumeDevices` of a container.
pub(super) fn devices(container: &Object, scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    let (mut names, mut points) = (Seen::default(), Seen::default());
    let (mounted, paths) = named(container, "volumeMounts", "mountPath");
    for (at, device) in container.objects("volumeDevices") {
        let path = path.index(at);
        let (name, point) = (device.text("name"), device.text("devicePath"));
        let (name_path, point_path) = (path.child("name"), path.child("devicePath"));
        check::need(errors, &path, device, "name");
        if names.has(name) {
            errors.push(FieldError::invalid(name_path, name, "must be unique"));
        }
        match scope.volume(name) {
            Some(volume) if !volume::is_claim(volume) => {
                let detail = "can only use volume source type of PersistentVolumeClaim or \
                              Ephemeral for block mode";
                errors.push(FieldError::invalid(name_path, name, detail));
            }
            Some(_) => {}
            None => errors.push(FieldError::not_found(name_path, name)),
        }
        check::need(errors, &path, device, "devicePath");
        if points.has(point) {
            errors.push(FieldError::invalid(point_path, point, "must be unique"));
        }
        if point.split('/').any(|step| step == "..") {
            let detail = "can not contain backsteps ('..')";
            errors.push(FieldError::invalid(point_path, point, detail));
        } else {
            points.again(point);
        }
        if mounted.has(name) {
            let detail = "must not already exist in volumeMounts";
            errors.push(FieldError::invalid(name_path, name, detail));
        }
        if paths.has(point) {
            let detail = "must not already exist as a path in volumeMounts";
            errors.push(FieldError::invalid(point_path, point, detail));
        }
        if !name.is_empty() {
            names.again(name);
        }
    }
}
