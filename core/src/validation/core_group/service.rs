//! Services: ports, addresses of one or two families, and how traffic gets to them.

mod addresses;

use super::endpoints;
use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::fields::{Fields, Seen, metadata};
use crate::validation::internal;
use crate::validation::ip;
use crate::validation::labels;
use crate::validation::path::Path;
use crate::validation::pod::containers::protocol;
use crate::validation::{Errors, Rules, check, meta};
use crate::value::{Object, Value};
use std::collections::HashSet;

pub(super) const RULES: Rules = Rules {
    create: |target, object, errors| {
        meta::on_create(target, object, meta::label, errors);
        service(object, None, errors);
    },
    update,
    warnings: |target, new, _, warnings| {
        if target.subresource.is_empty() {
            warn(new, warnings);
        }
    },
};

const TOPOLOGY_HINTS: &str = "service.kubernetes.io/topology-aware-hints";
const TOPOLOGY_MODE: &str = "service.kubernetes.io/topology-mode";
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
/// A day.
const AFFINITY_MAX_S: i64 = 86_400;
const ONLY_BALANCED: &str = "may only be used when `type` is 'LoadBalancer'";

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    if target.subresource == "status" {
        return status(new, old, errors);
    }
    addresses::stay(new.part("spec"), old.part("spec"), errors);
    let (now, before) = (new.part("spec"), old.part("spec"));
    let class = "loadBalancerClass";
    if is_balanced(now) && is_balanced(before) && now.value(class) != before.value(class) {
        let path = Path::root("spec.loadBalancerClass");
        let detail = "may not change once set";
        errors.push(match now.value(class) {
            Some(value) => FieldError::invalid(path, value, detail),
            None => check::shown(crate::field_error::Reason::Invalid, path, "null", detail),
        });
    }
    balancer_class(now, errors);
    let port = "healthCheckNodePort";
    if needs_health_check(now) && needs_health_check(before) && now.int(port) != before.int(port) {
        errors.push(FieldError::forbidden("spec.healthCheckNodePort", meta::IMMUTABLE));
    }
    service(new, Some(old), errors);
}

/// Addresses and families, which the allocators take as they are.
pub(in crate::validation) fn before_allocation(
    new: &Object,
    old: Option<&Object>,
    errors: &mut Errors,
) {
    addresses::check(new.part("spec"), old.map(|old| old.part("spec")), errors);
}

pub(super) fn is_headless(spec: &Object) -> bool {
    spec.list("clusterIPs").len() == 1 && spec.texts("clusterIPs").any(|one| one == "None")
}

fn is_balanced(spec: &Object) -> bool {
    spec.text("type") == "LoadBalancer"
}

/// Reached from outside of the cluster.
fn is_external(spec: &Object) -> bool {
    let has_addresses = !spec.list("externalIPs").is_empty();
    matches!(spec.text("type"), "LoadBalancer" | "NodePort")
        || (spec.text("type") == "ClusterIP" && has_addresses)
}

fn needs_health_check(spec: &Object) -> bool {
    is_balanced(spec) && spec.text("externalTrafficPolicy") == "Local"
}

fn service(service: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = service.part("spec");
    let path = Path::root("spec");
    topology(metadata(service).part("annotations"), errors);
    if spec.list("ports").is_empty() && !is_headless(spec) && spec.text("type") != "ExternalName" {
        errors.push(FieldError::required(path.child("ports"), ""));
    }
    of_type(spec, &path, errors);
    ports(spec, &path.child("ports"), errors);
    labels::of(spec.part("selector"), &path.child("selector"), errors);
    affinity(spec, &path, errors);
    let held = old.map(|old| old.part("spec"));
    addresses::check(spec, held, errors);
    external_addresses(spec, held, &path.child("externalIPs"), errors);
    let types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    match spec.text("type") {
        "" => errors.push(FieldError::required(path.child("type"), "")),
        kind => check::one_of(errors, path.child("type"), kind, &types),
    }
    port_pairs(spec, &path.child("ports"), errors);
    source_ranges(service, old, errors);
    balancer(spec, &path, errors);
    balancer_class(spec, errors);
    external_traffic(spec, &path, errors);
    internal_traffic(spec, &path, errors);
}

/// Two annotations for one thing must agree.
fn topology(annotations: &Object, errors: &mut Errors) {
    let (mode, hints) = (annotations.value(TOPOLOGY_MODE), annotations.value(TOPOLOGY_HINTS));
    if let (Some(mode), Some(hints)) = (mode, hints)
        && mode != hints
    {
        let path = Path::root("metadata.annotations");
        let detail = format!("must match annotations[{TOPOLOGY_HINTS}] when both are specified");
        errors.push(FieldError::invalid(path.key(TOPOLOGY_MODE), mode, &detail));
    }
}

fn of_type(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let kind = spec.text("type");
    if matches!(kind, "LoadBalancer" | "NodePort") && is_headless(spec) {
        let path = path.child("clusterIPs");
        let detail = format!("may not be set to 'None' for {kind} services");
        errors.push(FieldError::invalid(path.index(0), "None", &detail));
    }
    if kind != "ExternalName" {
        return;
    }
    let detail = "may not be set for ExternalName services";
    for name in ["clusterIPs", "ipFamilies"] {
        if !spec.list(name).is_empty() {
            errors.push(FieldError::forbidden(path.child(name), detail));
        }
    }
    if spec.has("ipFamilyPolicy") {
        errors.push(FieldError::forbidden(path.child("ipFamilyPolicy"), detail));
    }
    let path = path.child("externalName");
    let name = spec.text("externalName");
    match name.strip_suffix('.').unwrap_or(name) {
        "" => errors.push(FieldError::required(path, "")),
        name => check::dns_subdomain(errors, path, name),
    }
}

fn ports(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let needs_name = spec.list("ports").len() > 1;
    let mut seen = Seen::default();
    for (at, port) in spec.objects("ports") {
        let path = path.index(at);
        let name = port.text("name");
        if !name.is_empty() {
            check::dns_label(errors, path.child("name"), name);
            if seen.again(name) {
                errors.push(FieldError::duplicate(path.child("name"), name));
            }
        } else if needs_name {
            errors.push(FieldError::required(path.child("name"), ""));
        }
        check::port(errors, path.child("port"), port.int("port").unwrap_or(0));
        protocol(port.text("protocol"), &path.child("protocol"), errors);
        check::port_or_name(errors, &path.child("targetPort"), port.value("targetPort"));
        if port.has("appProtocol") {
            check::label_key(errors, path.child("appProtocol"), port.text("appProtocol"));
        }
    }
}

/// A pair of protocol and number is given once, among ports and among nodes' ports.
fn port_pairs(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let node_port = |port: &Object| port.int("nodePort").unwrap_or(0);
    if spec.text("type") == "ClusterIP" {
        for (at, _) in spec.objects("ports").filter(|(_, port)| node_port(port) != 0) {
            let path = path.index(at);
            let detail = "may not be used when `type` is 'ClusterIP'";
            errors.push(FieldError::forbidden(path.child("nodePort"), detail));
        }
    }
    let mut seen = HashSet::new();
    for (at, port) in spec.objects("ports").filter(|(_, port)| node_port(port) != 0) {
        let pair = (port.text("protocol"), node_port(port));
        if !seen.insert(pair) {
            let path = path.index(at);
            errors.push(FieldError::duplicate(path.child("nodePort"), &pair.1));
        }
    }
    let mut seen = HashSet::new();
    for (at, port) in spec.objects("ports") {
        let pair = (port.text("protocol"), port.int("port").unwrap_or(0));
        if !seen.insert(pair) {
            let mut key = Object::new();
            key.push("protocol", pair.0.into());
            key.push("port", Value::Int(pair.1));
            let key = Value::Object(key);
            let message = "k8s.io.api.core.v1.ServicePort";
            errors.push(internal::duplicate(&path.index(at), message, Some(&key)));
        }
    }
}

/// Whether a client comes to the same pod again.
fn affinity(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let kind = spec.text("sessionAffinity");
    let config = spec.object("sessionAffinityConfig");
    let of_config = path.child("sessionAffinityConfig");
    match kind {
        "" => errors.push(FieldError::required(path.child("sessionAffinity"), "")),
        "None" => {
            if config.is_some() {
                let detail = "must not be set when session affinity is None";
                errors.push(FieldError::forbidden(of_config, detail));
            }
        }
        "ClientIP" => client_affinity(config, &of_config, errors),
        kind => {
            let words = ["ClientIP", "None"];
            check::one_of(errors, path.child("sessionAffinity"), kind, &words);
        }
    }
}

fn client_affinity(config: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    let detail = "when session affinity type is ClientIP";
    let Some(config) = config else {
        errors.push(FieldError::required(path, detail));
        return;
    };
    let path = path.child("clientIP");
    let Some(client) = config.object("clientIP") else {
        errors.push(FieldError::required(path, detail));
        return;
    };
    let path = path.child("timeoutSeconds");
    match client.int("timeoutSeconds") {
        None => errors.push(FieldError::required(path, detail)),
        Some(seconds) if !(1..=AFFINITY_MAX_S).contains(&seconds) => {
            let detail = format!("must be greater than 0 and less than {AFFINITY_MAX_S}");
            errors.push(FieldError::invalid(path, &seconds, &detail));
        }
        Some(_) => {}
    }
}

fn external_addresses(spec: &Object, held: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    let held: Seen<'_> = held.map(|held| held.texts("externalIPs").collect()).unwrap_or_default();
    for (at, address) in spec.texts("externalIPs").enumerate() {
        let path = path.index(at);
        let before = errors.len();
        ip::legacy_address(address, &held, &path, errors);
        if errors.len() == before {
            endpoints::reachable(address, &path, errors);
        }
    }
}

/// From where a load balancer takes traffic: a field, and an annotation that is older.
fn source_ranges(service: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = service.part("spec");
    if !spec.list("loadBalancerSourceRanges").is_empty() {
        let path = Path::root("spec.LoadBalancerSourceRanges");
        if !is_balanced(spec) {
            errors.push(FieldError::forbidden(path, ONLY_BALANCED));
        }
        let held = old.map(|old| old.part("spec").texts("loadBalancerSourceRanges"));
        let held: Seen<'_> = held.into_iter().flatten().map(str::trim).collect();
        for (at, range) in spec.texts("loadBalancerSourceRanges").enumerate() {
            ip::legacy_cidr(range.trim(), &held, &path.index(at), errors);
        }
        return;
    }
    let annotation =
        |service: &Object| metadata(service).part("annotations").value(SOURCE_RANGES).cloned();
    let Some(Value::String(ranges)) = annotation(service) else { return };
    let path = Path::root("metadata.annotations");
    let path = path.key(SOURCE_RANGES);
    if !is_balanced(spec) {
        errors.push(FieldError::forbidden(path, ONLY_BALANCED));
    }
    let is_new = old.and_then(annotation) != annotation(service);
    if is_new && !ranges.trim().is_empty() {
        for range in ranges.trim().split(',') {
            ip::legacy_cidr(range.trim(), &Seen::default(), &path, errors);
        }
    }
}

fn balancer(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let name = "allocateLoadBalancerNodePorts";
    match (spec.has(name), is_balanced(spec)) {
        (true, false) => errors.push(FieldError::forbidden(path.child(name), ONLY_BALANCED)),
        (false, true) => errors.push(FieldError::required(name, "")),
        _ => {}
    }
}

fn balancer_class(spec: &Object, errors: &mut Errors) {
    if !spec.has("loadBalancerClass") {
        return;
    }
    let path = "spec.loadBalancerClass";
    if is_balanced(spec) {
        check::label_key(errors, path, spec.text("loadBalancerClass"));
    } else {
        errors.push(FieldError::forbidden(path, ONLY_BALANCED));
    }
}

fn external_traffic(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let policy = spec.text("externalTrafficPolicy");
    let of_policy = path.child("externalTrafficPolicy");
    match (is_external(spec), policy) {
        (false, "") => {}
        (false, policy) => {
            let detail = "may only be set for externally-accessible services";
            errors.push(FieldError::invalid(of_policy, policy, detail));
        }
        (true, "") => errors.push(FieldError::required(of_policy, "")),
        (true, policy) => check::one_of(errors, of_policy, policy, &["Cluster", "Local"]),
    }
    let port = spec.int("healthCheckNodePort").unwrap_or(0);
    let path = path.child("healthCheckNodePort");
    match (needs_health_check(spec), port) {
        (false, 0) => {}
        (false, port) => {
            let detail = "may only be set when `type` is 'LoadBalancer' and \
                          `externalTrafficPolicy` is 'Local'";
            errors.push(FieldError::invalid(path, &port, detail));
        }
        (true, 0) => errors.push(FieldError::required(path, "")),
        (true, port) => check::each_number(errors, path, port, names::port_number(port)),
    }
}

fn internal_traffic(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let name = "internalTrafficPolicy";
    if spec.has(name) {
        check::one_of(errors, path.child(name), spec.text(name), &["Cluster", "Local"]);
    } else if matches!(spec.text("type"), "NodePort" | "LoadBalancer" | "ClusterIP") {
        errors.push(FieldError::required(path.child(name), ""));
    }
    let name = "trafficDistribution";
    if spec.has(name) {
        let words = ["PreferClose", "PreferSameZone", "PreferSameNode"];
        check::one_of(errors, path.child(name), spec.text(name), &words);
    }
}

/// What a load balancer reports.
fn status(new: &Object, old: &Object, errors: &mut Errors) {
    let balancer = |service: &Object| service.part("status").part("loadBalancer").clone();
    let path = Path::root("status.loadBalancer");
    let (now, before) = (balancer(new), balancer(old));
    if !is_balanced(new.part("spec")) && !now.list("ingress").is_empty() {
        let detail = "may only be used when `spec.type` is 'LoadBalancer'";
        errors.push(FieldError::forbidden(path.child("ingress"), detail));
        return;
    }
    ingress(&now, &before, &path.child("ingress"), errors);
}

/// Where a load balancer takes traffic.
pub(crate) fn ingress(now: &Object, before: &Object, path: &Path<'_>, errors: &mut Errors) {
    let held: Seen<'_> = before.objects("ingress").map(|(_, one)| one.text("ip")).collect();
    for (at, one) in now.objects("ingress") {
        let path = path.index(at);
        let (address, name) = (one.text("ip"), one.text("hostname"));
        if !address.is_empty() {
            ip::legacy_address(address, &held, &path.child("ip"), errors);
        }
        let mode = path.child("ipMode");
        match (one.has("ipMode"), address) {
            (false, "") => {}
            (false, _) => {
                errors.push(FieldError::required(mode, "must be specified when `ip` is set"));
            }
            (true, "") => {
                let detail = "may not be specified when `ip` is not set";
                errors.push(FieldError::forbidden(mode, detail));
            }
            (true, _) => check::one_of(errors, mode, one.text("ipMode"), &["Proxy", "VIP"]),
        }
        if !name.is_empty() {
            let path = path.child("hostname");
            check::dns_subdomain(errors, path, name);
            if ip::parse_sloppy(name).is_some() {
                let detail = "must be a DNS name, not an IP address";
                errors.push(FieldError::invalid(path, name, detail));
            }
        }
    }
}

fn warn(service: &Object, warnings: &mut Vec<String>) {
    let spec = service.part("spec");
    let path = Path::root("spec");
    if metadata(service).part("annotations").has(TOPOLOGY_HINTS) {
        warnings.push(format!(
            "annotation {TOPOLOGY_HINTS} is deprecated, please use {TOPOLOGY_MODE} instead"
        ));
    }
    let kind = spec.text("type");
    if !matches!(spec.text("clusterIP"), "" | "None") {
        for (at, address) in spec.texts("clusterIPs").enumerate() {
            let path = path.child("clusterIPs");
            ip::address_warnings(address, &path.index(at), warnings);
        }
    }
    let is_headless = kind == "ClusterIP" && spec.text("clusterIP") == "None";
    if is_headless {
        let mut ignored = |name: &str| {
            warnings.push(format!("spec.{name} is ignored for headless services"));
        };
        if !spec.text("loadBalancerIP").is_empty() {
            ignored("loadBalancerIP");
        }
        if !spec.list("externalIPs").is_empty() {
            ignored("externalIPs");
        }
        if spec.text("sessionAffinity") != "None" {
            ignored("SessionAffinity");
        }
    }
    for (at, address) in spec.texts("externalIPs").enumerate() {
        let path = path.child("externalIPs");
        ip::address_warnings(address, &path.index(at), warnings);
    }
    if !spec.list("externalIPs").is_empty() && !is_headless && kind != "ExternalName" {
        warnings.push(
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
                .to_owned(),
        );
    }
    ip::address_warnings(spec.text("loadBalancerIP"), &path.child("loadBalancerIP"), warnings);
    for (at, range) in spec.texts("loadBalancerSourceRanges").enumerate() {
        let path = path.child("loadBalancerSourceRanges");
        ip::cidr_warnings(range, &path.index(at), warnings);
    }
    if kind == "ExternalName" && !spec.list("externalIPs").is_empty() {
        let message = "spec.externalIPs is ignored when spec.type is \"ExternalName\"";
        warnings.push(message.to_owned());
    }
    if kind != "ExternalName" && !spec.text("externalName").is_empty() {
        let message = "spec.externalName is ignored when spec.type is not \"ExternalName\"";
        warnings.push(message.to_owned());
    }
    if spec.text("trafficDistribution") == "PreferClose" {
        let message = "spec.trafficDistribution: \"PreferClose\" is deprecated; use \
                       \"PreferSameZone\"";
        warnings.push(message.to_owned());
    }
}
