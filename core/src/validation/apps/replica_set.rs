//! ReplicaSets.

use super::selected::{self, at_most, counts};
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::Object;

pub(super) const RULES: Rules = Rules { create, update, warnings };

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    spec(object.part("spec"), None, errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    if target.subresource == "status" {
        status(new.part("status"), &Path::root("status"), errors);
        return;
    }
    spec(new.part("spec"), Some(old.part("spec")), errors);
    selected::same_selector(new, old, errors);
}

fn spec(spec: &Object, old: Option<&Object>, errors: &mut Errors) {
    let path = Path::root("spec");
    for name in ["replicas", "minReadySeconds"] {
        check::not_negative(errors, &path.child(name), spec.int(name));
    }
    selected::selector_and_template(spec, old, &path, errors);
}

fn status(status: &Object, path: &Path<'_>, errors: &mut Errors) {
    let names = [
        "replicas",
        "fullyLabeledReplicas",
        "readyReplicas",
        "availableReplicas",
        "observedGeneration",
        "terminatingReplicas",
    ];
    counts(status, &names, path, errors);
    let detail = "cannot be greater than status.replicas";
    for name in ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"] {
        at_most(status, (name, "replicas"), detail, path, errors);
    }
    let detail = "cannot be greater than readyReplicas";
    at_most(status, ("availableReplicas", "readyReplicas"), detail, path, errors);
}

fn warnings(target: Target<'_>, new: &Object, old: Option<&Object>, found: &mut Vec<String>) {
    if old.is_none() {
        selected::host_name_warning(new, found);
    }
    selected::warnings(target, new, old, found);
}
