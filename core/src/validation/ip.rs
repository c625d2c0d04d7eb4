//! IP addresses and CIDRs: the forms that upstream takes, in old fields (legacy: leading zeros and
//! IPv4-mapped addresses were stored before they were refused) and new ones (canonical only).

use super::Errors;
use super::fields::Seen;
use super::path::Path;
use crate::field_error::{FieldError, quoted};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const NOT_AN_IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const NOT_A_CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/// A network: an address with bits behind the prefix cut off, and the length of the prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    pub address: IpAddr,
    pub length: u8,
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// Reads an address as upstream's old parser: leading zeros mean nothing, and an IPv4-mapped
/// address is the IPv4 one.
pub fn parse_sloppy(text: &str) -> Option<IpAddr> {
    if !text.contains(':') {
        return parse_v4(text).map(IpAddr::V4);
    }
    Some(parse_v6(text)?.to_canonical())
}

fn parse_v4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        let digits = part.trim_start_matches('0');
        let valid = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        *octet = match digits {
            _ if !valid => return None,
            "" => 0,
            digits => digits.parse().ok()?,
        };
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

fn parse_v6(text: &str) -> Option<IpAddr> {
    let mut groups: Vec<String> = Vec::new();
    for group in text.split(':') {
        groups.push(if group.contains('.') {
            parse_v4(group)?.to_string()
        } else if group.is_empty() {
            String::new()
        } else {
            let digits = group.trim_start_matches('0');
            if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
        });
    }
    groups.join(":").parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// Reads `address/length` as upstream's old parser: the address as written, and its network.
pub fn parse_cidr_sloppy(text: &str) -> Option<(IpAddr, Network)> {
    let (address, length) = text.split_once('/')?;
    if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let length: u8 = length.parse().ok()?;
    let (bits, written) = if address.contains(':') {
        (128, parse_v6(address)?)
    } else {
        (32, IpAddr::V4(parse_v4(address)?))
    };
    if length > bits {
        return None;
    }
    Some((written.to_canonical(), Network { address: masked(written, length), length }))
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

/// Whether of two addresses each is of another family; false for anything that is none.
pub fn is_dual_stack(addresses: &[&str]) -> bool {
    let families: Option<Vec<bool>> =
        addresses.iter().map(|one| Some(parse_sloppy(one)?.is_ipv6())).collect();
    families.is_some_and(|families| families.contains(&true) && families.contains(&false))
}

/// The same of networks.
pub fn is_dual_stack_cidrs(networks: &[&str]) -> bool {
    let families: Option<Vec<bool>> =
        networks.iter().map(|one| Some(parse_cidr_sloppy(one)?.1.address.is_ipv6())).collect();
    families.is_some_and(|families| families.contains(&true) && families.contains(&false))
}

fn is_mapped(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok_and(|address| address.to_ipv4_mapped().is_some())
}

/// An address in a field that is older than strict checks; what the object held before may stay.
pub fn legacy_address(text: &str, held: &Seen<'_>, path: &Path<'_>, errors: &mut Errors) {
    if !held.has(text) {
        strict_address(text, path, errors);
    }
}

fn strict_address(text: &str, path: &Path<'_>, errors: &mut Errors) -> Option<IpAddr> {
    let Some(address) = parse_sloppy(text) else {
        errors.push(FieldError::invalid(path, text, NOT_AN_IP));
        return None;
    };
    if is_mapped(text) {
        let detail = "must not be an IPv4-mapped IPv6 address";
        errors.push(FieldError::invalid(path, text, detail));
        return None;
    }
    if text.parse::<IpAddr>().is_err() {
        errors.push(FieldError::invalid(path, text, "must not have leading 0s"));
        return None;
    }
    Some(address)
}

/// An address in canonical form.
pub fn address(text: &str, path: &Path<'_>, errors: &mut Errors) {
    let Some(address) = strict_address(text, path, errors) else { return };
    if address.to_string() != text {
        let detail = format!("must be in canonical form ({})", quoted(&address.to_string()));
        errors.push(FieldError::invalid(path, text, &detail));
    }
}

/// A network in a field that is older than strict checks; what the object held before may stay.
pub fn legacy_cidr(text: &str, held: &Seen<'_>, path: &Path<'_>, errors: &mut Errors) {
    if !held.has(text) {
        strict_cidr(text, path, errors);
    }
}

fn strict_cidr(text: &str, path: &Path<'_>, errors: &mut Errors) -> Option<Network> {
    let Some((written, network)) = parse_cidr_sloppy(text) else {
        errors.push(FieldError::invalid(path, text, NOT_A_CIDR));
        return None;
    };
    let (address, length) = text.split_once('/').unwrap_or((text, ""));
    let padded = length.len() > 1 && length.starts_with('0');
    let detail = if padded || address.parse::<IpAddr>().is_err() {
        "must not have leading 0s in IP or prefix length"
    } else if is_mapped(address) {
        "must not have an IPv4-mapped IPv6 address"
    } else if written != network.address {
        "must not have bits set beyond the prefix length"
    } else {
        return Some(network);
    };
    errors.push(FieldError::invalid(path, text, detail));
    None
}

/// A network in canonical form.
pub fn cidr(text: &str, path: &Path<'_>, errors: &mut Errors) {
    let Some(network) = strict_cidr(text, path, errors) else { return };
    if network.to_string() != text {
        let detail = format!("must be in canonical form ({})", quoted(&network.to_string()));
        errors.push(FieldError::invalid(path, text, &detail));
    }
}

/// What is unwise about an address that an old field took.
pub fn address_warnings(text: &str, path: &Path<'_>, warnings: &mut Vec<String>) {
    let Some(address) = parse_sloppy(text) else { return };
    let (shown, better) = (quoted(text), quoted(&address.to_string()));
    if text.parse::<IpAddr>().is_err() || is_mapped(text) {
        warnings.push(format!("{path}: non-standard IP address {shown} is invalid: use {better}"));
    } else if address.is_ipv6() && address.to_string() != text {
        warnings.push(format!(
            "{path}: IPv6 address {shown} should be in RFC 5952 canonical format ({better})"
        ));
    }
}

/// What is unwise about a network that an old field took.
pub fn cidr_warnings(text: &str, path: &Path<'_>, warnings: &mut Vec<String>) {
    let Some((written, network)) = parse_cidr_sloppy(text) else { return };
    let (shown, better) = (quoted(text), quoted(&network.to_string()));
    let before = warnings.len();
    if written != network.address.to_canonical() {
        let bits = if network.address.is_ipv4() { 32 } else { 128 };
        let single = quoted(&format!("{written}/{bits}"));
        warnings.push(format!(
            "{path}: CIDR value {shown} is ambiguous in this context (should be {better} or \
             {single}?)"
        ));
    }
    let (address, length) = text.split_once('/').unwrap_or((text, ""));
    let padded = length.len() > 1 && length.starts_with('0');
    if padded || address.parse::<IpAddr>().is_err() || is_mapped(address) {
        warnings.push(format!("{path}: non-standard CIDR value {shown} is invalid: use {better}"));
    }
    if warnings.len() == before && network.address.is_ipv6() && network.to_string() != text {
        warnings.push(format!(
            "{path}: IPv6 CIDR value {shown} should be in RFC 5952 canonical format ({better})"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(check: impl Fn(&Path<'_>, &mut Errors)) -> Vec<String> {
        let mut errors = Errors::new();
        check(&Path::root("ip"), &mut errors);
        errors.iter().map(|error| error.body.clone()).collect()
    }

    #[test]
    fn old_fields_take_any_form_but_ambiguous_ones() {
        let legacy =
            |text| found(|path, errors| legacy_address(text, &Seen::default(), path, errors));
        assert!(legacy("10.1.2.3").is_empty());
        assert!(legacy("FE80:0:0:0:0:0:0:0abc").is_empty());
        assert_eq!(legacy("010.1.2.3"), ["Invalid value: \"010.1.2.3\": must not have leading 0s"]);
        assert_eq!(legacy("::ffff:1.2.3.4").len(), 1);
        assert_eq!(legacy("1.2.3").len(), 1);
        assert_eq!(legacy("").len(), 1);
        assert!(
            found(|path, errors| legacy_address(
                "010.0.0.1",
                &Seen::from_iter(["010.0.0.1"]),
                path,
                errors
            ))
            .is_empty()
        );
    }

    #[test]
    fn new_fields_take_the_canonical_form() {
        let strict = |text| found(|path, errors| address(text, path, errors));
        assert!(strict("fe80::abc").is_empty());
        assert_eq!(
            strict("FE80::abc"),
            ["Invalid value: \"FE80::abc\": must be in canonical form (\"fe80::abc\")"]
        );
        let network = |text| found(|path, errors| cidr(text, path, errors));
        assert!(network("10.0.0.0/8").is_empty());
        assert_eq!(network("10.0.0.1/8").len(), 1);
        assert_eq!(network("10.0.0.0/08").len(), 1);
        assert_eq!(network("10.0.0.0/33").len(), 1);
        assert_eq!(network("2001:DB8::/64").len(), 1);
    }

    #[test]
    fn warnings_name_the_better_form() {
        let mut warnings = Vec::new();
        address_warnings("010.1.2.3", &Path::root("ip"), &mut warnings);
        cidr_warnings("10.0.0.1/8", &Path::root("net"), &mut warnings);
        assert_eq!(
            warnings,
            [
                "ip: non-standard IP address \"010.1.2.3\" is invalid: use \"10.1.2.3\"",
                "net: CIDR value \"10.0.0.1/8\" is ambiguous in this context (should be \
                 \"10.0.0.0/8\" or \"10.0.0.1/32\"?)",
            ]
        );
    }
}
