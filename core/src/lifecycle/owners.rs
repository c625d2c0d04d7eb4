//! Owner references that are given twice.

use super::metadata::{metadata, set_metadata};
use crate::edit;
use crate::value::{Object, Value};
use std::collections::HashSet;

/// Takes away owner references that repeat an earlier one, before managed fields and after
/// mutating admission. Returns the warning for the client; `by_admission` says whose doing it was.
pub fn deduplicate_owners(object: &mut Object, by_admission: bool) -> Option<String> {
    let given = edit::items(metadata(object), &["ownerReferences"]);
    if given.len() < 2 {
        return None;
    }
    let uid = |one| Value::get(one, "uid").and_then(Value::as_str).unwrap_or_default();
    let uids: HashSet<&str> = given.iter().map(uid).collect();
    if uids.len() == given.len() {
        return None;
    }
    // Of references to one owner those count as the same that say the same.
    let mut seen = HashSet::new();
    let (mut kept, mut doubled): (Vec<&Value>, Vec<&str>) = (Vec::new(), Vec::new());
    for one in given {
        if seen.insert(serde_json::to_string(one).expect("a tree serializes")) {
            kept.push(one);
        } else {
            doubled.push(uid(one));
        }
    }
    if doubled.is_empty() {
        return None;
    }
    let uids = doubled.join(", ");
    let kept = kept.into_iter().cloned().collect();
    set_metadata(object, "ownerReferences", Some(Value::Array(kept)));
    let when = if by_admission { " after mutating admission happens" } else { "" };
    Some(format!(
        ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner \
         references in 1.20+, and may reject such requests as early as 1.24; please fix your \
         requests; duplicate UID(s) observed: {uids}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_of_equal_owners() {
        let text = r#"{"metadata":{"ownerReferences":[{"uid":"a"},{"uid":"b"},{"uid":"a"},{"uid":"a","name":"x"}]}}"#;
        let Value::Object(mut object) = serde_json::from_str(text).expect("valid JSON") else {
            unreachable!("an object was written");
        };
        let warning = deduplicate_owners(&mut object, false).expect("one is given twice");
        assert!(warning.ends_with("observed: a"), "{warning}");
        assert_eq!(edit::items(metadata(&object), &["ownerReferences"]).len(), 3);
        assert_eq!(deduplicate_owners(&mut object, false), None);
    }
}
