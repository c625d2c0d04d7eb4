//! Validation: what may be stored. Findings carry upstream's reasons, texts and field paths, in
//! upstream's order.
//!
//! Each group has a function from kinds to [`Rules`], each kind (or family) a file of its own.
//! Objects are in normal form of the version in which they are stored, defaulted and prepared (see
//! [`crate::strategy`]). What the schema table declares of newer kinds is checked by [`table`].

pub mod check;
pub mod fields;
pub mod internal;
pub mod ip;
pub mod labels;
pub mod meta;
pub mod path;
pub mod pod;
pub mod resources;
pub mod selectors;
pub mod table;

mod addresses;
mod admissionregistration;
mod apiextensions;
mod apiregistration;
mod apps;
mod as_sent;
mod authentication;
mod authorization;
mod autoscaling;
mod batch;
mod certificates;
mod coordination;
mod core_group;
mod difference;
mod discovery;
mod flowcontrol;
mod formats;
mod networking;
mod node;
mod policy;
mod rbac;
mod resource;
mod scheduling;
mod storage;
mod volume;

pub use as_sent::as_sent;
pub use resource::{ADMIN_ACCESS, admin_access};

use crate::field_error::FieldError;
use crate::target::Target;
use crate::value::Object;

/// Findings, in the order in which they are shown.
pub type Errors = Vec<FieldError>;

/// What a kind demands. Metadata is part of it: kinds differ in what names they allow.
#[derive(Clone, Copy)]
pub struct Rules {
    /// Judges a new object.
    pub create: fn(Target<'_>, &Object, &mut Errors),
    /// Judges a new object that replaces an old one, through the target's subresource.
    pub update: fn(Target<'_>, &Object, &Object, &mut Errors),
    /// Warns about what is allowed but unwise; there is no old object on create.
    pub warnings: fn(Target<'_>, &Object, Option<&Object>, &mut Vec<String>),
}

impl Rules {
    /// Of kinds without rules of their own: names are subdomains, and the rest is as the schema
    /// table declares.
    const DECLARED: Self = Self {
        create: |target, object, errors| {
            meta::on_create(target, object, meta::subdomain, errors);
            table::specification(target, object, None, errors);
        },
        update: |target, new, old, errors| {
            meta::on_update(new, old, errors);
            if target.subresource.is_empty() {
                table::specification(target, new, Some(old), errors);
            }
        },
        warnings: |_, _, _, _| {},
    };
}

fn rules(target: Target<'_>) -> Rules {
    if target.resource.custom {
        return crate::custom::RULES;
    }
    let (group, kind) = target.kind();
    let found = match group {
        "" if (kind, target.subresource) == ("ServiceAccount", "token") => {
            Some(authentication::TOKEN_REQUEST)
        }
        "" => core_group::rules(kind),
        "admissionregistration.k8s.io" => admissionregistration::rules(kind),
        "apiextensions.k8s.io" => apiextensions::rules(kind),
        "apiregistration.k8s.io" => apiregistration::rules(kind),
        "apps" => apps::rules(kind),
        "authentication.k8s.io" => authentication::rules(kind),
        "authorization.k8s.io" => authorization::rules(kind),
        "autoscaling" => autoscaling::rules(kind),
        "batch" => batch::rules(kind),
        "certificates.k8s.io" => certificates::rules(kind),
        "coordination.k8s.io" => coordination::rules(kind),
        "discovery.k8s.io" => discovery::rules(kind),
        "events.k8s.io" => (kind == "Event").then_some(core_group::event::STRICT),
        "flowcontrol.apiserver.k8s.io" => flowcontrol::rules(kind),
        "networking.k8s.io" => networking::rules(kind),
        "node.k8s.io" => node::rules(kind),
        "policy" => policy::rules(kind),
        "rbac.authorization.k8s.io" => rbac::rules(kind),
        "resource.k8s.io" => resource::rules(kind),
        "scheduling.k8s.io" => scheduling::rules(kind),
        "storage.k8s.io" => storage::rules(kind),
        _ => None,
    };
    found.unwrap_or(Rules::DECLARED)
}

/// What must be right before anything is allocated for an object: where it is not, nothing else is
/// asked. Comes after [`crate::strategy::before_allocation`].
pub fn before_allocation(
    target: Target<'_>,
    new: &Object,
    old: Option<&Object>,
) -> Vec<FieldError> {
    let mut errors = Errors::new();
    if target.kind() == ("", "Service") && target.subresource.is_empty() {
        core_group::service::before_allocation(new, old, &mut errors);
    }
    errors
}

/// What is wrong with a new object, metadata included.
pub fn on_create(target: Target<'_>, object: &Object) -> Vec<FieldError> {
    let mut errors = Errors::new();
    (rules(target).create)(target, object, &mut errors);
    // Common demands come last, so that a kind's own words about a name are what is shown. What
    // only asks something is not an object, and has no name.
    if errors.is_empty() && !asks(target) {
        meta::common_on_create(target, object, &mut errors);
    }
    errors
}

fn asks(target: Target<'_>) -> bool {
    let resource = target.resource;
    let is_token = target.kind() == ("", "ServiceAccount") && target.subresource == "token";
    is_token || (resource.storage_version.is_none() && resource.stored_as.is_none())
}

/// What is wrong with an object that replaces `old`, through the target's subresource.
pub fn on_update(target: Target<'_>, new: &Object, old: &Object) -> Vec<FieldError> {
    let mut errors = Errors::new();
    // Common demands come first; kinds repeat them, and so do the errors that clients see.
    meta::common_on_create(target, new, &mut errors);
    meta::common_on_update(new, old, &mut errors);
    (rules(target).update)(target, new, old, &mut errors);
    errors
}

/// Warnings for the client about what is allowed but unwise; `old` is absent on create.
pub fn warnings(target: Target<'_>, new: &Object, old: Option<&Object>) -> Vec<String> {
    let mut warnings = Vec::new();
    (rules(target).warnings)(target, new, old, &mut warnings);
    warnings
}
