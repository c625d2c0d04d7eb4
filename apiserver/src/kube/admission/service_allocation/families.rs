//! Families of a Service's addresses, and the policy about them, as far as a client left them open.

use super::{is_headless, kind};
use crate::kube::admission::Review;
use ipnet::IpNet;
use std::net::IpAddr;
use xebec_core::edit::{self, Edit};
use xebec_core::field_error::FieldError;
use xebec_core::value::{Object, Value};

const POLICY: &[&str] = &["spec", "ipFamilyPolicy"];
const FAMILIES: &[&str] = &["spec", "ipFamilies"];
const IPS: &[&str] = &["spec", "clusterIPs"];
const POLICY_FIELD: &str = "spec.ipFamilyPolicy";

/// `IPv4` or `IPv6`.
pub(super) fn of(address: &IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

fn other_than(family: &str) -> &'static str {
    if family == "IPv4" { "IPv6" } else { "IPv4" }
}

/// The policy: what a client does not say stays as it is.
pub(super) fn settle_policy(review: &Review<'_>, service: &mut Object) {
    if kind(service) == "ExternalName" || edit::at(service, POLICY).is_some() {
        return;
    }
    let before = review.old.map(|old| edit::text(old, POLICY)).filter(|policy| !policy.is_empty());
    let policy = match before {
        Some(before) => before.to_owned(),
        None if is_headless(service) && !selects(service) => "RequireDualStack".into(),
        None => "SingleStack".into(),
    };
    Edit::new(review.target, service).set(POLICY, policy);
}

/// The families, the policy being settled and the addresses being well formed. A Service that only
/// prefers to have both keeps what it has until it is changed in one of these fields.
pub(super) fn settle(
    review: &Review<'_>,
    service: &mut Object,
    ranges: &[IpNet],
) -> Result<(), Vec<FieldError>> {
    if kind(service) == "ExternalName" || review.old.is_some_and(|old| keeps(service, old)) {
        return Ok(());
    }
    let policy = edit::text(service, POLICY).to_owned();
    let mut errors = Vec::new();
    if let Some(old) = review.old {
        follow_policy(review, service, old, &policy, &mut errors);
    }
    let own: Vec<&'static str> = ranges.iter().map(|range| of(&range.addr())).collect();
    let mut families = texts(service, FAMILIES);
    fits_policy(service, &families, &policy, &mut errors);
    infer(service, &mut families, &own, &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    let default = own.first().copied().unwrap_or("IPv4");
    let is_open = is_headless(service) && !selects(service);
    if !is_open {
        configured(&policy, &families, &own)?;
    }
    if families.is_empty() {
        families.push(default.to_owned());
    }
    // Without address and selector, a Service may have endpoints of any family.
    if policy != "SingleStack" && families.len() == 1 && (is_open || own.len() > 1) {
        families.push(other_than(&families[0]).to_owned());
    }
    let families = families.into_iter().map(Value::from).collect();
    Edit::new(review.target, service).set(FAMILIES, Value::Array(families));
    Ok(())
}

fn selects(service: &Object) -> bool {
    edit::object(service, &["spec", "selector"]).is_some_and(|selector| !selector.is_empty())
}

fn texts(service: &Object, path: &[&str]) -> Vec<String> {
    edit::items(service, path).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whether addresses and families are the same as before, of a Service that prefers two.
fn keeps(new: &Object, old: &Object) -> bool {
    let prefers = |service| edit::text(service, POLICY) == "PreferDualStack";
    let same = |path| edit::items(new, path) == edit::items(old, path);
    kind(new) == kind(old) && prefers(new) && prefers(old) && same(IPS) && same(FAMILIES)
}

/// A change to one family gives up the second address; nothing else does.
fn follow_policy(
    review: &Review<'_>,
    service: &mut Object,
    old: &Object,
    policy: &str,
    errors: &mut Vec<FieldError>,
) {
    for (path, what) in [(IPS, "cluster IP"), (FAMILIES, "IP family")] {
        let (now, before) = (texts(service, path), texts(old, path));
        if policy == "SingleStack" {
            if now == before && now.len() > 1 {
                let first = Value::Array(vec![now[0].as_str().into()]);
                Edit::new(review.target, service).set(path, first);
            }
        } else if !now.is_empty() && now.len() < before.len() {
            let why = format!("must be 'SingleStack' to release the secondary {what}");
            errors.push(FieldError::invalid(POLICY_FIELD, &Value::from(policy), &why));
        }
    }
}

fn fits_policy(service: &Object, families: &[String], policy: &str, errors: &mut Vec<FieldError>) {
    if policy != "SingleStack" {
        return;
    }
    let given = [(edit::items(service, IPS).len(), "cluster IPs"), (families.len(), "IP families")];
    for (count, what) in given {
        if count == 2 {
            let why = format!(
                "must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
            );
            errors.push(FieldError::invalid(POLICY_FIELD, &Value::from(policy), &why));
        }
    }
}

/// The families of the addresses that a client asks for.
fn infer(service: &Object, families: &mut Vec<String>, own: &[&str], errors: &mut Vec<FieldError>) {
    let ips = edit::items(service, IPS);
    for (at, ip) in ips.iter().filter_map(Value::as_str).enumerate() {
        let Ok(address) = ip.parse::<IpAddr>() else { break };
        let family = of(&address);
        if at < families.len() {
            continue;
        }
        if own.contains(&family) {
            families.push(family.to_owned());
        } else {
            let why = format!("{family} is not configured on this cluster");
            let all = Value::Array(ips.to_vec());
            errors.push(FieldError::invalid(format!("spec.clusterIPs[{at}]"), &all, &why));
        }
    }
}

/// What is asked for must be there.
fn configured(policy: &str, families: &[String], own: &[&str]) -> Result<(), Vec<FieldError>> {
    let mut errors = Vec::new();
    if policy == "RequireDualStack" && own.len() < 2 {
        let why = "this cluster is not configured for dual-stack services";
        errors.push(FieldError::invalid(POLICY_FIELD, &Value::from(policy), why));
    }
    for (at, family) in families.iter().enumerate() {
        if !own.contains(&family.as_str()) {
            let field = format!("spec.ipFamilies[{at}]");
            let why = "not configured on this cluster";
            errors.push(FieldError::invalid(field, &Value::from(family.as_str()), why));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}
