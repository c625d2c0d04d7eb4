//! `pods/eviction`: a deletion that disruption budgets may put off (KEP-85).
//!
//! The caller reads the pod and the budgets of its namespace, asks [`decide`], stores the budget
//! that it returns, marks the pod ([`mark`]) and deletes it.

use super::conditions::{self, Condition};
use crate::edit::{self, Edit};
use crate::field_error::quoted;
use crate::lifecycle::{DeleteOptions, metadata, name};
use crate::status::{Cause, GroupName, Status};
use crate::target::Target;
use crate::time::Timestamp;
use crate::validation::labels;
use crate::value::{Object, Value};

/// How many evictions may wait for the budget's controller to see them.
const DISRUPTED_PODS_MAX: usize = 2_000;

/// What an eviction does.
#[derive(Debug, Clone, PartialEq)]
pub enum Eviction {
    /// Delete the pod. `same_version` binds the deletion to the version of the pod that was looked
    /// at, unless the client named one; where it has changed since, `conflict` is the answer.
    Delete { same_version: bool, conflict: Option<Box<Status>> },
    /// Store this budget first, then delete the pod.
    Spend { budget: Object },
}

/// The options of the deletion: those in the body, made a dry run by the request's.
pub fn options(eviction: &Object, dry_run: &[Box<str>]) -> Result<DeleteOptions, Status> {
    let given = edit::object(eviction, &["deleteOptions"]);
    let mut options = given.map(DeleteOptions::from_object).unwrap_or_default();
    if dry_run.is_empty() {
        return Ok(options);
    }
    if options.dry_run.is_empty() {
        options.dry_run = dry_run.to_vec();
    }
    if options.dry_run != dry_run {
        let list = |texts: &[Box<str>]| format!("[{}]", texts.join(" "));
        let (asked, given) = (list(dry_run), list(&options.dry_run));
        return Err(Status::unclassified(format!(
            "Non-matching dry-run options in request and content: {asked} and {given}"
        )));
    }
    Ok(options)
}

/// Whether an Eviction sent to a pod's URL can be followed at all.
pub fn check(eviction: &Object, pod_name: &str) -> Result<(), Status> {
    if name(eviction) == pod_name {
        return Ok(());
    }
    Err(Status::bad_request("name in URL does not match name in Eviction object"))
}

/// Decides on evicting a pod; `budgets` are those of its namespace. `target` is the budgets'.
pub fn decide(
    target: Target<'_>,
    pod: &Object,
    budgets: &[Object],
    now: Timestamp,
) -> Result<Eviction, Status> {
    let phase = edit::text(pod, &["status", "phase"]);
    let is_over = matches!(phase, "Succeeded" | "Failed")
        || edit::at(metadata(pod), &["deletionTimestamp"]).is_some();
    if is_over || phase == "Pending" {
        return Ok(Eviction::Delete { same_version: !is_over, conflict: None });
    }
    let mut matching = budgets.iter().filter(|budget| guards(budget, pod));
    let Some(budget) = matching.next() else {
        return Ok(Eviction::Delete { same_version: false, conflict: None });
    };
    if matching.next().is_some() {
        return Err(Status::unclassified(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does \
             not support.",
        ));
    }
    if !is_ready(pod) && allows_unhealthy(budget) {
        let conflict = Some(Box::new(try_later(name(budget))));
        return Ok(Eviction::Delete { same_version: true, conflict });
    }
    spend(target, budget, name(pod), now)
}

/// A pod without labels is guarded by no budget.
fn guards(budget: &Object, pod: &Object) -> bool {
    let Some(labels_of) = edit::object(metadata(pod), &["labels"]) else { return false };
    let Some(selector) = edit::object(budget, &["spec", "selector"]) else { return false };
    labels::takes(selector, labels_of)
}

fn is_ready(pod: &Object) -> bool {
    let text = |one: &Value, name| one.get(name).and_then(Value::as_str).map(str::to_owned);
    edit::items(pod, &["status", "conditions"]).iter().any(|one| {
        text(one, "type").as_deref() == Some("Ready")
            && text(one, "status").as_deref() == Some("True")
    })
}

/// A pod that is not ready spends nothing where the budget says so or is not in need.
fn allows_unhealthy(budget: &Object) -> bool {
    let count = |name| edit::int(budget, &["status", name]).unwrap_or_default();
    edit::text(budget, &["spec", "unhealthyPodEvictionPolicy"]) == "AlwaysAllow"
        || (count("currentHealthy") >= count("desiredHealthy") && count("desiredHealthy") > 0)
}

const REFUSAL: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

fn refuse(retry_after_s: u32, why: String) -> Status {
    let cause = Cause { reason: "DisruptionBudget".into(), message: why, ..Cause::default() };
    Status::too_many_requests(REFUSAL, retry_after_s).with_cause(cause)
}

fn try_later(budget: &str) -> Status {
    refuse(10, format!("The disruption budget {budget} is still being processed by the server."))
}

fn spend(
    target: Target<'_>,
    budget: &Object,
    pod: &str,
    now: Timestamp,
) -> Result<Eviction, Status> {
    let count = |name| edit::int(budget, &["status", name]).unwrap_or_default();
    let generation = edit::int(metadata(budget), &["generation"]).unwrap_or_default();
    let of = GroupName { group: "policy", name: "poddisruptionbudget" };
    if count("observedGeneration") < generation {
        return Err(try_later(name(budget)));
    }
    let allowed = count("disruptionsAllowed");
    if allowed < 0 {
        return Err(Status::forbidden(of, name(budget), "pdb disruptions allowed is negative"));
    }
    const PODS: &[&str] = &["status", "disruptedPods"];
    let mut pods = edit::object(budget, PODS).cloned().unwrap_or_default();
    if pods.len() > DISRUPTED_PODS_MAX {
        let why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
        return Err(Status::forbidden(of, name(budget), why));
    }
    if allowed == 0 {
        return Err(exhausted(budget, count("desiredHealthy"), count("currentHealthy")));
    }
    pods.insert_sorted(pod, now.to_seconds_text().into());
    let mut spent = budget.clone();
    let mut edit = Edit::new(target, &mut spent);
    edit.set(&["status", "disruptionsAllowed"], allowed - 1);
    edit.set(PODS, Value::Object(pods));
    if allowed == 1 {
        let insufficient = Condition {
            kind: "DisruptionAllowed",
            status: "False",
            reason: "InsufficientPods",
            message: "",
        };
        conditions::set(target, &mut spent, &insufficient, now);
        Edit::new(target, &mut spent).each(&["status", "conditions"], |mut one| {
            if edit::text(one.object(), &["type"]) == "DisruptionAllowed" {
                one.set(&["observedGeneration"], generation);
            }
        });
    }
    Ok(Eviction::Spend { budget: spent })
}

fn exhausted(budget: &Object, desired: i64, current: i64) -> Status {
    let conditions = edit::items(budget, &["status", "conditions"]);
    let text =
        |one: &Value, name| one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let failed = conditions.iter().find(|one| {
        text(one, "type") == "DisruptionAllowed" && text(one, "reason") == "SyncFailed"
    });
    let name = name(budget);
    let why = match failed {
        Some(condition) => format!(
            "The disruption budget {name} does not allow evicting pods currently because it \
             failed sync: {}",
            text(condition, "message")
        ),
        None => format!(
            "The disruption budget {name} needs {desired} healthy pods and has {current} currently"
        ),
    };
    refuse(0, why)
}

/// Conflicts over a budget that went on for too long.
pub fn budget_is_contended(budget: &str) -> Status {
    let why = format!("couldn't update PodDisruptionBudget {} due to conflicts", quoted(budget));
    Status::timeout(why, 10)
}

/// The pod as it is stored before it is deleted, so that its owner sees why it went.
pub fn mark(target: Target<'_>, pod: &Object, now: Timestamp) -> Object {
    let mut marked = pod.clone();
    let evicted = Condition {
        kind: "DisruptionTarget",
        status: "True",
        reason: "EvictionByEvictionAPI",
        message: "Eviction API: evicting",
    };
    conditions::add_to_pod(target, &mut marked, &evicted, Some(now));
    marked
}
