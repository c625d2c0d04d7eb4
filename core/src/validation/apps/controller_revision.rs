//! ControllerRevisions: data that never changes, under a number.

use crate::field_error::FieldError;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::Object;

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    // Data that is nothing and data that is not there are the same once decoded.
    if !object.has("data") {
        errors.push(FieldError::required("data", "data is mandatory"));
    }
    check::not_negative(errors, &Path::root("revision"), object.int("revision"));
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    create(target, new, errors);
    check::immutable(errors, &Path::root("data"), new.value("data"), old.value("data"), "null");
}
