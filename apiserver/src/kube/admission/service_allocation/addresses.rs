//! Cluster addresses, each held by its `IPAddress`.

use super::families::of as family;
use super::{give_back, is_headless, kind};
use crate::kube::admission::Review;
use crate::kube::clock;
use crate::kube::object;
use crate::kube::storage::{Change, Storage};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use xebec_core::codec::normal;
use xebec_core::edit::{self, Edit};
use xebec_core::field_error::FieldError;
use xebec_core::lifecycle;
use xebec_core::status::GroupName;
use xebec_core::target::Target;
use xebec_core::value::{Object, Value};

const ADDRESSES: GroupName<'static> = GroupName { group: "networking.k8s.io", name: "ipaddresses" };
const RANGES: GroupName<'static> = GroupName { group: "networking.k8s.io", name: "servicecidrs" };

/// The part at the begin of a range that is left for addresses that people choose.
const STATIC_MIN: u128 = 16;
const STATIC_MAX: u128 = 256;
/// Addresses tried before a range counts as full: all of an IPv4 /16.
const ATTEMPTS_MAX: u128 = 65_536;

/// Gives a Service the addresses that it lacks.
pub fn allocate(
    review: &mut Review<'_>,
    service: &mut Object,
    usual: &[IpNet],
) -> Result<(), FieldError> {
    if kind(service) == "ExternalName" || is_headless(service) {
        let none = is_headless(service) && edit::items(service, &["spec", "clusterIPs"]).is_empty();
        if none {
            let ips = Value::Array(vec!["None".into()]);
            Edit::new(review.target, service).set(&["spec", "clusterIPs"], ips);
        }
        return Ok(());
    }
    let families: Vec<String> = edit::items(service, &["spec", "ipFamilies"])
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let given: Vec<String> = edit::items(service, &["spec", "clusterIPs"])
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let held = held(review.old);
    let ranges = ranges(review, usual);
    let mut all = Vec::with_capacity(families.len());
    for (at, wanted) in families.iter().enumerate() {
        let chosen = match given.get(at).filter(|ip| !ip.is_empty()) {
            Some(ip) if held.contains(ip) => ip.clone(),
            Some(ip) => take_given(review, service, (ip, &given), &ranges)?,
            None => take_any(review, service, wanted, &ranges)?,
        };
        all.push(chosen);
    }
    // What does not fit its family is judged by validation.
    all.extend(given.iter().skip(families.len()).cloned());
    if let Some(first) = all.first().cloned() {
        let mut edit = Edit::new(review.target, service);
        edit.set(&["spec", "clusterIP"], first);
        let all = all.into_iter().map(Value::from).collect();
        edit.set(&["spec", "clusterIPs"], Value::Array(all));
    }
    Ok(())
}

/// Gives back what `old` held and `new` does not.
pub fn release(review: &mut Review<'_>, old: &Object, new: Option<&Object>) {
    let kept = held(new);
    for ip in held(Some(old)) {
        if kept.contains(&ip) {
            continue;
        }
        let Some(key) = review.key(ADDRESSES, "", &ip) else { continue };
        let Ok(Some(stored)) = Storage::read(review.view, &key) else { continue };
        let is_own = stored.object().is_ok_and(|address| {
            let parent = |name: &str| edit::text(&address, &["spec", "parentRef", name]).to_owned();
            parent("namespace") == lifecycle::namespace(old)
                && parent("name") == lifecycle::name(old)
        });
        if is_own {
            give_back(review, key, stored.revision());
        }
    }
}

/// The addresses that a Service holds.
fn held(service: Option<&Object>) -> Vec<String> {
    let Some(service) = service.filter(|one| kind(one) != "ExternalName") else {
        return Vec::new();
    };
    let ips = edit::items(service, &["spec", "clusterIPs"]).iter().filter_map(Value::as_str);
    ips.filter(|ip| !matches!(*ip, "" | "None")).map(str::to_owned).collect()
}

/// The ranges of all ServiceCIDRs that are not going; the usual ones while there are none.
fn ranges(review: &Review<'_>, usual: &[IpNet]) -> Vec<IpNet> {
    let objects = review.all(RANGES, "").unwrap_or_default();
    let staying = objects
        .iter()
        .filter(|range| lifecycle::metadata(range).get("deletionTimestamp").is_none());
    let ranges: Vec<IpNet> = staying
        .flat_map(|range| edit::items(range, &["spec", "cidrs"]))
        .filter_map(|range| range.as_str()?.parse().ok())
        .collect();
    if ranges.is_empty() { usual.to_vec() } else { ranges }
}

fn take_given(
    review: &mut Review<'_>,
    service: &Object,
    (ip, all): (&str, &[String]),
    ranges: &[IpNet],
) -> Result<String, FieldError> {
    let shown = Value::Array(all.iter().map(|one| Value::from(one.as_str())).collect());
    let failed = |why: &str| {
        let why = format!("failed to allocate IP {ip}: {why}");
        FieldError::invalid("spec.clusterIPs", &shown, &why)
    };
    // What is no address is judged by validation.
    let Ok(address) = ip.parse::<IpAddr>() else { return Ok(ip.to_owned()) };
    let range = ranges.iter().find(|range| range.contains(&address));
    let range =
        range.ok_or_else(|| failed("the provided network does not match the current range"))?;
    if !usable(range).contains(&number(address)) {
        return Err(failed("the provided network does not match the current range"));
    }
    if take(review, service, address) {
        Ok(ip.to_owned())
    } else {
        Err(failed("provided IP is already allocated"))
    }
}

fn take_any(
    review: &mut Review<'_>,
    service: &Object,
    wanted: &str,
    ranges: &[IpNet],
) -> Result<String, FieldError> {
    for range in ranges.iter().filter(|range| family(&range.addr()) == wanted) {
        let all = usable(range);
        let (first, size) = (*all.start(), all.end() - all.start() + 1);
        let fixed = if size <= STATIC_MIN { 0 } else { (size / 16).clamp(STATIC_MIN, STATIC_MAX) };
        let start = u128::from_ne_bytes(clock::random()) % (size - fixed).max(1);
        // From somewhere in the upper part around to its begin, and the lower part last.
        let upper = (0..size - fixed).map(|step| fixed + (start + step) % (size - fixed));
        for offset in upper.chain(0..fixed).take(ATTEMPTS_MAX as usize) {
            let address = address(first + offset, range);
            if take(review, service, address) {
                return Ok(address.to_string());
            }
        }
    }
    let why = format!("failed to allocate a serviceIP: no free {wanted} address is left");
    Err(FieldError::internal("spec.clusterIPs", &why))
}

/// Takes an address if nobody has it.
fn take(review: &mut Review<'_>, service: &Object, address: IpAddr) -> bool {
    let name = address.to_string();
    let Some(resource) = review.registry.find_resource(ADDRESSES.group, ADDRESSES.name) else {
        return true;
    };
    let key = resource.key(None, &name);
    let pending = review.effects.changes.iter().any(|change| change.key == key);
    if pending || review.view.keys().get(key.as_bytes()).is_some() {
        return false;
    }
    let object = ip_address(Target::stored(resource), review, service, address);
    let value = Some(object::to_bytes(&object));
    review.effects.changes.push(Change { key, expected: 0, value });
    true
}

/// The object that holds an address for a Service.
fn ip_address(
    target: Target<'_>,
    review: &Review<'_>,
    service: &Object,
    address: IpAddr,
) -> Object {
    let mut object = Object::new();
    object.push("kind", "IPAddress".into());
    object.push("apiVersion", target.resource.api_version(target.version).into());
    normal::complete(target.schema(), target.message(), &mut object);
    let mut edit = Edit::new(target, &mut object);
    edit.set(&["metadata", "name"], address.to_string());
    edit.set(&["metadata", "uid"], clock::uid());
    edit.set(&["metadata", "creationTimestamp"], review.now.to_seconds_text());
    let mut labels = Object::new();
    labels.push("ipaddress.kubernetes.io/ip-family", family(&address).into());
    labels.push("ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io".into());
    edit.set(&["metadata", "labels"], Value::Object(labels));
    edit.set(&["spec", "parentRef", "resource"], "services");
    edit.set(&["spec", "parentRef", "namespace"], review.namespace);
    edit.set(&["spec", "parentRef", "name"], lifecycle::name(service));
    object
}

/// All of a range but the network itself and, in IPv4, its broadcast.
fn usable(range: &IpNet) -> std::ops::RangeInclusive<u128> {
    let (first, last) = (number(range.network()), number(range.broadcast()));
    let last = if range.addr().is_ipv4() { last.saturating_sub(1) } else { last };
    first + 1..=last.max(first + 1)
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

fn address(number: u128, of: &IpNet) -> IpAddr {
    match of {
        IpNet::V4(_) => Ipv4Addr::from(number as u32).into(),
        IpNet::V6(_) => Ipv6Addr::from(number).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_and_broadcast_are_not_given_away() {
        let range: IpNet = "10.0.0.0/29".parse().expect("a range");
        let all: Vec<String> = usable(&range).map(|n| address(n, &range).to_string()).collect();
        assert_eq!(all, ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
        let range: IpNet = "fd00::/126".parse().expect("a range");
        assert_eq!(usable(&range).count(), 3);
    }
}
