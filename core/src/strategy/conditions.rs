//! Conditions in an object's status.

use crate::edit::{self, Edit};
use crate::target::Target;
use crate::time::Timestamp;
use crate::value::{Object, Value};

/// A condition that the server itself sets.
#[derive(Debug, Clone, Copy)]
pub struct Condition<'c> {
    /// Its `type`.
    pub kind: &'c str,
    pub status: &'c str,
    pub reason: &'c str,
    pub message: &'c str,
}

/// Sets a condition of `status.conditions`; the time of its transition changes with its status.
pub fn set(target: Target<'_>, object: &mut Object, condition: &Condition<'_>, now: Timestamp) {
    let mut list = edit::items(object, &["status", "conditions"]).to_vec();
    let held =
        list.iter().position(|one| one.get("type").and_then(Value::as_str) == Some(condition.kind));
    let text =
        |at: usize, name: &str| list[at].get(name).and_then(Value::as_str).map(str::to_owned);
    let since = held
        .filter(|at| text(*at, "status").as_deref() == Some(condition.status))
        .and_then(|at| text(at, "lastTransitionTime"))
        .unwrap_or_else(|| now.to_seconds_text());
    let fields = [
        ("status", condition.status.into()),
        ("lastTransitionTime", Value::from(since)),
        ("reason", condition.reason.into()),
        ("message", condition.message.into()),
    ];
    let at = held.unwrap_or_else(|| {
        list.push(Value::Object(std::iter::once(("type".into(), condition.kind.into())).collect()));
        list.len() - 1
    });
    if let Some(held) = list[at].as_object_mut() {
        fields.into_iter().for_each(|(name, value)| drop(held.insert(name, value)));
    }
    let mut edit = Edit::new(target, object);
    edit.set(&["status", "conditions"], Value::Array(list));
    edit.each(&["status", "conditions"], |mut one| one.retain(|_| true));
}
