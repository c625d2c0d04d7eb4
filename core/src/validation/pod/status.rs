//! The status of a pod, as its node reports it.

use super::super::Errors;
use super::super::check;
use super::super::fields::{Fields, Seen};
use super::super::ip;
use super::super::meta;
use super::super::path::Path;
use super::super::volume::shown;
use super::{Options, update};
use crate::field_error::FieldError;
use crate::names;
use crate::value::{Object, Value};

const MESSAGE_MAX_BYTES: usize = 1_024;
const LISTS: [&str; 3] =
    ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];

pub(super) fn update(new: &Object, old: &Object, options: &Options, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    update::kept_annotations(new, old, options, errors);
    let path = Path::root("status");
    let (status, held) = (new.part("status"), old.part("status"));
    let (spec, held_spec) = (new.part("spec"), old.part("spec"));
    conditions(status, &path.child("conditions"), errors);
    if spec.text("nodeName") != held_spec.text("nodeName") {
        let detail = "may not be changed directly";
        errors.push(FieldError::forbidden(path.child("nodeName"), detail));
    }
    nominated(status, old, &path.child("nominatedNodeName"), errors);
    observed(status, &path, errors);
    let quality = path.child("qosClass");
    let name = "qosClass";
    check::immutable(errors, &quality, status.value(name), held.value(name), "\"\"");
    transitions(status, old, &path, errors);
    claims(status, spec, &path.child("resourceClaimStatuses"), errors);
    addresses(status, held, "podIPs", &path, errors);
    if let Some((_, first)) = status.objects("hostIPs").next() {
        if status.text("hostIP") != first.text("ip") {
            let path = path.child("hostIPs");
            let path = path.index(0);
            let detail = "must be equal to `hostIP`";
            errors.push(FieldError::invalid(path.child("ip"), first.text("ip"), detail));
        }
        addresses(status, held, "hostIPs", &path, errors);
    }
    let os = spec.part("os").text("name");
    for list in LISTS {
        users(status, list, os, &path.child(list), errors);
    }
    for (list, containers) in
        [("containerStatuses", "containers"), ("initContainerStatuses", "initContainers")]
    {
        allocated(status, spec, (list, containers), &path.child(list), errors);
    }
    for (at, one) in status.objects("ephemeralContainerStatuses") {
        if !one.list("allocatedResourcesStatus").is_empty() {
            let path = path.child("ephemeralContainerStatuses");
            let path = path.index(at);
            let detail = "must not be specified in container status";
            errors.push(FieldError::forbidden(path.child("allocatedResourcesStatus"), detail));
        }
    }
}

fn conditions(status: &Object, path: &Path<'_>, errors: &mut Errors) {
    for (at, condition) in status.objects("conditions") {
        let path = path.index(at);
        observed(condition, &path, errors);
        let kind = condition.text("type");
        if !matches!(kind, "PodScheduled" | "Ready" | "Initialized") {
            check::label_key(errors, path.child("Type"), kind);
        }
    }
}

fn observed(status: &Object, path: &Path<'_>, errors: &mut Errors) {
    if let Some(number) = status.int("observedGeneration").filter(|number| *number < 0) {
        let path = path.child("observedGeneration");
        errors.push(FieldError::invalid(path, &number, "must be a non-negative integer"));
    }
}

fn nominated(status: &Object, old: &Object, path: &Path<'_>, errors: &mut Errors) {
    let name = status.text("nominatedNodeName");
    if name.is_empty() || name == old.part("status").text("nominatedNodeName") {
        return;
    }
    check::dns_subdomain(errors, path, name);
    if !old.part("spec").text("nodeName").is_empty() {
        let detail = "may not be set on pods that are already bound to a node";
        errors.push(FieldError::forbidden(path, detail));
    }
}

/// Containers that ended run again only where their policies say so.
fn transitions(status: &Object, old: &Object, path: &Path<'_>, errors: &mut Errors) {
    let spec = old.part("spec");
    let restarts_all = ["containers", "initContainers"].into_iter().any(|list| {
        spec.objects(list).any(|(_, container)| {
            container
                .objects("restartPolicyRules")
                .any(|(_, rule)| rule.text("action") == "RestartAllContainers")
        })
    });
    for (list, containers) in [
        ("containerStatuses", "containers"),
        ("initContainerStatuses", "initContainers"),
        ("ephemeralContainerStatuses", ""),
    ] {
        if restarts_all && !containers.is_empty() {
            continue;
        }
        for (at, before) in old.part("status").objects(list) {
            let Some(end) = before.part("state").object("terminated") else { continue };
            let name = before.text("name");
            let mut now = status.objects(list).map(|(_, one)| one);
            let rises =
                now.any(|one| one.text("name") == name && !one.part("state").has("terminated"));
            let container = spec.objects(containers).find(|(_, one)| one.text("name") == name);
            let code = end.int("exitCode").unwrap_or(0);
            let may = container.is_some_and(|(_, one)| may_restart(one, spec, containers, code));
            if rises && !may {
                let path = path.child(list);
                let path = path.index(at);
                let detail = "may not be transitioned to non-terminated state";
                errors.push(FieldError::forbidden(path.child("state"), detail));
            }
        }
    }
}

/// Whether a container that ended with a code is started again.
fn may_restart(container: &Object, spec: &Object, list: &str, code: i64) -> bool {
    for (_, rule) in container.objects("restartPolicyRules") {
        let codes = rule.part("exitCodes");
        let among = codes.list("values").contains(&Value::Int(code));
        let matches = if codes.text("operator") == "In" { among } else { !among };
        if matches && rule.has("exitCodes") && rule.text("action") == "Restart" {
            return true;
        }
    }
    let own = container.text("restartPolicy");
    let policy = match (own, spec.text("restartPolicy")) {
        // An init container of a pod that always runs is started again when it failed.
        ("", "Always") if list == "initContainers" => "OnFailure",
        ("", of_pod) => of_pod,
        (own, _) => own,
    };
    match policy {
        "Always" => true,
        "OnFailure" => code != 0,
        _ => false,
    }
}

fn claims(status: &Object, spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let mut seen = Seen::default();
    for (at, claim) in status.objects("resourceClaimStatuses") {
        let path = path.index(at);
        let name = claim.text("name");
        if !spec.objects("resourceClaims").any(|(_, one)| one.text("name") == name) {
            let detail = "must match the name of an entry in `spec.resourceClaims`";
            errors.push(FieldError::invalid(path.child("name"), name, detail));
        }
        if seen.again(name) {
            errors.push(FieldError::duplicate(path.child("name"), name));
        }
        if claim.has("resourceClaimName") {
            let name = claim.text("resourceClaimName");
            check::dns_subdomain(errors, path.child("resourceClaimName"), name);
        }
    }
}

/// Addresses of the pod or its node: valid, and at most one of each family.
fn addresses(status: &Object, held: &Object, name: &str, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child(name);
    let held: Seen<'_> = held.objects(name).map(|(_, one)| one.text("ip")).collect();
    let all: Vec<&str> = status.objects(name).map(|(_, one)| one.text("ip")).collect();
    for (at, address) in all.iter().enumerate() {
        ip::legacy_address(address, &held, &path.index(at), errors);
    }
    if all.len() > 1 && (all.len() > 2 || !ip::is_dual_stack(&all)) {
        let detail = "may specify no more than one IP for each IP family";
        errors.push(FieldError::invalid(path, &shown(status.list(name)), detail));
    }
}

fn users(status: &Object, list: &str, os: &str, path: &Path<'_>, errors: &mut Errors) {
    for (at, one) in status.objects(list) {
        let Some(user) = one.part("user").object("linux") else { continue };
        let path = path.index(at);
        let path = path.child("user.linux");
        if os == "windows" {
            errors.push(FieldError::forbidden(path, "cannot be set for a windows pod"));
            continue;
        }
        for name in ["uid", "gid"] {
            let id = user.int(name).unwrap_or(0);
            check::each_number(errors, path.child(name), id, names::unix_id(id));
        }
        for (at, group) in user.list("supplementalGroups").iter().enumerate() {
            let id = group.as_i64().unwrap_or(0);
            let path = path.child("supplementalGroups");
            check::each_number(errors, path.index(at), id, names::unix_id(id));
        }
    }
}

/// The health of devices that containers were given.
fn allocated(
    status: &Object,
    spec: &Object,
    (list, containers): (&str, &str),
    path: &Path<'_>,
    errors: &mut Errors,
) {
    for (at, one) in status.objects(list) {
        let path = path.index(at);
        let container = spec
            .objects(containers)
            .map(|(_, container)| container)
            .find(|container| container.text("name") == one.text("name"));
        for (at, given) in one.objects("allocatedResourcesStatus") {
            let path = path.child("allocatedResourcesStatus");
            let path = path.index(at);
            if let Some(container) = container {
                known(given.text("name"), container, &path.child("name"), errors);
            }
            let mut seen = Seen::default();
            for (at, device) in given.objects("resources") {
                let path = path.child("resources");
                self::device(device, &mut seen, &path.index(at), errors);
            }
        }
    }
}

fn known(name: &str, container: &Object, path: &Path<'_>, errors: &mut Errors) {
    let resources = container.part("resources");
    let (is_known, detail) = match name.strip_prefix("claim:") {
        Some(claim) => {
            let mut claims = resources.objects("claims").map(|(_, one)| one);
            let is_known = claims.any(|one| match one.text("request") {
                "" => one.text("name") == claim,
                request => claim.split_once('/') == Some((one.text("name"), request)),
            });
            let detail = "must match one of the container's resource claims in a format \
                          'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty";
            (is_known, detail)
        }
        None => (
            resources.part("requests").has(name),
            "must match one of the container's resource requests",
        ),
    };
    if !is_known {
        errors.push(FieldError::invalid(path, name, detail));
    }
}

fn device<'s>(device: &'s Object, seen: &mut Seen<'s>, path: &Path<'_>, errors: &mut Errors) {
    let healths = ["Healthy", "Unhealthy", "Unknown"];
    check::one_of(errors, path.child("health"), device.text("health"), &healths);
    if device.has("message") {
        let message = device.text("message");
        let path = path.child("message");
        if message.is_empty() {
            errors.push(FieldError::required(path, "must be non-empty if specified"));
        } else if message.len() > MESSAGE_MAX_BYTES {
            errors.push(FieldError::too_long(path, MESSAGE_MAX_BYTES));
        }
    }
    let id = device.text("resourceID");
    if seen.again(id) {
        errors.push(FieldError::duplicate(path.child("resourceID"), id));
    }
}
