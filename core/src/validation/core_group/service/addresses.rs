//! A Service's own addresses: of one family or two, and what may change of them.

use super::is_headless;
use crate::field_error::{FieldError, Reason};
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::{Fields, Seen};
use crate::validation::ip;
use crate::validation::path::Path;
use crate::value::{Object, Value};

const ADDRESSES: &str = "clusterIPs";
const FAMILIES: &str = "ipFamilies";
const POLICY: &str = "ipFamilyPolicy";

/// A list as an error shows it: null where there is none.
fn invalid(path: Path<'_>, spec: &Object, name: &str, detail: &str) -> FieldError {
    match spec.value(name) {
        Some(value) => FieldError::invalid(path, value, detail),
        None => FieldError::shown(Reason::Invalid, path, "null", detail),
    }
}

/// Addresses and families of a Service; what it held before may stay.
pub(super) fn check(spec: &Object, held: Option<&Object>, errors: &mut Errors) {
    if spec.text("type") == "ExternalName" {
        return;
    }
    let root = Path::root("spec");
    let path = root.child(ADDRESSES);
    let (first, addresses) = (spec.text("clusterIP"), spec.list(ADDRESSES));
    if first.is_empty() {
        if !addresses.is_empty() {
            let detail = "must be empty when `clusterIP` is not specified";
            errors.push(invalid(path, spec, ADDRESSES, detail));
        }
    } else if addresses.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else if addresses[0].as_str() != Some(first) {
        let detail = "first value must match `clusterIP`";
        errors.push(invalid(path, spec, ADDRESSES, detail));
    }
    families(spec, &root, errors);
    if !are_addresses(spec, held, &path, errors) {
        return;
    }
    let texts: Vec<&str> = spec.texts(ADDRESSES).collect();
    if texts.len() > 1 && !ip::is_dual_stack(&texts) {
        let detail = "may specify no more than one IP for each IP family";
        errors.push(invalid(path, spec, ADDRESSES, detail));
    }
    if is_headless(spec) {
        return;
    }
    for (at, (address, family)) in texts.iter().zip(spec.texts(FAMILIES)).enumerate() {
        let is_v6 = address.contains(':');
        let wanted = match family {
            "IPv4" if is_v6 => "IPv4",
            "IPv6" if !is_v6 => "IPv6",
            _ => continue,
        };
        let detail = format!("expected an {wanted} value as indicated by `ipFamilies[{at}]`");
        errors.push(FieldError::invalid(path.index(at), *address, &detail));
    }
}

fn families(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let mut seen = Seen::default();
    for (at, family) in spec.texts(FAMILIES).enumerate() {
        let path = path.child(FAMILIES);
        let path = path.index(at);
        check::one_of(errors, path, family, &["IPv4", "IPv6"]);
        if seen.again(family) {
            errors.push(FieldError::duplicate(path, family));
        }
    }
    if spec.has(POLICY) {
        let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
        check::one_of(errors, path.child(POLICY), spec.text(POLICY), &policies);
    }
}

/// Whether all are addresses, so that more can be said of them.
fn are_addresses(
    spec: &Object,
    held: Option<&Object>,
    path: &Path<'_>,
    errors: &mut Errors,
) -> bool {
    let held: Seen<'_> = held.map(|held| held.texts(ADDRESSES).collect()).unwrap_or_default();
    let count = spec.list(ADDRESSES).len();
    let mut valid = true;
    for (at, address) in spec.texts(ADDRESSES).enumerate() {
        if at == 0 && address == "None" {
            if count > 1 {
                valid = false;
                let detail = "'None' must be the first and only value";
                errors.push(invalid(*path, spec, ADDRESSES, detail));
            }
            continue;
        }
        let before = errors.len();
        ip::legacy_address(address, &held, &path.index(at), errors);
        valid &= errors.len() == before;
    }
    if count > 2 {
        let detail = "may only hold up to 2 values";
        errors.push(invalid(*path, spec, ADDRESSES, detail));
    }
    valid
}

const FIXED: &str = "may not change once set";

/// The first address and the first family stay; a second may come and go.
pub(super) fn stay(new: &Object, old: &Object, errors: &mut Errors) {
    let is_name = |spec: &Object| spec.text("type") == "ExternalName";
    if is_name(new) || is_name(old) {
        return;
    }
    let (now, before) = (is_headless(new), is_headless(old));
    if !(now && before) {
        addresses_stay(new, old, errors);
    }
    if !now && !before {
        families_stay(new, old, errors);
    }
}

fn single_stack(new: &Object, what: &str, errors: &mut Errors) {
    if new.text(POLICY) != "SingleStack" {
        let root = Path::root("spec");
        let detail = format!("must be set to 'SingleStack' when releasing the secondary {what}");
        errors.push(invalid(root.child(POLICY), new, POLICY, &detail));
    }
}

fn addresses_stay(new: &Object, old: &Object, errors: &mut Errors) {
    let path = Path::root("spec.clusterIPs");
    let (now, before) = (new.list(ADDRESSES), old.list(ADDRESSES));
    let mut refuse = |at: usize, detail: &str| {
        errors.push(invalid(path.index(at), new, ADDRESSES, detail));
    };
    let differ = |at: usize| now.get(at) != before.get(at);
    if now.len() == before.len() {
        (0..now.len()).filter(|at| differ(*at)).for_each(|at| refuse(at, FIXED));
    } else if before.len() > now.len() {
        if now.is_empty() {
            refuse(0, "primary clusterIP can not be unset");
        } else if differ(0) {
            refuse(0, FIXED);
        }
        if now.len() == 1 {
            single_stack(new, "clusterIP", errors);
        }
    } else if !before.is_empty() && differ(0) {
        refuse(0, FIXED);
    }
}

fn families_stay(new: &Object, old: &Object, errors: &mut Errors) {
    let path = Path::root("spec.ipFamilies");
    let (now, before) = (new.list(FAMILIES), old.list(FAMILIES));
    let first = |spec: &Object| spec.list(FAMILIES).first().cloned().unwrap_or(Value::Null);
    let changed = !now.is_empty() && first(new) != first(old);
    if now.len() == before.len() {
        let pairs = now.iter().zip(before);
        for _ in pairs.filter(|(now, before)| now != before) {
            errors.push(invalid(path.index(0), new, FAMILIES, FIXED));
        }
    } else if before.len() > now.len() {
        if new.list(ADDRESSES).is_empty() {
            let detail = "primary ipFamily can not be unset";
            errors.push(invalid(path.index(0), new, FAMILIES, detail));
        }
        // Upstream shows the addresses here.
        if changed {
            errors.push(invalid(path.index(0), new, ADDRESSES, FIXED));
        }
        if now.len() == 1 {
            single_stack(new, "ipFamily", errors);
        }
    } else if !before.is_empty() && changed {
        errors.push(invalid(path.index(0), new, ADDRESSES, FIXED));
    }
}
