//! What may change of a pod once it is there.

use super::super::Errors;
use super::super::difference::difference;
use super::super::fields::{Fields, Seen, metadata, same, same_objects};
use super::super::internal;
use super::super::meta;
use super::super::path::Path;
use super::super::selectors;
use super::{Options, annotations};
use crate::field_error::{FieldError, Reason};
use crate::names;
use crate::target::Target;
use crate::value::{Lookup, Object, Value};
use std::collections::{HashMap, HashSet};

const UPDATABLE: &str = "pod updates may not change fields other than \
    `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
    `spec.tolerations` (only additions to existing tolerations),\
    `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// A pod as its author changes it.
pub(super) fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    let options = Options::new(true, Some(old));
    meta::on_update(new, old, errors);
    super::metadata_and_spec(target, new, &options, errors);
    kept_annotations(new, old, &options, errors);
    let (new, old) = (new.part("spec"), old.part("spec"));
    let path = Path::root("spec");
    for name in ["containers", "initContainers"] {
        if !images(new, old, name, &path.child(name), errors) {
            return;
        }
    }
    if !deadline(new, old, &path.child("activeDeadlineSeconds"), errors) {
        return;
    }
    tolerations(new, old, &path.child("tolerations"), errors);
    scheduling_gates(new, old, &path.child("schedulingGates"), errors);
    if same_objects(new, old) {
        return;
    }
    let mut rest = new.clone();
    settle_changeable(&mut rest, old);
    if !old.list("schedulingGates").is_empty() {
        gated(&mut rest, new, old, &path, errors);
    }
    if !same_objects(&rest, old) {
        let detail = format!("{UPDATABLE}{}", difference(old, &rest));
        errors.push(FieldError::forbidden(path, &detail));
    }
}

/// Annotations that stay, and what all of them must be.
pub(super) fn kept_annotations(new: &Object, old: &Object, options: &Options, errors: &mut Errors) {
    let path = Path::root("metadata.annotations");
    annotations::unchanged(new, old, &path, errors);
    annotations::of(metadata(new), new.part("spec"), options, &path, errors);
}

/// Whether the lists have the same length; images must be there.
fn images(new: &Object, old: &Object, name: &str, path: &Path<'_>, errors: &mut Errors) -> bool {
    if new.list(name).len() != old.list(name).len() {
        let detail = "pod updates may not add or remove containers";
        errors.push(FieldError::forbidden(path, detail));
        return false;
    }
    for (at, container) in new.objects(name) {
        let path = path.index(at);
        let path = path.child("image");
        let image = container.text("image");
        if image.is_empty() {
            errors.push(FieldError::required(path, ""));
        }
        if image.trim() != image {
            let detail = "must not have leading or trailing whitespace";
            errors.push(FieldError::invalid(path, image, detail));
        }
    }
    true
}

/// A deadline may be set and brought nearer. Whether to look on.
fn deadline(new: &Object, old: &Object, path: &Path<'_>, errors: &mut Errors) -> bool {
    let (new, old) = (new.int("activeDeadlineSeconds"), old.int("activeDeadlineSeconds"));
    match (new, old) {
        (Some(new), _) if !(0..=i64::from(i32::MAX)).contains(&new) => {
            for message in names::in_range(new, 0, i32::MAX.into()) {
                errors.push(FieldError::invalid(path, &new, &message));
            }
            false
        }
        (Some(new), Some(old)) if old < new => {
            let detail = "must be less than or equal to previous value";
            errors.push(FieldError::invalid(path, &new, detail));
            false
        }
        (None, Some(_)) => {
            let detail = "must not update from a positive integer to nil value";
            errors.push(FieldError::shown(Reason::Invalid, path, "null", detail));
            true
        }
        _ => true,
    }
}

/// Tolerations may come; those that are there may change their seconds alone.
fn tolerations(new: &Object, old: &Object, path: &Path<'_>, errors: &mut Errors) {
    fn bare(toleration: &Object) -> [&str; 4] {
        ["key", "operator", "value", "effect"].map(|name| toleration.text(name))
    }
    let kept: HashSet<[&str; 4]> = new.objects("tolerations").map(|(_, one)| bare(one)).collect();
    for (_, toleration) in old.objects("tolerations") {
        if !kept.contains(&bare(toleration)) {
            let detail = "existing toleration can not be modified except its tolerationSeconds";
            errors.push(FieldError::forbidden(path, detail));
            return;
        }
    }
    selectors::tolerations(new, path, errors);
}

/// Gates may go, none may come.
fn scheduling_gates(new: &Object, old: &Object, path: &Path<'_>, errors: &mut Errors) {
    let mut before = Seen::default();
    for (_, gate) in old.objects("schedulingGates") {
        before.again(gate.text("name"));
    }
    for (at, gate) in new.objects("schedulingGates") {
        let name = gate.text("name");
        if !before.has(name) {
            let path = path.index(at);
            let detail =
                format!("only deletion is allowed, but found new scheduling gate '{name}'");
            errors.push(FieldError::forbidden(path.child("name"), &detail));
        }
    }
}

/// Takes from the old specification what may change, so that the rest can be compared.
fn settle_changeable(new: &mut Object, old: &Object) {
    for name in ["containers", "initContainers"] {
        let images: Vec<Option<Value>> =
            old.objects(name).map(|(_, one)| one.get("image").cloned()).collect();
        let Some(Value::Array(containers)) = new.get_mut(name) else { continue };
        for (container, image) in containers.iter_mut().zip(images) {
            let Some(container) = container.as_object_mut() else { continue };
            put(container, "image", image);
        }
    }
    for name in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        put(new, name, old.get(name).cloned());
    }
    let grace = "terminationGracePeriodSeconds";
    if old.int(grace).is_some_and(|seconds| seconds < 0) && new.int(grace) == Some(1) {
        put(new, grace, old.get(grace).cloned());
    }
}

pub(super) fn put(object: &mut Object, name: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(object.insert(name, value)),
        None => drop(object.remove(name)),
    }
}

/// Of a pod that waits at a gate, the choice of nodes may become narrower.
fn gated(rest: &mut Object, new: &Object, old: &Object, path: &Path<'_>, errors: &mut Errors) {
    let (chosen, before) = (new.part("nodeSelector"), old.part("nodeSelector"));
    let mut among = Lookup::new(chosen);
    if before.iter().any(|(key, value)| among.get(key) != Some(value)) {
        let detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
        let shown = Value::Object(chosen.clone());
        errors.push(FieldError::invalid(path.child("nodeSelector"), &shown, detail));
    }
    put(rest, "nodeSelector", old.get("nodeSelector").cloned());
    let (now, before) =
        (new.part("affinity").value("nodeAffinity"), old.part("affinity").value("nodeAffinity"));
    if same(now, before) {
        return;
    }
    let affinity = path.child("affinity.nodeAffinity");
    narrower(now, before, &affinity, errors);
    let others = ["podAffinity", "podAntiAffinity"];
    let mut affinity = rest.part("affinity").clone();
    put(&mut affinity, "nodeAffinity", before.cloned());
    let is_bare = !old.has("affinity") && others.iter().all(|name| !affinity.has(name));
    let affinity = (!is_bare).then_some(Value::Object(affinity));
    put(rest, "affinity", affinity.filter(|_| new.has("affinity") || before.is_some()));
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// Required terms stay; requirements may be added to them.
fn narrower(now: Option<&Value>, before: Option<&Value>, path: &Path<'_>, errors: &mut Errors) {
    const EMPTY: &Object = &Object::EMPTY;
    let terms = |affinity: Option<&Value>| {
        let affinity = affinity.and_then(Value::as_object).unwrap_or(EMPTY);
        affinity.part(REQUIRED).list("nodeSelectorTerms").to_vec()
    };
    let (now, before) = (terms(now), terms(before));
    if before.is_empty() {
        return;
    }
    let path = path.child(REQUIRED);
    let path = path.child("nodeSelectorTerms");
    let message = "k8s.io.api.core.v1.NodeSelectorTerm";
    if now.len() != before.len() {
        let detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        let shown = (!now.is_empty()).then_some(Value::Array(now));
        errors.push(internal::invalid(&path, message, shown.as_ref(), detail));
        return;
    }
    for (at, (now, before)) in now.iter().zip(&before).enumerate() {
        if !only_adds(now, before) {
            let detail = "only additions are allowed (no mutations or deletions)";
            errors.push(internal::invalid(&path.index(at), message, Some(now), detail));
        }
    }
}

fn only_adds(now: &Value, before: &Value) -> bool {
    let list = |term: &Value, name: &str| {
        term.get(name).and_then(Value::as_array).unwrap_or_default().to_vec()
    };
    let names = ["matchExpressions", "matchFields"];
    if names.iter().all(|name| list(before, name).is_empty()) {
        return names.iter().all(|name| list(now, name).is_empty());
    }
    names.iter().all(|name| {
        let (now, before) = (list(now, name), list(before, name));
        now.len() >= before.len()
            && now.iter().zip(&before).all(|(now, before)| same(Some(now), Some(before)))
    })
}

/// Containers that look into a running pod: they come, and neither go nor change.
pub(super) fn ephemeral(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    let options = Options::new(true, Some(old));
    if metadata(old).part("annotations").has(annotations::MIRROR) {
        let detail = "static pods do not support ephemeral containers";
        errors.push(FieldError::forbidden("", detail));
        return;
    }
    meta::on_update(new, old, errors);
    super::metadata_and_spec(target, new, &options, errors);
    kept_annotations(new, old, &options, errors);
    let path = Path::root("spec.ephemeralContainers");
    let (new, old) = (new.part("spec"), old.part("spec"));
    let now = new.objects("ephemeralContainers");
    let now: HashMap<&str, &Object> = now.map(|(_, one)| (one.text("name"), one)).collect();
    for (_, before) in old.objects("ephemeralContainers") {
        let name = before.text("name");
        let verb = match now.get(name) {
            None => "removed",
            Some(now) if !same_objects(now, before) => "changed",
            Some(_) => continue,
        };
        let name = crate::field_error::quoted(name);
        let detail = format!("existing ephemeral containers {name} may not be {verb}");
        errors.push(FieldError::forbidden(path, &detail));
    }
}
