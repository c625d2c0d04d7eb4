//! Conversion between the versions of a kind. Most kinds have one form in all of theirs.
//!
//! What a client sends is brought into the stored version with [`to_stored`], after its defaults
//! and before anything else looks at it; what is shown comes out of [`from_stored`]. Source: the
//! conversion functions of kubernetes/pkg/apis.

mod autoscaler;
mod event;
mod metrics;
mod settle;

pub use settle::settle;

use crate::custom::versions;
use crate::registry::{Resource, Version};
use crate::value::{Object, Value};

/// Why an object cannot be shown in another version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConvertError {
    pub message: String,
}

/// Brings an object of any version of a resource, in normal form and with its defaults, into the
/// version and kind in which it is stored. What two fields say is made to agree (see [`settle`]).
pub fn to_stored(resource: &Resource, mut object: Object) -> Result<Object, ConvertError> {
    let stored = resource.stored();
    let version = stored.api_version(stored.stored_version());
    let given = object.get("apiVersion").and_then(Value::as_str);
    if resource.custom {
        if given != Some(version.as_str()) {
            versions::convert(resource, &mut object, stored.stored_version())?;
        }
        return Ok(object);
    }
    if given != Some(version.as_str()) {
        object = match (&*resource.group, &*resource.kind) {
            ("events.k8s.io", "Event") => event::to_core(object),
            ("autoscaling", "HorizontalPodAutoscaler") => autoscaler::from_v1(object),
            _ => object,
        };
        object.insert("apiVersion", version.into());
    }
    settle(resource, &mut object);
    Ok(object)
}

/// Brings a stored object into a version of a resource.
pub fn from_stored(
    resource: &Resource,
    object: Object,
    to: &Version,
) -> Result<Object, ConvertError> {
    if resource.custom {
        return from_stored_custom(resource, object, to);
    }
    if resource.stored_as.is_none() && to.name == resource.stored_version().name {
        return Ok(object);
    }
    let mut object = match (&*resource.group, &*resource.kind, &*to.name) {
        ("events.k8s.io", "Event", _) => event::from_core(object),
        ("autoscaling", "HorizontalPodAutoscaler", "v1") => autoscaler::to_v1(object),
        _ => object,
    };
    object.insert("apiVersion", resource.api_version(to).into());
    Ok(object)
}

/// The schema may have changed since the object was stored, and the stored version too.
fn from_stored_custom(
    resource: &Resource,
    mut object: Object,
    to: &Version,
) -> Result<Object, ConvertError> {
    let held = versions::version_of(resource, &object);
    versions::refresh(held, &mut object);
    if held.name != to.name {
        versions::convert(resource, &mut object, to)?;
    }
    Ok(object)
}

/// Brings an object in normal form from one version of a resource into another.
pub fn convert(resource: &Resource, object: Object, to: &Version) -> Result<Object, ConvertError> {
    if object.get("apiVersion").and_then(Value::as_str) == Some(&resource.api_version(to)) {
        return Ok(object);
    }
    from_stored(resource, to_stored(resource, object)?, to)
}
