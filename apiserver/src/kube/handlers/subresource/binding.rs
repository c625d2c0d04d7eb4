//! Binding a pod to a node.

use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::decode::BodyKind;
use crate::kube::found::Found;
use crate::kube::handlers::update::{live, not_found};
use crate::kube::handlers::write::{Attempt, Prepared};
use crate::kube::options::{OptionsKind, WriteOptions};
use crate::kube::reply::{Answer, Reply, success};
use std::sync::Arc;
use xebec_core::edit::Edit;
use xebec_core::field_error::FieldError;
use xebec_core::lifecycle;
use xebec_core::status::{GroupName, Status};
use xebec_core::strategy::conditions::{self, Condition};
use xebec_core::target::Target;
use xebec_core::value::{Object, Value};
use xebec_store::View;

pub async fn create(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let options = WriteOptions::parse(call, OptionsKind::Create)?;
    let binding = BodyKind::of(found).decode(call, options.validation)?.object;
    bind(api, call, found, &binding, options.dry_run).await
}

/// `POST …/bindings`, the form that takes the pod's name from the body.
pub async fn create_legacy(api: &Arc<Api>, call: &mut Call, binding: &Object) -> Answer {
    let dry_run = WriteOptions::parse(call, OptionsKind::Create)?.dry_run;
    lifecycle::name(binding).clone_into(&mut call.info.name);
    "pods".clone_into(&mut call.info.resource);
    "binding".clone_into(&mut call.info.subresource);
    let found = Found::of(&call.info, &api.registry.load())?;
    bind(api, call, &found, binding, dry_run).await
}

async fn bind(
    api: &Arc<Api>,
    call: &Call,
    found: &Found,
    binding: &Object,
    dry_run: bool,
) -> Answer {
    let given = lifecycle::name(binding);
    if !given.is_empty() && given != call.info.name {
        return Err(Status::bad_request("name in URL does not match name in Binding object"));
    }
    let node = target_of(binding, &call.info.name)?;
    let registry = api.registry.load();
    // The pod itself is written, as nobody but the system does it.
    let pods = found.part("binding");
    let attempt = Attempt { api, registry: &registry, call, found: &pods, dry_run };
    attempt.run(|view| prepare(&attempt, view, binding, node)).await?;
    Ok(Reply::Status { code: 201, status: success(201) })
}

/// The node that a binding names.
fn target_of<'b>(binding: &'b Object, name: &str) -> Result<&'b str, Status> {
    let target = binding.get("target");
    let text = |name| target.and_then(|target| target.get(name)).and_then(Value::as_str);
    let mut errors = Vec::new();
    let kind = text("kind").unwrap_or_default();
    if !matches!(kind, "" | "Node") {
        errors.push(FieldError::not_supported(
            "target.kind",
            &Value::from(kind),
            &["Node", "<empty>"],
        ));
    }
    let node = text("name").unwrap_or_default();
    if node.is_empty() {
        errors.push(FieldError::required("target.name", ""));
    }
    if !errors.is_empty() {
        return Err(Status::invalid(GroupName { group: "", name: "Binding" }, name, &errors));
    }
    Ok(node)
}

fn prepare(
    attempt: &Attempt<'_>,
    view: &View,
    binding: &Object,
    node: &str,
) -> Result<Prepared, Status> {
    let live = live(attempt, view)?.ok_or_else(|| not_found(attempt))?;
    let name = &attempt.call.info.name;
    let of = GroupName { group: "", name: "pods/binding" };
    let conflict = |why: String| Err(Status::conflict(of, name, why));
    let (uid, held) = (lifecycle::uid(binding), lifecycle::uid(&live.object));
    if !uid.is_empty() && uid != held {
        return conflict(format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {held}"
        ));
    }
    let metadata = lifecycle::metadata(&live.object);
    if metadata.get("deletionTimestamp").is_some() {
        return conflict(format!("pod {name} is being deleted, cannot be assigned to a host"));
    }
    let spec = live.object.get("spec").and_then(Value::as_object);
    let bound = spec.and_then(|spec| spec.get("nodeName")).and_then(Value::as_str);
    if let Some(bound) = bound.filter(|bound| !bound.is_empty()) {
        return conflict(format!("pod {name} is already assigned to node {bound:?}"));
    }
    let gates = spec.and_then(|spec| spec.get("schedulingGates")).and_then(Value::as_array);
    if gates.is_some_and(|gates| !gates.is_empty()) {
        return conflict(format!("pod {name} has non-empty .spec.schedulingGates"));
    }
    let target = attempt.found.stored();
    let pod = Target { subresource: "", ..target };
    let new = bound_pod(pod, &live.object, binding, node, attempt);
    Ok(Prepared {
        key: attempt.found.resource.key(attempt.namespace(), name),
        object: new,
        expected: live.stored.revision(),
        deletes: false,
        unchanged: false,
        effects: crate::kube::admission::Effects::default(),
    })
}

/// The pod with its node, the annotations of the binding, and the condition that says so.
fn bound_pod(
    target: Target<'_>,
    old: &Object,
    binding: &Object,
    node: &str,
    attempt: &Attempt<'_>,
) -> Object {
    let mut pod = old.clone();
    Edit::new(target, &mut pod).set(&["spec", "nodeName"], node);
    let given = lifecycle::metadata(binding).get("annotations").and_then(Value::as_object);
    if let Some(given) = given.filter(|given| !given.is_empty()) {
        let held = lifecycle::metadata(&pod).get("annotations").and_then(Value::as_object);
        let mut annotations = held.cloned().unwrap_or_default();
        for (name, value) in given.iter() {
            annotations.insert(name, value.clone());
        }
        lifecycle::set_metadata(&mut pod, "annotations", Some(Value::Object(annotations)));
    }
    let condition = Condition { kind: "PodScheduled", status: "True", reason: "", message: "" };
    conditions::set(target, &mut pod, &condition, attempt.call.now);
    pod
}
