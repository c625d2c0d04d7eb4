//! What scheduler and drivers say of a claim: which devices it got, and who uses them.

use super::request::{reference, references};
use super::shared::{
    self, CONFIGURATIONS_MAX, binding_conditions, bounded, pool_name, raw_object, repeated, uuid,
};
use crate::field_error::FieldError;
use crate::validation::Errors;
use crate::validation::addresses;
use crate::validation::check;
use crate::validation::fields::{Fields, metadata, same};
use crate::validation::internal;
use crate::validation::meta::IMMUTABLE;
use crate::validation::path::Path;
use crate::validation::selectors;
use crate::validation::volume::sources::csi_driver;
use crate::value::{Object, Value};

const CONSUMERS_MAX: usize = 256;
const RESULTS_MAX: usize = 32;
const CONDITIONS_MAX: usize = 8;
const DATA_MAX_BYTES: usize = 10 * 1024;
const INTERFACE_NAME_MAX_BYTES: usize = 256;
const HARDWARE_ADDRESS_MAX_BYTES: usize = 128;
const ADDRESSES_MAX: usize = 16;

pub fn update(new: &Object, old: &Object, errors: &mut Errors) {
    let path = Path::root("status");
    let (status, held) = (new.part("status"), old.part("status"));
    consumers(status, &path.child("reservedFor"), errors);
    devices(status, &path.child("devices"), errors);
    reservations(new, held, &path.child("reservedFor"), errors);
    let (after, before) = (status.value("allocation"), held.value("allocation"));
    let path = path.child("allocation");
    if let (Some(_), Some(_)) = (after, before) {
        // What was allocated is not judged again: it may be older than some rules.
        if !same(after, before) {
            let message = "k8s.io.api.resource.v1.AllocationResult";
            errors.push(internal::invalid(&path, message, after, IMMUTABLE));
        }
    } else if let Some(allocation) = status.object("allocation") {
        self::allocation(allocation, new.part("spec").part("devices"), &path, errors);
    }
}

fn consumers(status: &Object, path: &Path<'_>, errors: &mut Errors) {
    if !bounded(status.list("reservedFor").len(), CONSUMERS_MAX, path, errors) {
        return;
    }
    for (at, consumer) in status.objects("reservedFor") {
        let path = path.index(at);
        for name in ["resource", "name", "uid"] {
            check::required(errors, path.child(name), consumer.text(name), "");
        }
    }
    repeated(status.objects("reservedFor").map(|(_, one)| one.text("uid")), path, errors);
}

fn reservations(new: &Object, held: &Object, path: &Path<'_>, errors: &mut Errors) {
    let status = new.part("status");
    if status.list("reservedFor").is_empty() {
        return;
    }
    if !status.has("allocation") {
        let detail = "may not be specified when `allocated` is not set";
        errors.push(FieldError::forbidden(path, detail));
        return;
    }
    let before = held.list("reservedFor");
    let grows = status.list("reservedFor").iter().any(|one| !before.contains(one));
    if metadata(new).has("deletionTimestamp") && grows {
        let detail = "new entries may not be added while `deallocationRequested` or \
                      `deletionTimestamp` are set";
        errors.push(FieldError::forbidden(path, detail));
    }
}

/// Driver, pool, device and share: what one allocated device is.
fn device_id(device: &Object) -> String {
    let share = device.text("shareID");
    let id = ["driver", "pool", "device"].map(|name| device.text(name)).join("/");
    if share.is_empty() { id } else { format!("{id}/{share}") }
}

fn devices(status: &Object, path: &Path<'_>, errors: &mut Errors) {
    let results = status.part("allocation").part("devices");
    let allocated: Vec<String> =
        results.objects("results").map(|(_, result)| device_id(result)).collect();
    let ids: Vec<String> = status.objects("devices").map(|(_, one)| device_id(one)).collect();
    for (at, device) in status.objects("devices") {
        self::device(device, &allocated, &path.index(at), errors);
    }
    for (at, id) in ids.iter().enumerate() {
        if ids[..at].contains(id) {
            errors.push(FieldError::duplicate(path.index(at), &**id));
        }
    }
}

fn device(device: &Object, allocated: &[String], path: &Path<'_>, errors: &mut Errors) {
    csi_driver(device.text("driver"), &path.child("driver"), errors);
    pool_name(device.text("pool"), &path.child("pool"), errors);
    check::dns_label(errors, path.child("device"), device.text("device"));
    if let Some(share) = device.value("shareID").and_then(Value::as_str) {
        uuid(share, &path.child("shareID"), errors);
    }
    let id = device_id(device);
    if !allocated.contains(&id) {
        let detail = "must be an allocated device in the claim";
        errors.push(FieldError::invalid(path, &*id, detail));
    }
    let conditions = path.child("conditions");
    bounded(device.list("conditions").len(), CONDITIONS_MAX, &conditions, errors);
    check::conditions(errors, &conditions, device);
    if device.has("data") {
        raw_object(device.value("data"), DATA_MAX_BYTES, &path.child("data"), errors);
    }
    if let Some(network) = device.object("networkData") {
        self::network(network, &path.child("networkData"), errors);
    }
}

fn network(network: &Object, path: &Path<'_>, errors: &mut Errors) {
    for (name, bytes_max) in [
        ("interfaceName", INTERFACE_NAME_MAX_BYTES),
        ("hardwareAddress", HARDWARE_ADDRESS_MAX_BYTES),
    ] {
        if network.text(name).len() > bytes_max {
            errors.push(FieldError::too_long(path.child(name), bytes_max));
        }
    }
    let path = path.child("ips");
    if bounded(network.list("ips").len(), ADDRESSES_MAX, &path, errors) {
        for (at, address) in network.texts("ips").enumerate() {
            addresses::interface(address, &path.index(at), errors);
        }
        repeated(network.texts("ips"), &path, errors);
    }
}

fn allocation(allocation: &Object, claim: &Object, path: &Path<'_>, errors: &mut Errors) {
    let devices = allocation.part("devices");
    let devices_path = path.child("devices");
    let results = devices_path.child("results");
    if bounded(devices.list("results").len(), RESULTS_MAX, &results, errors) {
        for (at, result) in devices.objects("results") {
            self::result(result, claim, &results.index(at), errors);
        }
    }
    // Configuration comes from the claim and from its class.
    let config = devices_path.child("config");
    if bounded(devices.list("config").len(), 2 * CONFIGURATIONS_MAX, &config, errors) {
        for (at, one) in devices.objects("config") {
            let path = config.index(at);
            match one.text("source") {
                "" => errors.push(FieldError::required(path.child("source"), "")),
                source => {
                    let allowed = ["FromClaim", "FromClass"];
                    check::one_of(errors, path.child("source"), source, &allowed);
                }
            }
            references(one, claim, &path.child("requests"), errors);
            shared::configuration(one, false, &path, errors);
        }
    }
    if let Some(selector) = allocation.object("nodeSelector") {
        selectors::node_selector(selector, false, &path.child("nodeSelector"), errors);
    }
}

fn result(result: &Object, claim: &Object, path: &Path<'_>, errors: &mut Errors) {
    reference(result.text("request"), claim, &path.child("request"), errors);
    csi_driver(result.text("driver"), &path.child("driver"), errors);
    pool_name(result.text("pool"), &path.child("pool"), errors);
    check::dns_label(errors, path.child("device"), result.text("device"));
    binding_conditions(result, path, errors);
    if let Some(share) = result.value("shareID").and_then(Value::as_str) {
        uuid(share, &path.child("shareID"), errors);
    }
}
