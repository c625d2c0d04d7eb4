//! Objects inside objects (`x-kubernetes-embedded-resource`): what they say of themselves.

use super::path::Path;
use super::structural::Structural;
use crate::field_error::FieldError;
use crate::names;
use crate::validation::meta;
use crate::validation::path::Path as FieldPath;
use crate::value::{Object, Value};

pub(super) fn validate(structural: &Structural, object: &Object, errors: &mut Vec<FieldError>) {
    of_object(structural, object, &Path::ROOT, errors);
}

fn of_object(
    structural: &Structural,
    object: &Object,
    path: &Path<'_>,
    errors: &mut Vec<FieldError>,
) {
    if !structural.below.embedded {
        return;
    }
    if structural.embedded {
        embedded(object, path, errors);
    }
    for (name, value) in object.iter() {
        if let Some(property) = structural.property(name) {
            of_value(property, value, &path.field(name), errors);
        } else if let Some(schema) = structural.additional_schema() {
            of_value(schema, value, &path.entry(name), errors);
        }
    }
}

fn of_value(structural: &Structural, value: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    match value {
        Value::Object(object) => of_object(structural, object, path, errors),
        Value::Array(list) if structural.below.embedded => {
            let Some(items) = structural.items.as_deref() else { return };
            for (at, item) in list.iter().enumerate() {
                of_value(items, item, &path.index(at), errors);
            }
        }
        _ => {}
    }
}

fn embedded(object: &Object, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    for name in ["apiVersion", "kind"] {
        let place = path.field(name).keyed();
        match object.get(name) {
            None => errors.push(FieldError::required(place, "")),
            Some(Value::String(text)) if text.is_empty() => {
                errors.push(FieldError::invalid(place, &**text, "must not be empty"));
            }
            Some(Value::String(text)) if name == "apiVersion" => {
                if text.split('/').count() > 2 {
                    let detail = format!("unexpected GroupVersion string: {text}");
                    errors.push(FieldError::invalid(place, &**text, &detail));
                }
            }
            Some(Value::String(text)) => {
                let found = names::dns_1035_label(&text.to_lowercase());
                if !found.is_empty() {
                    let detail = format!(
                        "may have mixed case, but should otherwise match: {}",
                        found.join(",")
                    );
                    errors.push(FieldError::invalid(place, &**text, &detail));
                }
            }
            Some(other) => errors.push(FieldError::invalid(place, other, "must be a string")),
        }
    }
    let Some(Value::Object(metadata)) = object.get("metadata") else { return };
    let mut metadata = metadata.clone();
    let text = |metadata: &Object, name: &str| {
        metadata.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    if text(&metadata, "name").is_empty() {
        // A template need not be named.
        metadata.insert("name", "fakename".into());
    }
    let namespaced = !text(&metadata, "namespace").is_empty();
    let place = path.field("metadata").keyed();
    let place = FieldPath::root(&place);
    meta::of_new(&metadata, namespaced, meta::path_segment, &place, errors);
    let place = place.child("finalizers");
    let finalizers = metadata.get("finalizers").and_then(Value::as_array).unwrap_or_default();
    for (at, finalizer) in finalizers.iter().filter_map(Value::as_str).enumerate() {
        meta::core_finalizer(finalizer, &place.index(at), errors);
    }
}
