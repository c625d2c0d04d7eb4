//! What the server itself does to an object that is written, before it is validated: status apart
//! from specification, generation, fields that clients do not set.
//!
//! One file for each group with rules per kind; [`status`](mod@status), [`generation`] and
//! [`gates`] hold what many kinds share. Objects are in normal form of the version in which they
//! are stored; both are changed in place and stay in normal form. Callers go through
//! [`crate::lifecycle`], which deals with the metadata around these rules. Source: the strategies
//! in kubernetes/pkg/registry.

mod apps;
mod batch;
pub mod binding;
mod certificates;
mod claim;
pub mod conditions;
pub mod connect;
mod context;
mod core;
mod custom;
mod discovery;
pub mod eviction;
mod extensions;
mod gates;
mod generation;
mod pod;
mod qos;
mod reset;
mod resource;
pub mod scale;
mod service;
mod status;
mod template;
#[cfg(test)]
mod tests;

pub use context::{Context, Requester};
pub use reset::reset_fields;
pub use template::pod_spec_path;

use crate::edit::Edit;
use crate::target::Target;
use crate::value::Object;

/// What comes before anything is allocated for a new or changed object (`old`): fields that say the
/// same are brought in step, what was allocated before and is not mentioned is kept.
pub fn before_allocation(target: Target<'_>, new: &mut Object, old: Option<&Object>) {
    if target.kind() == ("", "Service") && target.subresource.is_empty() {
        service::before_allocation(target, new, old);
    }
}

/// Before a create: status is reset, what the server alone says is said.
pub fn prepare_for_create(target: Target<'_>, object: &mut Object, context: &Context<'_>) {
    if target.resource.custom {
        return custom::create(target, object);
    }
    if target.kind() == ("", "Pod") {
        return pod::create(target, object, context);
    }
    // Nodes may come with their status.
    if target.resource.has_status() && target.kind() != ("", "Node") {
        Edit::new(target, object).remove(&["status"]);
    }
    match target.kind() {
        ("", _) => core::create(target, object, context),
        ("apps", "DaemonSet") => apps::create_daemon_set(target, object),
        ("batch", "Job") => batch::create_job(target, object),
        ("certificates.k8s.io", "CertificateSigningRequest") => {
            certificates::create(target, object, context);
        }
        ("apiextensions.k8s.io", _) => extensions::create_definition(target, object),
        ("apiregistration.k8s.io", _) => extensions::create_service(target, object, context),
        ("discovery.k8s.io", "EndpointSlice") => discovery::create(target, object),
        _ => {}
    }
    gates::drop_disabled(target, object, None);
}

/// Before an update of the target's subresource: what it does not write is taken from `old`.
pub fn prepare_for_update(
    target: Target<'_>,
    new: &mut Object,
    old: &Object,
    context: &Context<'_>,
) {
    match target.subresource {
        "" => update(target, new, old),
        "status" => status::update(target, new, old, context),
        "approval" => certificates::approve(target, new, old, context),
        "finalize" => Edit::new(target, new).copy(&["status"], old),
        "ephemeralcontainers" => pod::update_ephemeral_containers(target, new, old),
        "resize" => pod::resize(target, new, old),
        _ => {}
    }
}

fn update(target: Target<'_>, new: &mut Object, old: &Object) {
    if target.resource.custom {
        custom::update(target, new, old);
    } else {
        if target.resource.has_status() {
            Edit::new(target, new).copy(&["status"], old);
        }
        match target.kind() {
            ("", _) => core::update(target, new, old),
            ("apps", "DaemonSet") => apps::update_daemon_set(target, new, old),
            ("certificates.k8s.io", "CertificateSigningRequest") => {
                Edit::new(target, new).copy(&["spec"], old);
            }
            ("apiextensions.k8s.io", _) => extensions::store_version(target, new),
            ("discovery.k8s.io", "EndpointSlice") => discovery::update(target, new, old),
            _ => {}
        }
        gates::drop_disabled(target, new, Some(old));
    }
    generation::count(target, new, old);
}
