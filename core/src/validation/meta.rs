//! Metadata: what every object's `metadata` must be, on create and on update.

use super::check;
use super::fields::{Fields, Seen, metadata, same};
use super::path::Path;
use super::{Errors, labels};
use crate::field_error::{FieldError, quoted};
use crate::names;
use crate::target::Target;
use crate::value::{Object, Value};

/// What is wrong with a name. With the flag set it is a prefix, to which characters are added: a
/// dash at its end is fine.
pub type NameRule = fn(&str, bool) -> Vec<String>;

pub const IMMUTABLE: &str = "field is immutable";

/// Over all of an object's annotations, keys included.
const ANNOTATIONS_MAX_BYTES: usize = 256 * 1024;
const MANAGER_MAX_BYTES: usize = 128;
const SUBRESOURCE_MAX_BYTES: usize = 256;

/// Upstream's way to let a prefix end in a dash: the two last characters become one letter.
fn masked(name: &str, prefix: bool) -> String {
    match name.strip_suffix('-') {
        Some(rest) if prefix && !rest.is_empty() => {
            let last = rest.char_indices().next_back().map_or(0, |(at, _)| at);
            format!("{}a", &rest[..last])
        }
        _ => name.to_owned(),
    }
}

pub fn subdomain(name: &str, prefix: bool) -> Vec<String> {
    names::dns_1123_subdomain(&masked(name, prefix))
}

pub fn label(name: &str, prefix: bool) -> Vec<String> {
    names::dns_1123_label(&masked(name, prefix))
}

pub fn label_1035(name: &str, prefix: bool) -> Vec<String> {
    names::dns_1035_label(&masked(name, prefix))
}

pub fn path_segment(name: &str, prefix: bool) -> Vec<String> {
    if prefix { names::path_segment_part(name) } else { names::path_segment(name) }
}

/// The metadata of a new object, as its kind demands it: names of a form, finalizers of a known
/// name or with a domain.
pub fn on_create(target: Target<'_>, object: &Object, name: NameRule, errors: &mut Errors) {
    plain_on_create(target, object, name, errors);
    let path = Path::root("metadata.finalizers");
    for (at, finalizer) in metadata(object).texts("finalizers").enumerate() {
        core_finalizer(finalizer, &path.index(at), errors);
    }
}

/// As some groups demand it, whose finalizers need no domain: admission policies and webhooks,
/// leases, and all that is beyond upstream's own API server. Updates of these are to be judged by
/// [`common_on_update`] alone.
pub fn plain_on_create(target: Target<'_>, object: &Object, name: NameRule, errors: &mut Errors) {
    let path = Path::root("metadata");
    of_new(metadata(object), target.resource.namespaced, name, &path, errors);
}

/// The metadata of an object that replaces another, as kinds demand it.
pub fn on_update(new: &Object, old: &Object, errors: &mut Errors) {
    common_on_update(new, old, errors);
    let path = Path::root("metadata.finalizers");
    for (at, finalizer) in metadata(new).texts("finalizers").enumerate() {
        core_finalizer(finalizer, &path.index(at), errors);
    }
}

/// What is demanded of every object, new or changed, whatever its kind.
pub fn common_on_create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    let path = Path::root("metadata");
    of_new(metadata(object), target.resource.namespaced, path_segment, &path, errors);
}

/// Metadata anywhere: that of a template is `of_new`, too.
pub fn of_new(
    meta: &Object,
    namespaced: bool,
    name: NameRule,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let prefix = meta.text("generateName");
    if !prefix.is_empty() {
        check::each(errors, path.child("generateName"), prefix, name(prefix, true));
    }
    let own = meta.text("name");
    if own.is_empty() {
        errors.push(FieldError::required(path.child("name"), "name or generateName is required"));
    } else {
        check::each(errors, path.child("name"), own, name(own, false));
    }
    let namespace = meta.text("namespace");
    if namespaced && namespace.is_empty() {
        errors.push(FieldError::required(path.child("namespace"), ""));
    } else if namespaced {
        check::each(errors, path.child("namespace"), namespace, label(namespace, false));
    } else if !namespace.is_empty() {
        errors.push(FieldError::forbidden(path.child("namespace"), "not allowed on this type"));
    }
    check::not_negative(errors, &path.child("generation"), meta.int("generation"));
    labels::of(meta.part("labels"), &path.child("labels"), errors);
    annotations(meta.part("annotations"), &path.child("annotations"), errors);
    owner_references(meta, &path.child("ownerReferences"), errors);
    finalizers(meta, &path.child("finalizers"), errors);
    managed_fields(meta, &path.child("managedFields"), errors);
}

/// The metadata of an object that replaces another. That a version is given is checked where it is
/// compared with the stored one.
pub fn common_on_update(new: &Object, old: &Object, errors: &mut Errors) {
    let path = Path::root("metadata");
    let (new, old) = (metadata(new), metadata(old));
    if old.has("deletionTimestamp") {
        no_new_finalizers(new, old, &path.child("finalizers"), errors);
    }
    if new.int("generation").unwrap_or(0) < old.int("generation").unwrap_or(0) {
        let generation = Value::Int(new.int("generation").unwrap_or(0));
        let path = path.child("generation");
        errors.push(FieldError::invalid(path, &generation, "must not be decremented"));
    }
    for (name, absent) in [
        ("name", "\"\""),
        ("namespace", "\"\""),
        ("uid", "\"\""),
        ("creationTimestamp", "null"),
        ("deletionTimestamp", "null"),
        ("deletionGracePeriodSeconds", "null"),
    ] {
        check::immutable(errors, &path.child(name), new.value(name), old.value(name), absent);
    }
    labels::of(new.part("labels"), &path.child("labels"), errors);
    annotations(new.part("annotations"), &path.child("annotations"), errors);
    owner_references(new, &path.child("ownerReferences"), errors);
    managed_fields(new, &path.child("managedFields"), errors);
}

pub fn annotations(annotations: &Object, path: &Path<'_>, errors: &mut Errors) {
    let mut size_bytes = 0;
    for (key, value) in annotations.iter() {
        // A label's key, but for case.
        check::each(errors, path, key, names::label_key(&key.to_lowercase()));
        size_bytes += key.len() + value.as_str().unwrap_or_default().len();
    }
    if size_bytes > ANNOTATIONS_MAX_BYTES {
        errors.push(FieldError::too_long(path, ANNOTATIONS_MAX_BYTES));
    }
}

fn owner_references(meta: &Object, path: &Path<'_>, errors: &mut Errors) {
    let mut controller: Option<String> = None;
    for (_, owner) in meta.objects("ownerReferences") {
        owner_reference(owner, path, errors);
        if !owner.flag("controller") {
            continue;
        }
        let name = format!("{}/{}", owner.text("kind"), owner.text("name"));
        match &controller {
            None => controller = Some(name),
            Some(first) => {
                let detail = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in \
                     references for {first} and {name}"
                );
                let all = Value::Array(meta.list("ownerReferences").to_vec());
                errors.push(FieldError::invalid(path, &all, &detail));
            }
        }
    }
}

fn owner_reference(owner: &Object, path: &Path<'_>, errors: &mut Errors) {
    let api_version = owner.text("apiVersion");
    let mut parts = api_version.split('/');
    let version = match (parts.next(), parts.next(), parts.next()) {
        (Some(version), None, _) | (Some(_), Some(version), None) => version,
        // Upstream takes what it cannot read as a kind without a version.
        _ => "",
    };
    let mut demand = |name: &str, missing: bool, detail: &str| {
        if missing {
            errors.push(FieldError::invalid(path.child(name), owner.text(name), detail));
        }
    };
    demand("apiVersion", version.is_empty(), "version must not be empty");
    for name in ["kind", "name", "uid"] {
        demand(name, owner.text(name).is_empty(), "must not be empty");
    }
    if api_version == "v1" && owner.text("kind") == "Event" {
        let detail = "/v1, Kind=Event is disallowed from being an owner";
        errors.push(FieldError::invalid(path, &Value::Object(owner.clone()), detail));
    }
}

fn finalizers(meta: &Object, path: &Path<'_>, errors: &mut Errors) {
    let (mut orphans, mut deletes) = (false, false);
    for finalizer in meta.texts("finalizers") {
        check::each(errors, path, finalizer, names::label_key(finalizer));
        orphans |= finalizer == "orphan";
        deletes |= finalizer == "foregroundDeletion";
    }
    if orphans && deletes {
        let all = Value::Array(meta.list("finalizers").to_vec());
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.push(FieldError::invalid(path, &all, detail));
    }
}

/// A finalizer is a standard name, or a name with a domain.
pub fn core_finalizer(finalizer: &str, path: &Path<'_>, errors: &mut Errors) {
    let standard = ["kubernetes", "orphan", "foregroundDeletion"];
    if !finalizer.contains('/') && !standard.contains(&finalizer) {
        let detail = "name is neither a standard finalizer name nor is it fully qualified";
        errors.push(FieldError::invalid(path, finalizer, detail));
    }
}

fn no_new_finalizers(new: &Object, old: &Object, path: &Path<'_>, errors: &mut Errors) {
    let mut held = Seen::default();
    for finalizer in old.texts("finalizers") {
        held.again(finalizer);
    }
    let mut more: Vec<&str> = new.texts("finalizers").filter(|one| !held.has(one)).collect();
    if more.is_empty() {
        return;
    }
    more.sort_unstable();
    more.dedup();
    let shown: Vec<String> = more.into_iter().map(quoted).collect();
    let detail = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers \
         []string{{{}}}",
        shown.join(", ")
    );
    errors.push(FieldError::forbidden(path, &detail));
}

fn managed_fields(meta: &Object, path: &Path<'_>, errors: &mut Errors) {
    for (at, entry) in meta.objects("managedFields") {
        let path = path.index(at);
        let operation = entry.text("operation");
        if !matches!(operation, "Apply" | "Update") {
            let detail = "must be `Apply` or `Update`";
            errors.push(FieldError::invalid(path.child("operation"), operation, detail));
        }
        let fields_type = entry.text("fieldsType");
        if !matches!(fields_type, "" | "FieldsV1") {
            let path = path.child("fieldsType");
            errors.push(FieldError::invalid(path, fields_type, "must be `FieldsV1`"));
        }
        manager(entry.text("manager"), &path.child("manager"), errors);
        if entry.text("subresource").len() > SUBRESOURCE_MAX_BYTES {
            errors.push(FieldError::too_long(path.child("subresource"), SUBRESOURCE_MAX_BYTES));
        }
    }
}

/// The name of a field manager: short and printable.
pub fn manager(name: &str, path: &Path<'_>, errors: &mut Errors) {
    if name.len() > MANAGER_MAX_BYTES {
        errors.push(FieldError::too_long(path, MANAGER_MAX_BYTES));
    }
    for (at, c) in name.char_indices().filter(|(_, c)| !is_printable(*c)) {
        let shown = if c.is_control() { String::new() } else { format!(" '{c}'") };
        let detail = format!("invalid character U+{:04X}{shown} (at position {at})", u32::from(c));
        errors.push(FieldError::invalid(path, name, &detail));
    }
}

/// Printable as Go sees it: of white space the plain blank alone.
fn is_printable(c: char) -> bool {
    c == ' ' || !(c.is_control() || c.is_whitespace())
}

/// Whether two objects have the same metadata, apart from some fields.
pub fn same_meta(new: &Object, old: &Object, apart_from: &[&str]) -> bool {
    let (new, old) = (metadata(new), metadata(old));
    let names = new.iter().chain(old.iter()).map(|(name, _)| name);
    let mut names = names.filter(|name| !apart_from.contains(name));
    names.all(|name| same(new.value(name), old.value(name)))
}
