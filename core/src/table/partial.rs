//! Objects with nothing but their metadata.

use crate::document::object;
use crate::value::{Object, Value};

/// Annotations that stand for fields which a kind's older versions had. Upstream keeps those fields
/// inside, so that bare metadata does not show the annotations.
const HIDDEN: [(&str, &[&str]); 3] = [
    ("DaemonSet", &["deprecated.daemonset.template.generation"]),
    ("Deployment", &["deprecated.deployment.rollback.to"]),
    (
        "HorizontalPodAutoscaler",
        &[
            "autoscaling.alpha.kubernetes.io/behavior",
            "autoscaling.alpha.kubernetes.io/conditions",
            "autoscaling.alpha.kubernetes.io/current-metrics",
            "autoscaling.alpha.kubernetes.io/metrics",
        ],
    ),
];

/// `PartialObjectMetadata` of an object of a kind.
pub fn partial_object(kind: &str, value: &Value, api_version: &str) -> Value {
    let mut metadata = match value.get("metadata") {
        Some(Value::Object(metadata)) => metadata.clone(),
        _ => Object::new(),
    };
    if let Some((_, hidden)) = HIDDEN.iter().find(|(of, _)| *of == kind)
        && let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut)
    {
        annotations.retain(|name, _| !hidden.contains(&name));
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    object([
        ("kind", Value::from("PartialObjectMetadata")),
        ("apiVersion", Value::from(api_version)),
        ("metadata", Value::Object(metadata)),
    ])
}

/// `PartialObjectMetadataList` of a list of a kind.
pub fn partial_list(kind: &str, list: &Value, api_version: &str) -> Value {
    let items = list.get("items").and_then(Value::as_array).unwrap_or_default();
    let items = items.iter().map(|item| partial_object(kind, item, api_version)).collect();
    object([
        ("kind", Value::from("PartialObjectMetadataList")),
        ("apiVersion", Value::from(api_version)),
        ("metadata", list_metadata(list)),
        ("items", Value::Array(items)),
    ])
}

/// What a list says of itself; of one object its version alone.
pub(super) fn list_metadata(value: &Value) -> Value {
    let metadata = value.get("metadata");
    let names = if value.get("items").is_some() {
        &["resourceVersion", "continue", "remainingItemCount"][..]
    } else {
        &["resourceVersion"][..]
    };
    let mut kept = Object::new();
    for name in names {
        if let Some(field) = metadata.and_then(|metadata| metadata.get(name)) {
            kept.push(*name, field.clone());
        }
    }
    Value::Object(kept)
}
