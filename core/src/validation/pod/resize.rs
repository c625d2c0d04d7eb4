//! A resize: what a running pod's containers ask for, and nothing else, changes.

use super::super::Errors;
use super::super::fields::{Fields, metadata, same, same_objects};
use super::super::meta;
use super::super::path::Path;
use super::update::put;
use super::{Options, annotations};
use crate::field_error::FieldError;
use crate::target::Target;
use crate::validation::check;
use crate::value::{Lookup, Object, Value};

pub(super) fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    let options = Options::new(true, Some(old));
    if metadata(old).part("annotations").has(annotations::MIRROR) {
        errors.push(FieldError::forbidden("", "static pods cannot be resized"));
        return;
    }
    if old.part("spec").part("os").text("name") == "windows" {
        errors.push(FieldError::forbidden("", "windows pods cannot be resized"));
        return;
    }
    let before = errors.len();
    meta::on_update(new, old, errors);
    super::metadata_and_spec(target, new, &options, errors);
    let path = Path::root("spec");
    let held = old.part("status").text("qosClass");
    let held = if held.is_empty() { quality(old.part("spec")) } else { held };
    if held != quality(new.part("spec")) {
        let shown = new.part("status").text("qosClass");
        let detail = "Pod QOS Class may not change as a result of resizing";
        errors.push(FieldError::invalid(path, shown, detail));
    }
    if !is_supported(old.part("status")) {
        let detail = "Pod running on node without support for resize";
        errors.push(FieldError::forbidden(path, detail));
    }
    let status = old.part("status");
    let (new, old) = (new.part("spec"), old.part("spec"));
    let mut rest = new.clone();
    pod_level(&mut rest, new, old, &path, errors);
    if !status.list("nodeAllocatableResourceClaimStatuses").is_empty() {
        let detail = "pods with node allocatable resource claims cannot be resized";
        errors.push(FieldError::forbidden(path, detail));
    }
    if !same_order(new, old, &path, errors) {
        return;
    }
    for name in ["initContainers", "containers"] {
        kept_names(new, old, name, &path, errors);
    }
    only_compute(&mut rest, old, &path, errors);
    if errors.len() == before && !same_objects(&rest, old) {
        errors.push(FieldError::forbidden(path, "only cpu and memory resources are mutable"));
    }
}

/// The class of service that requests and limits make.
fn quality(spec: &Object) -> &'static str {
    let own = spec.part("resources");
    if !own.part("requests").is_empty() || !own.part("limits").is_empty() {
        return class([own].into_iter());
    }
    let lists = ["containers", "initContainers"];
    let all = lists.into_iter().flat_map(|name| spec.objects(name));
    class(all.map(|(_, container)| container.part("resources")))
}

fn class<'r>(resources: impl Iterator<Item = &'r Object>) -> &'static str {
    let (mut asks, mut guaranteed) = (false, true);
    for one in resources {
        for name in ["cpu", "memory"] {
            let request = check::quantity(one.part("requests").value(name));
            let limit = check::quantity(one.part("limits").value(name));
            asks |= !request.is_zero() || !limit.is_zero();
            guaranteed &=
                !limit.is_zero() && request.partial_cmp(&limit).is_some_and(|o| o.is_eq());
        }
    }
    match (asks, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// Whether the node resizes, as far as a running container tells.
fn is_supported(status: &Object) -> bool {
    let mut running =
        status.objects("containerStatuses").filter(|(_, one)| one.part("state").has("running"));
    running.next().is_none_or(|(_, one)| one.has("resources"))
}

/// Resources of the whole pod: they may grow and shrink, and not go.
fn pod_level(rest: &mut Object, new: &Object, old: &Object, path: &Path<'_>, errors: &mut Errors) {
    let is_set = |spec: &Object| {
        let own = spec.part("resources");
        !own.part("requests").is_empty() || !own.part("limits").is_empty()
    };
    if !is_set(new) && !is_set(old) {
        return;
    }
    let resources = path.child("resources");
    if old.has("resources") && !new.has("resources") {
        let detail = "pod-level resources cannot be removed";
        errors.push(FieldError::forbidden(resources, detail));
        return;
    }
    for name in ["requests", "limits"] {
        if removes(new.part("resources").part(name), old.part("resources").part(name)) {
            let detail = format!("pod-level resource {name} cannot be removed");
            errors.push(FieldError::forbidden(resources.child(name), &detail));
        }
    }
    let mut own = new.part("resources").clone();
    take_compute(&mut own, old.part("resources"));
    let is_empty = ["requests", "limits"].iter().all(|name| own.part(name).is_empty())
        && own.list("claims").is_empty();
    let own = (old.has("resources") || !is_empty).then_some(Value::Object(own));
    put(rest, "resources", own);
    if !same(rest.value("resources"), old.value("resources")) {
        let detail = "only cpu and memory resources are mutable at pod-level";
        errors.push(FieldError::forbidden(path, detail));
    }
}

fn removes(new: &Object, old: &Object) -> bool {
    let mut new = Lookup::new(new);
    old.iter().any(|(name, _)| new.get(name).is_none_or(Value::is_null))
}

/// Puts the old amounts of what may change in place of the new ones.
fn take_compute(resources: &mut Object, old: &Object) {
    for list in ["limits", "requests"] {
        let mut amounts = resources.part(list).clone();
        for name in ["cpu", "memory"] {
            put(&mut amounts, name, old.part(list).get(name).cloned());
        }
        let amounts = (!amounts.is_empty()).then_some(Value::Object(amounts));
        put(resources, list, amounts);
    }
}

/// Containers stay, in their order.
fn same_order(new: &Object, old: &Object, path: &Path<'_>, errors: &mut Errors) -> bool {
    let before = errors.len();
    for name in ["containers", "initContainers"] {
        let path = path.child(name);
        if new.list(name).len() != old.list(name).len() {
            let detail = format!("{name} may not be added or removed on resize");
            errors.push(FieldError::forbidden(path, &detail));
            continue;
        }
        for ((at, new), (_, old)) in new.objects(name).zip(old.objects(name)) {
            if new.text("name") != old.text("name") {
                let detail = format!("{name} may not be renamed or reordered on resize");
                let path = path.index(at);
                errors.push(FieldError::forbidden(path.child("name"), &detail));
            }
        }
    }
    errors.len() == before
}

/// What a container asks for may change, and not go.
fn kept_names(new: &Object, old: &Object, list: &str, path: &Path<'_>, errors: &mut Errors) {
    for ((at, new), (_, old)) in new.objects(list).zip(old.objects(list)) {
        let path = path.child(list);
        let path = path.index(at);
        let path = path.child("resources");
        for name in ["requests", "limits"] {
            let of = |container: &Object| container.part("resources").part(name).clone();
            if removes(&of(new), &of(old)) {
                let detail = format!("resource {name} cannot be removed");
                errors.push(FieldError::forbidden(path.child(name), &detail));
            }
        }
    }
}

/// Checks that containers differ in compute resources alone, and evens them out.
fn only_compute(rest: &mut Object, old: &Object, path: &Path<'_>, errors: &mut Errors) {
    for list in ["containers", "initContainers"] {
        let Some(Value::Array(containers)) = rest.get_mut(list) else { continue };
        for (at, (container, (_, old))) in containers.iter_mut().zip(old.objects(list)).enumerate()
        {
            let Some(container) = container.as_object_mut() else { continue };
            let is_changed = !same_objects(container, old);
            let mut resources = container.part("resources").clone();
            resources.retain(|name, _| matches!(name, "limits" | "requests"));
            take_compute(&mut resources, old.part("resources"));
            container.insert("resources", Value::Object(resources));
            let inner = path.child(list);
            let item = inner.index(at);
            let is_init = list == "initContainers";
            if !same_objects(container, old) {
                if is_init {
                    let detail =
                        "only cpu and memory resources for init or sidecar containers are mutable";
                    errors.push(FieldError::forbidden(item, detail));
                } else {
                    let detail = "only cpu and memory resources are mutable";
                    errors.push(FieldError::forbidden(path, detail));
                }
            }
            let ends = is_init && container.text("restartPolicy") != "Always";
            let restarts = container
                .objects("resizePolicy")
                .filter(|(_, policy)| policy.text("restartPolicy") == "RestartContainer");
            for _ in restarts.filter(|_| ends && is_changed) {
                let detail = "non-sidecar init containers with a resize policy of \
                              RestartContainer cannot be resized";
                errors.push(FieldError::forbidden(item, detail));
            }
        }
    }
}
