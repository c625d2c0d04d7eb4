//! Tables of the core group, pods apart; events of `events.k8s.io` too.

use super::format::{
    NONE, UNSET, access_modes, condition, containers, host_port, joined, labels, load_balancer,
};
use super::kinds::{AGE, CONTAINERS, Cells, Column, Doc, IMAGES, Kind, NAME, Row, integer, string};
use super::pod::POD;
use super::tree::Tree;
use std::collections::BTreeSet;

macro_rules! core {
    ($name:literal) => {
        concat!("k8s.io.api.core.v1.", $name)
    };
}

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    Some(match kind {
        "ComponentStatus" => &COMPONENT_STATUS,
        "ConfigMap" => &CONFIG_MAP,
        "Endpoints" => &ENDPOINTS,
        "Event" => &EVENT,
        "Namespace" => &NAMESPACE,
        "Node" => &NODE,
        "PersistentVolume" => &PERSISTENT_VOLUME,
        "PersistentVolumeClaim" => &PERSISTENT_VOLUME_CLAIM,
        "Pod" => &POD,
        "PodTemplate" => &POD_TEMPLATE,
        "ReplicationController" => &REPLICATION_CONTROLLER,
        "ResourceQuota" => &RESOURCE_QUOTA,
        "Secret" => &SECRET,
        "Service" => &SERVICE,
        "ServiceAccount" => &SERVICE_ACCOUNT,
        "Status" => &STATUS,
        _ => return None,
    })
}

const COMPONENT_STATUS: Kind = Kind::new(
    &[
        NAME,
        string("Status", Doc::Text("Status of the component conditions")),
        string("Message", Doc::Text("Message of the component conditions")),
        string("Error", Doc::Text("Error of the component conditions")),
    ],
    |row, cells| {
        let healthy = condition(row.at("conditions"), "Healthy");
        let status = healthy.map(|one| one.at("status").text() == "True");
        let text = |name| healthy.map_or("", |one| one.at(name).text());
        cells
            .push(row.name())
            .push(status.map_or("Unknown", |ok| if ok { "Healthy" } else { "Unhealthy" }))
            .push(text("message"))
            .push(text("error"));
    },
);

const CONFIG_MAP: Kind = Kind::new(
    &[NAME, string("Data", Doc::Field(core!("ConfigMap"), "data")), AGE],
    |row, cells| {
        let count = row.at("data").len() + row.at("binaryData").len();
        cells.push(row.name()).push(count).push(row.age());
    },
);

const ENDPOINTS: Kind = Kind::new(
    &[NAME, string("Endpoints", Doc::Field(core!("Endpoints"), "subsets")), AGE],
    |row, cells| {
        cells.push(row.name()).push(endpoints(row)).push(row.age());
    },
);

/// The first three addresses with their ports, and how many more there are.
fn endpoints(row: &Row<'_>) -> String {
    const SHOWN: usize = 3;
    let subsets = row.at("subsets");
    if subsets.len() == 0 {
        return NONE.to_owned();
    }
    let mut found = Vec::new();
    for subset in subsets.items() {
        let addresses = subset.at("addresses").items().map(|one| one.at("ip").text());
        let ports = subset.at("ports").items();
        if ports.len() == 0 {
            found.extend(addresses.clone().map(str::to_owned));
        }
        for port in ports {
            let port = port.at("port").int();
            found.extend(addresses.clone().map(|address| host_port(address, port)));
        }
    }
    let head = found[..found.len().min(SHOWN)].join(",");
    match found.len() {
        count if count > SHOWN => format!("{head} + {} more...", count - SHOWN),
        _ => head,
    }
}

const EVENT: Kind = Kind::new(
    &[
        string("Last Seen", Doc::Field(core!("Event"), "lastTimestamp")),
        string("Type", Doc::Field(core!("Event"), "type")),
        string("Reason", Doc::Field(core!("Event"), "reason")),
        string("Object", Doc::Field(core!("Event"), "involvedObject")),
        string("Subobject", Doc::Field(core!("ObjectReference"), "fieldPath")).wide(),
        string("Source", Doc::Field(core!("Event"), "source")).wide(),
        string("Message", Doc::Field(core!("Event"), "message")),
        string("First Seen", Doc::Field(core!("Event"), "firstTimestamp")).wide(),
        string("Count", Doc::Field(core!("Event"), "count")).wide(),
        NAME.wide(),
    ],
    event,
);

/// Fields of an event by their names in the core group and in `events.k8s.io`.
fn event(row: &Row<'_>, cells: &mut Cells) {
    let either = |old: &str, new: &str| {
        let found = row.at(old);
        if found.is_set() { found } else { row.at(new) }
    };
    let first = either("firstTimestamp", "deprecatedFirstTimestamp");
    let first = row.since(if first.is_set() { first } else { row.at("eventTime") });
    let last = either("lastTimestamp", "deprecatedLastTimestamp");
    let mut last = if last.is_set() { row.since(last) } else { first.clone() };
    let mut count = either("count", "deprecatedCount").int().max(1);
    if row.at("series").is_set() {
        last = row.since(row.at("series.lastObservedTime"));
        count = row.at("series.count").int();
    }
    let object = either("involvedObject", "regarding");
    let kind = object.at("kind").text().to_lowercase();
    let target = match object.at("name").text() {
        "" => kind,
        name => format!("{kind}/{name}"),
    };
    let source = either("source", "deprecatedSource");
    let reporter = either("reportingComponent", "reportingController").text();
    let component = source.at("component").text_or(reporter);
    let source = match source.at("host").text_or(row.text("reportingInstance")) {
        "" => component.to_owned(),
        host => format!("{component}, {host}"),
    };
    cells
        .push(last)
        .push(row.text("type"))
        .push(row.text("reason"))
        .push(target)
        .push(object.at("fieldPath").text())
        .push(source)
        .push(either("message", "note").text().trim())
        .push(first)
        .push(count)
        .push(row.name());
}

const NAMESPACE: Kind = Kind::new(
    &[NAME, string("Status", Doc::Text("The status of the namespace")), AGE],
    |row, cells| {
        cells.push(row.name()).push(row.text("status.phase")).push(row.age());
    },
);

const NODE: Kind = Kind::new(
    &[
        NAME,
        string("Status", Doc::Text("The status of the node")),
        string("Roles", Doc::Text("The roles of the node")),
        AGE,
        string("Version", Doc::Field(core!("NodeSystemInfo"), "kubeletVersion")),
        string("Internal-IP", Doc::Field(core!("NodeStatus"), "addresses")).wide(),
        string("External-IP", Doc::Field(core!("NodeStatus"), "addresses")).wide(),
        string("OS-Image", Doc::Field(core!("NodeSystemInfo"), "osImage")).wide(),
        string("Kernel-Version", Doc::Field(core!("NodeSystemInfo"), "kernelVersion")).wide(),
        string("Container-Runtime", Doc::Field(core!("NodeSystemInfo"), "containerRuntimeVersion"))
            .wide(),
    ],
    node,
);

fn node(row: &Row<'_>, cells: &mut Cells) {
    // Of several conditions of one type the last counts.
    let ready = row.at("status.conditions").items().rfind(|one| one.at("type").text() == "Ready");
    let mut status = match ready {
        None => "Unknown",
        Some(condition) if condition.at("status").text() == "True" => "Ready",
        Some(_) => "NotReady",
    }
    .to_owned();
    if row.at("spec.unschedulable").flag() {
        status.push_str(",SchedulingDisabled");
    }
    let address = |kind: &str| {
        let mut addresses = row.at("status.addresses").items();
        addresses
            .find(|one| one.at("type").text() == kind)
            .map_or(NONE, |one| one.at("address").text())
    };
    let info = |name: &str| row.at("status.nodeInfo").at(name).text_or("<unknown>");
    cells
        .push(row.name())
        .push(status)
        .push(roles(row.at("metadata.labels")))
        .push(row.age())
        .push(row.text("status.nodeInfo.kubeletVersion"))
        .push(address("InternalIP"))
        .push(address("ExternalIP"))
        .push(info("osImage"))
        .push(info("kernelVersion"))
        .push(info("containerRuntimeVersion"));
}

/// From the labels `node-role.kubernetes.io/<role>` and `kubernetes.io/role=<role>`.
fn roles(labels: Tree<'_>) -> String {
    let mut roles = BTreeSet::new();
    for (label, value) in labels.sorted_fields() {
        if let Some(role) = label.strip_prefix("node-role.kubernetes.io/") {
            roles.insert(role);
        } else if label == "kubernetes.io/role" {
            roles.insert(value.text());
        }
    }
    roles.remove("");
    let roles: Vec<&str> = roles.into_iter().collect();
    if roles.is_empty() { NONE.to_owned() } else { roles.join(",") }
}

const PERSISTENT_VOLUME: Kind = Kind::new(
    &[
        NAME,
        string("Capacity", Doc::Field(core!("PersistentVolumeSpec"), "capacity")),
        string("Access Modes", Doc::Field(core!("PersistentVolumeSpec"), "accessModes")),
        string(
            "Reclaim Policy",
            Doc::Field(core!("PersistentVolumeSpec"), "persistentVolumeReclaimPolicy"),
        ),
        string("Status", Doc::Field(core!("PersistentVolumeStatus"), "phase")),
        string("Claim", Doc::Field(core!("PersistentVolumeSpec"), "claimRef")),
        string("StorageClass", Doc::Text("StorageClass of the pv")),
        string("VolumeAttributesClass", Doc::Text("VolumeAttributesClass of the pv")),
        string("Reason", Doc::Field(core!("PersistentVolumeStatus"), "reason")),
        AGE,
        string("VolumeMode", Doc::Field(core!("PersistentVolumeSpec"), "volumeMode")).wide(),
    ],
    |row, cells| {
        let claim = row.at("spec.claimRef");
        let claim_name = || format!("{}/{}", claim.at("namespace").text(), claim.at("name").text());
        cells
            .push(row.name())
            .push(row.text_or("spec.capacity.storage", "0"))
            .push(access_modes(row.at("spec.accessModes")))
            .push(row.text("spec.persistentVolumeReclaimPolicy"))
            .push(phase(row))
            .push(if claim.is_set() { claim_name() } else { String::new() })
            .push(storage_class(row))
            .push(row.text_or("spec.volumeAttributesClassName", UNSET))
            .push(row.text("status.reason"))
            .push(row.age())
            .push(row.text_or("spec.volumeMode", UNSET));
    },
);

fn phase<'r>(row: &Row<'r>) -> &'r str {
    if row.deleted() { "Terminating" } else { row.text("status.phase") }
}

/// The annotation is older than the field and wins over it.
fn storage_class<'r>(row: &Row<'r>) -> &'r str {
    let annotation = row.at("metadata.annotations").key("volume.beta.kubernetes.io/storage-class");
    if annotation.is_set() { annotation.text() } else { row.text("spec.storageClassName") }
}

const PERSISTENT_VOLUME_CLAIM: Kind = Kind::new(
    &[
        NAME,
        string("Status", Doc::Field(core!("PersistentVolumeClaimStatus"), "phase")),
        string("Volume", Doc::Field(core!("PersistentVolumeClaimSpec"), "volumeName")),
        string("Capacity", Doc::Field(core!("PersistentVolumeClaimStatus"), "capacity")),
        string("Access Modes", Doc::Field(core!("PersistentVolumeClaimStatus"), "accessModes")),
        string("StorageClass", Doc::Text("StorageClass of the pvc")),
        string("VolumeAttributesClass", Doc::Text("VolumeAttributesClass of the pvc")),
        AGE,
        string("VolumeMode", Doc::Field(core!("PersistentVolumeClaimSpec"), "volumeMode")).wide(),
    ],
    |row, cells| {
        let volume = row.text("spec.volumeName");
        let (capacity, modes) = match volume {
            "" => ("", String::new()),
            _ => (
                row.text_or("status.capacity.storage", "0"),
                access_modes(row.at("status.accessModes")),
            ),
        };
        cells
            .push(row.name())
            .push(phase(row))
            .push(volume)
            .push(capacity)
            .push(modes)
            .push(storage_class(row))
            .push(row.text_or("spec.volumeAttributesClassName", UNSET))
            .push(row.age())
            .push(row.text_or("spec.volumeMode", UNSET));
    },
);

const POD_TEMPLATE: Kind = Kind::new(
    &[
        NAME,
        string("Containers", Doc::Text("Names of each container in the template.")),
        string("Images", Doc::Text("Images referenced by each container in the template.")),
        string("Pod Labels", Doc::Text("The labels for the pod template.")),
    ],
    |row, cells| {
        let (names, images) = containers(row.at("template"));
        let labels = labels(row.at("template.metadata.labels"));
        cells.push(row.name()).push(names).push(images).push(labels);
    },
);

const REPLICATION_CONTROLLER: Kind = Kind::new(
    &[
        NAME,
        integer("Desired", Doc::Field(core!("ReplicationControllerSpec"), "replicas")),
        integer("Current", Doc::Field(core!("ReplicationControllerStatus"), "replicas")),
        integer("Ready", Doc::Field(core!("ReplicationControllerStatus"), "readyReplicas")),
        AGE,
        CONTAINERS,
        IMAGES,
        string("Selector", Doc::Field(core!("ReplicationControllerSpec"), "selector")).wide(),
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
            .push(labels(row.at("spec.selector")));
    },
);

const RESOURCE_QUOTA: Kind = Kind::new(
    &[
        NAME,
        string(
            "Request",
            Doc::Text(
                "Request represents a minimum amount of cpu/memory that a container may consume.",
            ),
        ),
        string(
            "Limit",
            Doc::Text(
                "Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node.",
            ),
        ),
        AGE,
    ],
    |row, cells| {
        let used = row.at("status.used");
        let (mut requests, mut limits) = (Vec::new(), Vec::new());
        for (name, hard) in row.at("status.hard").sorted_fields() {
            let text = format!("{name}: {}/{}", used.key(name).text_or("0"), hard.text());
            if name.starts_with("limits.") { &mut limits } else { &mut requests }.push(text);
        }
        cells.push(row.name()).push(requests.join(", ")).push(limits.join(", ")).push(row.age());
    },
);

const SECRET: Kind = Kind::new(
    &[
        NAME,
        string("Type", Doc::Field(core!("Secret"), "type")),
        string("Data", Doc::Field(core!("Secret"), "data")),
        AGE,
    ],
    |row, cells| {
        cells.push(row.name()).push(row.text("type")).push(row.at("data").len()).push(row.age());
    },
);

const SERVICE: Kind = Kind::new(
    &[
        NAME,
        string("Type", Doc::Field(core!("ServiceSpec"), "type")),
        string("Cluster-IP", Doc::Field(core!("ServiceSpec"), "clusterIP")),
        string("External-IP", Doc::Field(core!("ServiceSpec"), "externalIPs")),
        string("Port(s)", Doc::Field(core!("ServiceSpec"), "ports")),
        AGE,
        string("Selector", Doc::Field(core!("ServiceSpec"), "selector")).wide(),
    ],
    |row, cells| {
        let ports: Vec<String> = row.at("spec.ports").items().map(service_port).collect();
        let first = row.at("spec.clusterIPs").items().next();
        cells
            .push(row.name())
            .push(row.text("spec.type"))
            .push(first.map_or(NONE, Tree::text))
            .push(external_ip(row))
            .push(if ports.is_empty() { NONE.to_owned() } else { ports.join(",") })
            .push(row.age())
            .push(labels(row.at("spec.selector")));
    },
);

fn service_port(port: Tree<'_>) -> String {
    let (number, protocol) = (port.at("port").int(), port.at("protocol").text());
    match port.at("nodePort").int() {
        node_port if node_port > 0 => format!("{number}:{node_port}/{protocol}"),
        _ => format!("{number}/{protocol}"),
    }
}

fn external_ip(row: &Row<'_>) -> String {
    let external = joined(row.at("spec.externalIPs"), ",");
    let or = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
    match row.text("spec.type") {
        "ClusterIP" | "NodePort" => or(external, NONE),
        "LoadBalancer" => {
            let addresses = load_balancer(row.at("status.loadBalancer"));
            let all: Vec<String> =
                [addresses, external].into_iter().filter(|text| !text.is_empty()).collect();
            or(all.join(","), "<pending>")
        }
        "ExternalName" => row.text("spec.externalName").to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

const SERVICE_ACCOUNT: Kind = Kind::new(
    &[NAME, string("Secrets", Doc::Field(core!("ServiceAccount"), "secrets")), AGE],
    |row, cells| {
        cells.push(row.name()).push(row.at("secrets").len()).push(row.age());
    },
);

const META_STATUS: &str = "k8s.io.apimachinery.pkg.apis.meta.v1.Status";
const STATUS_COLUMNS: &[Column] = &[
    string("Status", Doc::Field(META_STATUS, "status")),
    string("Reason", Doc::Field(META_STATUS, "reason")),
    string("Message", Doc::Field(META_STATUS, "message")),
];
const STATUS: Kind = Kind::new(STATUS_COLUMNS, |row, cells| {
    cells.push(row.text("status")).push(row.text("reason")).push(row.text("message"));
});
