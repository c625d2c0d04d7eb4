//! Pods, and what each of their subresources may change.

use super::{conditions, gates, generation, qos, status};
use crate::edit::{self, Edit};
use crate::lifecycle::metadata;
use crate::strategy::Context;
use crate::strategy::conditions::Condition;
use crate::target::Target;
use crate::value::{Object, Value};
use std::collections::HashMap;

const CONTAINER_LISTS: [&str; 2] = ["containers", "initContainers"];

pub(super) fn create(target: Target<'_>, pod: &mut Object, _context: &Context<'_>) {
    let class = qos::class(pod);
    let mut edit = Edit::new(target, pod);
    edit.remove(&["status"]);
    edit.set(&["status", "phase"], "Pending");
    edit.set(&["status", "qosClass"], class);
    gates::drop_disabled(target, pod, None);
    if !edit::items(pod, &["spec", "schedulingGates"]).is_empty() {
        let gated = Condition {
            kind: "PodScheduled",
            status: "False",
            reason: "SchedulingGated",
            message: "Scheduling is blocked due to non-empty scheduling gates",
        };
        conditions::add_to_pod(target, pod, &gated, None);
    }
    merge_match_labels(target, pod);
    take_armor_from_annotations(target, pod);
}

/// Selectors that follow the pod's own labels (`matchLabelKeys`) get their values.
fn merge_match_labels(target: Target<'_>, pod: &mut Object) {
    let labels = edit::object(metadata(pod), &["labels"]).cloned().unwrap_or_default();
    let mut edit = Edit::new(target, pod);
    let Some(mut spec) = edit.at(&["spec"]) else { return };
    spec.each(&["topologySpreadConstraints"], |mut constraint| {
        add_requirements(&mut constraint, "matchLabelKeys", "In", &labels);
    });
    for affinity in ["podAffinity", "podAntiAffinity"] {
        let Some(mut terms) = spec.at(&["affinity", affinity]) else { continue };
        let merge = |term: &mut Edit<'_>| {
            add_requirements(term, "matchLabelKeys", "In", &labels);
            add_requirements(term, "mismatchLabelKeys", "NotIn", &labels);
        };
        terms.each(&["requiredDuringSchedulingIgnoredDuringExecution"], |mut term| {
            merge(&mut term);
        });
        terms.each(&["preferredDuringSchedulingIgnoredDuringExecution"], |mut weighted| {
            if let Some(mut term) = weighted.at(&["podAffinityTerm"]) {
                merge(&mut term);
            }
        });
    }
}

fn add_requirements(term: &mut Edit<'_>, keys: &str, operator: &str, labels: &Object) {
    if edit::object(term.object(), &["labelSelector"]).is_none() {
        return;
    }
    let keys = edit::items(term.object(), &[keys]).iter().filter_map(Value::as_str);
    let added: Vec<Value> = keys
        .filter_map(|key| {
            let mut requirement = Object::new();
            requirement.push("key", key.into());
            requirement.push("operator", operator.into());
            requirement.push("values", Value::Array(vec![labels.get(key)?.clone()]));
            Some(Value::Object(requirement))
        })
        .collect();
    if !added.is_empty() {
        const PATH: &[&str] = &["labelSelector", "matchExpressions"];
        let all = edit::items(term.object(), PATH).iter().cloned().chain(added).collect();
        term.set(PATH, Value::Array(all));
    }
}

const ARMOR_ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";

/// The older way to give containers an AppArmor profile (KEP-24).
fn take_armor_from_annotations(target: Target<'_>, pod: &mut Object) {
    let Some(annotations) = edit::object(metadata(pod), &["annotations"]) else { return };
    let profiles: HashMap<String, Option<Value>> = annotations
        .iter()
        .filter_map(|(name, value)| {
            let container = name.strip_prefix(ARMOR_ANNOTATION)?;
            Some((container.to_owned(), armor_profile(value.as_str()?)))
        })
        .collect();
    if profiles.is_empty() || edit::text(pod, &["spec", "os", "name"]) == "windows" {
        return;
    }
    const FIELD: &[&str] = &["securityContext", "appArmorProfile"];
    let of_pod = edit::at(pod, &["spec", FIELD[0], FIELD[1]]).cloned();
    let mut edit = Edit::new(target, pod);
    let Some(mut spec) = edit.at(&["spec"]) else { return };
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        spec.each(&[list], |mut container| {
            let known = profiles.get(edit::text(container.object(), &["name"]));
            let Some(Some(profile)) = known else { return };
            let is_given = edit::at(container.object(), FIELD).is_some();
            if !is_given && of_pod.as_ref() != Some(profile) {
                container.set(FIELD, profile.clone());
            }
        });
    }
}

/// The profile that an annotation names; nothing for one that would not be valid.
fn armor_profile(annotation: &str) -> Option<Value> {
    let mut profile = Object::new();
    match annotation.split_once('/') {
        Some(("localhost", name)) if !name.is_empty() && name.trim() == name => {
            profile.push("type", "Localhost".into());
            profile.push("localhostProfile", name.into());
        }
        Some(("runtime", "default")) => profile.push("type", "RuntimeDefault".into()),
        None if annotation == "unconfined" => profile.push("type", "Unconfined".into()),
        _ => return None,
    }
    Some(Value::Object(profile))
}

pub(super) fn update_ephemeral_containers(target: Target<'_>, new: &mut Object, old: &Object) {
    let containers = edit::at(new, &["spec", "ephemeralContainers"]).cloned();
    keep_pod(target, new, old);
    let mut edit = Edit::new(target, new);
    match containers {
        Some(containers) => edit.set(&["spec", "ephemeralContainers"], containers),
        None => edit.remove(&["spec", "ephemeralContainers"]),
    }
    gates::drop_disabled(target, new, Some(old));
    generation::count(target, new, old);
}

/// Only resources change. A pod with other containers is left as it is, for validation to refuse.
pub(super) fn resize(target: Target<'_>, new: &mut Object, old: &Object) {
    let count = |pod, list| edit::items(pod, &["spec", list]).len();
    if CONTAINER_LISTS.iter().all(|list| count(new, list) == count(old, list)) {
        let lists = CONTAINER_LISTS.map(|list| (list, resized(new, old, list)));
        let of_pod = edit::at(new, &["spec", "resources"]).cloned();
        keep_pod(target, new, old);
        let mut edit = Edit::new(target, new);
        match of_pod {
            Some(resources) => edit.set(&["spec", "resources"], resources),
            None => edit.remove(&["spec", "resources"]),
        }
        for (list, containers) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            edit.set(&["spec", list], Value::Array(containers));
            edit.each(&["spec", list], |mut one| one.retain(|_| true));
        }
    }
    gates::drop_disabled(target, new, Some(old));
    generation::count(target, new, old);
}

/// The stored containers of a list with new resources; the new ones where names or order differ.
fn resized(new: &Object, old: &Object, list: &str) -> Vec<Value> {
    let (new, old) = (edit::items(new, &["spec", list]), edit::items(old, &["spec", list]));
    if new.iter().zip(old).any(|(new, old)| new.get("name") != old.get("name")) {
        return new.to_vec();
    }
    let merge = |(new, old): (&Value, &Value)| {
        let mut container = old.as_object().cloned().unwrap_or_default();
        for name in ["resources", "resizePolicy"] {
            match new.get(name) {
                Some(value) => drop(container.insert(name, value.clone())),
                None => drop(container.remove(name)),
            }
        }
        Value::Object(container)
    };
    new.iter().zip(old).map(merge).collect()
}

/// The stored pod with the managed fields of the new one.
fn keep_pod(target: Target<'_>, new: &mut Object, old: &Object) {
    let mut edit = Edit::new(target, new);
    edit.copy(&["spec"], old);
    edit.copy(&["status"], old);
    status::reset_metadata(new, old);
}

/// What kubelets that know less leave out is kept.
pub(super) fn update_status(target: Target<'_>, new: &mut Object, old: &Object) {
    crate::lifecycle::set_metadata(new, "deletionTimestamp", None);
    let mut edit = Edit::new(target, new);
    for path in [["status", "qosClass"], ["status", "observedGeneration"]] {
        let is_unset = edit::text(edit.object(), &path).is_empty()
            && edit::int(edit.object(), &path).unwrap_or_default() == 0;
        if is_unset {
            edit.copy(&path, old);
        }
    }
    let mut observed: HashMap<&str, Vec<i64>> = HashMap::new();
    for condition in edit::items(old, &["status", "conditions"]).iter().rev() {
        let kind = condition.get("type").and_then(Value::as_str).unwrap_or_default();
        let generation = condition.get("observedGeneration").and_then(Value::as_i64);
        observed.entry(kind).or_default().push(generation.unwrap_or_default());
    }
    // A type may stand there twice; each takes the next that was stored.
    edit.each(&["status", "conditions"], |mut condition| {
        let kind = edit::text(condition.object(), &["type"]);
        let before = observed.get_mut(kind).and_then(Vec::pop).unwrap_or_default();
        let is_unset =
            edit::int(condition.object(), &["observedGeneration"]).unwrap_or_default() == 0;
        if is_unset && before != 0 {
            condition.set(&["observedGeneration"], before);
        }
    });
}
