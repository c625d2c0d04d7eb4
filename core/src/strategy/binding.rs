//! `pods/binding`: a scheduler says where a pod runs.

use super::conditions::{self, Condition};
use crate::edit::{self, Edit};
use crate::field_error::FieldError;
use crate::lifecycle::{metadata, name, set_metadata, uid};
use crate::status::{GroupName, Status};
use crate::target::Target;
use crate::time::Timestamp;
use crate::value::{Object, Value};

/// Whether a Binding sent to a pod's URL can be followed at all.
pub fn check(binding: &Object, pod_name: &str) -> Result<(), Status> {
    if name(binding) != pod_name {
        return Err(Status::bad_request("name in URL does not match name in Binding object"));
    }
    let mut errors = Vec::new();
    let kind = edit::text(binding, &["target", "kind"]);
    if !matches!(kind, "" | "Node") {
        let supported = ["Node", "<empty>"];
        errors.push(FieldError::not_supported("target.kind", &Value::from(kind), &supported));
    }
    if edit::text(binding, &["target", "name"]).is_empty() {
        errors.push(FieldError::required("target.name", ""));
    }
    let texts: Vec<String> = errors.iter().map(FieldError::to_string).collect();
    match texts.as_slice() {
        [] => Ok(()),
        [one] => Err(Status::unclassified(one)),
        many => Err(Status::unclassified(format!("[{}]", many.join(", ")))),
    }
}

/// The pod on its node. `pod` carries its resourceVersion, which the Binding may ask for.
pub fn bind(
    target: Target<'_>,
    pod: &Object,
    binding: &Object,
    now: Timestamp,
) -> Result<Object, Status> {
    check_preconditions(target, pod, binding)?;
    let pod_name = name(pod);
    let refuse = |why: String| {
        let of = GroupName { group: "", name: "pods/binding" };
        Err(Status::conflict(of, pod_name, why))
    };
    if edit::at(metadata(pod), &["deletionTimestamp"]).is_some() {
        return refuse(format!("pod {pod_name} is being deleted, cannot be assigned to a host"));
    }
    let node = edit::text(pod, &["spec", "nodeName"]);
    if !node.is_empty() {
        return refuse(format!("pod {pod_name} is already assigned to node \"{node}\""));
    }
    if !edit::items(pod, &["spec", "schedulingGates"]).is_empty() {
        return refuse(format!("pod {pod_name} has non-empty .spec.schedulingGates"));
    }
    let mut bound = pod.clone();
    let mut edit = Edit::new(target, &mut bound);
    edit.set(&["spec", "nodeName"], edit::text(binding, &["target", "name"]));
    edit.remove(&["status", "nominatedNodeName"]);
    for name in ["annotations", "labels"] {
        merge(&mut bound, binding, name);
    }
    let scheduled = Condition { kind: "PodScheduled", status: "True", reason: "", message: "" };
    conditions::add_to_pod(target, &mut bound, &scheduled, Some(now));
    Ok(bound)
}

fn check_preconditions(target: Target<'_>, pod: &Object, binding: &Object) -> Result<(), Status> {
    let version = |object| edit::text(metadata(object), &["resourceVersion"]);
    let checks =
        [("UID", uid(binding), uid(pod)), ("ResourceVersion", version(binding), version(pod))];
    for (what, wanted, held) in checks {
        if !wanted.is_empty() && wanted != held {
            let key = target.resource.key(Some(crate::lifecycle::namespace(pod)), name(pod));
            let why = format!(
                "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, \
                 AdditionalErrorMsg: Precondition failed: {what} in precondition: {wanted}, \
                 {what} in object meta: {held}"
            );
            return Err(Status::conflict(target.group_resource(), name(pod), why));
        }
    }
    Ok(())
}

/// What the scheduler tells with a Binding goes to the pod.
fn merge(pod: &mut Object, binding: &Object, field: &str) {
    let Some(added) = edit::object(metadata(binding), &[field]) else { return };
    let mut map = edit::object(metadata(pod), &[field]).cloned().unwrap_or_default();
    map.extend_sorted(added.iter().map(|(key, value)| (key.into(), value.clone())));
    set_metadata(pod, field, Some(Value::Object(map)));
}
