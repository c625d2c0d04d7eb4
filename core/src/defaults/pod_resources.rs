//! Resources of a pod as a whole (KEP-2837): what its containers say of them.

use super::draft::Draft;
use crate::quantity::Quantity;
use crate::value::{Lookup, Object, Value};
use std::collections::BTreeMap;

/// Amounts by the names of resources.
type Amounts = BTreeMap<String, Quantity>;

/// Completes the resources of a pod's specification, if it has any.
pub(super) fn complete(spec: &mut Draft<'_>) {
    if !spec.has("resources") {
        return;
    }
    huge_page_limits(spec);
    requests(spec);
}

/// Huge pages cannot be overcommitted: a pod is limited to what its containers are limited to.
fn huge_page_limits(spec: &mut Draft<'_>) {
    let given = spec.child("resources");
    if given.map("limits").is_none() && given.map("requests").is_none() {
        return;
    }
    let requests = given.map("requests").cloned().unwrap_or_default();
    let mut found = of_containers(spec, "limits");
    let mut requested = Lookup::new(&requests);
    found.retain(|name, _| is_huge_pages(name) && requested.get(name).is_none());
    spec.child("resources").fill("limits", &map(found));
}

/// Requests are those of the containers, then the pod's own limits.
fn requests(spec: &mut Draft<'_>) {
    let Some(mut limits) = spec.child("resources").map("limits").cloned() else { return };
    let mut found = of_containers(spec, "requests");
    found.retain(|name, _| matches!(name.as_str(), "cpu" | "memory"));
    limits.retain(|name, _| matches!(name, "cpu" | "memory") || is_huge_pages(name));
    let mut resources = spec.child("resources");
    resources.fill("requests", &map(found));
    resources.fill("requests", &limits);
}

fn is_huge_pages(name: &str) -> bool {
    name.starts_with("hugepages-")
}

fn map(amounts: Amounts) -> Object {
    let text = |amount: Quantity| Value::from(amount.to_string());
    amounts.into_iter().map(|(name, amount)| (name.into(), text(amount))).collect()
}

/// What a pod's containers need together: those that run side by side are added up, and each init
/// container runs beside the ones before it that go on running.
fn of_containers(spec: &Draft<'_>, which: &str) -> Amounts {
    let list = |name| spec.get(name).and_then(Value::as_array).unwrap_or_default();
    let mut total = Amounts::new();
    for container in list("containers") {
        add(&mut total, &amounts(container, which));
    }
    let (mut lasting, mut starting) = (Amounts::new(), Amounts::new());
    for container in list("initContainers") {
        let mut own = amounts(container, which);
        // What this container does not name is what it was, and counted already.
        if container.get("restartPolicy").and_then(Value::as_str) == Some("Always") {
            add(&mut total, &own);
            add(&mut lasting, &own);
            own.iter_mut().for_each(|(name, amount)| *amount = lasting[name]);
        } else {
            for (name, amount) in &mut own {
                *amount = lasting.get(name).map_or(*amount, |beside| amount.plus(*beside));
            }
        }
        raise(&mut starting, &own);
    }
    raise(&mut total, &starting);
    total
}

fn amounts(container: &Value, which: &str) -> Amounts {
    let given = container.get("resources").and_then(|resources| resources.get(which));
    let entries = given.and_then(Value::as_object).into_iter().flat_map(Object::iter);
    entries
        .filter_map(|(name, amount)| {
            Some((name.to_owned(), Quantity::parse(amount.as_str()?).ok()?))
        })
        .collect()
}

fn add(to: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = to.get(name).map_or(*amount, |held| held.plus(*amount));
        to.insert(name.clone(), sum);
    }
}

/// Makes every amount at least what it is in another.
fn raise(to: &mut Amounts, least: &Amounts) {
    for (name, amount) in least {
        if to.get(name).is_none_or(|held| amount > held) {
            to.insert(name.clone(), *amount);
        }
    }
}
