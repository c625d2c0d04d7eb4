//! What is asked of addresses beyond their form: that something may be sent to them, that they
//! lie in a network.

use super::Errors;
use super::ip::{self, Network};
use super::path::Path;
use crate::field_error::{FieldError, quoted};
use std::net::IpAddr;

const NOT_AN_INTERFACE: &str =
    "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)";

/// An address that something else may send to.
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
        IpAddr::V4(address) => (address.is_link_local(), address.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(address) => {
            let octets = address.octets();
            (address.is_unicast_link_local(), octets[0] == 0xff && octets[1] & 0x0f == 2)
        }
    };
    if unicast {
        refuse("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
    }
    if multicast {
        refuse("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
    }
}

/// An interface's address with the length of its network, in canonical form.
pub(super) fn interface(text: &str, path: &Path<'_>, errors: &mut Errors) {
    let Some((address, network)) = ip::parse_cidr_sloppy(text) else {
        errors.push(FieldError::invalid(path, text, NOT_AN_INTERFACE));
        return;
    };
    let canonical = format!("{address}/{}", network.length);
    if text != canonical {
        let detail = format!("must be in canonical form ({})", quoted(&canonical));
        errors.push(FieldError::invalid(path, text, &detail));
    }
}

/// Whether an address lies in a network of its family.
pub(super) fn holds(network: Network, address: IpAddr) -> bool {
    match (network.address, address) {
        (IpAddr::V4(start), IpAddr::V4(address)) => {
            let free = 32 - u32::from(network.length);
            (start.to_bits() ^ address.to_bits()).checked_shr(free).unwrap_or(0) == 0
        }
        (IpAddr::V6(start), IpAddr::V6(address)) => {
            let free = 128 - u32::from(network.length);
            (start.to_bits() ^ address.to_bits()).checked_shr(free).unwrap_or(0) == 0
        }
        _ => false,
    }
}
