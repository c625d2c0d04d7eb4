//! What is demanded of a custom object: its metadata, its schema, the numbers that `scale` shows.

use super::{scale, structural_of, validate};
use crate::edit;
use crate::field_error::FieldError;
use crate::lifecycle;
use crate::names;
use crate::target::Target;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};
use std::collections::HashSet;

pub(crate) const RULES: Rules = Rules { create, update, warnings };

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    if type_meta(target, object, errors) {
        return;
    }
    meta::plain_on_create(target, object, meta::subdomain, errors);
    let found = structural_of(target).map(|structural| validate::on_create(structural, object));
    let found = found.unwrap_or_default();
    errors.extend(found.by_schema);
    if let Some(paths) = &target.version.scale {
        scale::validate(paths, object, false, errors);
    }
    errors.extend(found.later);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    if type_meta(target, new, errors) {
        return;
    }
    let status_only = target.subresource == "status";
    // As on create, a finalizer need not have a domain.
    meta::common_on_update(new, old, errors);
    let found = structural_of(target).map(|structural| {
        if status_only {
            validate::on_status_update(structural, new, old)
        } else {
            validate::on_update(structural, new, old)
        }
    });
    let found = found.unwrap_or_default();
    errors.extend(found.by_schema);
    if let Some(paths) = &target.version.scale {
        scale::validate(paths, new, status_only, errors);
    }
    errors.extend(found.later);
}

/// Whether the object is of another kind or version than its path says; nothing else is asked then.
fn type_meta(target: Target<'_>, object: &Object, errors: &mut Errors) -> bool {
    let api_version = target.resource.api_version(target.version);
    let before = errors.len();
    for (name, wanted) in [("kind", &*target.resource.kind), ("apiVersion", &*api_version)] {
        let given = edit::text(object, &[name]);
        if given != wanted {
            errors.push(FieldError::invalid(name, given, &format!("must be {wanted}")));
        }
    }
    errors.len() > before
}

/// Finalizers that are new should name a domain and a path.
fn warnings(target: Target<'_>, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
    if !target.subresource.is_empty() {
        return;
    }
    let finalizers = |object| edit::items(lifecycle::metadata(object), &["finalizers"]).iter();
    let held: HashSet<&str> =
        old.into_iter().flat_map(finalizers).filter_map(Value::as_str).collect();
    let mut added: Vec<&str> = finalizers(new).filter_map(Value::as_str).collect();
    added.retain(|finalizer| !held.contains(finalizer));
    added.sort_unstable();
    added.dedup();
    let standard = ["orphan", "foregroundDeletion", "kubernetes"];
    for finalizer in added {
        let place = format!("metadata.finalizers: {}", crate::field_error::quoted(finalizer));
        let found = names::label_key(finalizer).into_iter();
        warnings.extend(found.map(|why| format!("{place}: {why}")));
        if finalizer.contains('/') || standard.contains(&finalizer) {
            continue;
        }
        let path = if finalizer.contains('.') { " including a path (/)" } else { "" };
        warnings.push(format!(
            "{place}: prefer a domain-qualified finalizer name{path} to avoid accidental \
             conflicts with other finalizer writers"
        ));
    }
}
