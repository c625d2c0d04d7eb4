//! Objects with nothing but their metadata.

use crate::document::object;
use crate::value::{Object, Value};

/// `PartialObjectMetadata` of an object.
pub fn partial_object(value: &Value, api_version: &str) -> Value {
    let metadata = value.get("metadata").cloned();
    object([
        ("kind", Value::from("PartialObjectMetadata")),
        ("apiVersion", Value::from(api_version)),
        ("metadata", metadata.unwrap_or_else(|| Value::Object(Object::new()))),
    ])
}

/// `PartialObjectMetadataList` of a list.
pub fn partial_list(list: &Value, api_version: &str) -> Value {
    let items = list.get("items").and_then(Value::as_array).unwrap_or_default();
    let items = items.iter().map(|item| partial_object(item, api_version)).collect();
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
