//! Conditions in an object's status.

use crate::edit::{self, Edit};
use crate::target::Target;
use crate::time::Timestamp;
use crate::value::{Object, Value};

const CONDITIONS: &[&str] = &["status", "conditions"];

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
    let since = Some(now.to_seconds_text());
    put(target, object, condition, since, false);
}

/// The same for a pod, whose conditions are replaced as a whole. Without a time it has none.
pub(super) fn add_to_pod(
    target: Target<'_>,
    pod: &mut Object,
    condition: &Condition<'_>,
    now: Option<Timestamp>,
) {
    put(target, pod, condition, now.map(Timestamp::to_seconds_text), true);
}

fn put(
    target: Target<'_>,
    object: &mut Object,
    condition: &Condition<'_>,
    now: Option<String>,
    replaces: bool,
) {
    let mut list = edit::items(object, CONDITIONS).to_vec();
    let text = |one: &Value, name: &str| {
        one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let held = list.iter().position(|one| text(one, "type") == condition.kind);
    let before = held.filter(|at| text(&list[*at], "status") == condition.status);
    let since = before.map(|at| text(&list[at], "lastTransitionTime"));
    let since = since.filter(|time| !time.is_empty()).or(now);
    let mut fields = match held {
        Some(at) if !replaces => list[at].as_object().cloned().unwrap_or_default(),
        _ => Object::new(),
    };
    let texts = [
        ("type", condition.kind),
        ("status", condition.status),
        ("reason", condition.reason),
        ("message", condition.message),
    ];
    for (name, text) in texts {
        fields.insert(name, text.into());
    }
    fields.insert("lastTransitionTime", since.map_or(Value::Null, Value::from));
    match held {
        Some(at) => list[at] = Value::Object(fields),
        None => list.push(Value::Object(fields)),
    }
    let mut edit = Edit::new(target, object);
    edit.set(CONDITIONS, Value::Array(list));
    // Fields in their order, those that are empty left out.
    edit.each(CONDITIONS, |mut one| one.retain(|_| true));
}
