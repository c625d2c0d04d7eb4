//! Node ports, each held by a key of its own.

use super::{give_back, kind};
use crate::kube::admission::Review;
use crate::kube::clock;
use crate::kube::storage::Change;
use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use xebec_core::edit::{self, Edit};
use xebec_core::field_error::FieldError;
use xebec_core::lifecycle;
use xebec_core::value::{Object, Value};

/// The ports that are given away, and those at their begin that are left for people to choose.
const RANGE: RangeInclusive<i64> = 30_000..=32_767;
const STATIC: i64 = 86;

fn key(port: i64) -> String {
    format!("/registry/ranges/servicenodeports/{port}")
}

/// Whether a Service has node ports.
fn needs_ports(service: &Object) -> bool {
    match kind(service) {
        "NodePort" => true,
        "LoadBalancer" => {
            edit::at(service, &["spec", "allocateLoadBalancerNodePorts"])
                != Some(&Value::Bool(false))
        }
        _ => false,
    }
}

fn may_have_ports(service: &Object) -> bool {
    matches!(kind(service), "NodePort" | "LoadBalancer")
}

fn needs_health_port(service: &Object) -> bool {
    kind(service) == "LoadBalancer"
        && edit::text(service, &["spec", "externalTrafficPolicy"]) == "Local"
}

/// Gives a Service the node ports that it lacks.
pub fn allocate(review: &mut Review<'_>, service: &mut Object) -> Result<(), FieldError> {
    let old = held(review.old);
    if may_have_ports(service) {
        allocate_ports(review, service, &old)?;
    }
    if needs_health_port(service) {
        let given = edit::int(service, &["spec", "healthCheckNodePort"]).unwrap_or_default();
        if given == 0 {
            let port = take_any(review, "spec.healthCheckNodePort", service)?;
            Edit::new(review.target, service).set(&["spec", "healthCheckNodePort"], port);
        } else if !old.contains(&given) {
            take(review, service, (given, "spec.healthCheckNodePort"))?;
        }
    }
    Ok(())
}

fn number(port: &Value, name: &str) -> i64 {
    port.get(name).and_then(Value::as_i64).unwrap_or_default()
}

fn allocate_ports(
    review: &mut Review<'_>,
    service: &mut Object,
    old: &[i64],
) -> Result<(), FieldError> {
    let mut ports = edit::items(service, &["spec", "ports"]).to_vec();
    let mut taken: HashSet<i64> = HashSet::new();
    for (at, port) in ports.iter().enumerate() {
        let given = number(port, "nodePort");
        if given != 0 && !old.contains(&given) && taken.insert(given) {
            take(review, service, (given, &format!("spec.ports[{at}].nodePort")))?;
        }
    }
    if !needs_ports(service) {
        return Ok(());
    }
    // In a new Service, ports of the same number (for several protocols) share a node port.
    let shares = review.old.is_none();
    let mut by_number: HashMap<i64, i64> = HashMap::new();
    for port in ports.iter().filter(|_| shares) {
        let given = number(port, "nodePort");
        if given != 0 {
            by_number.entry(number(port, "port")).or_insert(given);
        }
    }
    for (at, port) in ports.iter_mut().enumerate() {
        if number(port, "nodePort") != 0 {
            continue;
        }
        let own = number(port, "port");
        let chosen = match by_number.get(&own) {
            Some(chosen) => *chosen,
            None => take_any(review, &format!("spec.ports[{at}].nodePort"), service)?,
        };
        if shares {
            by_number.insert(own, chosen);
        }
        if let Some(port) = port.as_object_mut() {
            port.insert("nodePort", Value::Int(chosen));
        }
    }
    let mut edit = Edit::new(review.target, service);
    edit.set(&["spec", "ports"], Value::Array(ports));
    edit.each(&["spec", "ports"], |mut port| port.retain(|_| true));
    Ok(())
}

/// Gives back what `old` held and `new` does not.
pub fn release(review: &mut Review<'_>, old: &Object, new: Option<&Object>) {
    let kept = held(new);
    for port in held(Some(old)) {
        let key = key(port);
        let stored = review.view.keys().get(key.as_bytes()).cloned();
        if let Some(stored) =
            stored.filter(|one| !kept.contains(&port) && *one.value == *owner(old))
        {
            give_back(review, key, stored.mod_revision);
        }
    }
}

/// The node ports that a Service holds.
fn held(service: Option<&Object>) -> Vec<i64> {
    let Some(service) = service.filter(|service| may_have_ports(service)) else {
        return Vec::new();
    };
    let ports = edit::items(service, &["spec", "ports"]).iter();
    let mut all: Vec<i64> = ports.filter_map(|port| port.get("nodePort")?.as_i64()).collect();
    all.extend(edit::int(service, &["spec", "healthCheckNodePort"]));
    all.retain(|port| *port != 0);
    all.sort_unstable();
    all.dedup();
    all
}

/// What stands at the key of a port.
fn owner(service: &Object) -> Vec<u8> {
    format!("{}/{}", lifecycle::namespace(service), lifecycle::name(service)).into_bytes()
}

fn take(
    review: &mut Review<'_>,
    service: &Object,
    (port, field): (i64, &str),
) -> Result<(), FieldError> {
    if !RANGE.contains(&port) {
        let why =
            "provided port is not in the valid range. The range of valid ports is 30000-32767";
        return Err(FieldError::invalid(field, &Value::Int(port), why));
    }
    if !is_free(review, port) {
        let why = "provided port is already allocated";
        return Err(FieldError::invalid(field, &Value::Int(port), why));
    }
    hold(review, service, port);
    Ok(())
}

fn take_any(review: &mut Review<'_>, field: &str, service: &Object) -> Result<i64, FieldError> {
    let first = RANGE.start() + STATIC;
    let size = RANGE.end() - first + 1;
    let start = i64::from(u32::from_ne_bytes(clock::random())) % size;
    let upper = (0..size).map(|step| first + (start + step) % size);
    let mut all = upper.chain(*RANGE.start()..first);
    let Some(port) = all.find(|port| is_free(review, *port)) else {
        let why = "failed to allocate a nodePort: range is full";
        return Err(FieldError::internal(field, why));
    };
    hold(review, service, port);
    Ok(port)
}

fn is_free(review: &Review<'_>, port: i64) -> bool {
    let key = key(port);
    let pending = review.effects.changes.iter().any(|change| change.key == key);
    !pending && review.view.keys().get(key.as_bytes()).is_none()
}

fn hold(review: &mut Review<'_>, service: &Object, port: i64) {
    let mut owner = owner(service);
    if owner.first() == Some(&b'/') {
        owner = [review.namespace.as_bytes(), &owner].concat();
    }
    let change = Change { key: key(port), expected: 0, value: Some(owner.into()) };
    review.effects.changes.push(change);
}
