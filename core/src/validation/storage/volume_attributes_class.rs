//! VolumeAttributesClasses.

use super::class::{parameters, provisioner};
use crate::field_error::FieldError;
use crate::target::Target;
use crate::validation::fields::{Fields, same};
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::Object;

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    provisioner(object.text("driverName"), &Path::root("driverName"), errors);
    parameters(object, false, errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    for name in ["driverName", "parameters"] {
        if !same(new.value(name), old.value(name)) {
            let detail = format!("updates to {name} are forbidden.");
            errors.push(FieldError::forbidden(name, &detail));
        }
    }
    create(target, new, errors);
}
