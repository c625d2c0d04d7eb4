//! What upstream does to managed fields after the field managers: admission may spoil them, and a
//! write that changes nothing else must not change their times.

use super::managed;
use super::walk;
use crate::value::{Object, Value};

/// The warning for an admission plug-in that leaves `managedFields` in no valid state; they are
/// put back as they were.
pub fn invalid_after_admission(error: &managed::ManagedFieldsError) -> String {
    format!(
        ".metadata.managedFields was in an invalid state after admission; this could be caused by \
         an outdated mutating admission controller; please fix your requests: {error}"
    )
}

/// Puts back the times of the managed fields where nothing but times differs between the stored
/// object and the one to be stored, so that a write that changes nothing stores nothing.
pub fn keep_times(old: &Object, new: &mut Object) {
    let (before, after) = (managed::entries_of(old), managed::entries_of(new));
    if before.len() != after.len() || after.is_empty() {
        return;
    }
    let timeless = |a: &Value, b: &Value| {
        let (Value::Object(a), Value::Object(b)) = (a, b) else { return false };
        let others = |object: &Object| object.iter().filter(|(name, _)| *name != "time").count();
        others(a) == others(b)
            && a.iter()
                .filter(|(name, _)| *name != "time")
                .all(|(name, value)| b.get(name).is_some_and(|other| walk::same(value, other)))
    };
    if before == after || !before.iter().zip(after).all(|(a, b)| timeless(a, b)) {
        return;
    }
    if equal_but_for_managed_fields(old, new) {
        let before = before.to_vec();
        managed::set_entries(new, before);
    }
}

fn equal_but_for_managed_fields(old: &Object, new: &Object) -> bool {
    let fields = |a: &Value, b: &Value| {
        let (Value::Object(a), Value::Object(b)) = (a, b) else { return walk::same(a, b) };
        a.len() == b.len()
            && a.iter().all(|(name, value)| {
                let other = b.get(name);
                other.is_some_and(|other| name == "managedFields" || walk::same(value, other))
            })
    };
    old.len() == new.len()
        && old.iter().all(|(name, value)| {
            new.get(name).is_some_and(|other| {
                if name == "metadata" { fields(value, other) } else { walk::same(value, other) }
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(time: &str, data: &str) -> Object {
        let text = format!(
            r#"{{"metadata":{{"name":"c","managedFields":[{{"manager":"m","operation":"Update",
            "apiVersion":"v1","time":"{time}","fieldsType":"FieldsV1","fieldsV1":{{}}}}]}},
            "data":{{"a":"{data}"}}}}"#
        );
        match serde_json::from_str(&text).expect("valid JSON") {
            Value::Object(object) => object,
            other => panic!("not an object: {other:?}"),
        }
    }

    #[test]
    fn times_alone_are_no_change() {
        let old = object("2026-01-01T00:00:00Z", "1");
        let mut new = object("2026-01-02T00:00:00Z", "1");
        keep_times(&old, &mut new);
        assert_eq!(new, old);
    }

    #[test]
    fn times_of_a_change_count() {
        let old = object("2026-01-01T00:00:00Z", "1");
        let mut new = object("2026-01-02T00:00:00Z", "2");
        let given = new.clone();
        keep_times(&old, &mut new);
        assert_eq!(new, given);
    }
}
