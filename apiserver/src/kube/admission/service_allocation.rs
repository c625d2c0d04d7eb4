//! Allocation of Services' addresses and node ports.
//!
//! An address is taken by making its `IPAddress`, a node port by making its key, in the transaction
//! that stores the Service: nothing is given twice, however many replicas allocate at once, and
//! nothing is lost in a crash. Unlike other plug-ins this one is no plug-in upstream: it does what
//! the storage of Services does there, before validation.

mod addresses;
mod node_ports;

use super::{Operation, Plugin, Review};
use crate::kube::storage::Change;
use xebec_core::edit::{self, Edit};
use xebec_core::field_error::FieldError;
use xebec_core::lifecycle;
use xebec_core::status::Status;
use xebec_core::strategy;
use xebec_core::value::{Object, Value};

pub struct ServiceAllocation {
    /// The ranges of the cluster's first ServiceCIDR, by which families are told.
    pub ranges: Vec<ipnet::IpNet>,
}

impl Plugin for ServiceAllocation {
    fn name(&self) -> &'static str {
        "ServiceAllocation"
    }

    fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        if !review.is_of("", "Service") || review.operation == Operation::Delete {
            return Ok(());
        }
        strategy::before_allocation(review.target, object, review.old);
        if let Some(error) = self.settle_families(review, object) {
            return Err(invalid(review, object, error));
        }
        addresses::allocate(review, object, &self.ranges)
            .map_err(|error| invalid(review, object, error))?;
        node_ports::allocate(review, object).map_err(|error| invalid(review, object, error))?;
        if let Some(old) = review.old {
            addresses::release(review, old, Some(object));
            node_ports::release(review, old, Some(object));
        }
        Ok(())
    }

    fn removed(&self, review: &mut Review<'_>, object: &Object) -> Result<(), Status> {
        if review.target.kind() == ("", "Service") {
            addresses::release(review, object, None);
            node_ports::release(review, object, None);
        }
        Ok(())
    }
}

fn invalid(review: &Review<'_>, object: &Object, error: FieldError) -> Status {
    Status::invalid(review.target.group_kind(), lifecycle::name(object), &[error])
}

/// The type of a Service.
fn kind(service: &Object) -> &str {
    edit::text(service, &["spec", "type"])
}

/// A Service that has no address, and says so.
fn is_headless(service: &Object) -> bool {
    let first = edit::items(service, &["spec", "clusterIPs"]).first();
    edit::text(service, &["spec", "clusterIP"]) == "None"
        || first.and_then(Value::as_str) == Some("None")
}

impl ServiceAllocation {
    /// Policy and families, as far as they are not given; an error if they cannot be had.
    fn settle_families(&self, review: &Review<'_>, service: &mut Object) -> Option<FieldError> {
        if kind(service) == "ExternalName" {
            return None;
        }
        let dual = self.ranges.len() > 1;
        let policy = edit::text(service, &["spec", "ipFamilyPolicy"]).to_owned();
        let given = edit::items(service, &["spec", "ipFamilies"]).to_vec();
        let selects = edit::object(service, &["spec", "selector"]).is_some_and(|s| !s.is_empty());
        if is_headless(service) && !selects {
            self.settle_selectorless(review, service, &policy, given);
            return None;
        }
        if policy == "RequireDualStack" && !dual {
            let why = "this cluster is not configured for dual-stack services";
            return Some(FieldError::invalid("spec.ipFamilyPolicy", &Value::from(policy), why));
        }
        let own: Vec<&str> = self.ranges.iter().map(|range| family(&range.addr())).collect();
        for (at, one) in given.iter().enumerate() {
            let one = one.as_str().unwrap_or_default();
            if matches!(one, "IPv4" | "IPv6") && !own.contains(&one) {
                let field = format!("spec.ipFamilies[{at}]");
                let why = "not configured on this cluster";
                return Some(FieldError::invalid(field, &Value::from(one), why));
            }
        }
        let mut families: Vec<String> =
            given.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let policy = if policy.is_empty() {
            if families.len() > 1 { "RequireDualStack" } else { "SingleStack" }.to_owned()
        } else {
            policy
        };
        if families.is_empty() {
            families.extend(self.wished_families(service));
        }
        if families.is_empty() {
            families.extend(own.first().map(|one| (*one).to_owned()));
        }
        if policy != "SingleStack" && families.len() == 1 && dual {
            let other = own.iter().find(|one| **one != families[0]);
            families.extend(other.map(|one| (*one).to_owned()));
        }
        let mut edit = Edit::new(review.target, service);
        edit.set(&["spec", "ipFamilyPolicy"], policy);
        let families = families.into_iter().map(Value::from).collect();
        edit.set(&["spec", "ipFamilies"], Value::Array(families));
        None
    }

    /// The families of the addresses that a client asks for.
    fn wished_families(&self, service: &Object) -> Vec<String> {
        let ips = edit::items(service, &["spec", "clusterIPs"]).iter().filter_map(Value::as_str);
        ips.filter_map(|ip| ip.parse().ok()).map(|ip| family(&ip).to_owned()).collect()
    }

    /// Without address and selector, a Service may have endpoints of any family.
    fn settle_selectorless(
        &self,
        review: &Review<'_>,
        service: &mut Object,
        policy: &str,
        mut families: Vec<Value>,
    ) {
        let policy = if policy.is_empty() {
            if families.len() == 1 { "SingleStack" } else { "RequireDualStack" }
        } else {
            policy
        };
        if families.is_empty() {
            let first = self.ranges.first().map_or("IPv4", |range| family(&range.addr()));
            families.push(first.into());
        }
        if policy != "SingleStack" && families.len() == 1 {
            let other = if families[0].as_str() == Some("IPv4") { "IPv6" } else { "IPv4" };
            families.push(other.into());
        }
        let policy = policy.to_owned();
        let mut edit = Edit::new(review.target, service);
        edit.set(&["spec", "ipFamilyPolicy"], policy);
        edit.set(&["spec", "ipFamilies"], Value::Array(families));
    }
}

/// `IPv4` or `IPv6`.
fn family(address: &std::net::IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

/// Removes a key that the Service holds.
fn give_back(review: &mut Review<'_>, key: String, expected: xebec_store::kv::Revision) {
    review.effects.changes.push(Change { key, expected, value: None });
}
