//! Warnings about pods and templates: what is allowed but old, doubled or without effect.

mod overlaps;
mod ports;

use super::super::check;
use super::super::core_group::pvc;
use super::super::fields::{Fields, Seen, metadata};
use super::super::ip;
use super::super::path::Path;
use super::{all_containers, annotations};
use crate::field_error::quoted;
use crate::names;
use crate::value::{Object, Value};

/// More are never shown: together they are cut at so many characters.
const WARNINGS_MAX: usize = 4_096;

const OLD_NODE_LABELS: [(&str, &str); 8] = [
    ("beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"),
    ("beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ),
    ("app.kubernetes.io/created-by", "deprecated since v1.9"),
    (
        "scheduler.alpha.kubernetes.io/preferAvoidPods",
        "deprecated since v1.22; use Taints and Tolerations instead",
    ),
    ("node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"),
];

const OLD_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/unsafe-sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
];

const OLD_VOLUMES: [(&str, &str, &str); 9] = [
    (
        "photonPersistentDisk",
        "photonPersistentDisk",
        "deprecated in v1.11, non-functional in v1.16+",
    ),
    ("gitRepo", "gitRepo", "deprecated in v1.11"),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

/// What is told of a node's label that has a newer name.
pub(crate) fn old_node_label(key: &str) -> Option<&'static str> {
    OLD_NODE_LABELS.iter().find(|(old, _)| *old == key).map(|(_, message)| *message)
}

/// What is told of the requirements of a node selector's term; values are looked at where no
/// error is made of them.
pub(crate) fn node_term(
    term: &Object,
    look_at_values: bool,
    path: &Path<'_>,
    warnings: &mut Vec<String>,
) {
    for (at, requirement) in term.objects("matchExpressions") {
        let path = path.child("matchExpressions");
        let path = path.index(at);
        let key = requirement.text("key");
        if let Some(message) = old_node_label(key) {
            warnings.push(format!("{}: {key} is {message}", path.child("key")));
        }
        if !look_at_values {
            continue;
        }
        for (at, value) in requirement.texts("values").enumerate() {
            let path = path.child("values");
            for message in names::label_value(value) {
                warnings.push(format!("{}: {value} is invalid, {message}", path.index(at)));
            }
        }
    }
}

pub(super) fn on_create(pod: &Object, warnings: &mut Vec<String>) {
    let messages = names::dns_1123_label(metadata(pod).text("name"));
    if !messages.is_empty() {
        warnings.push(format!(
            "metadata.name: this is used in the Pod's hostname, which can result in surprising \
             behavior; a DNS label is recommended: [{}]",
            messages.join(" ")
        ));
    }
    of(pod, None, warnings);
}

pub(super) fn on_status(pod: &Object, warnings: &mut Vec<String>) {
    for name in ["podIPs", "hostIPs"] {
        for (at, address) in pod.part("status").objects(name) {
            let path = Path::root("status");
            let path = path.child(name);
            let path = path.index(at);
            ip::address_warnings(address.text("ip"), &path.child("ip"), warnings);
        }
    }
}

/// A pod, or a template at a path.
pub(super) fn of(pod: &Object, at: Option<&Path<'_>>, warnings: &mut Vec<String>) {
    let spec = pod.part("spec");
    let (of_spec, of_meta) = match at {
        Some(path) => (path.child("spec"), path.child("metadata")),
        None => (Path::root("spec"), Path::root("metadata")),
    };
    let notes = metadata(pod).part("annotations");
    let notes_path = of_meta.child("annotations");
    nodes(spec, &of_spec, warnings);
    for (key, message) in OLD_ANNOTATIONS.iter().filter(|(key, _)| notes.has(key)) {
        warnings.push(format!("{}: {message}", notes_path.key(key)));
    }
    volumes(spec, &of_spec, warnings);
    overlaps::of(spec, warnings);
    doubles(spec, &of_spec, warnings);
    for name in ["memory", "ephemeral-storage"] {
        let path = of_spec.child("overhead");
        fraction(spec.part("overhead").value(name), &path.key(name), warnings);
    }
    seccomp(spec.object("securityContext"), notes, annotations::SECCOMP_POD, &notes_path, warnings);
    for (list, at_container, container) in all_containers(spec) {
        let path = of_spec.child(list);
        let path = path.index(at_container);
        let context = container.object("securityContext");
        let name = container.text("name");
        let key = format!("{}{name}", annotations::SECCOMP_CONTAINER);
        seccomp(context, notes, &key, &notes_path, warnings);
        let has_profile = |context: Option<&Object>| {
            context.is_some_and(|context| context.has("appArmorProfile"))
        };
        let key = format!("{}{name}", annotations::APP_ARMOR);
        // For pods themselves the field is filled from the annotation.
        let is_bare = !has_profile(spec.object("securityContext")) && !has_profile(context);
        if at.is_some() && is_bare && notes.has(&key) {
            let message = "deprecated since v1.30; use the \"appArmorProfile\" field instead";
            warnings.push(format!("{}: {message}", notes_path.key(&key)));
        }
        amounts(container, &path, warnings);
        variables(container, &path.child("env"), warnings);
    }
    ports::of(spec, &of_spec, warnings);
    if spec.int("terminationGracePeriodSeconds").is_some_and(|seconds| seconds < 0) {
        warnings.push(format!(
            "{}: must be >= 0; negative values are invalid and will be treated as 1",
            of_spec.child("terminationGracePeriodSeconds")
        ));
    }
    affinity(spec, &of_spec, warnings);
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const NO_SELECTOR: &str = "a null labelSelector results in matching no pod";

/// How nodes are chosen.
fn nodes(spec: &Object, path: &Path<'_>, warnings: &mut Vec<String>) {
    for (key, _) in spec.part("nodeSelector").iter() {
        if let Some(message) = old_node_label(key) {
            let path = path.child("nodeSelector");
            warnings.push(format!("{}: {message}", path.key(key)));
        }
    }
    let affinity = spec.part("affinity").part("nodeAffinity");
    let of_affinity = path.child("affinity.nodeAffinity");
    for (at, term) in affinity.part(REQUIRED).objects("nodeSelectorTerms") {
        let path = of_affinity.child(REQUIRED);
        let path = path.child("nodeSelectorTerms");
        node_term(term, false, &path.index(at), warnings);
    }
    for (at, wish) in affinity.objects(PREFERRED) {
        let path = of_affinity.child(PREFERRED);
        let path = path.index(at);
        node_term(wish.part("preference"), true, &path.child("preference"), warnings);
    }
    for (at, constraint) in spec.objects("topologySpreadConstraints") {
        let path = path.child("topologySpreadConstraints");
        let path = path.index(at);
        let key = constraint.text("topologyKey");
        if let Some(message) = old_node_label(key) {
            warnings.push(format!("{}: {key} is {message}", path.child("topologyKey")));
        }
        if !constraint.has("labelSelector") {
            warnings.push(format!("{}: {NO_SELECTOR}", path.child("labelSelector")));
        }
    }
}

fn affinity(spec: &Object, path: &Path<'_>, warnings: &mut Vec<String>) {
    for name in ["podAffinity", "podAntiAffinity"] {
        let affinity = spec.part("affinity").part(name);
        let path = path.child("affinity");
        let path = path.child(name);
        for (list, inner) in [(REQUIRED, ""), (PREFERRED, "podAffinityTerm")] {
            for (at, term) in affinity.objects(list) {
                let bare = if inner.is_empty() { term } else { term.part(inner) };
                if bare.has("labelSelector") {
                    continue;
                }
                let path = path.child(list);
                let path = path.index(at);
                let inner_path = path.child(inner);
                let path = if inner.is_empty() { &path } else { &inner_path };
                warnings.push(format!("{}: {NO_SELECTOR}", path.child("labelSelector")));
            }
        }
    }
}

/// Volumes whose plug-ins are gone, and claims for ephemeral ones.
fn volumes(spec: &Object, path: &Path<'_>, warnings: &mut Vec<String>) {
    for (at, volume) in spec.objects("volumes") {
        let path = path.child("volumes");
        let path = path.index(at);
        for (name, shown, message) in OLD_VOLUMES.iter().filter(|(name, ..)| volume.has(name)) {
            let _ = name;
            warnings.push(format!("{}: {message}", path.child(shown)));
        }
        if let Some(template) = volume.part("ephemeral").object("volumeClaimTemplate") {
            let path = path.child("ephemeral.volumeClaimTemplate.spec");
            pvc::spec_warnings(template.part("spec"), &path, warnings);
        }
    }
}

/// Items of lists that are given twice.
fn doubles(spec: &Object, path: &Path<'_>, warnings: &mut Vec<String>) {
    for (list, key) in [("hostAliases", "ip"), ("imagePullSecrets", "name")] {
        let mut seen = Seen::default();
        for (at, item) in spec.objects(list) {
            if seen.again(item.text(key)) {
                let path = path.child(list);
                let path = path.index(at);
                let value = quoted(item.text(key));
                warnings.push(format!("{}: duplicate {key} {value}", path.child(key)));
            }
        }
    }
    for (at, secret) in spec.objects("imagePullSecrets") {
        if secret.text("name").is_empty() {
            let path = path.child("imagePullSecrets");
            let path = path.index(at);
            warnings.push(format!("{}: invalid empty name \"\"", path.child("name")));
        }
    }
}

/// Bytes do not come in parts.
pub(crate) fn fraction(value: Option<&Value>, path: &Path<'_>, warnings: &mut Vec<String>) {
    let quantity = check::quantity(value);
    if quantity.milli_value() % 1_000 != 0 {
        warnings.push(format!(
            "{path}: fractional byte value {} is invalid, must be an integer",
            quoted(check::text_of(value))
        ));
    }
}

fn amounts(container: &Object, path: &Path<'_>, warnings: &mut Vec<String>) {
    let resources = container.part("resources");
    let path = path.child("resources");
    for name in ["memory", "ephemeral-storage"] {
        for list in ["limits", "requests"] {
            let path = path.child(list);
            fraction(resources.part(list).value(name), &path.key(name), warnings);
        }
    }
}

fn seccomp(
    context: Option<&Object>,
    notes: &Object,
    key: &str,
    path: &Path<'_>,
    warnings: &mut Vec<String>,
) {
    if notes.has(key) && !context.is_some_and(|context| context.has("seccompProfile")) {
        let message = "non-functional in v1.27+; use the \"seccompProfile\" field instead";
        warnings.push(format!("{}: {message}", path.key(key)));
    }
}

/// A second variable of a name is fine where it builds on the first.
fn variables(container: &Object, path: &Path<'_>, warnings: &mut Vec<String>) {
    let mut seen = Seen::default();
    for (at, variable) in container.objects("env") {
        let (name, value) = (variable.text("name"), variable.text("value"));
        if !seen.again(name) {
            continue;
        }
        let reference = format!("$({name})");
        if variable.has("valueFrom") || value == reference || !value.contains(&reference) {
            warnings.push(format!(
                "{}: hides previous definition of {}, which may be dropped when using apply",
                path.index(at),
                quoted(name)
            ));
        }
    }
}
