//! What a pod needs in all: containers that run side by side add up, those that run one after the
//! other need the most of them.

use super::resource_list::ResourceList;
use xebec_core::edit;
use xebec_core::value::{Object, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amounts {
    Requests,
    Limits,
}

impl Amounts {
    fn field(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Limits => "limits",
        }
    }

    /// What a container, or the pod as a whole, says itself.
    pub fn of(self, holder: &Object) -> ResourceList {
        ResourceList::from_object(edit::object(holder, &["resources", self.field()]))
    }
}

/// By the specification alone, and without the overhead of the pod: what limits are put on.
pub fn by_spec(pod: &Object, amounts: Amounts) -> ResourceList {
    let mut sum = total(pod, |container| amounts.of(container));
    for (name, amount) in of_pod(pod, amounts).iter() {
        sum.set(name, amount);
    }
    sum
}

/// By the specification and what the node has given, with the overhead: what quotas count.
pub fn by_status(pod: &Object, amounts: Amounts) -> ResourceList {
    let is_infeasible = is_resize_infeasible(pod);
    let mut sum = total(pod, |container| {
        let held = status_of(pod, edit::text(container, &["name"]));
        let Some(held) = held.filter(|held| held.get("resources").is_some()) else {
            return amounts.of(container);
        };
        let mut most = amounts.of(held);
        if amounts == Amounts::Requests {
            most.raise(&ResourceList::from_object(edit::object(held, &["allocatedResources"])));
        }
        if !is_infeasible {
            most.raise(&amounts.of(container));
        }
        most
    });
    for (name, amount) in of_pod(pod, amounts).iter() {
        sum.set(name, amount);
    }
    let mut overhead = ResourceList::from_object(edit::object(pod, &["spec", "overhead"]));
    if amounts == Amounts::Limits {
        // What has no limit gets none by its overhead.
        overhead.retain(|name, _| sum.get(name).is_some_and(|limit| !limit.is_zero()));
    }
    sum.add(&overhead);
    sum
}

/// Whether something is said for the pod as a whole.
pub fn has_own(pod: &Object) -> bool {
    [Amounts::Requests, Amounts::Limits].iter().any(|amounts| !of_pod(pod, *amounts).is_empty())
}

/// What is said for the pod as a whole; it counts before its containers' words.
fn of_pod(pod: &Object, amounts: Amounts) -> ResourceList {
    let mut own = edit::object(pod, &["spec"]).map(|spec| amounts.of(spec)).unwrap_or_default();
    own.retain(|name, _| matches!(name, "cpu" | "memory") || name.starts_with("hugepages-"));
    own
}

fn total(pod: &Object, of: impl Fn(&Object) -> ResourceList) -> ResourceList {
    let containers = |list| edit::items(pod, &["spec", list]).iter().filter_map(Value::as_object);
    let mut sum = ResourceList::default();
    for container in containers("containers") {
        sum.add(&of(container));
    }
    // Those that go on running beside all that come later.
    let mut lasting = ResourceList::default();
    let mut most = ResourceList::default();
    for container in containers("initContainers") {
        let own = of(container);
        if edit::text(container, &["restartPolicy"]) == "Always" {
            sum.add(&own);
            lasting.add(&own);
            most.raise(&lasting);
        } else {
            let mut beside = own;
            beside.add(&lasting);
            most.raise(&beside);
        }
    }
    sum.raise(&most);
    sum
}

fn status_of<'p>(pod: &'p Object, name: &str) -> Option<&'p Object> {
    let lists = ["containerStatuses", "initContainerStatuses"];
    let mut all = lists.iter().flat_map(|list| edit::items(pod, &["status", list]));
    all.find(|one| one.get("name").and_then(Value::as_str) == Some(name))?.as_object()
}

fn is_resize_infeasible(pod: &Object) -> bool {
    let mut conditions = edit::items(pod, &["status", "conditions"]).iter();
    let pending = conditions.find(|one| text(one, "type") == "PodResizePending");
    pending.is_some_and(|one| text(one, "reason") == "Infeasible")
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::object::object as pod;

    #[test]
    fn containers_add_up_and_init_containers_need_the_most_of_them() {
        let pod = pod(r#"{"spec":{"containers":[
                {"name":"a","resources":{"requests":{"cpu":"1"}}},
                {"name":"b","resources":{"requests":{"cpu":"500m","memory":"1Gi"}}}],
            "initContainers":[
                {"name":"s","restartPolicy":"Always","resources":{"requests":{"cpu":"1"}}},
                {"name":"i","resources":{"requests":{"cpu":"2"}}}],
            "overhead":{"cpu":"100m"}}}"#);
        assert_eq!(by_spec(&pod, Amounts::Requests).to_string(), "cpu=3,memory=1Gi");
        assert_eq!(by_status(&pod, Amounts::Requests).to_string(), "cpu=3100m,memory=1Gi");
        assert_eq!(by_status(&pod, Amounts::Limits).to_string(), "", "nothing has a limit");
    }

    #[test]
    fn what_the_pod_says_itself_counts_before_its_containers() {
        let pod = pod(r#"{"spec":{"resources":{"requests":{"cpu":"4","example.com/x":"1"}},
            "containers":[{"name":"a","resources":{"requests":{"cpu":"1","memory":"1Gi"}}}]}}"#);
        assert!(has_own(&pod));
        assert_eq!(by_spec(&pod, Amounts::Requests).to_string(), "cpu=4,memory=1Gi");
    }

    #[test]
    fn what_a_node_has_given_counts_until_it_is_given_back() {
        let text = r#"{"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"1"}}}]},
            "status":{"containerStatuses":[{"name":"a","allocatedResources":{"cpu":"2"},
            "resources":{"requests":{"cpu":"3"}}}]CONDITIONS}}"#;
        let shrinking = pod(&text.replace("CONDITIONS", ""));
        assert_eq!(by_status(&shrinking, Amounts::Requests).to_string(), "cpu=3");
        let pending = r#","conditions":[{"type":"PodResizePending","reason":"Infeasible"}]"#;
        let text = text.replace(r#""requests":{"cpu":"1"}}}]}"#, r#""requests":{"cpu":"9"}}}]}"#);
        let refused = pod(&text.replace("CONDITIONS", pending));
        assert_eq!(by_status(&refused, Amounts::Requests).to_string(), "cpu=3");
    }
}
