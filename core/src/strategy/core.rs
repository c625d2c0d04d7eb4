//! The core group, but for Pods, Services and claims.

use super::{claim, service};
use crate::edit::{self, Edit};
use crate::lifecycle::{metadata, name, set_metadata, uid};
use crate::strategy::Context;
use crate::target::Target;
use crate::value::{Object, Value};

pub(super) fn create(target: Target<'_>, object: &mut Object, context: &Context<'_>) {
    let mut edit = Edit::new(target, object);
    match &*target.resource.kind {
        "Namespace" => create_namespace(target, object),
        "Node" => {
            edit.remove(&["spec", "configSource"]);
            edit.remove(&["status", "config"]);
        }
        "PersistentVolume" => {
            edit.set(&["status", "phase"], "Pending");
            edit.set(&["status", "lastPhaseTransitionTime"], context.now.to_seconds_text());
        }
        "PersistentVolumeClaim" => claim::create(target, object),
        "ServiceAccount" => name_secrets(&mut edit),
        // Nobody refers to a range by its name.
        "LimitRange" if name(object).is_empty() => {
            let id = uid(object).to_owned();
            set_metadata(object, "name", Some(id.into()));
        }
        _ => {}
    }
}

pub(super) fn update(target: Target<'_>, new: &mut Object, old: &Object) {
    let mut edit = Edit::new(target, new);
    match &*target.resource.kind {
        "Namespace" => edit.copy(&["spec", "finalizers"], old),
        "Node" if edit::at(old, &["spec", "configSource"]).is_none() => {
            edit.remove(&["spec", "configSource"]);
        }
        "PersistentVolumeClaim" => claim::update(target, new, old),
        "Secret" if edit::text(edit.object(), &["type"]).is_empty() => edit.copy(&["type"], old),
        "Service" => service::update(target, new, old),
        "ServiceAccount" => name_secrets(&mut edit),
        _ => {}
    }
}

/// A new Namespace is active, and is not deleted before its contents.
fn create_namespace(target: Target<'_>, object: &mut Object) {
    const KUBERNETES: &str = "kubernetes";
    let held = edit::items(object, &["spec", "finalizers"]);
    let is_held = held.iter().any(|one| one.as_str() == Some(KUBERNETES));
    let finalizers: Vec<Value> =
        held.iter().cloned().chain((!is_held).then(|| KUBERNETES.into())).collect();
    let mut edit = Edit::new(target, object);
    edit.set(&["spec", "finalizers"], Value::Array(finalizers));
    edit.set(&["status", "phase"], "Active");
    name_label(object);
}

/// The label that names a Namespace, also where the name was generated.
fn name_label(object: &mut Object) {
    const LABEL: &str = "kubernetes.io/metadata.name";
    let labels = edit::object(metadata(object), &["labels"]);
    let name = name(object);
    if labels.and_then(|labels| labels.get(LABEL)).and_then(Value::as_str) == Some(name) {
        return;
    }
    let mut labels = labels.cloned().unwrap_or_default();
    labels.insert_sorted(LABEL, name.into());
    set_metadata(object, "labels", Some(Value::Object(labels)));
}

/// Secrets are referred to by their names alone.
fn name_secrets(edit: &mut Edit<'_>) {
    edit.each(&["secrets"], |mut secret| {
        if secret.object().iter().any(|(name, _)| name != "name") {
            secret.retain(|name| name == "name");
        }
    });
}

/// The time of the last change of phase is kept by the server, unless the client says another.
pub(super) fn volume_status(
    target: Target<'_>,
    new: &mut Object,
    old: &Object,
    context: &Context<'_>,
) {
    const TIME: &[&str] = &["status", "lastPhaseTransitionTime"];
    let phase = |object| edit::text(object, &["status", "phase"]);
    let (given, before) = (edit::at(new, TIME), edit::at(old, TIME));
    let is_same_phase = phase(new) == phase(old);
    if is_same_phase && given.is_none() {
        Edit::new(target, new).copy(TIME, old);
    } else if !is_same_phase && (given.is_none() || given == before) {
        Edit::new(target, new).set(TIME, context.now.to_seconds_text());
    }
}
