//! Jobs find their pods by labels with the job's uid.

use crate::edit::{self, Edit};
use crate::lifecycle::{metadata, name, set_metadata, uid};
use crate::target::Target;
use crate::value::{Object, Value};

const NAME_LABELS: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];
const UID_LABELS: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];

pub(super) fn create_job(target: Target<'_>, object: &mut Object) {
    if !edit::flag(object, &["spec", "manualSelector"]) {
        generate_selector(target, object);
    }
    // A job without labels of its own has those of its pods.
    if metadata(object).get("labels").is_none() {
        let labels = edit::at(object, &["spec", "template", "metadata", "labels"]).cloned();
        set_metadata(object, "labels", labels);
    }
}

/// What the author set stays; where it does not fit, validation says so.
fn generate_selector(target: Target<'_>, object: &mut Object) {
    let (name, uid) = (name(object).to_owned(), uid(object).to_owned());
    let path = ["spec", "template", "metadata", "labels"];
    let mut labels = edit::object(object, &path).cloned().unwrap_or_default();
    for (keys, value) in [(NAME_LABELS, &name), (UID_LABELS, &uid)] {
        for key in keys {
            if labels.get(key).is_none() {
                labels.insert_sorted(key, value.as_str().into());
            }
        }
    }
    let selector = ["spec", "selector", "matchLabels"];
    let mut selected = edit::object(object, &selector).cloned().unwrap_or_default();
    if selected.get(UID_LABELS[1]).is_none() {
        selected.insert_sorted(UID_LABELS[1], uid.as_str().into());
    }
    let mut edit = Edit::new(target, object);
    edit.set(&path, Value::Object(labels));
    edit.set(&selector, Value::Object(selected));
}
