//! CSIDrivers.

use crate::field_error::FieldError;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::{Fields, Seen};
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

const POLICIES: [&str; 3] = ["File", "None", "ReadWriteOnceWithFSType"];
const TOKEN_MIN_S: i64 = 600;
const UPDATE_PERIOD_MIN_S: i64 = 10;

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    spec(object.part("spec"), errors);
}

fn update(_: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    spec(new.part("spec"), errors);
    let path = Path::root("spec");
    for (name, shown) in
        [("attachRequired", "attachedRequired"), ("volumeLifecycleModes", "volumeLifecycleModes")]
    {
        let (after, before) = (new.part("spec").value(name), old.part("spec").value(name));
        check::immutable(errors, &path.child(shown), after, before, "null");
    }
}

fn spec(spec: &Object, errors: &mut Errors) {
    let path = Path::root("spec");
    for (name, shown) in [
        ("attachRequired", "attachedRequired"),
        ("podInfoOnMount", "podInfoOnMount"),
        ("storageCapacity", "storageCapacity"),
    ] {
        if !spec.has(name) {
            errors.push(FieldError::required(path.child(shown), ""));
        }
    }
    if let Some(policy) = spec.value("fsGroupPolicy").and_then(Value::as_str) {
        check::one_of(errors, path.child("fsGroupPolicy"), policy, &POLICIES);
    }
    tokens(spec, &path.child("tokenRequests"), errors);
    for mode in spec.texts("volumeLifecycleModes") {
        let path = path.child("volumeLifecycleModes");
        check::one_of(errors, path, mode, &["Persistent", "Ephemeral"]);
    }
    if !spec.has("seLinuxMount") {
        errors.push(FieldError::required(path.child("seLinuxMount"), ""));
    }
    if let Some(period_s) = spec
        .int("nodeAllocatableUpdatePeriodSeconds")
        .filter(|seconds| *seconds < UPDATE_PERIOD_MIN_S)
    {
        let path = path.child("nodeAllocatableUpdatePeriodSeconds");
        let detail = "must be greater than or equal to 10 seconds";
        errors.push(FieldError::invalid(path, &Value::Int(period_s), detail));
    }
    if let Some(flag) = spec.value("serviceAccountTokenInSecrets")
        && spec.list("tokenRequests").is_empty()
    {
        let path = path.child("serviceAccountTokenInSecrets");
        let detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
        errors.push(FieldError::invalid(path, flag, detail));
    }
}

fn tokens(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let mut seen = Seen::default();
    for (at, request) in spec.objects("tokenRequests") {
        let path = path.index(at);
        let audience = request.text("audience");
        if seen.again(audience) {
            errors.push(FieldError::duplicate(path.child("audience"), audience));
            continue;
        }
        let Some(expiration_s) = request.int("expirationSeconds") else { continue };
        let detail = if expiration_s < TOKEN_MIN_S {
            "may not specify a duration less than 10 minutes"
        } else if expiration_s > 1 << 32 {
            "may not specify a duration larger than 2^32 seconds"
        } else {
            continue;
        };
        let path = path.child("expirationSeconds");
        errors.push(FieldError::invalid(path, &Value::Int(expiration_s), detail));
    }
}
