//! Groups of which one or two messages have defaults.

use super::Rule;
use super::draft::{Draft, object};
use crate::value::Value;

pub(super) const APIEXTENSIONS: &[(&str, Rule)] =
    &[("CustomResourceDefinition", custom_resource), ("ServiceReference", service_reference)];

pub(super) const APIREGISTRATION: &[(&str, Rule)] = &[("ServiceReference", service_reference)];

pub(super) const AUTHENTICATION: &[(&str, Rule)] = &[("TokenRequestSpec", token)];

pub(super) const DISCOVERY: &[(&str, Rule)] = &[("EndpointPort", endpoint_port)];

pub(super) const SCHEDULING: &[(&str, Rule)] = &[("PriorityClass", priority_class)];

const HTTPS_PORT: i64 = 443;
const TOKEN_SECONDS: i64 = 60 * 60;

/// A service that serves a part of the API.
pub(super) fn service_reference(service: &mut Draft<'_>) {
    service.default("port", HTTPS_PORT);
}

fn token(spec: &mut Draft<'_>) {
    spec.default("expirationSeconds", TOKEN_SECONDS);
}

fn endpoint_port(port: &mut Draft<'_>) {
    port.default("name", "");
    port.default("protocol", "TCP");
}

fn priority_class(class: &mut Draft<'_>) {
    class.default("preemptionPolicy", "PreemptLowerPriority");
}

fn custom_resource(definition: &mut Draft<'_>) {
    let mut spec = definition.child("spec");
    let mut names = spec.child("names");
    let kind = names.text("kind").to_owned();
    if !kind.is_empty() {
        names.default("singular", kind.to_lowercase());
        names.default("listKind", format!("{kind}List"));
    }
    if !spec.has("conversion") {
        spec.put("conversion", object([("strategy", "None".into())]));
    }
    let versions = spec.get("versions").and_then(Value::as_array).unwrap_or_default();
    let is_stored = |version: &&Value| version.get("storage") == Some(&Value::Bool(true));
    let stored = versions.iter().find(is_stored).and_then(|version| version.get("name")).cloned();
    let mut status = definition.child("status");
    if let Some(stored) = stored
        && status.is_empty("storedVersions")
    {
        status.put("storedVersions", vec![stored]);
    }
}
