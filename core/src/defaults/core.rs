//! The core group apart from pods and services.

use super::Rule;
use super::draft::Draft;
use crate::value::{Object, Value};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("EndpointPort", endpoint_port),
    ("LimitRangeItem", limit_range_item),
    ("Namespace", namespace),
    ("NamespaceStatus", namespace_status),
    ("NodeStatus", node_status),
    ("PersistentVolume", persistent_volume),
    ("PersistentVolumeClaim", claim),
    ("PersistentVolumeClaimSpec", claim_spec),
    ("ReplicationController", replication_controller),
    ("Secret", secret),
];

/// The label that carries a namespace's name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

fn endpoint_port(port: &mut Draft<'_>) {
    port.default("protocol", "TCP");
}

fn limit_range_item(item: &mut Draft<'_>) {
    if item.text("type") != "Container" {
        return;
    }
    let entries = |item: &Draft<'_>, name: &str| item.map(name).cloned().unwrap_or_default();
    let max: Object = entries(item, "max");
    item.fill("default", &max);
    let limits = entries(item, "default");
    item.fill("defaultRequest", &limits);
    let min = entries(item, "min");
    item.fill("defaultRequest", &min);
}

/// A namespace whose name is yet to be made gets its label later.
fn namespace(namespace: &mut Draft<'_>) {
    let mut metadata = namespace.child("metadata");
    let name = metadata.text("name");
    if name.is_empty() {
        return;
    }
    let label = Value::from(name);
    match metadata.object().get_mut("labels") {
        Some(Value::Object(labels)) => labels.insert_sorted(NAME_LABEL, label),
        _ => metadata.put("labels", super::draft::object([(NAME_LABEL, label)])),
    }
}

fn namespace_status(status: &mut Draft<'_>) {
    status.default("phase", "Active");
}

fn node_status(status: &mut Draft<'_>) {
    if let Some(capacity) = status.map("capacity").cloned()
        && !status.has("allocatable")
    {
        status.put("allocatable", Value::Object(capacity));
    }
}

fn persistent_volume(volume: &mut Draft<'_>) {
    volume.child("status").default("phase", "Pending");
    let mut spec = volume.child("spec");
    spec.default("persistentVolumeReclaimPolicy", "Retain");
    spec.default("volumeMode", "Filesystem");
}

fn claim(claim: &mut Draft<'_>) {
    claim.child("status").default("phase", "Pending");
}

fn claim_spec(spec: &mut Draft<'_>) {
    spec.default("volumeMode", "Filesystem");
}

fn replication_controller(controller: &mut Draft<'_>) {
    let mut spec = controller.child("spec");
    let template = spec.present("template");
    let labels = template.and_then(|mut it| it.child("metadata").map("labels").cloned());
    let Some(labels) = labels else { return };
    if spec.map("selector").is_none() {
        spec.fill("selector", &labels);
    }
    let mut metadata = controller.child("metadata");
    if metadata.map("labels").is_none() {
        metadata.fill("labels", &labels);
    }
}

fn secret(secret: &mut Draft<'_>) {
    secret.default("type", "Opaque");
}
