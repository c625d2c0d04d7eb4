//! ResourceSlices: the devices of a pool, and where they are.

use super::device;
use super::shared::{bounded, pool_name, repeated, shortened};
use crate::field_error::{FieldError, Reason};
use crate::names::DNS_1123_LABEL_MAX_BYTES;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::validation::selectors;
use crate::validation::volume::sources::csi_driver;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

const DEVICES_MAX: usize = 128;
/// Devices with taints or shared counters cost more.
const COSTLY_DEVICES_MAX: usize = 64;
const COUNTER_SETS_MAX: usize = 8;
const COUNTERS_MAX: usize = 32;

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    spec(object.part("spec"), None, errors);
}

fn update(_: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    spec(new.part("spec"), Some(old.part("spec")), errors);
}

fn spec(spec: &Object, old: Option<&Object>, errors: &mut Errors) {
    let path = Path::root("spec");
    csi_driver(spec.text("driver"), &path.child("driver"), errors);
    pool(spec.part("pool"), &path.child("pool"), errors);
    if let Some(old) = old {
        let name = |spec: &Object| spec.part("pool").value("name").cloned();
        let pool_path = path.child("pool.name");
        check::immutable(errors, &pool_path, name(spec).as_ref(), name(old).as_ref(), "\"\"");
        for (name, absent) in [("driver", "\"\""), ("nodeName", "null")] {
            check::immutable(errors, &path.child(name), spec.value(name), old.value(name), absent);
        }
    }
    place(spec, &path, errors);
    if !spec.list("sharedCounters").is_empty() && !spec.list("devices").is_empty() {
        let detail = "only one of `sharedCounters` or `devices` is allowed";
        errors.push(FieldError::invalid(path, "", detail));
    }
    devices(spec, old, &path.child("devices"), errors);
    let sets = path.child("sharedCounters");
    if bounded(spec.list("sharedCounters").len(), COUNTER_SETS_MAX, &sets, errors) {
        for (at, set) in spec.objects("sharedCounters") {
            let path = sets.index(at);
            counters(set, "name", &path, errors);
        }
        repeated(spec.objects("sharedCounters").map(|(_, set)| set.text("name")), &sets, errors);
    }
}

fn devices(spec: &Object, old: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    let costly = spec.objects("devices").any(|(_, device)| {
        !device.list("taints").is_empty() || !device.list("consumesCounters").is_empty()
    });
    let count_max = if costly { COSTLY_DEVICES_MAX } else { DEVICES_MAX };
    if !bounded(spec.list("devices").len(), count_max, path, errors) {
        return;
    }
    let by_device = spec.flag("perDeviceNodeSelection");
    for (at, device) in spec.objects("devices") {
        let name = device.text("name");
        let held = old.and_then(|old| {
            old.objects("devices").find(|(_, one)| one.text("name") == name).map(|(_, one)| one)
        });
        device::of(device, held, by_device, &path.index(at), errors);
    }
    repeated(spec.objects("devices").map(|(_, one)| one.text("name")), path, errors);
}

fn pool(pool: &Object, path: &Path<'_>, errors: &mut Errors) {
    pool_name(pool.text("name"), &path.child("name"), errors);
    let count = pool.int("resourceSliceCount").unwrap_or(0);
    if count <= 0 {
        let path = path.child("resourceSliceCount");
        errors.push(FieldError::invalid(path, &Value::Int(count), "must be greater than zero"));
    }
    if let Some(generation) = pool.int("generation").filter(|generation| *generation < 0) {
        let detail = "must be greater than or equal to zero";
        let path = path.child("generation");
        errors.push(FieldError::invalid(path, &Value::Int(generation), detail));
    }
}

/// A set of counters under a name, or a reference to one by its name.
pub fn counters(set: &Object, name: &str, path: &Path<'_>, errors: &mut Errors) {
    let own = set.text(name);
    if own.is_empty() {
        errors.push(FieldError::required(path.child(name), ""));
    } else {
        check::dns_label(errors, path.child(name), own);
    }
    let path = path.child("counters");
    let counters = set.part("counters");
    if counters.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else if bounded(counters.len(), COUNTERS_MAX, &path, errors) {
        for (key, _) in counters.iter() {
            let shown = shortened(key, DNS_1123_LABEL_MAX_BYTES);
            check::dns_label(errors, path.key(&shown), key);
        }
    }
}

/// Where devices are: exactly one of several ways to say it.
fn place(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let mut given = Vec::new();
    match spec.value("nodeName").and_then(Value::as_str) {
        Some("") => {
            let detail = "must be either unset or set to a non-empty string";
            errors.push(FieldError::invalid(path.child("nodeName"), "", detail));
        }
        Some(name) => {
            given.push("`nodeName`");
            check::dns_subdomain(errors, path.child("nodeName"), name);
        }
        None => {}
    }
    if let Some(selector) = spec.object("nodeSelector") {
        given.push("`nodeSelector`");
        let path = path.child("nodeSelector");
        selectors::node_selector(selector, false, &path, errors);
        if selector.list("nodeSelectorTerms").len() != 1 {
            let terms = Value::Array(selector.list("nodeSelectorTerms").to_vec());
            let detail = "must have exactly one node selector term";
            errors.push(FieldError::invalid(path.child("nodeSelectorTerms"), &terms, detail));
        }
    }
    for (name, shown) in
        [("allNodes", "`allNodes`"), ("perDeviceNodeSelection", "`perDeviceNodeSelection`")]
    {
        match spec.set_flag(name) {
            Some(true) => given.push(shown),
            Some(false) => {
                let detail = "must be either unset or set to true";
                errors.push(FieldError::invalid(path.child(name), &Value::Bool(false), detail));
            }
            None => {}
        }
    }
    let detail = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, \
                  `perDeviceNodeSelection` is required";
    match given.len() {
        0 => errors.push(FieldError::required(path, detail)),
        1 => {}
        _ => {
            let shown = format!("\"{{{}}}\"", given.join(", "));
            let detail = format!("{detail}, but multiple fields are set");
            errors.push(FieldError::shown(Reason::Invalid, path, &shown, &detail));
        }
    }
}
