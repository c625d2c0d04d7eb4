//! The quality of service class of a pod: what its requests and limits promise.

use crate::edit;
use crate::quantity::Quantity;
use crate::value::{Object, Value};
use std::cmp::Ordering;

/// The resources that count.
const COUNTED: [&str; 2] = ["cpu", "memory"];

/// Amounts of [`COUNTED`], where there are any above zero.
#[derive(Default)]
struct Amounts([Option<Quantity>; 2]);

impl Amounts {
    fn add(&mut self, resources: Option<&Object>) {
        for (at, name) in COUNTED.iter().enumerate() {
            let amount = resources.and_then(|resources| resources.get(name));
            if let Some(amount) = amount.and_then(Value::as_str).and_then(positive) {
                self.0[at] = Some(match self.0[at] {
                    Some(sum) => sum.plus(amount),
                    None => amount,
                });
            }
        }
    }

    fn are_all(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    fn are_none(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

fn positive(text: &str) -> Option<Quantity> {
    let quantity = Quantity::parse(text).ok()?;
    (!quantity.is_zero() && !quantity.is_negative()).then_some(quantity)
}

/// `Guaranteed`, `Burstable` or `BestEffort`; a class that the pod already carries stands.
pub(super) fn class(pod: &Object) -> String {
    let stated = edit::text(pod, &["status", "qosClass"]);
    if !stated.is_empty() {
        return stated.to_owned();
    }
    let (mut requests, mut limits) = (Amounts::default(), Amounts::default());
    let mut is_limited = true;
    let mut add = |holder: &Object| {
        requests.add(edit::object(holder, &["resources", "requests"]));
        let limits_of = edit::object(holder, &["resources", "limits"]);
        let mut own = Amounts::default();
        own.add(limits_of);
        limits.add(limits_of);
        is_limited &= own.are_all();
    };
    let spec = edit::object(pod, &["spec"]);
    let for_pod = spec.filter(|spec| edit::object(spec, &["resources"]).is_some());
    let has_for_pod = for_pod.is_some();
    if let Some(spec) = for_pod {
        add(spec);
    } else {
        for list in ["containers", "initContainers"] {
            let containers = edit::items(pod, &["spec", list]);
            containers.iter().filter_map(Value::as_object).for_each(&mut add);
        }
    }
    // Limits for the whole pod are asked for only where there are some.
    if has_for_pod && limits_for_pod_are_empty(pod) {
        is_limited = true;
    }
    if requests.are_none() && limits.are_none() {
        return "BestEffort".into();
    }
    let is_covered = |(request, limit): (&Option<Quantity>, &Option<Quantity>)| {
        request.is_none() || request.partial_cmp(limit) == Some(Ordering::Equal)
    };
    let covers = requests.0.iter().zip(&limits.0).all(is_covered);
    let as_many = requests.0.iter().flatten().count() == limits.0.iter().flatten().count();
    if is_limited && covers && as_many { "Guaranteed".into() } else { "Burstable".into() }
}

fn limits_for_pod_are_empty(pod: &Object) -> bool {
    edit::object(pod, &["spec", "resources", "limits"]).is_none_or(Object::is_empty)
}
