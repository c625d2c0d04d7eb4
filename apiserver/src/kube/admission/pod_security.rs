//! PodSecurity: which pods a namespace takes, by the levels that its labels name.
//!
//! A pod below the enforced level is refused; below the level of warnings it is let in with one,
//! and so is what makes pods. A namespace whose labels become stricter is told which of its pods
//! would be refused. Containers, init containers and ephemeral containers are checked alike.

mod baseline;
mod baseline_fields;
mod policy;
mod registry;
mod restricted;
mod subject;

use super::{Operation, Plugin, Review};
use crate::kube::storage::Storage;
use policy::{LABEL_PREFIX, Level, LevelVersion, Policy};
use std::collections::{BTreeMap, HashSet};
use subject::Subject;
use xebec_core::edit;
use xebec_core::lifecycle;
use xebec_core::status::{GroupName, Status};
use xebec_core::value::{Object, Value};

const NAMESPACES: GroupName<'static> = GroupName { group: "", name: "namespaces" };
const PODS: GroupName<'static> = GroupName { group: "", name: "pods" };
/// Pods of a namespace that are looked at when its labels change: upstream's limit.
const EXISTING_PODS_MAX: usize = 3_000;
/// Parts of a pod that do not change what its containers may do.
const HARMLESS_PARTS: [&str; 8] =
    ["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"];

pub struct PodSecurity;

impl Plugin for PodSecurity {
    fn name(&self) -> &'static str {
        "PodSecurity"
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        let Some(object) = object.filter(|_| review.operation != Operation::Delete) else {
            return Ok(());
        };
        match review.target.kind() {
            ("", "Namespace") if review.target.subresource.is_empty() => {
                self.judge_namespace(review, object)
            }
            ("", "Pod") if !HARMLESS_PARTS.contains(&review.target.subresource) => {
                self.judge_pod(review, object)
            }
            (group, kind) if review.target.subresource.is_empty() => {
                let Some(path) = template(group, kind) else { return Ok(()) };
                self.judge_template(review, edit::object(object, path))
            }
            _ => Ok(()),
        }
    }
}

/// Where what makes pods says what they are like.
fn template(group: &str, kind: &str) -> Option<&'static [&'static str]> {
    match (group, kind) {
        ("", "PodTemplate") => Some(&["template"]),
        ("", "ReplicationController")
        | ("apps", "ReplicaSet" | "Deployment" | "StatefulSet" | "DaemonSet")
        | ("batch", "Job") => Some(&["spec", "template"]),
        ("batch", "CronJob") => Some(&["spec", "jobTemplate", "spec", "template"]),
        _ => None,
    }
}

impl PodSecurity {
    fn judge_namespace(&self, review: &mut Review<'_>, new: &Object) -> Result<(), Status> {
        let (policy, errors) = Policy::of(labels(new));
        let old = review.old.map(|old| Policy::of(labels(old)));
        let known = old.as_ref().is_some_and(|(_, known)| !known.is_empty() && *known == errors);
        if !errors.is_empty() && !known {
            return Err(Status::invalid(review.target.group_kind(), review.name, &errors));
        }
        let Some((old, _)) = old else { return Ok(()) };
        let (enforce, before) = (policy.enforce, old.enforce);
        let is_relaxed = enforce.version == before.version && enforce.level <= before.level;
        if enforce == before || enforce.level == Level::Privileged || is_relaxed {
            return Ok(());
        }
        let warnings = warn_of_pods(review, enforce)?;
        review.effects.warnings.extend(warnings);
        Ok(())
    }

    fn judge_pod(&self, review: &mut Review<'_>, pod: &Object) -> Result<(), Status> {
        let Some(policy) = policy_of_namespace(review)? else { return Ok(()) };
        if review.old.is_some_and(|old| !is_significant(pod, old)) {
            return Ok(());
        }
        let Some(subject) = Subject::of(pod) else { return Ok(()) };
        let violations = registry::violations(policy.enforce, &subject);
        if !violations.is_empty() {
            let why = format!(
                "violates PodSecurity \"{}\": {}",
                policy.enforce,
                registry::details(&violations)
            );
            return Err(review.forbidden(why));
        }
        warn(review, &policy, &subject);
        Ok(())
    }

    /// What makes pods is never refused: they are judged when they are made.
    fn judge_template(
        &self,
        review: &mut Review<'_>,
        template: Option<&Object>,
    ) -> Result<(), Status> {
        let Some(subject) = template.and_then(Subject::of) else { return Ok(()) };
        if let Some(policy) = policy_of_namespace(review)? {
            warn(review, &policy, &subject);
        }
        Ok(())
    }
}

fn warn(review: &mut Review<'_>, policy: &Policy, subject: &Subject<'_>) {
    let violations = registry::violations(policy.warn, subject);
    if !violations.is_empty() {
        review.effects.warnings.push(format!(
            "would violate PodSecurity \"{}\": {}",
            policy.warn,
            registry::details(&violations)
        ));
    }
}

fn labels(object: &Object) -> Option<&Object> {
    edit::object(lifecycle::metadata(object), &["labels"])
}

/// The policy of the namespace of what is written; `None` if it allows everything.
fn policy_of_namespace(review: &Review<'_>) -> Result<Option<Policy>, Status> {
    let stored = review.stored(NAMESPACES, "", review.namespace)?;
    let stored = stored.ok_or_else(|| {
        Status::internal(format!("failed to lookup namespace \"{}\"", review.namespace))
    })?;
    // Most namespaces have no such label, and are not worth reading.
    if memchr::memmem::find(&stored.kv.value, LABEL_PREFIX.as_bytes()).is_none() {
        return Ok(None);
    }
    let namespace = review.recent.object(&stored)?;
    let (policy, _) = Policy::of(labels(&namespace));
    let allows_all =
        policy.enforce.level == Level::Privileged && policy.warn.level == Level::Privileged;
    Ok((!allows_all).then_some(policy))
}

/// Whether an update changes what was judged: images, or the containers themselves.
fn is_significant(new: &Object, old: &Object) -> bool {
    let image = |container: &Value| container.get("image").cloned();
    for list in ["containers", "initContainers"] {
        let (new, old) = (edit::items(new, &["spec", list]), edit::items(old, &["spec", list]));
        let same = new.len() == old.len() && new.iter().map(image).eq(old.iter().map(image));
        if !same {
            return true;
        }
    }
    let path = ["spec", "ephemeralContainers"];
    let held = edit::items(old, &path);
    edit::items(new, &path).iter().any(|one| {
        let before = held.iter().find(|held| held.get("name") == one.get("name"));
        before.is_none_or(|before| before.get("image") != one.get("image"))
    })
}

/// Which pods of a namespace violate a level, by the reasons that they share.
fn warn_of_pods(review: &Review<'_>, enforce: LevelVersion) -> Result<Vec<String>, Status> {
    let Some(pods) = review.registry.find_resource(PODS.group, PODS.name) else {
        return Ok(Vec::new());
    };
    let range = pods.key_range(Some(review.name));
    let mut all = Vec::new();
    for stored in Storage::under(review.view, &range) {
        all.push(stored.object()?);
    }
    let total = all.len();
    let checked = prioritized(&all);
    let mut found: BTreeMap<String, (&str, usize)> = BTreeMap::new();
    for pod in checked.iter().take(EXISTING_PODS_MAX) {
        let Some(subject) = Subject::of(pod) else { continue };
        let violations = registry::violations(enforce, &subject);
        if !violations.is_empty() {
            let name = lifecycle::name(pod);
            let entry = found.entry(registry::reasons(&violations)).or_insert((name, 0));
            entry.0 = entry.0.min(name);
            entry.1 += 1;
        }
    }
    let mut warnings = Vec::new();
    if total > EXISTING_PODS_MAX {
        warnings.push(format!(
            "new PodSecurity enforce level only checked against the first {EXISTING_PODS_MAX} of \
             {total} existing pods"
        ));
    }
    if !found.is_empty() {
        warnings.push(format!(
            "existing pods in namespace \"{}\" violate the new PodSecurity enforce level \
             \"{enforce}\"",
            review.name
        ));
    }
    let mut lines: Vec<String> = found
        .iter()
        .map(|(reasons, (name, count))| match count {
            1 => format!("{name}: {reasons}"),
            2 => format!("{name} (and 1 other pod): {reasons}"),
            _ => format!("{name} (and {} other pods): {reasons}", count - 1),
        })
        .collect();
    lines.sort_unstable();
    warnings.append(&mut lines);
    Ok(warnings)
}

/// The first pod of each controller, and those without one, before the others: they are most
/// likely all alike.
fn prioritized(pods: &[Object]) -> Vec<&Object> {
    let mut seen = HashSet::new();
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for pod in pods {
        let mut owners = edit::items(pod, &["metadata", "ownerReferences"]).iter();
        let is_controller =
            |owner: &&Value| owner.get("controller").and_then(Value::as_bool) == Some(true);
        let controller = owners.find(is_controller).and_then(|owner| owner.get("uid")?.as_str());
        match controller {
            Some(uid) if !seen.insert(uid) => others.push(pod),
            _ => first.push(pod),
        }
    }
    first.append(&mut others);
    first
}
