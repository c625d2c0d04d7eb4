//! CSINodes: the drivers of a node.

use crate::field_error::FieldError;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::{Fields, Seen, same_objects};
use crate::validation::internal;
use crate::validation::meta::IMMUTABLE;
use crate::validation::path::Path;
use crate::validation::volume::sources::csi_driver;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

const NODE_ID_MAX_BYTES: usize = 256;

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let path = Path::root("spec.drivers");
    let mut seen = Seen::default();
    for (at, driver) in object.part("spec").objects("drivers") {
        let again = seen.again(driver.text("name"));
        self::driver(driver, again, &path.index(at), errors);
    }
}

fn driver(driver: &Object, again: bool, path: &Path<'_>, errors: &mut Errors) {
    let name = driver.text("name");
    csi_driver(name, &path.child("name"), errors);
    let id = driver.text("nodeID");
    check::required(errors, path.child("nodeID"), id, "");
    if id.len() > NODE_ID_MAX_BYTES {
        let detail = format!("must be {NODE_ID_MAX_BYTES} characters or less");
        errors.push(FieldError::invalid(path.child("nodeID"), id, &detail));
    }
    let count = driver.part("allocatable").int("count");
    check::not_negative(errors, &path.child("allocatable.count"), count);
    if again {
        errors.push(FieldError::duplicate(path.child("name"), name));
    }
    let mut keys = Seen::default();
    for key in driver.texts("topologyKeys") {
        check::required(errors, path, key, "");
        if keys.again(key) {
            errors.push(FieldError::duplicate(path, key));
        }
        check::label_key(errors, path, key);
    }
}

/// Drivers come and go, but do not change, except in how many volumes they take.
fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    create(target, new, errors);
    let fixed = |driver: &Object| {
        let mut driver = driver.clone();
        driver.remove("allocatable");
        driver
    };
    for (_, before) in old.part("spec").objects("drivers") {
        let before = fixed(before);
        for (_, after) in new.part("spec").objects("drivers") {
            let after = fixed(after);
            if after.text("name") == before.text("name") && !same_objects(&after, &before) {
                let path = Path::root("spec.drivers");
                let message = "k8s.io.api.storage.v1.CSINodeDriver";
                let after = Value::Object(after);
                errors.push(internal::invalid(&path, message, Some(&after), IMMUTABLE));
            }
        }
    }
}
