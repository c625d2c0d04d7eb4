//! Deployments, replica sets, stateful sets, daemon sets.

use super::Rule;
use super::draft::Draft;

pub(super) const RULES: &[(&str, Rule)] = &[
    ("DaemonSet", daemon_set),
    ("Deployment", deployment),
    ("ReplicaSet", replica_set),
    ("StatefulSet", stateful_set),
];

const ROLLING_UPDATE: &str = "RollingUpdate";
const REVISIONS_KEPT: i64 = 10;

fn deployment(deployment: &mut Draft<'_>) {
    let mut spec = deployment.child("spec");
    spec.default("replicas", 1);
    let mut strategy = spec.child("strategy");
    strategy.default("type", ROLLING_UPDATE);
    if strategy.text("type") == ROLLING_UPDATE {
        let mut rolling = strategy.child("rollingUpdate");
        rolling.default("maxUnavailable", "25%");
        rolling.default("maxSurge", "25%");
    }
    spec.default("revisionHistoryLimit", REVISIONS_KEPT);
    spec.default("progressDeadlineSeconds", 600);
}

fn replica_set(set: &mut Draft<'_>) {
    set.child("spec").default("replicas", 1);
}

fn daemon_set(set: &mut Draft<'_>) {
    let mut spec = set.child("spec");
    let mut strategy = spec.child("updateStrategy");
    strategy.default("type", ROLLING_UPDATE);
    if strategy.text("type") == ROLLING_UPDATE {
        let mut rolling = strategy.child("rollingUpdate");
        rolling.default("maxUnavailable", 1);
        rolling.default("maxSurge", 0);
    }
    spec.default("revisionHistoryLimit", REVISIONS_KEPT);
}

fn stateful_set(set: &mut Draft<'_>) {
    let mut spec = set.child("spec");
    spec.default("podManagementPolicy", "OrderedReady");
    let mut strategy = spec.child("updateStrategy");
    if strategy.text("type").is_empty() {
        strategy.put("type", ROLLING_UPDATE);
        strategy.child("rollingUpdate");
    }
    if strategy.text("type") == ROLLING_UPDATE
        && let Some(mut rolling) = strategy.present("rollingUpdate")
    {
        rolling.default("partition", 0);
    }
    let mut retention = spec.child("persistentVolumeClaimRetentionPolicy");
    retention.default("whenDeleted", "Retain");
    retention.default("whenScaled", "Retain");
    spec.default("replicas", 1);
    spec.default("revisionHistoryLimit", REVISIONS_KEPT);
}
