//! PersistentVolumeClaims, and the templates of them that pods' ephemeral volumes and
//! StatefulSets carry.

use crate::field_error::{FieldError, Reason};
use crate::names;
use crate::target::Target;
use crate::validation::difference::difference;
use crate::validation::fields::{Fields, metadata, same, same_objects};
use crate::validation::labels;
use crate::validation::path::Path;
use crate::validation::pod::warnings::fraction;
use crate::validation::{Errors, Rules, check, meta, resources};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules {
    create: |target, object, errors| claim(target, object, Options::default(), errors),
    update: |target, new, old, errors| {
        if target.subresource == "status" {
            status(new, old, errors);
        } else {
            update(target, new, old, errors);
        }
    },
    warnings: |target, new, _, warnings| {
        if target.subresource.is_empty() {
            warn(new, warnings);
        }
    },
};

pub(super) const MODES: [&str; 4] =
    ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";
const CHANGEABLE: &str = "spec is immutable after creation except resources.requests and \
                          volumeAttributesClassName for bound claims";

/// Where a claim is judged less strictly, because of what it replaces.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    any_selector_value: bool,
    any_source_group: bool,
}

impl Options {
    fn of(old: &Object) -> Self {
        let spec = old.part("spec");
        let sources = ["dataSource", "dataSourceRef"];
        Self {
            any_selector_value: labels::has_bad_value(spec.object("selector")),
            any_source_group: sources.iter().any(|name| spec.part(name).has("apiGroup")),
        }
    }
}

fn claim(target: Target<'_>, object: &Object, options: Options, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    spec(object.part("spec"), options, &Path::root("spec"), errors);
}

/// A new claim's specification inside of another object (a StatefulSet's).
pub(crate) fn inline(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    self::spec(spec, Options::default(), path, errors);
}

/// A template: of its metadata, labels and annotations count alone.
pub(crate) fn template(template: &Object, path: &Path<'_>, errors: &mut Errors) {
    let of_meta = path.child("metadata");
    let meta = metadata(template);
    meta::annotations(meta.part("annotations"), &of_meta.child("annotations"), errors);
    labels::of(meta.part("labels"), &of_meta.child("labels"), errors);
    for (name, _) in meta
        .iter()
        .filter(|(name, value)| !matches!(*name, "labels" | "annotations") && !value.is_null())
    {
        let shown = if name == "uid" { "uID" } else { name };
        errors.push(FieldError::forbidden(of_meta.child(shown), "cannot be set"));
    }
    spec(template.part("spec"), Options::default(), &path.child("spec"), errors);
}

pub(super) fn access_modes(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let modes = || spec.texts("accessModes");
    for mode in modes() {
        check::one_of(errors, path, mode, &MODES);
    }
    let alone = modes().any(|mode| mode == "ReadWriteOncePod");
    if alone && modes().any(|mode| mode != "ReadWriteOncePod" && MODES.contains(&mode)) {
        let detail = "may not use ReadWriteOncePod with other access modes";
        errors.push(FieldError::forbidden(path, detail));
    }
}

fn spec(spec: &Object, options: Options, path: &Path<'_>, errors: &mut Errors) {
    if spec.list("accessModes").is_empty() {
        let detail = "at least 1 access mode is required";
        errors.push(FieldError::required(path.child("accessModes"), detail));
    }
    let selection =
        labels::Options { any_value: options.any_selector_value, ..labels::Options::default() };
    labels::selector(spec.object("selector"), selection, &path.child("selector"), errors);
    access_modes(spec, &path.child("accessModes"), errors);
    let storage = path.child("resources");
    let storage = storage.key("storage");
    let amount = spec.part("resources").part("requests").value("storage");
    match amount {
        None => errors.push(FieldError::required(storage, "")),
        amount => check::quantity_positive(errors, storage, amount),
    }
    if !spec.text("storageClassName").is_empty() {
        let name = spec.text("storageClassName");
        check::dns_subdomain(errors, path.child("storageClassName"), name);
    }
    if spec.has("volumeMode") {
        let modes = ["Block", "Filesystem"];
        check::one_of(errors, path.child("volumeMode"), spec.text("volumeMode"), &modes);
    }
    sources(spec, options, path, errors);
    if !spec.text("volumeAttributesClassName").is_empty() {
        let name = spec.text("volumeAttributesClassName");
        check::dns_subdomain(errors, path.child("volumeAttributesClassName"), name);
    }
}

/// What a volume is filled with, which two fields say.
fn sources(spec: &Object, options: Options, path: &Path<'_>, errors: &mut Errors) {
    let (old, new) = (spec.object("dataSource"), spec.object("dataSourceRef"));
    for (name, source) in [("dataSource", old), ("dataSourceRef", new)] {
        let Some(source) = source else { continue };
        let path = path.child(name);
        check::need(errors, &path, source, "name");
        check::need(errors, &path, source, "kind");
        let (group, kind) = (source.text("apiGroup"), source.text("kind"));
        if group.is_empty() && kind != "PersistentVolumeClaim" {
            let detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
            errors.push(FieldError::invalid(path, kind, detail));
        }
        if !group.is_empty() && !options.any_source_group {
            check::dns_subdomain(errors, path.child("apiGroup"), group);
        }
        if name == "dataSourceRef" && !source.text("namespace").is_empty() {
            check::dns_label(errors, path.child("namespace"), source.text("namespace"));
        }
    }
    let (Some(old), Some(new)) = (old, new) else { return };
    let names = ["apiGroup", "kind", "name"];
    let detail = if !new.text("namespace").is_empty() {
        "may not be specified when dataSourceRef.namespace is specified"
    } else if names.iter().any(|name| old.value(name) != new.value(name)) {
        "must match dataSourceRef"
    } else {
        return;
    };
    // Upstream shows its own path object, of which nothing can be seen.
    errors.push(FieldError::shown(Reason::Invalid, path, "{}", detail));
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    claim(target, new, Options::of(old), errors);
    let (now, before) = (new.part("spec"), old.part("spec"));
    let mut rest = now.clone();
    let mut set = |name: &str, value: Option<&Value>| match value {
        Some(value) => drop(rest.insert(name, value.clone())),
        None => drop(rest.remove(name)),
    };
    if before.text("volumeName").is_empty() {
        set("volumeName", before.value("volumeName"));
    }
    let class = "storageClassName";
    let (note, note_before) = (note(new), note(old));
    let named = now.value(class).and_then(Value::as_str);
    let from_annotation = note_before.is_some()
        && !before.has(class)
        && named == note_before
        && (note.is_none() || note == note_before);
    if from_annotation {
        set(class, None);
    } else {
        if note.unwrap_or_default() != note_before.unwrap_or_default() {
            let path = Path::root("metadata.annotations");
            let path = path.child(CLASS_ANNOTATION);
            let note = note.unwrap_or_default();
            errors.push(FieldError::invalid(path, note, meta::IMMUTABLE));
        }
        let may_name = named.is_some()
            && !before.has(class)
            && (note_before.is_none() || named == note_before);
        if may_name {
            set(class, None);
        }
    }
    let is_bound = new.part("status").text("phase") == "Bound";
    if is_bound {
        set("volumeAttributesClassName", before.value("volumeAttributesClassName"));
        settle_size(&mut rest, before);
    }
    if !same_objects(&rest, before) {
        let detail = format!("{CHANGEABLE}{}", difference(before, &rest));
        errors.push(FieldError::forbidden("spec", &detail));
    }
    let size =
        |spec: &Object| check::quantity(spec.part("resources").part("requests").value("storage"));
    let held = check::quantity(old.part("status").part("capacity").value("storage"));
    if size(now) < size(before) && size(now) <= held {
        let detail = "field can not be less than status.capacity";
        errors.push(FieldError::forbidden("spec.resources.requests.storage", detail));
    }
    let mode = "volumeMode";
    let path = Path::root(mode);
    check::immutable(errors, &path, now.value(mode), before.value(mode), "null");
    attributes_class(now, old, errors);
}

/// What an annotation says of the storage class, if it is there.
fn note(claim: &Object) -> Option<&str> {
    metadata(claim).part("annotations").value(CLASS_ANNOTATION).and_then(Value::as_str)
}

/// A bound claim may ask for more.
fn settle_size(rest: &mut Object, before: &Object) {
    let Some(resources) = rest.get_mut("resources").and_then(Value::as_object_mut) else {
        return;
    };
    let Some(requests) = resources.get_mut("requests").and_then(Value::as_object_mut) else {
        return;
    };
    if let Some(size) = before.part("resources").part("requests").value("storage") {
        requests.insert("storage", size.clone());
    }
}

/// A class that was applied stays, though another may follow.
fn attributes_class(now: &Object, old: &Object, errors: &mut Errors) {
    let name = "volumeAttributesClassName";
    let is_applied = old.part("status").has("currentVolumeAttributesClassName");
    if !is_applied || same(now.value(name), old.part("spec").value(name)) {
        return;
    }
    let to = match now.value(name) {
        None => "nil",
        Some(_) if now.text(name).is_empty() => "empty string",
        Some(_) => return,
    };
    let detail = format!(
        "update to {to} is forbidden when status.currentVolumeAttributesClassName is not nil"
    );
    errors.push(FieldError::forbidden("spec.volumeAttributesClassName", &detail));
}

const RESIZES: [&str; 5] = [
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
];

fn status(new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    if new.part("spec").list("accessModes").is_empty() {
        errors.push(FieldError::required("Spec.accessModes", ""));
    }
    let status = new.part("status");
    let path = Path::root("status");
    for (name, amount) in status.part("capacity").iter() {
        let path = path.child("capacity");
        resources::basic_amount(amount, &path.key(name), errors);
    }
    for (name, state) in status.entries("allocatedResourceStatuses") {
        let path = path.child("allocatedResourceStatus");
        resource_key(name, &path, errors);
        if !RESIZES.contains(&state) {
            errors.push(FieldError::not_supported(path, name, &RESIZES));
        }
    }
    for (name, amount) in status.part("allocatedResources").iter() {
        let path = path.child("allocatedResources");
        let before = errors.len();
        resource_key(name, &path, errors);
        if errors.len() > before {
            continue;
        }
        let path = path.key(name);
        resources::basic_amount(amount, &path, errors);
        if errors.len() == before {
            check::quantity_not_negative(errors, path, Some(amount));
        }
    }
}

/// Of Kubernetes' own resources a claim has storage alone.
fn resource_key(name: &str, path: &Path<'_>, errors: &mut Errors) {
    let messages = names::label_key(name);
    if messages.is_empty() && resources::is_native(name) && name != "storage" {
        errors.push(FieldError::not_supported(path, name, &["storage"]));
    }
    check::each(errors, path, name, messages);
}

fn warn(claim: &Object, warnings: &mut Vec<String>) {
    if note(claim).is_some() {
        warnings.push(format!(
            "metadata.annotations[{CLASS_ANNOTATION}]: deprecated since v1.8; use \
             \"storageClassName\" attribute instead"
        ));
    }
    spec_warnings(claim.part("spec"), &Path::root("spec"), warnings);
}

pub(crate) fn spec_warnings(spec: &Object, path: &Path<'_>, warnings: &mut Vec<String>) {
    for list in ["requests", "limits"] {
        let path = path.child("resources");
        let path = path.child(list);
        let amount = spec.part("resources").part(list).value("storage");
        fraction(amount, &path.key("storage"), warnings);
    }
}
