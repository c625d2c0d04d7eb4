//! PersistentVolumes: one source of a type, that stays.

use super::pvc;
use crate::field_error::FieldError;
use crate::target::Target;
use crate::validation::difference::difference;
use crate::validation::fields::{Fields, metadata, same, same_objects};
use crate::validation::internal;
use crate::validation::path::Path;
use crate::validation::pod::warnings::node_term;
use crate::validation::selectors;
use crate::validation::volume::sources;
use crate::validation::{Errors, Rules, check, meta, resources};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules {
    create: |target, object, errors| volume(target, object, false, errors),
    update: |target, new, old, errors| {
        if target.subresource == "status" {
            meta::on_update(new, old, errors);
        } else {
            update(target, new, old, errors);
        }
    },
    warnings: |target, new, _, warnings| {
        if target.subresource.is_empty() {
            warn(new, warnings);
        }
    },
};

fn volume(target: Target<'_>, object: &Object, any_value: bool, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let name = metadata(object).text("name");
    let path = Path::root("spec");
    spec(object.part("spec"), Some(name), any_value, &path, errors);
}

/// A specification inside of another object (a VolumeAttachment's), without a name.
pub(crate) fn inline(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    self::spec(spec, None, false, path, errors);
}

const INLINE: &str = "in the context of inline volumes";

fn spec(spec: &Object, name: Option<&str>, any_value: bool, path: &Path<'_>, errors: &mut Errors) {
    let is_inline = name.is_none();
    let refuse = |field: &str| {
        let detail = format!("may not be specified {INLINE}");
        FieldError::forbidden(path.child(field), &detail)
    };
    if is_inline {
        if spec.has("claimRef") {
            errors.push(refuse("claimRef"));
        }
        if !spec.part("capacity").is_empty() {
            errors.push(refuse("capacity"));
        }
        if !spec.has("csi") {
            let detail = format!("has to be specified {INLINE}");
            errors.push(FieldError::required(path.child("csi"), &detail));
        }
    }
    let modes = path.child("accessModes");
    if spec.list("accessModes").is_empty() {
        errors.push(FieldError::required(modes, ""));
    }
    pvc::access_modes(spec, &modes, errors);
    if !is_inline {
        capacity(spec.part("capacity"), &path.child("capacity"), errors);
    }
    let policy = spec.text("persistentVolumeReclaimPolicy");
    let policy_path = path.child("persistentVolumeReclaimPolicy");
    if is_inline && !matches!(policy, "" | "Retain") {
        errors.push(FieldError::forbidden(policy_path, &format!("may only be Retain {INLINE}")));
    } else if !is_inline && !policy.is_empty() {
        check::one_of(errors, policy_path, policy, &["Delete", "Recycle", "Retain"]);
    }
    if let Some(affinity) = spec.object("nodeAffinity") {
        if is_inline {
            errors.push(refuse("nodeAffinity"));
        } else {
            node_affinity(affinity, any_value, &path.child("nodeAffinity"), errors);
        }
    }
    source(spec, name.unwrap_or_default(), path, errors);
    let target = spec.part("hostPath").text("path");
    if spec.has("hostPath") && policy == "Recycle" && is_root(target) {
        let detail = "may not be 'recycle' for a hostPath mount of '/'";
        errors.push(FieldError::forbidden(policy_path, detail));
    }
    rest(spec, is_inline, path, errors);
}

fn capacity(capacity: &Object, path: &Path<'_>, errors: &mut Errors) {
    if capacity.is_empty() {
        errors.push(FieldError::required(path, ""));
    }
    if !capacity.has("storage") || capacity.len() > 1 {
        let shown = match capacity.is_empty() {
            true => Value::Null,
            false => Value::Object(capacity.clone()),
        };
        errors.push(FieldError::not_supported(path, &shown, &["storage"]));
    }
    for (name, amount) in capacity.iter() {
        let path = path.key(name);
        resources::basic_amount(amount, &path, errors);
        check::quantity_positive(errors, path, Some(amount));
    }
}

fn node_affinity(affinity: &Object, any_value: bool, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("required");
    match affinity.object("required") {
        Some(selector) => selectors::node_selector(selector, any_value, &path, errors),
        None => {
            let detail = "must specify required node constraints";
            errors.push(FieldError::required(path, detail));
        }
    }
}

/// Whether a path, cleaned, is the root.
fn is_root(path: &str) -> bool {
    let mut depth = 0_u32;
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => depth = depth.saturating_sub(1),
            _ => depth += 1,
        }
    }
    path.starts_with('/') && depth == 0
}

fn rest(spec: &Object, is_inline: bool, path: &Path<'_>, errors: &mut Errors) {
    let class = path.child("storageClassName");
    match spec.text("storageClassName") {
        "" => {}
        _ if is_inline => {
            let detail = format!("may not be specified {INLINE}");
            errors.push(FieldError::forbidden(class, &detail));
        }
        name => check::dns_subdomain(errors, class, name),
    }
    if spec.has("volumeMode") {
        let (mode, path) = (spec.text("volumeMode"), path.child("volumeMode"));
        if !is_inline {
            check::one_of(errors, path, mode, &["Block", "Filesystem"]);
        } else if mode != "Filesystem" {
            let detail = format!("may not specify volumeMode other than Filesystem {INLINE}");
            errors.push(FieldError::forbidden(path, &detail));
        }
    }
    if spec.has("volumeAttributesClassName") {
        let class = path.child("volumeAttributesClassName");
        match spec.text("volumeAttributesClassName") {
            "" => errors.push(FieldError::required(class, "an empty string is disallowed")),
            name => check::dns_subdomain(errors, class, name),
        }
        if !spec.has("csi") {
            let detail = "has to be specified when using volumeAttributesClassName";
            errors.push(FieldError::required(path.child("csi"), detail));
        }
    }
}

/// A type of volume: its field, the names of that field in errors (about a second type, and about
/// what is in it).
type Kind = (&'static str, &'static str, &'static str);

const fn kind(field: &'static str) -> Kind {
    (field, field, field)
}

/// In the order in which upstream looks at them.
const KINDS: [Kind; 22] = [
    kind("hostPath"),
    ("gcePersistentDisk", "gcePersistentDisk", "persistentDisk"),
    kind("awsElasticBlockStore"),
    kind("glusterfs"),
    kind("flocker"),
    kind("nfs"),
    kind("rbd"),
    kind("quobyte"),
    ("cephfs", "cephFS", "cephfs"),
    kind("iscsi"),
    kind("cinder"),
    kind("fc"),
    kind("flexVolume"),
    kind("azureFile"),
    kind("vsphereVolume"),
    kind("photonPersistentDisk"),
    kind("portworxVolume"),
    kind("azureDisk"),
    kind("scaleIO"),
    kind("local"),
    kind("storageos"),
    kind("csi"),
];

fn source(spec: &Object, name: &str, path: &Path<'_>, errors: &mut Errors) {
    let mut found = false;
    for (field, second, inside) in KINDS {
        let Some(source) = spec.object(field) else { continue };
        // Upstream forgets to ask whether this one is the second.
        if found && field != "flexVolume" {
            let detail = "may not specify more than 1 volume type";
            errors.push(FieldError::forbidden(path.child(second), detail));
            continue;
        }
        found = true;
        of_kind(field, source, name, &path.child(inside), errors);
        if field == "local" && !spec.has("nodeAffinity") {
            let detail = "Local volume requires node affinity";
            errors.push(FieldError::required(path.child("nodeAffinity"), detail));
        }
    }
    if !found {
        errors.push(FieldError::required(path, "must specify a volume type"));
    }
}

fn of_kind(field: &str, source: &Object, name: &str, path: &Path<'_>, errors: &mut Errors) {
    let mut needs = |names: &[&str]| sources::needs(source, names, path, errors);
    match field {
        "vsphereVolume" => needs(&["volumePath"]),
        "photonPersistentDisk" => needs(&["pdID"]),
        "portworxVolume" => needs(&["volumeID"]),
        "hostPath" => sources::host_path(source, path, errors),
        "gcePersistentDisk" => sources::disk(source, "pdName", path, errors),
        "awsElasticBlockStore" => sources::disk(source, "volumeID", path, errors),
        "glusterfs" => glusterfs(source, path, errors),
        "flocker" => sources::flocker(source, path, errors),
        "nfs" => sources::nfs(source, path, errors),
        "rbd" => sources::rbd(source, path, errors),
        "quobyte" => sources::quobyte(source, path, errors),
        "cephfs" => sources::monitors(source, path, errors),
        "iscsi" => sources::iscsi_persistent(source, name, path, errors),
        "cinder" => {
            needs(&["volumeID"]);
            sources::secret(source, &["name", "namespace"], path, errors);
        }
        "fc" => sources::fibre_channel(source, path, errors),
        "flexVolume" => sources::flex(source, path, errors),
        "azureFile" => {
            needs(&["secretName", "shareName"]);
            if source.has("secretNamespace") {
                needs(&["secretNamespace"]);
            }
        }
        "azureDisk" => sources::azure_disk(source, path, errors),
        "scaleIO" => sources::scale_io(source, path, errors),
        "local" => local(source, path, errors),
        "storageos" => sources::storage_os(source, &["name", "namespace"], path, errors),
        "csi" => csi(source, path, errors),
        _ => {}
    }
}

fn glusterfs(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    sources::needs(source, &["endpoints", "path"], path, errors);
    if source.has("endpointsNamespace") {
        let namespace = source.text("endpointsNamespace");
        let path = path.child("endpointsNamespace");
        if namespace.is_empty() {
            let detail = "if the endpointnamespace is set, it must be a valid namespace name";
            errors.push(FieldError::invalid(path, namespace, detail));
        } else {
            check::dns_label(errors, path, namespace);
        }
    }
}

fn local(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    check::need(errors, path, source, "path");
    check::no_backsteps(errors, &path.child("path"), source.text("path"));
}

fn csi(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    sources::csi_driver(source.text("driver"), &path.child("driver"), errors);
    check::need(errors, path, source, "volumeHandle");
    for name in [
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ] {
        let Some(secret) = source.object(name) else { continue };
        let path = path.child(name);
        match secret.text("name") {
            "" => errors.push(FieldError::required(path.child("name"), "")),
            name => check::dns_subdomain(errors, path.child("name"), name),
        }
        match secret.text("namespace") {
            "" => errors.push(FieldError::required(path.child("namespace"), "")),
            namespace => check::dns_label(errors, path.child("namespace"), namespace),
        }
    }
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    let (now, before) = (new.part("spec"), old.part("spec"));
    let required = before.part("nodeAffinity").object("required");
    let any_value = required.is_some_and(selectors::has_bad_value);
    // The strategy asks this, and so does the rule for updates.
    volume(target, new, any_value, errors);
    volume(target, new, any_value, errors);
    let source = |spec: &Object| -> Object {
        let fields = KINDS.iter().filter_map(|(name, ..)| {
            spec.value(name).map(|value| (Box::from(*name), value.clone()))
        });
        fields.collect()
    };
    let (mut of_new, of_old) = (source(now), source(before));
    // A Secret for growing the volume may be named later.
    let expand = "controllerExpandSecretRef";
    if of_old.has("csi")
        && !of_old.part("csi").has(expand)
        && let Some(csi) = of_new.get_mut("csi").and_then(Value::as_object_mut)
    {
        csi.remove(expand);
    }
    if !same_objects(&of_new, &of_old) {
        let detail = "spec.persistentvolumesource is immutable after creation";
        let detail = format!("{detail}{}", difference(&of_old, &of_new));
        errors.push(FieldError::forbidden("spec.persistentvolumesource", &detail));
    }
    let mode = "volumeMode";
    let path = Path::root(mode);
    check::immutable(errors, &path, now.value(mode), before.value(mode), "null");
    if let Some(affinity) = before.value("nodeAffinity") {
        affinity_stays(now.value("nodeAffinity"), affinity, errors);
    }
    let class = "volumeAttributesClassName";
    if before.has(class) && !now.has(class) {
        let detail = "update from non-nil value to nil is forbidden";
        errors.push(FieldError::forbidden("spec.volumeAttributesClassName", detail));
    }
}

/// Labels of nodes that have newer names.
const RENAMED: [(&str, &str); 5] = [
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
    ("beta.kubernetes.io/os", "kubernetes.io/os"),
    ("beta.kubernetes.io/arch", "kubernetes.io/arch"),
    ("beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"),
];

fn affinity_stays(now: Option<&Value>, before: &Value, errors: &mut Errors) {
    let stays = now.is_some_and(|now| same_but_for_names(now, before));
    if !stays {
        let detail = "field is immutable, except for updating from beta label to GA";
        let (path, message) = (Path::root("nodeAffinity"), "k8s.io.api.core.v1.VolumeNodeAffinity");
        errors.push(internal::invalid(&path, message, now, detail));
    }
}

/// The same, but that requirements may use newer names of labels.
fn same_but_for_names(now: &Value, before: &Value) -> bool {
    let mut now = now.clone();
    let terms = |value: &Value| {
        let terms = value.get("required").and_then(|one| one.get("nodeSelectorTerms"));
        terms.and_then(Value::as_array).unwrap_or_default().to_vec()
    };
    let old_terms = terms(before);
    let list = now
        .as_object_mut()
        .and_then(|now| now.get_mut("required"))
        .and_then(Value::as_object_mut)
        .and_then(|required| required.get_mut("nodeSelectorTerms"));
    if let Some(Value::Array(list)) = list {
        for (term, old) in list.iter_mut().zip(&old_terms) {
            rename(term, old);
        }
    }
    same(Some(&now), Some(before))
}

/// Puts the old names of labels back where the new ones stand in their places.
fn rename(term: &mut Value, old: &Value) {
    for list in ["matchExpressions", "matchFields"] {
        let before = old.get(list).and_then(Value::as_array).unwrap_or_default().to_vec();
        let now = term.as_object_mut().and_then(|term| term.get_mut(list));
        let Some(Value::Array(now)) = now else { continue };
        for (now, before) in now.iter_mut().zip(&before) {
            let (Some(now), Some(before)) = (now.as_object_mut(), before.as_object()) else {
                continue;
            };
            let pair = (before.text("key"), now.text("key"));
            if RENAMED.contains(&pair) {
                let key = before.text("key").into();
                now.insert("key", key);
            }
        }
    }
}

const OLD: [(&str, &str, &str); 6] = [
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    (
        "photonPersistentDisk",
        "photonPersistentDisk",
        "deprecated in v1.11, non-functional in v1.16+",
    ),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

fn warn(volume: &Object, warnings: &mut Vec<String>) {
    let spec = volume.part("spec");
    let annotation = "volume.beta.kubernetes.io/storage-class";
    if metadata(volume).part("annotations").has(annotation) {
        warnings.push(format!(
            "metadata.annotations[{annotation}]: deprecated since v1.8; use \"storageClassName\" \
             attribute instead"
        ));
    }
    if spec.text("persistentVolumeReclaimPolicy") == "Recycle" {
        warnings.push(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. \
             Instead, the recommended approach is to use dynamic provisioning."
                .to_owned(),
        );
    }
    for (at, term) in spec.part("nodeAffinity").part("required").objects("nodeSelectorTerms") {
        let path = Path::root("spec.nodeAffinity.required.nodeSelectorTerms");
        node_term(term, false, &path.index(at), warnings);
    }
    for (name, shown, message) in OLD {
        if spec.has(name) {
            warnings.push(format!("spec.{shown}: {message}"));
        }
    }
}
