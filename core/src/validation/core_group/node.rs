//! Nodes: taints, networks for pods, capacity, and what is set once.

use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::fields::{Fields, Seen, metadata};
use crate::validation::internal;
use crate::validation::ip;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, check, meta, resources, selectors};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules {
    create,
    update: |target, new, old, errors| {
        // Both are asked, and both answer.
        create(target, new, errors);
        update(new, old, errors);
    },
    warnings: |target, new, _, warnings| {
        if target.subresource.is_empty() {
            warn(new.part("spec"), warnings);
        }
    },
};

const TAINTS: &str = "scheduler.alpha.kubernetes.io/taints";
const ONCE: &str = "except from \"\" to valid";

fn create(target: Target<'_>, node: &Object, errors: &mut Errors) {
    meta::on_create(target, node, meta::subdomain, errors);
    annotations(node, errors);
    let (spec, status) = (node.part("spec"), node.part("status"));
    selectors::taints(spec, &Path::root("metadata.taints"), errors);
    capacity(status, errors);
    let swap = status.part("nodeInfo").part("swap").int("capacity");
    if let Some(swap) = swap.filter(|swap| *swap <= 0) {
        let path = "metadata.nodeSwapStatus.capacity";
        errors.push(FieldError::invalid(path, &swap, check::NOT_POSITIVE));
    }
    features(status, errors);
    let path = Path::root("spec.podCIDRs");
    let networks: Vec<&str> = spec.texts("podCIDRs").collect();
    for (at, network) in networks.iter().enumerate() {
        ip::legacy_cidr(network, &Seen::default(), &path.index(at), errors);
    }
    if networks.len() > 1 {
        let readable = networks.iter().all(|one| ip::parse_cidr_sloppy(one).is_some());
        let bad = networks.iter().find(|one| ip::parse_cidr_sloppy(one).is_none());
        if let Some(bad) = bad {
            let detail = format!(
                "invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR \
                 address: {bad}"
            );
            errors.push(FieldError::internal(path, &detail));
        }
        if networks.len() > 2 || !readable || !ip::is_dual_stack_cidrs(&networks) {
            let shown = Value::Array(spec.list("podCIDRs").to_vec());
            let detail = "may specify no more than one CIDR for each IP family";
            errors.push(FieldError::invalid(path, &shown, detail));
        }
    }
}

/// Taints as they were before they had a field.
fn annotations(node: &Object, errors: &mut Errors) {
    let text = metadata(node).part("annotations").text(TAINTS);
    if text.is_empty() {
        return;
    }
    let path = Path::root("metadata.annotations");
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(items)) => {
            let mut spec = Object::new();
            spec.push("taints", Value::Array(items));
            selectors::taints(&spec, &path.child(TAINTS), errors);
        }
        Ok(Value::Null) => {}
        _ => errors.push(FieldError::invalid(path, TAINTS, "not a list of taints")),
    }
}

fn capacity(status: &Object, errors: &mut Errors) {
    let path = Path::root("status");
    for list in ["capacity", "allocatable"] {
        for (name, value) in status.part(list).iter() {
            let path = path.child(list);
            resources::amount(name, value, &path.child(name), errors);
        }
    }
}

/// Features that a node says it has: sorted names such as `MyFeature/part`.
fn features(status: &Object, errors: &mut Errors) {
    let path = Path::root("status.declaredFeatures");
    let features: Vec<&str> = status.texts("declaredFeatures").collect();
    for (at, feature) in features.iter().enumerate() {
        if let Some(detail) = bad_feature(feature) {
            errors.push(FieldError::invalid(path.index(at), *feature, &detail));
        }
        let Some(next) = features.get(at + 1) else { continue };
        let path = path.index(at + 1);
        if feature == next {
            errors.push(FieldError::duplicate(path, *next));
        } else if feature > next {
            let detail = "list must be sorted alphabetically";
            errors.push(FieldError::invalid(path, *next, detail));
        }
    }
}

fn bad_feature(feature: &str) -> Option<String> {
    let most = names::DNS_1123_SUBDOMAIN_MAX_BYTES;
    let shown = crate::field_error::quoted(feature);
    if feature.len() > most {
        return Some(format!(
            "invalid feature name {shown}: must be no more than {most} characters"
        ));
    }
    let parts_fit = feature
        .split('/')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if parts_fit && feature.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    Some(format!(
        "invalid feature name {shown}: must start with an UpperCamelCase segment, with subsequent \
         segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only \
         alphanumeric characters and slashes"
    ))
}

fn update(new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    annotations(new, errors);
    let (spec, status, held) = (new.part("spec"), new.part("status"), old.part("spec"));
    capacity(status, errors);
    features(status, errors);
    let addresses = status.list("addresses");
    for (at, address) in addresses.iter().enumerate() {
        if addresses[..at].contains(address) {
            let path = Path::root("status.addresses");
            let message = "k8s.io.api.core.v1.NodeAddress";
            errors.push(internal::duplicate(&path.index(at), message, Some(address)));
        }
    }
    networks_stay(spec, held, errors);
    let (now, before) = (spec.text("providerID"), held.text("providerID"));
    if !before.is_empty() && now != before {
        let detail = format!("node updates may not change providerID {ONCE}");
        errors.push(FieldError::forbidden("spec.providerID", &detail));
    }
    if let Some(source) = spec.object("configSource") {
        config_source(source, false, &Path::root("spec.configSource"), errors);
    }
    for name in ["assigned", "active", "lastKnownGood"] {
        if let Some(source) = status.part("config").object(name) {
            let path = Path::root("status.config");
            config_source(source, true, &path.child(name), errors);
        }
    }
    selectors::taints(spec, &Path::root("metadata.taints"), errors);
    if spec.text("externalID") != held.text("externalID") {
        errors.push(FieldError::forbidden("spec.externalID", "may not be updated"));
    }
}

/// Networks for pods are given once.
fn networks_stay(spec: &Object, held: &Object, errors: &mut Errors) {
    let (now, before) = (spec.list("podCIDRs"), held.list("podCIDRs"));
    let changed = if before.is_empty() {
        0
    } else if now.len() != before.len() {
        1
    } else {
        now.iter().zip(before).filter(|(now, before)| now != before).count()
    };
    for _ in 0..changed {
        let detail = format!("node updates may not change podCIDR {ONCE}");
        errors.push(FieldError::forbidden("spec.podCIDRs", &detail));
    }
}

/// Where a kubelet's configuration came from, when it could come from a ConfigMap.
fn config_source(source: &Object, in_status: bool, path: &Path<'_>, errors: &mut Errors) {
    let Some(map) = source.object("configMap") else {
        let shown = Value::Object(source.clone());
        let detail = "exactly one reference subfield must be non-nil";
        let message = "k8s.io.api.core.v1.NodeConfigSource";
        errors.push(internal::invalid(path, message, Some(&shown), detail));
        return;
    };
    let path = path.child("configMap");
    for name in ["uid", "resourceVersion"] {
        let given = !map.text(name).is_empty();
        if in_status && !given {
            errors.push(FieldError::required(path.child(name), ""));
        } else if !in_status && given {
            let detail = format!("{name} must not be set in spec");
            errors.push(FieldError::forbidden(path.child(name), &detail));
        }
    }
    let namespace = names::dns_1123_label(map.text("namespace"));
    let name = names::dns_1123_subdomain(map.text("name"));
    let key = names::config_key(map.text("kubeletConfigKey"));
    for (name, wrong) in [("namespace", namespace), ("name", name), ("kubeletConfigKey", key)] {
        let value = map.text(name);
        if value.is_empty() {
            errors.push(FieldError::required(path.child(name), ""));
        } else {
            check::each(errors, path.child(name), value, wrong);
        }
    }
}

fn warn(spec: &Object, warnings: &mut Vec<String>) {
    if spec.has("configSource") {
        warnings.push("spec.configSource: the feature is removed".to_owned());
    }
    if !spec.text("externalID").is_empty() {
        let message = "this field is deprecated, and is unused by Kubernetes";
        warnings.push(format!("spec.externalID: {message}"));
    }
    for (at, range) in spec.texts("podCIDRs").enumerate() {
        ip::cidr_warnings(range, &Path::root("spec.podCIDRs").index(at), warnings);
    }
}
