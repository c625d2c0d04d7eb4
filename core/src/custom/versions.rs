//! Custom objects between the versions of their kind: what one version does not know is lost.
//!
//! A definition may have a webhook convert instead; nothing calls it here, and what only it knows is
//! refused rather than guessed.

use super::structural::Structural;
use super::{default, prune};
use crate::convert::ConvertError;
use crate::registry::{Resource, Version};
use crate::value::{Object, Value};

fn structural(version: &Version) -> Option<&Structural> {
    version.message.schema().message(version.message.id()).custom.as_deref()
}

/// The version in which an object was stored: a definition may since have chosen another.
pub fn version_of<'r>(resource: &'r Resource, object: &Object) -> &'r Version {
    let api_version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let name = api_version.rsplit_once('/').map_or(api_version, |(_, name)| name);
    resource.any_version(name).unwrap_or_else(|| resource.stored_version())
}

/// A stored object as the schema of its version has it today: pruned and with its defaults.
pub fn refresh(version: &Version, object: &mut Object) {
    if let Some(structural) = structural(version) {
        prune::root(structural, object, &mut Vec::new());
        default::complete(structural, object);
    }
    super::arrange(object);
}

/// Brings an object into another version.
pub fn convert(resource: &Resource, object: &mut Object, to: &Version) -> Result<(), ConvertError> {
    if resource.conversion.is_some() {
        let from = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        let kind = &resource.kind;
        let message = format!(
            "conversion webhook for {from}, Kind={kind} failed: webhooks of definitions are not \
             called"
        );
        return Err(ConvertError { message });
    }
    object.insert("apiVersion", resource.api_version(to).into());
    if let Some(structural) = structural(to) {
        prune::root(structural, object, &mut Vec::new());
    }
    Ok(())
}
