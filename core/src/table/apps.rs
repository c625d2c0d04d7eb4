//! Tables of `apps`.

use super::format::{NONE, containers, labels, selector, selector_or_none};
use super::kinds::{AGE, CONTAINERS, Doc, IMAGES, Kind, NAME, Row, integer, string};

macro_rules! apps {
    ($name:literal) => {
        concat!("k8s.io.api.apps.v1.", $name)
    };
}

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    Some(match kind {
        "ControllerRevision" => &CONTROLLER_REVISION,
        "DaemonSet" => &DAEMON_SET,
        "Deployment" => &DEPLOYMENT,
        "ReplicaSet" => &REPLICA_SET,
        "StatefulSet" => &STATEFUL_SET,
        _ => return None,
    })
}

const CONTROLLER_REVISION: Kind = Kind::new(
    &[
        NAME,
        string("Controller", Doc::Text("Controller of the object")),
        string("Revision", Doc::Field(apps!("ControllerRevision"), "revision")),
        AGE,
    ],
    |row, cells| {
        cells.push(row.name()).push(controller(row)).push(row.at("revision").int()).push(row.age());
    },
);

/// `statefulset.apps/web`.
fn controller(row: &Row<'_>) -> String {
    let mut owners = row.at("metadata.ownerReferences").items();
    let Some(owner) = owners.find(|owner| owner.at("controller").flag()) else {
        return NONE.to_owned();
    };
    let kind = owner.at("kind").text().to_lowercase();
    match owner.at("apiVersion").text().split_once('/') {
        Some((group, _)) => format!("{kind}.{}/{}", group.to_lowercase(), owner.at("name").text()),
        None => format!("{kind}/{}", owner.at("name").text()),
    }
}

const DAEMON_SET: Kind = Kind::new(
    &[
        NAME,
        integer("Desired", Doc::Field(apps!("DaemonSetStatus"), "desiredNumberScheduled")),
        integer("Current", Doc::Field(apps!("DaemonSetStatus"), "currentNumberScheduled")),
        integer("Ready", Doc::Field(apps!("DaemonSetStatus"), "numberReady")),
        integer("Up-to-date", Doc::Field(apps!("DaemonSetStatus"), "updatedNumberScheduled")),
        integer("Available", Doc::Field(apps!("DaemonSetStatus"), "numberAvailable")),
        string("Node Selector", Doc::Field("k8s.io.api.core.v1.PodSpec", "nodeSelector")),
        AGE,
        CONTAINERS,
        IMAGES,
        string("Selector", Doc::Field(apps!("DaemonSetSpec"), "selector")).wide(),
    ],
    |row, cells| {
        let (names, images) = containers(row.at("spec.template"));
        cells
            .push(row.name())
            .push(row.at("status.desiredNumberScheduled").int())
            .push(row.at("status.currentNumberScheduled").int())
            .push(row.at("status.numberReady").int())
            .push(row.at("status.updatedNumberScheduled").int())
            .push(row.at("status.numberAvailable").int())
            .push(labels(row.at("spec.template.spec.nodeSelector")))
            .push(row.age())
            .push(names)
            .push(images)
            .push(selector_or_none(row.at("spec.selector")));
    },
);

const DEPLOYMENT: Kind = Kind::new(
    &[
        NAME,
        string("Ready", Doc::Text("Number of the pod with ready state")),
        string("Up-to-date", Doc::Field(apps!("DeploymentStatus"), "updatedReplicas")),
        string("Available", Doc::Field(apps!("DeploymentStatus"), "availableReplicas")),
        AGE,
        CONTAINERS,
        IMAGES,
        string("Selector", Doc::Field(apps!("DeploymentSpec"), "selector")).wide(),
    ],
    |row, cells| {
        let (names, images) = containers(row.at("spec.template"));
        let selector = selector(row.at("spec.selector"));
        cells
            .push(row.name())
            .push(ready_of_desired(row))
            .push(row.at("status.updatedReplicas").int())
            .push(row.at("status.availableReplicas").int())
            .push(row.age())
            .push(names)
            .push(images)
            .push(selector.unwrap_or_else(|| "<invalid>".to_owned()));
    },
);

fn ready_of_desired(row: &Row<'_>) -> String {
    format!("{}/{}", row.at("status.readyReplicas").int(), row.at("spec.replicas").int())
}

const REPLICA_SET: Kind = Kind::new(
    &[
        NAME,
        integer("Desired", Doc::Field(apps!("ReplicaSetSpec"), "replicas")),
        integer("Current", Doc::Field(apps!("ReplicaSetStatus"), "replicas")),
        integer("Ready", Doc::Field(apps!("ReplicaSetStatus"), "readyReplicas")),
        AGE,
        CONTAINERS,
        IMAGES,
        string("Selector", Doc::Field(apps!("ReplicaSetSpec"), "selector")).wide(),
    ],
    |row, cells| {
        let (names, images) = containers(row.at("spec.template"));
        cells
            .push(row.name())
            .push(row.at("spec.replicas").int())
            .push(row.at("status.replicas").int())
            .push(row.at("status.readyReplicas").int())
            .push(row.age())
            .push(names)
            .push(images)
            .push(selector_or_none(row.at("spec.selector")));
    },
);

const STATEFUL_SET: Kind = Kind::new(
    &[
        NAME,
        string("Ready", Doc::Text("Number of the pod with ready state")),
        AGE,
        CONTAINERS,
        IMAGES,
    ],
    |row, cells| {
        let (names, images) = containers(row.at("spec.template"));
        cells.push(row.name()).push(ready_of_desired(row)).push(row.age()).push(names).push(images);
    },
);
