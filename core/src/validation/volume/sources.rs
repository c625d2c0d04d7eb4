//! Types of volumes that pods and persistent volumes share, by the plug-in that serves them.

use crate::field_error::FieldError;
use crate::names;
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::validation::volume::shown;
use crate::value::Object;

const CSI_DRIVER_MAX_BYTES: usize = 63;
const ISCSI_NAME_MAX_BYTES: usize = 64;

/// Fields that must not be empty.
pub(crate) fn needs(source: &Object, names: &[&str], path: &Path<'_>, errors: &mut Errors) {
    for name in names {
        check::need(errors, path, source, name);
    }
}

/// Fields of a reference to a Secret that must not be empty, if there is one.
pub(crate) fn secret(source: &Object, names: &[&str], path: &Path<'_>, errors: &mut Errors) {
    if let Some(secret) = source.object("secretRef") {
        needs(secret, names, &path.child("secretRef"), errors);
    }
}

pub(crate) fn host_path(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    let target = source.text("path");
    if target.is_empty() {
        errors.push(FieldError::required(path.child("path"), ""));
        return;
    }
    check::no_backsteps(errors, &path.child("path"), target);
    if let Some(kind) = source.value("type").and_then(|kind| kind.as_str()) {
        let kinds = [
            "",
            "BlockDevice",
            "CharDevice",
            "Directory",
            "DirectoryOrCreate",
            "File",
            "FileOrCreate",
            "Socket",
        ];
        check::one_of(errors, path.child("type"), kind, &kinds);
    }
}

pub(crate) fn git_repo(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    check::need(errors, path, source, "repository");
    check::local_path(errors, &path.child("directory"), source.text("directory"));
}

/// A disk by its name, with partitions.
pub(crate) fn disk(source: &Object, name: &str, path: &Path<'_>, errors: &mut Errors) {
    check::need(errors, path, source, name);
    let partition = source.int("partition").unwrap_or(0);
    if !(0..=255).contains(&partition) {
        let path = path.child("partition");
        errors.push(FieldError::invalid(path, &partition, "must be between 1 and 255, inclusive"));
    }
}

pub(crate) fn nfs(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    needs(source, &["server", "path"], path, errors);
    let target = source.text("path");
    if !target.starts_with('/') {
        let path = path.child("path");
        errors.push(FieldError::invalid(path, target, "must be an absolute path"));
    }
}

/// How a name of an initiator or a target begins: `iqn.2003-01.org:x`, `eui.…`, `naa.…`.
fn is_iscsi_form(name: &str) -> bool {
    let alnum = |text: &str, bytes: usize| {
        text.len() == bytes + 1 && text[1..].bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if let Some(rest) = name.strip_prefix("eui") {
        return rest.is_char_boundary(1) && !rest.is_empty() && alnum(rest, 16);
    }
    if let Some(rest) = name.strip_prefix("naa") {
        return rest.is_char_boundary(1) && !rest.is_empty() && alnum(rest, 32);
    }
    name.match_indices("iqn.").any(|(at, _)| is_iqn(&name[at + 4..]))
}

/// `2003-01.org.example:anything`.
fn is_iqn(rest: &str) -> bool {
    let bytes = rest.as_bytes();
    let is_date = bytes.len() > 8
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes[4] == b'-'
        && bytes[5..7].iter().all(u8::is_ascii_digit)
        && bytes[7] == b'.';
    let Some(rest) = rest.get(8..).filter(|_| is_date) else { return false };
    let Some((authority, name)) = rest.split_once(':') else { return false };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    !authority.is_empty()
        && authority.bytes().all(fits)
        && !name.is_empty()
        && !name.contains(|c: char| ",^;*&$|".contains(c) || c.is_ascii_whitespace())
}

fn iscsi_form(name: &str, bad_start: &str, path: &Path<'_>, errors: &mut Errors) {
    let known = ["iqn", "eui", "naa"].iter().any(|start| name.starts_with(start));
    if !known {
        errors.push(FieldError::invalid(path, name, bad_start));
    } else if !is_iscsi_form(name) {
        errors.push(FieldError::invalid(path, name, "must be valid format"));
    }
}

const ISCSI_START: &str = "must be valid format starting with iqn, eui, or naa";

pub(crate) fn iscsi(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    check::need(errors, path, source, "targetPortal");
    iscsi_rest(source, ISCSI_START, path, errors);
}

pub(crate) fn iscsi_persistent(
    source: &Object,
    volume: &str,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    check::need(errors, path, source, "targetPortal");
    let portal = source.text("targetPortal");
    if source.has("initiatorName") && volume.len() + 1 + portal.len() > ISCSI_NAME_MAX_BYTES {
        let path = path.child("targetportal");
        errors.push(FieldError::invalid(path, portal, ISCSI_TOO_LONG));
    }
    iscsi_rest(source, "must be valid format", path, errors);
}

const ISCSI_TOO_LONG: &str = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 \
                              characters if iscsi.initiatorName is specified.";

/// The name of a pod's volume counts, too.
pub(crate) fn iscsi_name(source: &Object, volume: &str, path: &Path<'_>, errors: &mut Errors) {
    let length = volume.len() + 1 + source.text("targetPortal").len();
    if source.has("initiatorName") && length > ISCSI_NAME_MAX_BYTES {
        errors.push(FieldError::invalid(path.child("name"), volume, ISCSI_TOO_LONG));
    }
}

fn iscsi_rest(source: &Object, bad_start: &str, path: &Path<'_>, errors: &mut Errors) {
    let name = source.text("iqn");
    if name.is_empty() {
        errors.push(FieldError::required(path.child("iqn"), ""));
    } else {
        iscsi_form(name, bad_start, &path.child("iqn"), errors);
    }
    let lun = source.int("lun").or(Some(0));
    check::in_range(errors, &path.child("lun"), lun, 0..=255);
    let authenticates = source.flag("chapAuthDiscovery") || source.flag("chapAuthSession");
    if authenticates && !source.has("secretRef") {
        errors.push(FieldError::required(path.child("secretRef"), ""));
    }
    if bad_start != ISCSI_START {
        secret(source, &["name"], path, errors);
    }
    if let Some(initiator) = source.value("initiatorName").and_then(|name| name.as_str()) {
        iscsi_form(initiator, bad_start, &path.child("initiatorname"), errors);
    }
}

pub(crate) fn flocker(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    let (name, uuid) = (source.text("datasetName"), source.text("datasetUUID"));
    if name.is_empty() && uuid.is_empty() {
        let detail = "one of datasetName and datasetUUID is required";
        errors.push(FieldError::required(path, detail));
    }
    if !name.is_empty() && !uuid.is_empty() {
        let detail = "datasetName and datasetUUID can not be specified simultaneously";
        errors.push(FieldError::invalid(path, "resource", detail));
    }
    if name.contains('/') {
        let path = path.child("datasetName");
        errors.push(FieldError::invalid(path, name, "must not contain '/'"));
    }
}

pub(crate) fn rbd(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    monitors(source, path, errors);
    check::need(errors, path, source, "image");
}

pub(crate) fn monitors(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    if source.list("monitors").is_empty() {
        errors.push(FieldError::required(path.child("monitors"), ""));
    }
}

const QUOBYTE_TENANT_MAX_BYTES: usize = 64;

pub(crate) fn quobyte(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    let registry = source.text("registry");
    let detail = "must be a host:port pair or multiple pairs separated by commas";
    if registry.is_empty() {
        errors.push(FieldError::required(path.child("registry"), detail));
    } else if source.text("tenant").len() > QUOBYTE_TENANT_MAX_BYTES {
        let detail = "must be a UUID and may not exceed a length of 64 characters";
        errors.push(FieldError::required(path.child("tenant"), detail));
    } else {
        for _ in registry.split(',').filter(|pair| !is_host_port(pair)) {
            errors.push(FieldError::invalid(path.child("registry"), registry, detail));
        }
    }
    check::need(errors, path, source, "volume");
}

fn is_host_port(pair: &str) -> bool {
    let Some((host, port)) = pair.rsplit_once(':') else { return false };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    !port.contains(['[', ']']) && (bracketed || !host.contains([':', '[', ']']))
}

pub(crate) fn fibre_channel(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    let (targets, ids) = (source.list("targetWWNs"), source.list("wwids"));
    if targets.is_empty() && ids.is_empty() {
        let detail = "must specify either targetWWNs or wwids, but not both";
        errors.push(FieldError::required(path.child("targetWWNs"), detail));
    }
    if !targets.is_empty() && !ids.is_empty() {
        let detail = "targetWWNs and wwids can not be specified simultaneously";
        errors.push(FieldError::invalid(path.child("targetWWNs"), &shown(targets), detail));
    }
    if !targets.is_empty() {
        let path = path.child("lun");
        match source.int("lun") {
            None => {
                let detail = "lun is required if targetWWNs is specified";
                errors.push(FieldError::required(path, detail));
            }
            lun => check::in_range(errors, &path, lun, 0..=255),
        }
    }
}

pub(crate) fn flex(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    check::need(errors, path, source, "driver");
    for (key, _) in source.part("options").iter() {
        let domain = key.split_once('/').map_or(key, |(domain, _)| domain);
        let domain = format!(".{}", domain.to_lowercase());
        if domain.ends_with(".kubernetes.io") || domain.ends_with(".k8s.io") {
            let path = path.child("options");
            let detail = "kubernetes.io and k8s.io namespaces are reserved";
            errors.push(FieldError::invalid(path.key(key), key, detail));
        }
    }
}

pub(crate) fn azure_disk(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    needs(source, &["diskName", "diskURI"], path, errors);
    let (kind, uri) = (source.text("kind"), source.text("diskURI"));
    if source.has("cachingMode") {
        let modes = ["None", "ReadOnly", "ReadWrite"];
        check::one_of(errors, path.child("cachingMode"), source.text("cachingMode"), &modes);
    }
    if !source.has("kind") {
        return;
    }
    check::one_of(errors, path.child("kind"), kind, &["Dedicated", "Managed", "Shared"]);
    if kind == "Managed" && !uri.starts_with("/subscriptions/") {
        let form = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/\
                    microsoft.compute/disks/{disk-id}";
        errors.push(FieldError::not_supported(path.child("diskURI"), uri, &[form]));
    }
    if kind != "Managed" && !uri.starts_with("https://") {
        let form = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
        errors.push(FieldError::not_supported(path.child("diskURI"), uri, &[form]));
    }
}

pub(crate) fn scale_io(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    needs(source, &["gateway", "system", "volumeName"], path, errors);
}

/// `of_secret` is what a reference to a Secret must hold.
pub(crate) fn storage_os(
    source: &Object,
    of_secret: &[&str],
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let name = source.text("volumeName");
    if name.is_empty() {
        errors.push(FieldError::required(path.child("volumeName"), ""));
    } else {
        check::dns_label(errors, path.child("volumeName"), name);
    }
    let namespace = source.text("volumeNamespace");
    if !namespace.is_empty() {
        check::dns_label(errors, path.child("volumeNamespace"), namespace);
    }
    secret(source, of_secret, path, errors);
}

/// The name of a CSI driver: a subdomain in letters of either case.
pub(crate) fn csi_driver(name: &str, path: &Path<'_>, errors: &mut Errors) {
    if name.is_empty() {
        return errors.push(FieldError::required(path, ""));
    }
    if name.len() > CSI_DRIVER_MAX_BYTES {
        errors.push(FieldError::too_long(path, CSI_DRIVER_MAX_BYTES));
    }
    check::each(errors, path, name, names::dns_1123_subdomain(&name.to_lowercase()));
}
