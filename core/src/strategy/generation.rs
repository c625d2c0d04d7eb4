//! `metadata.generation`: counted up by updates that change what is wanted.

use super::custom;
use crate::edit;
use crate::lifecycle::{metadata, set_metadata};
use crate::target::Target;
use crate::value::{Object, Value};

/// Counts an update whose fields are settled; the new object has the old generation.
pub(super) fn count(target: Target<'_>, new: &mut Object, old: &Object) {
    if changes_what_is_wanted(target, new, old) {
        let generation = edit::int(metadata(old), &["generation"]).unwrap_or_default();
        set_metadata(new, "generation", Some(Value::Int(generation + 1)));
    }
}

fn changes_what_is_wanted(target: Target<'_>, new: &Object, old: &Object) -> bool {
    let differs = |path: &[&str]| !edit::same_at(target, path, new, old);
    if target.resource.custom {
        return custom::differs(new, old);
    }
    match target.kind() {
        // Annotations are handed on to the replica sets.
        ("apps", "Deployment") => differs(&["spec"]) || differs(&["metadata", "annotations"]),
        ("", "PodTemplate") => differs(&["template"]),
        (_, "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration") => {
            differs(&["webhooks"])
        }
        ("discovery.k8s.io", "EndpointSlice") => {
            ["addressType", "endpoints", "ports"].iter().any(|name| differs(&[name]))
                || differs(&["metadata", "labels"])
        }
        ("scheduling.k8s.io", "PriorityClass") => false,
        ("storage.k8s.io", "CSIDriver") => differs(&["spec"]),
        _ => target.resource.generation && differs(&["spec"]),
    }
}
