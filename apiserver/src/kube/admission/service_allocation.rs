//! Allocation of Services' addresses and node ports.
//!
//! An address is taken by making its `IPAddress`, a node port by making its key, in the transaction
//! that stores the Service: nothing is given twice, however many replicas allocate at once, and
//! nothing is lost in a crash. Unlike other plug-ins this one is no plug-in upstream: it does what
//! the storage of Services does there, before validation.

mod addresses;
mod families;
mod node_ports;

use super::{Operation, Plugin, Review};
use crate::kube::storage::Change;
use xebec_core::edit;
use xebec_core::field_error::FieldError;
use xebec_core::lifecycle;
use xebec_core::status::Status;
use xebec_core::strategy;
use xebec_core::validation;
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
        families::settle_policy(review, object);
        let wrong = validation::before_allocation(review.target, object, review.old);
        if !wrong.is_empty() {
            return Err(invalid(review, object, &wrong));
        }
        families::settle(review, object, &self.ranges)
            .map_err(|errors| invalid(review, object, &errors))?;
        addresses::allocate(review, object, &self.ranges)
            .map_err(|error| invalid(review, object, &[error]))?;
        node_ports::allocate(review, object).map_err(|error| invalid(review, object, &[error]))?;
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

fn invalid(review: &Review<'_>, object: &Object, errors: &[FieldError]) -> Status {
    Status::invalid(review.target.group_kind(), lifecycle::name(object), errors)
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

/// Removes a key that the Service holds.
fn give_back(review: &mut Review<'_>, key: String, expected: xebec_store::kv::Revision) {
    review.effects.changes.push(Change { key, expected, value: None });
}
