//! The group `discovery.k8s.io`: EndpointSlices.

use super::addresses;
use super::check;
use super::fields::{Fields, Seen};
use super::formats;
use super::ip;
use super::labels;
use super::path::Path;
use super::{Errors, Rules, meta};
use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::value::{Object, Value};

const TOPOLOGY_LABELS_MAX: usize = 16;
const ADDRESSES_MAX: usize = 100;
const PORTS_MAX: usize = 20_000;
const ENDPOINTS_MAX: usize = 1_000;
const HINTS_MAX: usize = 8;

pub(super) fn rules(kind: &str) -> Option<Rules> {
    (kind == "EndpointSlice").then_some(Rules { create, update, warnings })
}

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    slice(object, &Seen::default(), errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_create(target, new, meta::subdomain, errors);
    let endpoints = old.objects("endpoints");
    let held: Seen<'_> = endpoints.flat_map(|(_, one)| one.texts("addresses")).collect();
    slice(new, &held, errors);
    let field = "addressType";
    check::immutable(errors, &Path::root(field), new.value(field), old.value(field), "\"\"");
}

fn slice(object: &Object, held: &Seen<'_>, errors: &mut Errors) {
    let family = object.text("addressType");
    match family {
        "" => errors.push(FieldError::required("addressType", "")),
        _ => check::one_of(errors, "addressType", family, &["FQDN", "IPv4", "IPv6"]),
    }
    let path = Path::root("endpoints");
    let count = object.list("endpoints").len();
    if count > ENDPOINTS_MAX {
        errors.push(FieldError::too_many(path, count, ENDPOINTS_MAX));
    } else {
        for (at, endpoint) in object.objects("endpoints") {
            self::endpoint((endpoint, family), held, &path.index(at), errors);
        }
    }
    ports(object, &Path::root("ports"), errors);
}

fn endpoint(
    (endpoint, family): (&Object, &str),
    held: &Seen<'_>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    addresses((endpoint, family), held, &path.child("addresses"), errors);
    if let Some(name) = endpoint.value("nodeName").and_then(Value::as_str) {
        check::dns_subdomain(errors, path.child("nodeName"), name);
    }
    let topology = endpoint.part("deprecatedTopology");
    let topology_path = path.child("deprecatedTopology");
    if topology.len() > TOPOLOGY_LABELS_MAX {
        errors.push(FieldError::too_many(topology_path, topology.len(), TOPOLOGY_LABELS_MAX));
    }
    labels::of(topology, &topology_path, errors);
    if let Some(name) = endpoint.value("hostname").and_then(Value::as_str) {
        check::dns_label(errors, path.child("hostname"), name);
    }
    let hints = endpoint.part("hints");
    for name in ["forZones", "forNodes"] {
        self::hints(hints, name, &path.child("hints"), errors);
    }
}

fn addresses(
    (endpoint, family): (&Object, &str),
    held: &Seen<'_>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let count = endpoint.list("addresses").len();
    if count == 0 {
        errors.push(FieldError::required(path, "must contain at least 1 address"));
    } else if count > ADDRESSES_MAX {
        errors.push(FieldError::too_many(path, count, ADDRESSES_MAX));
    }
    for (at, address) in endpoint.texts("addresses").enumerate() {
        let path = path.index(at);
        match family {
            "IPv4" | "IPv6" => self::address((address, family), held, &path, errors),
            "FQDN" => formats::fully_qualified_domain(address, &path, errors),
            _ => {}
        }
    }
}

/// An address that a slice held before may stay, whatever its form.
fn address((address, family): (&str, &str), held: &Seen<'_>, path: &Path<'_>, errors: &mut Errors) {
    let found = errors.len();
    ip::legacy_address(address, held, path, errors);
    if errors.len() > found {
        return;
    }
    let is_v4 = ip::parse_sloppy(address).is_some_and(|address| address.is_ipv4());
    if is_v4 != (family == "IPv4") {
        let detail = format!("must be an {family} address");
        errors.push(FieldError::invalid(path, address, &detail));
    }
    addresses::reachable(address, path, errors);
}

fn ports(object: &Object, path: &Path<'_>, errors: &mut Errors) {
    let count = object.list("ports").len();
    if count > PORTS_MAX {
        errors.push(FieldError::too_many(path, count, PORTS_MAX));
        return;
    }
    let mut seen = Seen::default();
    for (at, port) in object.objects("ports") {
        let path = path.index(at);
        let name = port.text("name");
        if !name.is_empty() {
            check::dns_label(errors, path.child("name"), name);
        }
        if seen.again(name) {
            errors.push(FieldError::duplicate(path.child("name"), name));
        }
        match port.value("protocol").and_then(Value::as_str) {
            None => errors.push(FieldError::required(path.child("protocol"), "")),
            Some(protocol) => {
                check::one_of(errors, path.child("protocol"), protocol, &["SCTP", "TCP", "UDP"]);
            }
        }
        if let Some(protocol) = port.value("appProtocol").and_then(Value::as_str) {
            check::label_key(errors, path.child("appProtocol"), protocol);
        }
    }
}

/// Zones or nodes that should use an endpoint.
fn hints(hints: &Object, name: &str, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child(name);
    let count = hints.list(name).len();
    if count > HINTS_MAX {
        errors.push(FieldError::too_many(path, count, HINTS_MAX));
        return;
    }
    let mut seen = Seen::default();
    for (at, hint) in hints.objects(name) {
        let path = path.index(at);
        let path = path.child("name");
        let hinted = hint.text("name");
        if seen.again(hinted) {
            errors.push(FieldError::duplicate(path, hinted));
        }
        let messages = if name == "forZones" {
            names::label_value(hinted)
        } else {
            names::dns_1123_subdomain(hinted)
        };
        check::each(errors, path, hinted, messages);
    }
}

fn warnings(_: Target<'_>, new: &Object, _: Option<&Object>, found: &mut Vec<String>) {
    if new.text("addressType") == "FQDN" {
        found.push("addressType: FQDN endpoints are deprecated".to_owned());
    }
    if !matches!(new.text("addressType"), "IPv4" | "IPv6") {
        return;
    }
    let path = Path::root("endpoints");
    for (at, endpoint) in new.objects("endpoints") {
        let path = path.index(at);
        let path = path.child("addresses");
        for (at, address) in endpoint.texts("addresses").enumerate() {
            ip::address_warnings(address, &path.index(at), found);
        }
    }
}
