//! The group `node.k8s.io`: RuntimeClasses.

use super::check;
use super::fields::{Fields, Seen};
use super::labels;
use super::path::Path;
use super::pod::warnings::old_node_label;
use super::resources;
use super::selectors;
use super::{Errors, Rules, meta};
use crate::target::Target;
use crate::value::{Object, Value};

pub(super) fn rules(kind: &str) -> Option<Rules> {
    (kind == "RuntimeClass").then_some(Rules { create, update, warnings })
}

fn warnings(_: Target<'_>, new: &Object, _: Option<&Object>, found: &mut Vec<String>) {
    for (key, _) in new.part("scheduling").part("nodeSelector").iter() {
        if let Some(message) = old_node_label(key) {
            found.push(format!("scheduling.nodeSelector: {message}"));
        }
    }
}

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let handler = object.text("handler");
    check::required(errors, "handler", handler, "");
    if !handler.is_empty() {
        check::dns_label(errors, "handler", handler);
    }
    if let Some(overhead) = object.object("overhead") {
        // What is set aside for a Pod is limited as what a container may use.
        let mut limits = Object::new();
        limits.push("limits", Value::Object(overhead.part("podFixed").clone()));
        let rules =
            resources::Rules { pod_level: false, any_huge_pages: false, claims: &Seen::default() };
        resources::requirements(&limits, rules, &Path::root("overhead"), errors);
    }
    if let Some(scheduling) = object.object("scheduling") {
        let path = Path::root("scheduling");
        labels::of(scheduling.part("nodeSelector"), &path.child("nodeSelector"), errors);
        tolerations(scheduling, &path.child("tolerations"), errors);
    }
}

/// Unlike those of Pods, tolerations here are unique.
fn tolerations(scheduling: &Object, path: &Path<'_>, errors: &mut Errors) {
    selectors::tolerations(scheduling, path, errors);
    let items = scheduling.list("tolerations");
    for (at, item) in items.iter().enumerate() {
        if items[..at].contains(item) {
            let message = "k8s.io.api.core.v1.Toleration";
            errors.push(super::internal::duplicate(&path.index(at), message, Some(item)));
        }
    }
}

fn update(_: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    let handler = new.text("handler");
    check::required(errors, "handler", handler, "");
    let path = Path::root("handler");
    check::immutable(errors, &path, new.value("handler"), old.value("handler"), "\"\"");
}
