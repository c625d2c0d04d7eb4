//! IPAddresses: each is named for an address, and says what uses it.

use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::{Fields, same};
use crate::validation::internal;
use crate::validation::ip;
use crate::validation::meta::IMMUTABLE;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::Object;

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

fn name(name: &str, _: bool) -> Vec<String> {
    let mut errors = Errors::new();
    ip::address(name, &Path::root(""), &mut errors);
    // A rule for names has messages, which are what stands behind the value shown.
    let shown = format!("Invalid value: {}: ", crate::field_error::quoted(name));
    errors.iter().map(|error| error.body.replacen(&shown, "", 1)).collect()
}

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, name, errors);
    let path = Path::root("spec.parentRef");
    let Some(parent) = object.part("spec").object("parentRef") else {
        errors.push(FieldError::required(path, ""));
        return;
    };
    if !parent.text("group").is_empty() {
        check::dns_subdomain(errors, path.child("group"), parent.text("group"));
    }
    for name in ["resource", "name"] {
        check::required(errors, path.child(name), parent.text(name), "");
        check::each(errors, path.child(name), parent.text(name), segment(parent.text(name)));
    }
    let namespace = parent.text("namespace");
    check::each(errors, path.child("namespace"), namespace, segment(namespace));
}

fn segment(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { names::path_segment(text) }
}

fn update(_: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    let path = Path::root("spec.parentRef");
    let (after, before) =
        (new.part("spec").value("parentRef"), old.part("spec").value("parentRef"));
    if after.is_none() {
        errors.push(FieldError::required(path, ""));
    } else if let Some(parent) = new.part("spec").object("parentRef") {
        for name in ["resource", "name"] {
            check::required(errors, path.child(name), parent.text(name), "");
        }
    }
    if !same(after, before) {
        let message = "k8s.io.api.networking.v1.ParentReference";
        errors.push(internal::invalid(&path, message, after, IMMUTABLE));
    }
}
