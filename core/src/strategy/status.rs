//! Writes through `status`: nothing but the status is taken from the client, and for older kinds
//! metadata.

use super::{certificates, claim, core, custom, gates, pod, resource};
use crate::codec::normal;
use crate::edit::{self, Edit};
use crate::lifecycle;
use crate::strategy::Context;
use crate::target::Target;
use crate::value::Object;

/// What a write through `status` does with metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metadata {
    /// Labels, annotations, finalizers and owners are written with the status: kinds from before
    /// anybody thought of it.
    Written,
    /// Only labels are kept.
    LabelsKept,
    /// Only owners are kept.
    OwnersKept,
    Kept,
}

pub(super) fn metadata(target: Target<'_>) -> Metadata {
    match target.kind() {
        ("apps", "Deployment") => Metadata::LabelsKept,
        ("", "Pod") => Metadata::OwnersKept,
        ("", _)
        | ("apps" | "batch" | "autoscaling" | "policy", _)
        | ("networking.k8s.io", "Ingress")
        | ("certificates.k8s.io", "CertificateSigningRequest")
        | ("apiextensions.k8s.io", "CustomResourceDefinition") => Metadata::Written,
        _ => Metadata::Kept,
    }
}

pub(super) fn update(target: Target<'_>, new: &mut Object, old: &Object, context: &Context<'_>) {
    if target.resource.custom {
        return custom::update_status(new, old);
    }
    keep_all_but_status(target, new, old);
    match metadata(target) {
        Metadata::Written => {}
        Metadata::LabelsKept => keep_metadata(new, old, &["labels"]),
        Metadata::OwnersKept => keep_metadata(new, old, &["ownerReferences"]),
        Metadata::Kept => reset_metadata(new, old),
    }
    match target.kind() {
        ("", "Pod") => pod::update_status(target, new, old),
        ("", "Node") if edit::at(old, &["status", "config"]).is_none() => {
            Edit::new(target, new).remove(&["status", "config"]);
        }
        ("", "PersistentVolume") => core::volume_status(target, new, old, context),
        ("", "PersistentVolumeClaim") => claim::update_status(target, new, old),
        ("certificates.k8s.io", "CertificateSigningRequest") => {
            certificates::update_status(target, new, old, context);
        }
        ("resource.k8s.io", "ResourceClaim") => resource::drop_deallocated(target, new, old),
        _ => {}
    }
    gates::drop_disabled(target, new, Some(old));
}

/// Takes everything but metadata and status from the stored object.
fn keep_all_but_status(target: Target<'_>, new: &mut Object, old: &Object) {
    let is_written = |name: &str| matches!(name, "kind" | "apiVersion" | "metadata" | "status");
    new.retain(|name, _| is_written(name));
    for (name, value) in old.iter().filter(|(name, _)| !is_written(name)) {
        new.push(name, value.clone());
    }
    normal::complete(target.schema(), target.message(), new);
}

/// Takes fields of the metadata from the stored object.
pub(super) fn keep_metadata(new: &mut Object, old: &Object, names: &[&str]) {
    let before = lifecycle::metadata(old);
    let now = lifecycle::metadata(new);
    if names.iter().any(|name| now.get(name) != before.get(name)) {
        let kept: Vec<_> = names.iter().map(|name| (*name, before.get(name).cloned())).collect();
        lifecycle::set_all_metadata(new, kept);
    }
}

/// Metadata that newer kinds do not let status change.
pub(super) fn reset_metadata(new: &mut Object, old: &Object) {
    let names = [
        "deletionTimestamp",
        "generation",
        "selfLink",
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
    ];
    keep_metadata(new, old, &names);
}
