//! Eviction: a deletion of a pod that asks its disruption budget first.

use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::decode::BodyKind;
use crate::kube::found::Found;
use crate::kube::handlers::{delete, get};
use crate::kube::limits::CONFLICT_RETRIES_MAX;
use crate::kube::object::{self, Stored};
use crate::kube::options::{OptionsKind, WriteOptions};
use crate::kube::reply::{Answer, Reply, success};
use crate::kube::storage::{Change, Storage};
use std::sync::Arc;
use xebec_core::edit::{self, Edit};
use xebec_core::lifecycle::{self, DeleteOptions};
use xebec_core::selector::LabelSelector;
use xebec_core::status::{Cause, GroupName, Status};
use xebec_core::strategy::conditions::{self, Condition};
use xebec_core::target::Target;
use xebec_core::value::{Object, Value};

/// When a client may try again.
const RETRY_S: u32 = 10;
/// Evictions of a budget that its controller has not confirmed.
const DISRUPTED_PODS_MAX: usize = 2_000;

pub async fn create(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let options = WriteOptions::parse(call, OptionsKind::Create)?;
    let eviction = BodyKind::of(found).decode(call, options.validation)?.object;
    let name = call.info.name.clone();
    if lifecycle::name(&eviction) != name {
        return Err(Status::bad_request("name in URL does not match name in Eviction object"));
    }
    let given = edit::object(&eviction, &["deleteOptions"]);
    let mut deletion = given.map(DeleteOptions::from_object).unwrap_or_default();
    deletion.validate()?;
    if options.dry_run && deletion.dry_run.is_empty() {
        deletion.dry_run.push("All".into());
    }
    let pods = found.part("");
    let pod = get::read(api, call, &pods).await?.object()?;
    if !may_ignore_budget(&pod) {
        take_from_budget(api, call, &pod, deletion.is_dry_run()).await?;
        // What was judged is what is deleted.
        deletion.preconditions.uid.get_or_insert_with(|| lifecycle::uid(&pod).into());
    }
    delete::delete_one(api, call, &pods, (&name, &deletion)).await?;
    Ok(Reply::Status { code: 201, status: success(201) })
}

/// A pod that has ended, not begun, or is going does not count for its budget.
fn may_ignore_budget(pod: &Object) -> bool {
    let phase = edit::at(pod, &["status", "phase"]).and_then(Value::as_str).unwrap_or_default();
    matches!(phase, "Succeeded" | "Failed" | "Pending")
        || lifecycle::metadata(pod).get("deletionTimestamp").is_some()
}

fn is_ready(pod: &Object) -> bool {
    edit::items(pod, &["status", "conditions"]).iter().any(|one| {
        let text = |name| one.get(name).and_then(Value::as_str);
        text("type") == Some("Ready") && text("status") == Some("True")
    })
}

/// Counts the eviction in the pod's budget, or says why it is refused.
async fn take_from_budget(
    api: &Arc<Api>,
    call: &Call,
    pod: &Object,
    dry_run: bool,
) -> Result<(), Status> {
    let registry = api.registry.load();
    let budgets = registry.find_resource("policy", "poddisruptionbudgets");
    let budgets = budgets.ok_or_else(|| Status::internal("no disruption budgets"))?;
    let target = Target { subresource: "status", ..Target::stored(budgets) };
    for _ in 0..CONFLICT_RETRIES_MAX {
        let view = api.storage.view().await?;
        let range = budgets.key_range(Some(&call.info.namespace));
        let mut chosen = Vec::new();
        for stored in Storage::under(&view, &range) {
            let budget = stored.object()?;
            if selects(&budget, pod) {
                chosen.push((stored, budget));
            }
        }
        if chosen.len() > 1 {
            return Err(Status::internal(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource \
                 does not support.",
            ));
        }
        let Some((stored, mut budget)) = chosen.pop() else { return Ok(()) };
        if !count(target, &mut budget, pod, call)? || dry_run {
            return Ok(());
        }
        let change = change(&stored, &budget);
        if api.storage.write_all(vec![change], Vec::new()).await?.is_some() {
            return Ok(());
        }
    }
    Err(too_many("The disruption budget changes too often.".to_owned()))
}

fn change(stored: &Stored, budget: &Object) -> Change {
    let key = String::from_utf8_lossy(&stored.kv.key).into_owned();
    Change { key, expected: stored.revision(), value: Some(object::to_bytes(budget)) }
}

fn selects(budget: &Object, pod: &Object) -> bool {
    let Some(selector) = edit::object(budget, &["spec", "selector"]) else { return false };
    let labels = lifecycle::metadata(pod).get("labels");
    LabelSelector::from_object(selector).is_ok_and(|selector| {
        selector.matches(|name| labels.and_then(|labels| labels.get(name)).and_then(Value::as_str))
    })
}

/// Counts one eviction; false if the pod may go without being counted.
fn count(
    target: Target<'_>,
    budget: &mut Object,
    pod: &Object,
    call: &Call,
) -> Result<bool, Status> {
    let int = |path: &[&str]| edit::int(budget, path).unwrap_or_default();
    let policy = edit::at(budget, &["spec", "unhealthyPodEvictionPolicy"]).and_then(Value::as_str);
    if !is_ready(pod) {
        let has_budget = int(&["status", "currentHealthy"]) >= int(&["status", "desiredHealthy"])
            && int(&["status", "desiredHealthy"]) > 0;
        if policy == Some("AlwaysAllow") || (policy != Some("AlwaysAllow") && has_budget) {
            return Ok(false);
        }
    }
    let name = lifecycle::name(budget).to_owned();
    if int(&["status", "observedGeneration"]) < int(&["metadata", "generation"]) {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(too_many(why));
    }
    let allowed = int(&["status", "disruptionsAllowed"]);
    let of = GroupName { group: "policy", name: "poddisruptionbudget" };
    if allowed < 0 {
        return Err(Status::forbidden(of, &name, "pdb disruptions allowed is negative"));
    }
    let disrupted = edit::object(budget, &["status", "disruptedPods"]);
    if disrupted.is_some_and(|pods| pods.len() > DISRUPTED_PODS_MAX) {
        let why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
        return Err(Status::forbidden(of, &name, why));
    }
    if allowed == 0 {
        let (needs, has) = (int(&["status", "desiredHealthy"]), int(&["status", "currentHealthy"]));
        let why = format!(
            "The disruption budget {name} needs {needs} healthy pods and has {has} currently"
        );
        return Err(too_many(why));
    }
    let mut disrupted = disrupted.cloned().unwrap_or_default();
    disrupted.insert(lifecycle::name(pod), call.now.to_seconds_text().into());
    let mut edit = Edit::new(target, budget);
    edit.set(&["status", "disruptionsAllowed"], Value::Int(allowed - 1));
    edit.set(&["status", "disruptedPods"], Value::Object(disrupted));
    if allowed == 1 {
        let condition = Condition {
            kind: "DisruptionAllowed",
            status: "False",
            reason: "InsufficientPods",
            message: "",
        };
        conditions::set(target, budget, &condition, call.now);
    }
    Ok(true)
}

fn too_many(message: String) -> Status {
    let text = "Cannot evict pod as it would violate the pod's disruption budget.";
    let cause = Cause { reason: "DisruptionBudget".to_owned(), message, field: String::new() };
    Status::too_many_requests(text, RETRY_S).with_cause(cause)
}
