//! kubectl's client-side apply and its annotation: fields that it applied last and that are still
//! as applied may be taken over by its server-side apply without a conflict.

use super::fieldset::Set;
use super::{Manager, compare, extract, gotext};
use crate::value::{Object, Value};

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How large the annotations of an object may be together.
const ANNOTATIONS_SIZE_BYTES_MAX: usize = 256 * 1024;

/// The configuration that kubectl recorded, where the manager may go by it.
pub(super) fn allowed(manager: &Manager<'_>, live: &Object, name: &str) -> Option<Object> {
    if name != super::applier::KUBECTL {
        return None;
    }
    let text = annotation(live).filter(|text| !text.is_empty())?;
    let Ok(Value::Object(object)) = serde_json::from_str(text) else { return None };
    let version = object.get("apiVersion").and_then(Value::as_str)?;
    let fits = extract::validate(manager.schema, manager.id, &object).is_ok();
    (version == manager.api_version && fits).then_some(object)
}

/// The fields of that configuration that the live object still has as recorded.
pub(super) fn owned<'a>(manager: &Manager<'a>, live: &'a Object, recorded: &'a Object) -> Set<'a> {
    let set = extract::extract(manager.schema, manager.id, recorded);
    let differences = compare::compare(manager.schema, manager.id, recorded, live);
    match (set, differences) {
        (Ok(set), Ok(differences)) => set.difference(&differences),
        _ => Set::new(),
    }
}

/// Brings the annotation up to what was applied now, where there is one.
pub(super) fn refresh(object: &mut Object, patch: &Object) {
    if annotation(object).is_none_or(str::is_empty) {
        return;
    }
    let text = recorded(patch);
    let annotations = object.get_mut("metadata").and_then(Value::as_object_mut);
    let annotations = annotations.and_then(|metadata| metadata.get_mut("annotations"));
    let Some(annotations) = annotations.and_then(Value::as_object_mut) else { return };
    let others = annotations.iter().filter(|(name, _)| *name != ANNOTATION);
    let size_bytes: usize =
        others.map(|(name, value)| name.len() + value.as_str().map_or(0, str::len)).sum();
    if size_bytes + ANNOTATION.len() + text.len() > ANNOTATIONS_SIZE_BYTES_MAX {
        annotations.remove(ANNOTATION);
    } else {
        annotations.insert(ANNOTATION, text.into());
    }
}

fn annotation(object: &Object) -> Option<&str> {
    object.get("metadata")?.get("annotations")?.get(ANNOTATION)?.as_str()
}

/// The configuration as kubectl records it: JSON with sorted keys, without the annotation itself.
fn recorded(patch: &Object) -> String {
    let mut patch = patch.clone();
    let metadata = patch.get_mut("metadata").and_then(Value::as_object_mut);
    let annotations = metadata.and_then(|metadata| metadata.get_mut("annotations"));
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.remove(ANNOTATION);
    }
    let mut text = gotext::json(&Value::Object(patch));
    text.push('\n');
    text
}
