//! Where an object that we made differs from the recorded one, but for what others decide.

use xebec_core::value::{Object, Value};

/// What admission and allocation add, by kind.
const OTHERS: &[(&str, &str)] = &[
    ("Pod", ".spec.priority"),
    ("Pod", ".spec.preemptionPolicy"),
    ("Pod", ".spec.serviceAccountName"),
    ("Pod", ".spec.serviceAccount"),
    ("Pod", ".spec.tolerations"),
    ("Pod", ".spec.volumes"),
    ("Pod", ".spec.containers.volumeMounts"),
    ("Pod", ".spec.initContainers.volumeMounts"),
    ("Pod", ".spec.ephemeralContainers.volumeMounts"),
    ("Pod", ".metadata.annotations"),
    ("Node", ".spec.taints"),
    ("PersistentVolume", ".metadata.finalizers"),
    ("PersistentVolumeClaim", ".metadata.finalizers"),
    ("PersistentVolumeClaim", ".spec.storageClassName"),
    ("Service", ".spec.clusterIP"),
    ("Service", ".spec.clusterIPs"),
    ("Service", ".spec.ipFamilies"),
    ("Service", ".spec.ipFamilyPolicy"),
    ("Service", ".spec.ports.nodePort"),
    ("Service", ".spec.healthCheckNodePort"),
    ("CertificateSigningRequest", ".spec.username"),
    ("CertificateSigningRequest", ".spec.uid"),
    ("CertificateSigningRequest", ".spec.groups"),
    ("CertificateSigningRequest", ".spec.extra"),
    ("CustomResourceDefinition", ".status.conditions"),
    ("CustomResourceDefinition", ".status.acceptedNames"),
    ("ServiceCIDR", ".status.conditions"),
    ("ServiceCIDR", ".metadata.finalizers"),
    ("FlowSchema", ".status.conditions"),
    ("PriorityLevelConfiguration", ".status.conditions"),
];

/// The first differences of two objects in normal form.
pub fn differences(got: &Object, wanted: &Object) -> Result<(), String> {
    let kind = wanted.get("kind").and_then(Value::as_str).unwrap_or_default();
    let mut found = Vec::new();
    objects((kind, ""), got, wanted, &mut found);
    found.truncate(4);
    if found.is_empty() { Ok(()) } else { Err(found.join("; ")) }
}

/// Of one run of the server alone, or set elsewhere.
fn is_foreign(kind: &str, path: &str) -> bool {
    matches!(
        path,
        ".metadata.uid"
            | ".metadata.resourceVersion"
            | ".metadata.managedFields"
            | ".metadata.creationTimestamp"
            | ".metadata.deletionTimestamp"
    ) || OTHERS.contains(&(kind, path))
}

fn objects(at: (&str, &str), got: &Object, wanted: &Object, found: &mut Vec<String>) {
    let (kind, path) = at;
    let names: Vec<&str> = wanted.iter().chain(got.iter()).map(|(name, _)| name).collect();
    let mut seen = Vec::with_capacity(names.len());
    for name in names {
        let below = format!("{path}.{name}");
        if seen.contains(&name) || is_foreign(kind, &below) {
            continue;
        }
        seen.push(name);
        match (got.get(name), wanted.get(name)) {
            (Some(got), Some(wanted)) => values((kind, &below), got, wanted, found),
            (got, wanted) => found.push(format!("{below}: {got:?}, wanted {wanted:?}")),
        }
    }
}

fn values(at: (&str, &str), got: &Value, wanted: &Value, found: &mut Vec<String>) {
    match (got, wanted) {
        (Value::Object(got), Value::Object(wanted)) => objects(at, got, wanted, found),
        (Value::Array(got), Value::Array(wanted)) if got.len() == wanted.len() => {
            got.iter().zip(wanted).for_each(|(got, wanted)| values(at, got, wanted, found));
        }
        _ if got == wanted => {}
        _ => found.push(format!("{}: {got:?}, wanted {wanted:?}", at.1)),
    }
}
