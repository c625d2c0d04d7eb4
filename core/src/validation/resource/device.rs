//! A device in a slice: attributes, capacity, taints, counters, and where it is.

use super::policy;
use super::shared::{
    QUALIFIED_NAME_MAX_BYTES, binding_conditions, bounded, qualified_name, repeated, shortened,
    taint,
};
use super::slice::counters;
use crate::field_error::{FieldError, Reason};
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::{Fields, same};
use crate::validation::internal;
use crate::validation::path::Path;
use crate::validation::selectors;
use crate::value::{Object, Value};

const ATTRIBUTES_AND_CAPACITIES_MAX: usize = 32;
const TAINTS_MAX: usize = 16;
const CONSUMPTIONS_MAX: usize = 2;
const ATTRIBUTE_MAX_BYTES: usize = 64;

pub fn of(
    device: &Object,
    old: Option<&Object>,
    by_device: bool,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    check::dns_label(errors, path.child("name"), device.text("name"));
    let count = device.part("attributes").len() + device.part("capacity").len();
    if count > ATTRIBUTES_AND_CAPACITIES_MAX {
        let detail = format!(
            "the total number of attributes and capacities must not exceed \
             {ATTRIBUTES_AND_CAPACITIES_MAX}"
        );
        errors.push(FieldError::invalid(path, &Value::Int(count as i64), &detail));
    }
    attributes(device, &path.child("attributes"), errors);
    capacity(device, &path.child("capacity"), errors);
    if old.is_none_or(|old| !same(device.value("taints"), old.value("taints"))) {
        let path = path.child("taints");
        if bounded(device.list("taints").len(), TAINTS_MAX, &path, errors) {
            for (at, one) in device.objects("taints") {
                taint(one, None, &path.index(at), errors);
            }
        }
    }
    consumptions(device, &path.child("consumesCounters"), errors);
    place(device, by_device, path, errors);
    binding_conditions(device, path, errors);
}

fn attributes(device: &Object, path: &Path<'_>, errors: &mut Errors) {
    for (key, value) in device.part("attributes").iter() {
        let shown = shortened(key, QUALIFIED_NAME_MAX_BYTES);
        let path = path.key(&shown);
        qualified_name(key, &path, errors);
        if let Some(attribute) = value.as_object() {
            self::attribute(attribute, &path, errors);
        }
    }
}

fn attribute(attribute: &Object, path: &Path<'_>, errors: &mut Errors) {
    if let Some(text) = attribute.value("string").and_then(Value::as_str)
        && text.len() > ATTRIBUTE_MAX_BYTES
    {
        errors.push(FieldError::too_long(path.child("string"), ATTRIBUTE_MAX_BYTES));
    }
    if let Some(version) = attribute.value("version").and_then(Value::as_str) {
        let path = path.child("version");
        if !is_semantic_version(version) {
            let detail = "must be a string compatible with semver.org spec 2.0.0";
            errors.push(FieldError::invalid(path, version, detail));
        }
        if version.len() > ATTRIBUTE_MAX_BYTES {
            errors.push(FieldError::too_long(path, ATTRIBUTE_MAX_BYTES));
        }
    }
    let names = ["bool", "int", "string", "version"];
    let detail = "exactly one value must be specified";
    match names.iter().filter(|name| attribute.has(name)).count() {
        0 => errors.push(FieldError::invalid(path, "", detail)),
        1 => {}
        _ => {
            let message = "k8s.io.api.resource.v1.DeviceAttribute";
            let value = Value::Object(attribute.clone());
            errors.push(internal::invalid(path, message, Some(&value), detail));
        }
    }
}

/// Three numbers, then perhaps a pre-release and a build, without leading zeros in numbers.
fn is_semantic_version(text: &str) -> bool {
    let (text, build) = match text.split_once('+') {
        Some((text, build)) => (text, Some(build)),
        None => (text, None),
    };
    let (core, release) = match text.split_once('-') {
        Some((core, release)) => (core, Some(release)),
        None => (text, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let number = |part: &str| digits(part) && (part == "0" || !part.starts_with('0'));
    let word = |part: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !part.is_empty() && part.bytes().all(fits)
    };
    core.split('.').count() == 3
        && core.split('.').all(number)
        && release.is_none_or(|release| {
            release.split('.').all(|part| word(part) && (!digits(part) || number(part)))
        })
        && build.is_none_or(|build| build.split('.').all(word))
}

fn capacity(device: &Object, path: &Path<'_>, errors: &mut Errors) {
    let shared = device.flag("allowMultipleAllocations");
    for (key, value) in device.part("capacity").iter() {
        let shown = shortened(key, QUALIFIED_NAME_MAX_BYTES);
        let path = path.key(&shown);
        qualified_name(key, &path, errors);
        let Some(capacity) = value.as_object() else { continue };
        let Some(rules) = capacity.object("requestPolicy") else { continue };
        let path = path.child("requestPolicy");
        if shared {
            policy::of(rules, check::quantity(capacity.value("value")), &path, errors);
        } else {
            errors.push(FieldError::forbidden(path, "allowMultipleAllocations must be true"));
        }
    }
}

fn consumptions(device: &Object, path: &Path<'_>, errors: &mut Errors) {
    if !bounded(device.list("consumesCounters").len(), CONSUMPTIONS_MAX, path, errors) {
        return;
    }
    for (at, one) in device.objects("consumesCounters") {
        counters(one, "counterSet", &path.index(at), errors);
    }
    let sets = device.objects("consumesCounters").map(|(_, one)| one.text("counterSet"));
    repeated(sets, path, errors);
}

/// Where the device is, if the slice says that each device has a place of its own.
fn place(device: &Object, by_device: bool, path: &Path<'_>, errors: &mut Errors) {
    let names = ["nodeName", "nodeSelector", "allNodes"];
    if !by_device {
        if names.iter().any(|name| device.has(name)) {
            let detail = "`nodeName`, `nodeSelector` and `allNodes` can only be set if \
                          `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
            errors.push(FieldError::shown(Reason::Invalid, path, "null", detail));
        }
        return;
    }
    let mut given = Vec::new();
    match device.value("nodeName").and_then(Value::as_str) {
        Some("") => {
            errors.push(FieldError::invalid(path.child("nodeName"), "", "must not be empty"));
        }
        Some(name) => {
            given.push("`nodeName`");
            check::dns_subdomain(errors, path.child("nodeName"), name);
        }
        None => {}
    }
    if let Some(selector) = device.object("nodeSelector") {
        given.push("`nodeSelector`");
        selectors::node_selector(selector, false, &path.child("nodeSelector"), errors);
    }
    match device.set_flag("allNodes") {
        Some(true) => given.push("`allNodes`"),
        Some(false) => {
            let detail = "must be either unset or set to true";
            let path = path.child("allNodes");
            errors.push(FieldError::invalid(path, &Value::Bool(false), detail));
        }
        None => {}
    }
    let detail = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when \
                  `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    match given.len() {
        0 => errors.push(FieldError::required(path, detail)),
        1 => {}
        _ => {
            let shown = format!("\"{{{}}}\"", given.join(", "));
            errors.push(FieldError::shown(Reason::Invalid, path, &shown, detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for good in ["1.2.3", "0.0.0-alpha.1+build.5", "1.0.0-x-y"] {
            assert!(is_semantic_version(good), "{good}");
        }
        for bad in ["1.2", "01.2.3", "1.2.3-01", "1.2.3+", "v1.2.3", ""] {
            assert!(!is_semantic_version(bad), "{bad}");
        }
    }
}
