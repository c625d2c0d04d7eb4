//! VolumeAttachments.

use crate::field_error::FieldError;
use crate::target::Target;
use crate::validation::check;
use crate::validation::core_group::pv;
use crate::validation::fields::{Fields, same};
use crate::validation::internal;
use crate::validation::meta::IMMUTABLE;
use crate::validation::path::Path;
use crate::validation::volume::sources::csi_driver;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

const METADATA_MAX_BYTES: usize = 256 * 1024;
const MESSAGE_MAX_BYTES: usize = 1024;

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    attachment(target, object, errors);
    let spec = object.part("spec");
    let path = Path::root("spec");
    // Only this version of the API asks for more of names; a driver that is not given is told once.
    if !spec.text("attacher").is_empty() {
        csi_driver(spec.text("attacher"), &path.child("attacher"), errors);
    }
    if let Some(name) = spec.part("source").value("persistentVolumeName").and_then(Value::as_str) {
        check::dns_subdomain(errors, path.child("source.persistentVolumeName"), name);
    }
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    attachment(target, new, errors);
    let (after, before) = (new.value("spec"), old.value("spec"));
    if !same(after, before) {
        let message = "k8s.io.api.storage.v1.VolumeAttachmentSpec";
        errors.push(internal::invalid(&Path::root("spec"), message, after, IMMUTABLE));
    }
}

fn attachment(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let spec = object.part("spec");
    let path = Path::root("spec");
    check::required(errors, path.child("attacher"), spec.text("attacher"), "");
    source(spec.part("source"), &path.child("source"), errors);
    check::dns_subdomain(errors, path.child("nodeName"), spec.text("nodeName"));
    status(object.part("status"), &Path::root("status"), errors);
}

fn source(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    let detail = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    let name = source.value("persistentVolumeName").and_then(Value::as_str);
    match (source.object("inlineVolumeSpec"), name) {
        (None, None) => errors.push(FieldError::required(path, detail)),
        (Some(_), Some(_)) => errors.push(FieldError::forbidden(path, detail)),
        (None, Some(name)) => {
            let detail = "must specify non empty persistentVolumeName";
            check::required(errors, path.child("persistentVolumeName"), name, detail);
        }
        (Some(spec), None) => {
            let path = path.child("inlineVolumeSpec");
            pv::inline(spec, &path, errors);
        }
    }
}

fn status(status: &Object, path: &Path<'_>, errors: &mut Errors) {
    let metadata = status.entries("attachmentMetadata");
    let size_bytes: usize = metadata.map(|(key, value)| key.len() + value.len()).sum();
    if size_bytes > METADATA_MAX_BYTES {
        errors.push(FieldError::too_long(path.child("attachmentMetadata"), METADATA_MAX_BYTES));
    }
    for name in ["attachError", "detachError"] {
        let Some(error) = status.object(name) else { continue };
        let path = path.child(name);
        if error.text("message").len() > MESSAGE_MAX_BYTES {
            // Upstream tells the limit of the metadata here.
            errors.push(FieldError::too_long(path.child("message"), METADATA_MAX_BYTES));
        }
        if let Some(code) = error.int("errorCode").filter(|code| *code < 0) {
            let detail = "must be between 0 and 2147483647, inclusive";
            errors.push(FieldError::invalid(path.child("errorCode"), &Value::Int(code), detail));
        }
    }
}
