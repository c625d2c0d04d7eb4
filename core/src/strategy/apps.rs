//! DaemonSets count the versions of their template in an annotation.

use crate::edit;
use crate::lifecycle::{metadata, set_metadata};
use crate::target::Target;
use crate::value::{Object, Value};

const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

fn template_generation(object: &Object) -> i64 {
    let text = edit::object(metadata(object), &["annotations"])
        .and_then(|annotations| annotations.get(TEMPLATE_GENERATION))
        .and_then(Value::as_str);
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn set_template_generation(object: &mut Object, generation: i64) {
    let annotations = edit::object(metadata(object), &["annotations"]);
    let mut annotations = annotations.cloned().unwrap_or_default();
    annotations.insert_sorted(TEMPLATE_GENERATION, generation.to_string().into());
    set_metadata(object, "annotations", Some(Value::Object(annotations)));
}

pub(super) fn create_daemon_set(_target: Target<'_>, object: &mut Object) {
    let generation = template_generation(object).max(1);
    set_template_generation(object, generation);
}

/// Clients cannot set the count; it goes up with the template.
pub(super) fn update_daemon_set(target: Target<'_>, new: &mut Object, old: &Object) {
    let is_same = edit::same_at(target, &["spec", "template"], new, old);
    let generation = template_generation(old) + i64::from(!is_same);
    set_template_generation(new, generation);
}
