//! CertificateSigningRequests: who asks is who is authenticated, and approval is a write apart.

use crate::edit::{self, Edit};
use crate::strategy::Context;
use crate::target::Target;
use crate::value::{Object, Value};

const CONDITIONS: &[&str] = &["status", "conditions"];

pub(super) fn create(target: Target<'_>, object: &mut Object, context: &Context<'_>) {
    let requester = context.requester;
    let texts = |list: &[String]| {
        Value::Array(list.iter().map(|text| Value::from(text.as_str())).collect())
    };
    let extra = requester.extra.iter().map(|(key, values)| (key.as_str().into(), texts(values)));
    let mut edit = Edit::new(target, object);
    for name in ["username", "uid", "groups", "extra"] {
        edit.remove(&["spec", name]);
    }
    edit.set(&["spec", "username"], requester.name);
    edit.set(&["spec", "uid"], requester.uid);
    edit.set(&["spec", "groups"], texts(requester.groups));
    edit.set(&["spec", "extra"], Value::Object(extra.collect()));
}

/// Through `approval` nothing but conditions is written.
pub(super) fn approve(target: Target<'_>, new: &mut Object, old: &Object, context: &Context<'_>) {
    stamp_conditions(target, new, old, context);
    let conditions = edit::at(new, CONDITIONS).cloned().unwrap_or_default();
    let mut edit = Edit::new(target, new);
    edit.copy(&["spec"], old);
    edit.copy(&["status"], old);
    match conditions {
        Value::Null => edit.remove(CONDITIONS),
        conditions => edit.set(CONDITIONS, conditions),
    }
}

/// Through `status` approval cannot be changed; whether somebody tries, validation says.
pub(super) fn update_status(
    target: Target<'_>,
    new: &mut Object,
    old: &Object,
    context: &Context<'_>,
) {
    for kind in ["Approved", "Denied"] {
        keep_conditions(target, new, old, kind);
    }
    stamp_conditions(target, new, old, context);
}

fn kind_of(condition: &Value) -> &str {
    text(condition, "type")
}

fn text<'v>(condition: &'v Value, name: &str) -> &'v str {
    condition.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Keeps the conditions of a type, unless some were added or taken away.
fn keep_conditions(target: Target<'_>, new: &mut Object, old: &Object, kind: &str) {
    let is_of_kind = |condition: &&Value| kind_of(condition) == kind;
    let held: Vec<&Value> = edit::items(old, CONDITIONS).iter().filter(is_of_kind).collect();
    let mut given = edit::items(new, CONDITIONS).to_vec();
    let places: Vec<usize> = (0..given.len()).filter(|at| kind_of(&given[*at]) == kind).collect();
    if held.is_empty() || held.len() != places.len() {
        return;
    }
    for (at, held) in places.into_iter().zip(held) {
        given[at] = held.clone();
    }
    Edit::new(target, new).set(CONDITIONS, Value::Array(given));
}

/// Fills in the times of conditions.
fn stamp_conditions(target: Target<'_>, new: &mut Object, old: &Object, context: &Context<'_>) {
    let now = context.now.to_seconds_text();
    let before = edit::items(old, CONDITIONS);
    Edit::new(target, new).each(CONDITIONS, |mut condition| {
        if edit::at(condition.object(), &["lastUpdateTime"]).is_none() {
            condition.set(&["lastUpdateTime"], now.as_str());
        }
        if edit::at(condition.object(), &["lastTransitionTime"]).is_none() {
            let is_same = |other: &&Value| {
                ["type", "status"]
                    .iter()
                    .all(|name| text(other, name) == edit::text(condition.object(), &[name]))
            };
            let times = before.iter().filter(is_same).map(|one| text(one, "lastTransitionTime"));
            let since = times.into_iter().find(|time| !time.is_empty()).unwrap_or(&now).to_owned();
            condition.set(&["lastTransitionTime"], since);
        }
    });
}
