//! The volumes of pods: what kinds there are, and what each demands. Those that persistent volumes
//! share are in [`sources`].

pub(super) mod projected;
pub(super) mod sources;

use super::Errors;
use super::check;
use super::core_group::pvc;
use super::fields::{Fields, Seen};
use super::path::Path;
use super::pod::Options;
use crate::field_error::FieldError;
use crate::names;
use crate::value::{Object, Value};
use std::collections::HashSet;

const ONE_TYPE: &str = "may not specify more than 1 volume type";

type Check = fn(&Object, &Path<'_>, &Options, &mut Errors);

/// A type of volume: its field, the names of that field in errors (about a second type, and about
/// what is in it), and what it demands.
struct Kind {
    field: &'static str,
    second: &'static str,
    inside: &'static str,
    check: Check,
}

const fn kind(field: &'static str, check: Check) -> Kind {
    Kind { field, second: field, inside: field, check }
}

/// In the order in which upstream looks at them; the first that is set counts.
const KINDS: [Kind; 30] = [
    kind("emptyDir", |_, _, _, _| {}),
    kind("hostPath", |source, path, _, errors| sources::host_path(source, path, errors)),
    kind("gitRepo", |source, path, _, errors| sources::git_repo(source, path, errors)),
    Kind {
        field: "gcePersistentDisk",
        second: "gcePersistentDisk",
        inside: "persistentDisk",
        check: |source, path, _, errors| sources::disk(source, "pdName", path, errors),
    },
    kind("awsElasticBlockStore", |source, path, _, errors| {
        sources::disk(source, "volumeID", path, errors);
    }),
    kind("secret", |source, path, _, errors| files(source, "secretName", path, errors)),
    kind("nfs", |source, path, _, errors| sources::nfs(source, path, errors)),
    kind("iscsi", |source, path, _, errors| sources::iscsi(source, path, errors)),
    kind("glusterfs", |source, path, _, errors| {
        sources::needs(source, &["endpoints", "path"], path, errors);
    }),
    kind("flocker", |source, path, _, errors| sources::flocker(source, path, errors)),
    kind("persistentVolumeClaim", |source, path, _, errors| {
        sources::needs(source, &["claimName"], path, errors);
    }),
    kind("rbd", |source, path, _, errors| sources::rbd(source, path, errors)),
    kind("cinder", |source, path, _, errors| {
        sources::needs(source, &["volumeID"], path, errors);
        sources::secret(source, &["name"], path, errors);
    }),
    Kind {
        field: "cephfs",
        second: "cephFS",
        inside: "cephfs",
        check: |source, path, _, errors| sources::monitors(source, path, errors),
    },
    kind("quobyte", |source, path, _, errors| sources::quobyte(source, path, errors)),
    Kind {
        field: "downwardAPI",
        second: "downwarAPI",
        inside: "downwardAPI",
        check: |source, path, _, errors| projected::downward(source, path, errors),
    },
    kind("fc", |source, path, _, errors| sources::fibre_channel(source, path, errors)),
    kind("flexVolume", |source, path, _, errors| sources::flex(source, path, errors)),
    kind("configMap", |source, path, _, errors| files(source, "name", path, errors)),
    kind("azureFile", |source, path, _, errors| {
        sources::needs(source, &["secretName", "shareName"], path, errors);
    }),
    kind("vsphereVolume", |source, path, _, errors| {
        sources::needs(source, &["volumePath"], path, errors);
    }),
    kind("photonPersistentDisk", |source, path, _, errors| {
        sources::needs(source, &["pdID"], path, errors);
    }),
    kind("portworxVolume", |source, path, _, errors| {
        sources::needs(source, &["volumeID"], path, errors);
    }),
    kind("azureDisk", |source, path, _, errors| sources::azure_disk(source, path, errors)),
    kind("storageos", |source, path, _, errors| {
        sources::storage_os(source, &["name"], path, errors);
    }),
    kind("projected", projected::volume),
    kind("scaleIO", |source, path, _, errors| sources::scale_io(source, path, errors)),
    kind("csi", |source, path, _, errors| csi(source, path, errors)),
    kind("ephemeral", |source, path, _, errors| ephemeral(source, path, errors)),
    kind("image", image),
];

/// The volumes under `spec`; of those that are right, mounts may speak. The name of the pod is
/// empty in templates.
pub(super) fn list<'s>(
    spec: &'s Object,
    pod_name: &str,
    path: &Path<'_>,
    options: &Options,
    errors: &mut Errors,
) -> Vec<(&'s str, &'s Object)> {
    let mut right: Vec<(&str, &Object)> = Vec::new();
    let mut seen = Seen::default();
    let made: HashSet<String> = if pod_name.is_empty() {
        HashSet::new()
    } else {
        let ephemeral = spec.objects("volumes").filter(|(_, volume)| volume.has("ephemeral"));
        ephemeral.map(|(_, volume)| format!("{pod_name}-{}", volume.text("name"))).collect()
    };
    for (at, volume) in spec.objects("volumes") {
        let path = path.index(at);
        let before = errors.len();
        source(volume, pod_name, &path, options, errors);
        let name = volume.text("name");
        if name.is_empty() {
            errors.push(FieldError::required(path.child("name"), ""));
        } else {
            check::dns_label(errors, path.child("name"), name);
        }
        if seen.has(name) {
            errors.push(FieldError::duplicate(path.child("name"), name));
        }
        if errors.len() == before {
            seen.again(name);
            right.push((name, volume));
        }
        let claim = volume.part("persistentVolumeClaim").text("claimName");
        if made.contains(claim) {
            let path = path.child("persistentVolumeClaim.claimName");
            let detail = "must not reference a PVC that gets created for an ephemeral volume";
            errors.push(FieldError::invalid(path, claim, detail));
        }
    }
    right
}

fn source(
    volume: &Object,
    pod_name: &str,
    path: &Path<'_>,
    options: &Options,
    errors: &mut Errors,
) {
    let mut found = false;
    for kind in &KINDS {
        let Some(source) = volume.object(kind.field) else { continue };
        if kind.field == "emptyDir" {
            empty_dir(source, &path.child("emptyDir"), errors);
        } else if found {
            errors.push(FieldError::forbidden(path.child(kind.second), ONE_TYPE));
        } else {
            (kind.check)(source, &path.child(kind.inside), options, errors);
            if kind.field == "ephemeral" {
                claim_name(volume.text("name"), pod_name, path, errors);
            }
        }
        found = true;
        if kind.field == "iscsi" {
            sources::iscsi_name(source, volume.text("name"), path, errors);
        }
    }
    if !found {
        errors.push(FieldError::required(path, "must specify a volume type"));
    }
}

fn empty_dir(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    if check::quantity(source.value("sizeLimit")).is_negative() {
        let detail = "SizeLimit field must be a valid resource quantity";
        errors.push(FieldError::forbidden(path.child("sizeLimit"), detail));
    }
}

/// The claim that is made for an ephemeral volume is named after pod and volume.
fn claim_name(volume: &str, pod: &str, path: &Path<'_>, errors: &mut Errors) {
    if volume.is_empty() || pod.is_empty() {
        return;
    }
    let claim = format!("{pod}-{volume}");
    for message in names::dns_1123_subdomain(&claim) {
        let detail = format!("PVC name {}: {message}", crate::field_error::quoted(&claim));
        errors.push(FieldError::invalid(path.child("name"), volume, &detail));
    }
}

/// A ConfigMap's or a Secret's keys as files.
fn files(source: &Object, name: &str, path: &Path<'_>, errors: &mut Errors) {
    check::need(errors, path, source, name);
    check::file_mode(errors, &path.child("defaultMode"), source.int("defaultMode"));
    for (at, item) in source.objects("items") {
        let path = path.child("items");
        projected::key_to_path(item, &path.index(at), errors);
    }
}

fn csi(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    sources::csi_driver(source.text("driver"), &path.child("driver"), errors);
    if let Some(secret) = source.object("nodePublishSecretRef") {
        let name = secret.text("name");
        if name.is_empty() {
            errors.push(FieldError::required(path.child("nodePublishSecretRef.name"), ""));
        } else {
            check::dns_subdomain(errors, path.child("name"), name);
        }
    }
}

fn ephemeral(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("volumeClaimTemplate");
    match source.object("volumeClaimTemplate") {
        None => errors.push(FieldError::required(path, "")),
        Some(template) => pvc::template(template, &path, errors),
    }
}

fn image(source: &Object, path: &Path<'_>, options: &Options, errors: &mut Errors) {
    // Templates may leave it to what completes them.
    if options.is_pod {
        check::need(errors, path, source, "reference");
    }
    pull_policy(source.text("pullPolicy"), &path.child("pullPolicy"), errors);
}

pub(super) fn pull_policy(policy: &str, path: &Path<'_>, errors: &mut Errors) {
    match policy {
        "" => errors.push(FieldError::required(path, "")),
        policy => check::one_of(errors, path, policy, &["Always", "IfNotPresent", "Never"]),
    }
}

/// Whether a volume may be used as a device.
pub(super) fn is_claim(volume: &Object) -> bool {
    volume.has("persistentVolumeClaim") || volume.has("ephemeral")
}

/// A list of strings as an error shows it.
pub(super) fn shown(items: &[Value]) -> Value {
    Value::Array(items.to_vec())
}
