//! PodTopologyLabels: a pod on a node carries the labels of the zone and region that it is in.

use super::{Operation, Plugin, Review};
use crate::kube::storage::Storage;
use xebec_core::edit;
use xebec_core::lifecycle;
use xebec_core::registry::Registry;
use xebec_core::status::Status;
use xebec_core::value::{Object, Value};
use xebec_store::View;

const LABELS: [&str; 2] = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

pub struct PodTopologyLabels;

impl Plugin for PodTopologyLabels {
    fn name(&self) -> &'static str {
        "PodTopologyLabels"
    }

    /// A pod that is made on a node; one that is bound later gets them with its Binding.
    fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        if review.operation != Operation::Create || !review.is_of("", "Pod") {
            return Ok(());
        }
        let node = edit::text(object, &["spec", "nodeName"]).to_owned();
        copy_topology_labels(review.view, review.registry, &node, object)
    }
}

/// Copies the labels of a node, if there is such a node, to a pod or a Binding.
pub fn copy_topology_labels(
    view: &View,
    registry: &Registry,
    node: &str,
    to: &mut Object,
) -> Result<(), Status> {
    let nodes = registry.find_resource("", "nodes").filter(|_| !node.is_empty());
    let key = nodes.map(|nodes| nodes.key(None, node));
    let stored = key.map(|key| Storage::read(view, &key)).transpose()?.flatten();
    let Some(node) = stored.map(|stored| stored.object()).transpose()? else { return Ok(()) };
    let Some(labels) = edit::object(lifecycle::metadata(&node), &["labels"]) else {
        return Ok(());
    };
    let held = edit::object(lifecycle::metadata(to), &["labels"]);
    let mut merged = held.cloned().unwrap_or_default();
    let before = merged.clone();
    for name in LABELS {
        if let Some(value) = labels.get(name) {
            merged.insert_sorted(name, value.clone());
        }
    }
    if merged != before {
        lifecycle::set_metadata(to, "labels", Some(Value::Object(merged)));
    }
    Ok(())
}
