//! ResourceClaims, and the templates of which they are made.

use super::{claim_status, request};
use crate::target::Target;
use crate::validation::fields::{Fields, same};
use crate::validation::internal;
use crate::validation::labels;
use crate::validation::meta::IMMUTABLE;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::Object;

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

pub(super) const TEMPLATE_RULES: Rules =
    Rules { create: template, update: template_update, warnings: |_, _, _, _| {} };

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    request::claim(object.part("spec").part("devices"), &Path::root("spec.devices"), errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    if target.subresource == "status" {
        meta::on_update(new, old, errors);
        claim_status::update(new, old, errors);
        return;
    }
    meta::on_create(target, new, meta::subdomain, errors);
    meta::on_update(new, old, errors);
    fixed("k8s.io.api.resource.v1.ResourceClaimSpec", new, old, errors);
}

/// The specification never changes.
fn fixed(message: &str, new: &Object, old: &Object, errors: &mut Errors) {
    let (after, before) = (new.value("spec"), old.value("spec"));
    if !same(after, before) {
        errors.push(internal::invalid(&Path::root("spec"), message, after, IMMUTABLE));
    }
}

fn template(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let spec = object.part("spec");
    let path = Path::root("spec.metadata");
    let own = spec.part("metadata");
    labels::of(own.part("labels"), &path.child("labels"), errors);
    meta::annotations(own.part("annotations"), &path.child("annotations"), errors);
    let devices = spec.part("spec").part("devices");
    request::claim(devices, &Path::root("spec.spec.devices"), errors);
}

fn template_update(_: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    fixed("k8s.io.api.resource.v1.ResourceClaimTemplateSpec", new, old, errors);
}
