//! Dynamic resource allocation.

use crate::edit::{self, Edit};
use crate::target::Target;
use crate::value::{Object, Value};
use std::collections::HashSet;

const DEVICES: &[&str] = &["status", "devices"];

/// What drivers said of devices that a ResourceClaim no longer has goes with them.
pub(super) fn drop_deallocated(target: Target<'_>, new: &mut Object, old: &Object) {
    let said = edit::items(new, DEVICES);
    if said.is_empty() {
        return;
    }
    let mut gone = allocated(old);
    for device in allocated(new) {
        gone.remove(&device);
    }
    let kept: Vec<Value> =
        said.iter().filter(|one| !gone.contains(&identity(one))).cloned().collect();
    if kept.len() == said.len() {
        return;
    }
    let mut edit = Edit::new(target, new);
    if kept.is_empty() {
        edit.remove(DEVICES);
    } else {
        edit.set(DEVICES, Value::Array(kept));
    }
}

fn allocated(claim: &Object) -> HashSet<[&str; 4]> {
    let results = edit::items(claim, &["status", "allocation", "devices", "results"]);
    results.iter().map(identity).collect()
}

fn identity(device: &Value) -> [&str; 4] {
    ["driver", "pool", "device", "shareID"]
        .map(|name| device.get(name).and_then(Value::as_str).unwrap_or_default())
}
