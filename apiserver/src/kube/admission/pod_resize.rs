//! PodResizeValidator and NodeDeclaredFeatureValidator: a pod on a node may become only what the
//! node can give it.

use super::pod_resources::{self, Amounts};
use super::{Operation, Plugin, Review};
use std::sync::Arc;
use xebec_core::edit;
use xebec_core::lifecycle;
use xebec_core::quantity::Quantity;
use xebec_core::status::{GroupName, Status};
use xebec_core::value::{Object, Value};

const NODES: GroupName<'static> = GroupName { group: "", name: "nodes" };
const OS_LABEL: &str = "kubernetes.io/os";
/// What a node declares that can change the resources of a pod as a whole.
const POD_LEVEL_RESIZE: &str = "InPlacePodLevelResourcesVerticalScaling";

pub struct PodResizeValidator;

impl Plugin for PodResizeValidator {
    fn name(&self) -> &'static str {
        "PodResizeValidator"
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        let Some((pod, old)) = changed_pod(review, object, &["resize"]) else { return Ok(()) };
        if old.get("spec") == pod.get("spec") {
            return Ok(());
        }
        let Some(node) = node_of(review, pod)? else { return Ok(()) };
        if let Some(why) = lacks(pod, &node) {
            let why = format!("Node didn't have enough allocatable resources: {why}");
            return Err(review.forbidden(why));
        }
        let labels = edit::object(lifecycle::metadata(&node), &["labels"]);
        let os = labels.and_then(|labels| labels.get(OS_LABEL)).and_then(Value::as_str);
        if os != Some("linux") {
            return Err(review.forbidden(format!(
                "pod resize is only supported on linux nodes, node {:?} is {:?}",
                lifecycle::name(&node),
                os.unwrap_or_default()
            )));
        }
        Ok(())
    }
}

pub struct NodeDeclaredFeatureValidator;

impl Plugin for NodeDeclaredFeatureValidator {
    fn name(&self) -> &'static str {
        "NodeDeclaredFeatureValidator"
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        let Some((pod, old)) = changed_pod(review, object, &["", "resize"]) else {
            return Ok(());
        };
        let path = ["spec", "resources"];
        if edit::at(pod, &path) == edit::at(old, &path) {
            return Ok(());
        }
        let Some(node) = node_of(review, pod)? else { return Ok(()) };
        let declared = edit::items(&node, &["status", "declaredFeatures"]);
        if declared.iter().any(|one| one.as_str() == Some(POD_LEVEL_RESIZE)) {
            return Ok(());
        }
        Err(review.forbidden(format!(
            "pod update requires features {POD_LEVEL_RESIZE} which are not available on node {:?}",
            lifecycle::name(&node)
        )))
    }
}

/// A pod that changes through one of these parts, and what it was.
fn changed_pod<'o>(
    review: &Review<'o>,
    object: Option<&'o Object>,
    parts: &[&str],
) -> Option<(&'o Object, &'o Object)> {
    let applies = review.operation == Operation::Update
        && review.target.kind() == ("", "Pod")
        && parts.contains(&review.target.subresource);
    object.filter(|_| applies).zip(review.old)
}

/// The node of a pod that is on one.
fn node_of(review: &Review<'_>, pod: &Object) -> Result<Option<Arc<Object>>, Status> {
    let name = edit::text(pod, &["spec", "nodeName"]);
    if name.is_empty() {
        return Ok(None);
    }
    let node = review.object(NODES, "", name)?;
    node.map(Some).ok_or_else(|| review.forbidden(format!("node {name:?} not found")))
}

/// What a node does not have as much of as a pod asks for.
fn lacks(pod: &Object, node: &Object) -> Option<String> {
    let requests = pod_resources::by_spec(pod, Amounts::Requests);
    let amounts = |name: &str| {
        let has = edit::text(node, &["status", "allocatable", name]);
        let has = Quantity::parse(has).unwrap_or_default();
        (requests.get(name).unwrap_or_default(), has)
    };
    let (cpu, memory) = (amounts("cpu"), amounts("memory"));
    let all = [
        ("cpu", cpu.0.milli_value(), cpu.1.milli_value()),
        ("memory", memory.0.value(), memory.1.value()),
    ];
    let told: Vec<String> = all
        .iter()
        .filter(|(_, asked, has)| asked > has)
        .map(|(name, asked, has)| format!("{name}, requested: {asked}, allocatable: {has}"))
        .collect();
    (!told.is_empty()).then(|| told.join("; "))
}
