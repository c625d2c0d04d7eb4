//! LimitRanger: what a namespace's LimitRanges say of containers, pods and claims.
//!
//! Containers that ask for nothing get the defaults; what is below a minimum, above a maximum or
//! too far from its request is refused. Ephemeral containers have no resources and are left alone.

mod constraint;

use super::pod_resources::{self, Amounts};
use super::resource_list::ResourceList;
use super::{Operation, Plugin, Review};
use constraint::{Bounds, Judged};
use xebec_core::edit::{self, Edit};
use xebec_core::lifecycle;
use xebec_core::status::{GroupName, Status};
use xebec_core::value::{Object, Value};

const RANGES: GroupName<'static> = GroupName { group: "", name: "limitranges" };
const ANNOTATION: &str = "kubernetes.io/limit-ranger";
/// Lists of containers, and what the annotation calls one of them.
const CONTAINERS: [(&str, &str); 2] =
    [("containers", "container"), ("initContainers", "init container")];

pub struct LimitRanger;

impl Plugin for LimitRanger {
    fn name(&self) -> &'static str {
        "LimitRanger"
    }

    fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        if limited(review) != Some(Limited::Pod) {
            return Ok(());
        }
        for range in review.all(RANGES, review.namespace)? {
            set_defaults(review, object, &range);
        }
        Ok(())
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        let (Some(limited), Some(object)) = (limited(review), object) else { return Ok(()) };
        for range in review.all(RANGES, review.namespace)? {
            let mut errors = Vec::new();
            for limit in edit::items(&range, &["spec", "limits"]) {
                match limited {
                    Limited::Pod => judge_pod(limit, object, &mut errors),
                    Limited::Claim => judge_claim(limit, object, &mut errors),
                }
            }
            if !errors.is_empty() {
                return Err(review.forbidden(aggregate(errors)));
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limited {
    Pod,
    Claim,
}

/// What a write changes the resources of: containers of a pod are given when it is made, or
/// resized.
fn limited(review: &Review<'_>) -> Option<Limited> {
    let is_going = review
        .old
        .is_some_and(|old| edit::at(lifecycle::metadata(old), &["deletionTimestamp"]).is_some());
    if is_going {
        return None;
    }
    match (review.target.kind(), review.target.subresource, review.operation) {
        (("", "Pod"), "", Operation::Create) | (("", "Pod"), "resize", Operation::Update) => {
            Some(Limited::Pod)
        }
        (("", "PersistentVolumeClaim"), "", Operation::Create | Operation::Update) => {
            Some(Limited::Claim)
        }
        _ => None,
    }
}

/// One error as it is, several in brackets, each once.
fn aggregate(mut errors: Vec<String>) -> String {
    let mut seen = std::collections::HashSet::new();
    errors.retain(|error| seen.insert(error.clone()));
    match errors.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

/// The defaults of a LimitRange for containers, of `default` or `defaultRequest`; of several the
/// last one's.
fn defaults(range: &Object, field: &str) -> Object {
    let mut all = Object::new();
    for limit in
        edit::items(range, &["spec", "limits"]).iter().filter(|one| kind(one) == "Container")
    {
        let given = limit.get(field).and_then(Value::as_object);
        for (name, amount) in given.into_iter().flat_map(Object::iter) {
            all.insert_sorted(name, amount.clone());
        }
    }
    all
}

fn kind(limit: &Value) -> &str {
    limit.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn set_defaults(review: &Review<'_>, pod: &mut Object, range: &Object) {
    let (requests, limits) = (defaults(range, "defaultRequest"), defaults(range, "default"));
    let mut told = Vec::new();
    let mut edit = Edit::new(review.target, pod);
    for (list, called) in CONTAINERS {
        edit.each(&["spec", list], |mut container| {
            let name = edit::text(container.object(), &["name"]).to_owned();
            for (field, word, wanted) in
                [("requests", "request", &requests), ("limits", "limit", &limits)]
            {
                let set = complete(&mut container, field, wanted);
                if !set.is_empty() {
                    told.push(format!("{} {word} for {called} {name}", set.join(", ")));
                }
            }
        });
    }
    if told.is_empty() {
        return;
    }
    let annotations = edit::object(lifecycle::metadata(pod), &["annotations"]);
    let mut annotations = annotations.cloned().unwrap_or_default();
    let text = format!("LimitRanger plugin set: {}", told.join("; "));
    annotations.insert_sorted(ANNOTATION, text.into());
    lifecycle::set_metadata(pod, "annotations", Some(Value::Object(annotations)));
}

/// Adds what a container does not say; returns the names of what was added.
fn complete(container: &mut Edit<'_>, field: &str, wanted: &Object) -> Vec<String> {
    let held = edit::object(container.object(), &["resources", field]);
    let mut all = held.cloned().unwrap_or_default();
    let mut set = Vec::new();
    for (name, amount) in
        wanted.iter().filter(|(name, _)| held.is_none_or(|held| held.get(name).is_none()))
    {
        all.insert_sorted(name, amount.clone());
        set.push(name.to_owned());
    }
    if !set.is_empty() {
        set.sort_unstable();
        container.set(&["resources", field], Value::Object(all));
    }
    set
}

fn judge_pod(limit: &Value, pod: &Object, errors: &mut Vec<String>) {
    let bounds = Bounds::of(limit);
    match kind(limit) {
        "Container" => {
            for (list, _) in CONTAINERS {
                let containers = edit::items(pod, &["spec", list]).iter();
                for container in containers.filter_map(Value::as_object) {
                    let requests = Amounts::Requests.of(container);
                    let limits = Amounts::Limits.of(container);
                    bounds.judge(&Judged { requests, limits }, errors);
                }
            }
        }
        "Pod" => {
            let requests = pod_resources::by_spec(pod, Amounts::Requests);
            let limits = pod_resources::by_spec(pod, Amounts::Limits);
            bounds.judge(&Judged { requests, limits }, errors);
        }
        _ => {}
    }
}

/// Of claims only the requests count.
fn judge_claim(limit: &Value, claim: &Object, errors: &mut Vec<String>) {
    if kind(limit) == "PersistentVolumeClaim" {
        let requests = edit::object(claim, &["spec", "resources", "requests"]);
        Bounds::of(limit).judge_requests(&ResourceList::from_object(requests), errors);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_once() {
        let errors = |all: &[&str]| aggregate(all.iter().map(|one| (*one).to_owned()).collect());
        assert_eq!(errors(&["a", "a"]), "a");
        assert_eq!(errors(&["a", "b", "a"]), "[a, b]");
    }
}
