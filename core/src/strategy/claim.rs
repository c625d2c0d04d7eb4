//! PersistentVolumeClaims: two fields name the source of the data (KEP-1495).

use crate::edit::{self, Edit};
use crate::target::Target;
use crate::value::{Object, Value};

const SOURCE: &[&str] = &["spec", "dataSource"];
const REFERENCE: &[&str] = &["spec", "dataSourceRef"];

pub(super) fn create(target: Target<'_>, object: &mut Object) {
    Edit::new(target, object).set(&["status", "phase"], "Pending");
    settle_sources(target, object, false);
}

pub(super) fn update(target: Target<'_>, new: &mut Object, old: &Object) {
    let was_used = edit::at(old, SOURCE).is_some() || edit::at(old, REFERENCE).is_some();
    settle_sources(target, new, was_used);
}

pub(super) fn update_status(target: Target<'_>, new: &mut Object, _old: &Object) {
    if edit::text(new, &["status", "phase"]).is_empty() {
        Edit::new(target, new).set(&["status", "phase"], "Pending");
    }
}

/// Old clients may say anything in `dataSource`, and it is taken for nothing; what is said in one
/// field is said in both.
fn settle_sources(target: Target<'_>, object: &mut Object, was_used: bool) {
    let namespace = [REFERENCE[0], REFERENCE[1], "namespace"];
    // Sources in other namespaces are a feature that is off.
    if !was_used && !edit::text(object, &namespace).is_empty() {
        Edit::new(target, object).remove(REFERENCE);
    }
    // Who writes both fields knows what they mean.
    let is_old_client = !was_used && edit::at(object, REFERENCE).is_none();
    if is_old_client && !edit::object(object, SOURCE).is_some_and(is_old_source) {
        Edit::new(target, object).remove(SOURCE);
    }
    match (edit::object(object, SOURCE), edit::object(object, REFERENCE)) {
        (Some(source), None) => {
            let source = Value::Object(source.clone());
            Edit::new(target, object).set(REFERENCE, source);
        }
        (None, Some(reference)) if edit::text(reference, &["namespace"]).is_empty() => {
            let reference = Value::Object(reference.clone());
            Edit::new(target, object).set(SOURCE, reference);
        }
        _ => {}
    }
}

/// A source that there was before there were others: a claim or a snapshot.
fn is_old_source(source: &Object) -> bool {
    let text = |name| edit::text(source, &[name]);
    matches!(
        (text("apiGroup"), text("kind")),
        ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot")
    )
}
