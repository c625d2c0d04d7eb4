//! Where kinds keep the specification of a pod.

use crate::target::Target;

/// The path to the pod's specification, in kinds that have one.
pub fn pod_spec_path(target: Target<'_>) -> Option<&'static [&'static str]> {
    match target.kind() {
        ("", "Pod") => Some(&["spec"]),
        ("", "PodTemplate") => Some(&["template", "spec"]),
        ("", "ReplicationController")
        | ("apps", "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet")
        | ("batch", "Job") => Some(&["spec", "template", "spec"]),
        ("batch", "CronJob") => Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
        _ => None,
    }
}
