//! The group `apps`.

mod controller_revision;
mod daemon_set;
mod deployment;
mod replica_set;
pub(super) mod rollout;
pub(super) mod selected;
mod stateful_set;

use super::Rules;

pub(super) fn rules(kind: &str) -> Option<Rules> {
    Some(match kind {
        "ControllerRevision" => controller_revision::RULES,
        "DaemonSet" => daemon_set::RULES,
        "Deployment" => deployment::RULES,
        "ReplicaSet" => replica_set::RULES,
        "StatefulSet" => stateful_set::RULES,
        _ => return None,
    })
}
