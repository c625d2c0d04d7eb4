//! Endpoints: addresses and ports behind a Service.

use crate::field_error::FieldError;
use crate::target::Target;
use crate::validation::fields::{Fields, Seen, metadata, same};
use crate::validation::ip;
use crate::validation::path::Path;
use crate::validation::pod::containers::protocol;
use crate::validation::{Errors, Rules, check, meta};
use crate::value::Object;

pub(super) const RULES: Rules = Rules {
    create: |target, object, errors| check_all(target, object, None, errors),
    update: |target, new, old, errors| {
        meta::on_update(new, old, errors);
        check_all(target, new, Some(old), errors);
    },
    warnings: |_, new, _, warnings| warn(new, warnings),
};

fn check_all(target: Target<'_>, object: &Object, old: Option<&Object>, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let before = errors.len();
    let path = Path::root("subsets");
    for (at, subset) in object.objects("subsets") {
        self::subset(subset, &path.index(at), errors);
    }
    // What was stored before a rule came may stay.
    if old.is_some_and(|old| same(object.value("subsets"), old.value("subsets"))) {
        errors.truncate(before);
    }
}

fn subset(subset: &Object, path: &Path<'_>, errors: &mut Errors) {
    let lists = ["addresses", "notReadyAddresses"];
    if lists.iter().all(|list| subset.list(list).is_empty()) {
        let detail = "must specify `addresses` or `notReadyAddresses`";
        errors.push(FieldError::required(path, detail));
    }
    for list in lists {
        for (at, address) in subset.objects(list) {
            let path = path.child(list);
            self::address(address, &path.index(at), errors);
        }
    }
    let needs_name = subset.list("ports").len() > 1;
    for (at, port) in subset.objects("ports") {
        let path = path.child("ports");
        self::port(port, needs_name, &path.index(at), errors);
    }
}

fn address(address: &Object, path: &Path<'_>, errors: &mut Errors) {
    let ip = address.text("ip");
    ip::legacy_address(ip, &Seen::default(), &path.child("ip"), errors);
    if !address.text("hostname").is_empty() {
        check::dns_label(errors, path.child("hostname"), address.text("hostname"));
    }
    if address.has("nodeName") {
        check::dns_subdomain(errors, path.child("nodeName"), address.text("nodeName"));
    }
    reachable(ip, &path.child("ip"), errors);
}

/// An address that something else may send to (also asked of Services' external addresses).
pub(super) fn reachable(text: &str, path: &Path<'_>, errors: &mut Errors) {
    let Some(address) = ip::parse_sloppy(text) else {
        errors.push(FieldError::invalid(path, text, "must be a valid IP address"));
        return;
    };
    let mut refuse = |detail: &str| errors.push(FieldError::invalid(path, text, detail));
    if address.is_unspecified() {
        refuse(&format!("may not be unspecified ({text})"));
    }
    if address.is_loopback() {
        refuse("may not be in the loopback range (127.0.0.0/8, ::1/128)");
    }
    let (unicast, multicast) = match address {
        std::net::IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[..3] == [224, 0, 0]),
        std::net::IpAddr::V6(v6) => {
            (v6.is_unicast_link_local(), v6.octets()[0] == 0xff && v6.octets()[1] & 0x0f == 2)
        }
    };
    if unicast {
        refuse("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
    }
    if multicast {
        refuse("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
    }
}

fn port(port: &Object, needs_name: bool, path: &Path<'_>, errors: &mut Errors) {
    let name = port.text("name");
    if !name.is_empty() {
        check::dns_label(errors, path.child("name"), name);
    } else if needs_name {
        errors.push(FieldError::required(path.child("name"), ""));
    }
    check::port(errors, path.child("port"), port.int("port").unwrap_or(0));
    protocol(port.text("protocol"), &path.child("protocol"), errors);
    if port.has("appProtocol") {
        check::label_key(errors, path.child("appProtocol"), port.text("appProtocol"));
    }
}

fn warn(object: &Object, warnings: &mut Vec<String>) {
    let manager = "endpoints.kubernetes.io/managed-by";
    if metadata(object).part("labels").text(manager) == "endpoint-controller" {
        return;
    }
    for (at, subset) in object.objects("subsets") {
        for list in ["addresses", "notReadyAddresses"] {
            for (address_at, address) in subset.objects(list) {
                let path = Path::root("subsets");
                let path = path.index(at);
                let path = path.child(list);
                let path = path.index(address_at);
                ip::address_warnings(address.text("ip"), &path.child("ip"), warnings);
            }
        }
    }
}
