//! CSIStorageCapacities.

use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::labels;
use crate::validation::path::Path;
use crate::validation::pod::warnings::{node_term, old_node_label};
use crate::validation::{Errors, Rules, meta};
use crate::value::Object;

pub(super) const RULES: Rules = Rules { create, update, warnings };

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let path = Path::root("nodeTopology");
    labels::selector(object.object("nodeTopology"), labels::Options::default(), &path, errors);
    check::dns_subdomain(errors, "storageClassName", object.text("storageClassName"));
    if object.has("capacity") {
        check::quantity_not_negative(errors, "capacity", object.value("capacity"));
    }
}

fn warnings(_: Target<'_>, new: &Object, _: Option<&Object>, found: &mut Vec<String>) {
    let path = Path::root("nodeTopology");
    node_term(new.part("nodeTopology"), false, &path, found);
    for (key, _) in new.part("nodeTopology").part("matchLabels").iter() {
        if let Some(message) = old_node_label(key) {
            found.push(format!("{}: {message}", path.child("matchLabels").child(key)));
        }
    }
}

fn update(_: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    for (name, absent) in [("nodeTopology", "null"), ("storageClassName", "\"\"")] {
        check::immutable(errors, &Path::root(name), new.value(name), old.value(name), absent);
    }
}
