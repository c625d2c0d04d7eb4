//! What kinds allow, beside what their strategies do.

use crate::target::Target;

/// What becomes of an object's dependents where the client does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dependents {
    Delete,
    Orphan,
    /// The garbage collector never sees such objects.
    Unsupported,
}

pub(super) fn dependents(target: Target<'_>) -> Dependents {
    match target.kind() {
        ("" | "events.k8s.io", "Event") => Dependents::Unsupported,
        // As they did before there was a garbage collector.
        ("", "ReplicationController") | ("batch", "Job") => Dependents::Orphan,
        _ => Dependents::Delete,
    }
}

/// A PUT creates what is not there.
pub fn allows_create_on_update(target: Target<'_>) -> bool {
    if !target.subresource.is_empty() {
        return false;
    }
    matches!(
        target.kind(),
        ("", "Endpoints" | "Event" | "LimitRange" | "PodTemplate" | "Service")
            | ("events.k8s.io", "Event")
            | ("coordination.k8s.io", "Lease" | "LeaseCandidate")
            | ("node.k8s.io", "RuntimeClass")
            | (
                "rbac.authorization.k8s.io",
                "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding"
            )
    )
}

/// An update need not say which version it replaces.
pub fn allows_unconditional_update(target: Target<'_>) -> bool {
    if target.resource.custom {
        return false;
    }
    !matches!(
        target.kind(),
        ("coordination.k8s.io", "Lease" | "LeaseCandidate")
            | ("policy", "PodDisruptionBudget")
            | ("node.k8s.io", "RuntimeClass")
            | (
                "storage.k8s.io",
                "CSIDriver" | "CSINode" | "CSIStorageCapacity" | "VolumeAttachment"
            )
            | ("apiextensions.k8s.io", _)
            | ("apiregistration.k8s.io", _)
            | ("admissionregistration.k8s.io", _)
            | ("internal.apiserver.k8s.io", _)
            | ("certificates.k8s.io", "ClusterTrustBundle" | "PodCertificateRequest")
    )
}
