//! Services: what was allocated stays through updates that do not mention it, and goes when the
//! type no longer needs it.

use crate::edit::{self, Edit};
use crate::target::Target;
use crate::value::{Object, Value};
use std::collections::{HashMap, HashSet};

const IP: &[&str] = &["spec", "clusterIP"];
const IPS: &[&str] = &["spec", "clusterIPs"];
const PORTS: &[&str] = &["spec", "ports"];
const HEALTH_PORT: &[&str] = &["spec", "healthCheckNodePort"];

fn kind(service: &Object) -> &str {
    edit::text(service, &["spec", "type"])
}

fn needs_ip(service: &Object) -> bool {
    kind(service) != "ExternalName"
}

fn needs_node_ports(service: &Object) -> bool {
    matches!(kind(service), "NodePort" | "LoadBalancer")
}

fn needs_health_port(service: &Object) -> bool {
    kind(service) == "LoadBalancer"
        && edit::text(service, &["spec", "externalTrafficPolicy"]) == "Local"
}

fn same(path: &[&str], new: &Object, old: &Object) -> bool {
    edit::at(new, path) == edit::at(old, path)
}

pub(super) fn before_allocation(target: Target<'_>, new: &mut Object, old: Option<&Object>) {
    let Some(old) = old else {
        if !edit::text(new, IP).is_empty() && edit::items(new, IPS).is_empty() {
            repeat_ip(target, new);
        }
        return;
    };
    keep_allocated(target, new, old);
    settle_ips(target, new, old);
}

/// The plural field from the singular one, for clients that know no other.
fn repeat_ip(target: Target<'_>, service: &mut Object) {
    let ips = Value::Array(vec![edit::text(service, IP).into()]);
    Edit::new(target, service).set(IPS, ips);
}

/// Who sends a Service again as it was written once need not know what was allocated for it.
fn keep_allocated(target: Target<'_>, new: &mut Object, old: &Object) {
    if needs_ip(old) && needs_ip(new) {
        for path in [IP, IPS] {
            let is_empty = edit::text(new, path).is_empty() && edit::items(new, path).is_empty();
            if is_empty && edit::at(old, path).is_some() {
                Edit::new(target, new).copy(path, old);
            }
        }
    }
    if needs_node_ports(old) && needs_node_ports(new) {
        keep_node_ports(target, new, old);
    }
    let is_unset = edit::int(new, HEALTH_PORT).unwrap_or_default() == 0;
    if needs_health_port(old) && needs_health_port(new) && is_unset {
        Edit::new(target, new).copy(HEALTH_PORT, old);
    }
}

fn node_port(port: &Value) -> i64 {
    port.get("nodePort").and_then(Value::as_i64).unwrap_or_default()
}

fn node_ports(service: &Object) -> HashSet<i64> {
    edit::items(service, PORTS).iter().map(node_port).filter(|port| *port != 0).collect()
}

fn keep_node_ports(target: Target<'_>, new: &mut Object, old: &Object) {
    let (before, now) = (node_ports(old), node_ports(new));
    let used: HashSet<i64> = before.intersection(&now).copied().collect();
    let name = |port: &Object| edit::text(port, &["name"]).to_owned();
    let by_name: HashMap<String, i64> = edit::items(old, PORTS)
        .iter()
        .filter_map(|port| Some((name(port.as_object()?), node_port(port))))
        .collect();
    Edit::new(target, new).each(PORTS, |mut port| {
        let is_unset = edit::int(port.object(), &["nodePort"]).unwrap_or_default() == 0;
        let known = by_name.get(&name(port.object())).copied().unwrap_or_default();
        if is_unset && known != 0 && !used.contains(&known) {
            port.set(&["nodePort"], known);
        }
    });
}

/// A client of one of the two fields means both.
fn settle_ips(target: Target<'_>, new: &mut Object, old: &Object) {
    let had_ips = !edit::items(old, IPS).is_empty();
    if had_ips && edit::items(new, IPS).is_empty() && same(IP, new, old) {
        Edit::new(target, new).copy(IPS, old);
    }
    if same(IP, new, old) || !same(IPS, new, old) {
        return;
    }
    if edit::text(new, IP).is_empty() {
        Edit::new(target, new).remove(IPS);
    } else {
        repeat_ip(target, new);
    }
}

/// Takes away what the new type does not need and the client did not change.
pub(super) fn update(target: Target<'_>, new: &mut Object, old: &Object) {
    let mut gone: Vec<&[&str]> = Vec::new();
    let is_balanced = |service: &Object| kind(service) == "LoadBalancer";
    if needs_ip(old) && !needs_ip(new) {
        if same(IP, new, old) && same(IPS, new, old) {
            gone.extend([IP, IPS]);
        }
        const FAMILY: [&[&str]; 2] = [&["spec", "ipFamilies"], &["spec", "ipFamilyPolicy"]];
        gone.extend(FAMILY.into_iter().filter(|path| same(path, new, old)));
    }
    if needs_health_port(old) && !needs_health_port(new) && same(HEALTH_PORT, new, old) {
        gone.push(HEALTH_PORT);
    }
    if is_balanced(old) && !is_balanced(new) {
        const BALANCED: [&[&str]; 2] =
            [&["spec", "allocateLoadBalancerNodePorts"], &["spec", "loadBalancerClass"]];
        gone.extend(BALANCED.into_iter().filter(|path| same(path, new, old)));
    }
    const POLICY: &[&str] = &["spec", "externalTrafficPolicy"];
    if needs_node_ports(old) && !needs_node_ports(new) && same(POLICY, new, old) {
        gone.push(POLICY);
    }
    // The order of taking away does not matter: everything was decided before.
    let drops_ports = needs_node_ports(old)
        && !needs_node_ports(new)
        && node_ports(new).is_subset(&node_ports(old));
    let drops_balancer = !is_balanced(new);
    let mut edit = Edit::new(target, new);
    gone.into_iter().for_each(|path| edit.remove(path));
    if drops_ports {
        edit.each(PORTS, |mut port| port.remove(&["nodePort"]));
    }
    if drops_balancer {
        edit.remove(&["status", "loadBalancer"]);
    }
}
