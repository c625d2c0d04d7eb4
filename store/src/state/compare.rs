//! Compares: the conditions of a transaction.

use crate::bounds::Bounds;
use crate::command::{Compare, CompareResult, CompareTarget};
use crate::keymap::KeyMap;
use crate::kv::KeyValue;
use std::cmp::Ordering;

/// True if the compare holds for every key in its range. Without keys it is put to an empty
/// version, but then never holds of a value.
pub(super) fn holds(map: &KeyMap, compare: &Compare) -> bool {
    let mut found = match Bounds::new(&compare.range) {
        Bounds::Key(key) => {
            return map.get(key).map_or_else(|| absent(compare), |kv| of(kv, compare));
        }
        Bounds::From(from) => map.range(from, None),
        Bounds::Between(from, to) => map.range(from, Some(to)),
    };
    if found.len() == 0 {
        return absent(compare);
    }
    found.all(|kv| of(kv, compare))
}

fn absent(compare: &Compare) -> bool {
    // Nothing can say whether a value is empty or missing, so neither equals.
    !matches!(compare.target, Some(CompareTarget::Value(_))) && of(&KeyValue::default(), compare)
}

fn of(kv: &KeyValue, compare: &Compare) -> bool {
    let order = match &compare.target {
        // etcd's default target is the version, its default operand 0.
        None => kv.version.cmp(&0),
        Some(CompareTarget::Version(version)) => kv.version.cmp(version),
        Some(CompareTarget::Create(revision)) => kv.create_revision.cmp(revision),
        Some(CompareTarget::Mod(revision)) => kv.mod_revision.cmp(revision),
        Some(CompareTarget::Value(value)) => kv.value.cmp(value),
        Some(CompareTarget::Lease(lease)) => kv.lease.cmp(lease),
    };
    match CompareResult::try_from(compare.result) {
        Ok(CompareResult::Equal) => order == Ordering::Equal,
        Ok(CompareResult::NotEqual) => order != Ordering::Equal,
        Ok(CompareResult::Greater) => order == Ordering::Greater,
        Ok(CompareResult::Less) => order == Ordering::Less,
        // As etcd takes a result that it does not know.
        Err(_) => true,
    }
}
