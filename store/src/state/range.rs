//! Range reads: what they filter, sort and cut, as etcd does.

use crate::command::{Range, SortOrder, SortTarget};
use crate::keymap::{Iter, KeyMap};
use crate::kv::KeyValue;
use crate::outcome::RangeResult;
use std::cmp::Ordering;
use std::sync::Arc;

/// Answers a range from a map, whatever revision the range names.
pub(crate) fn range_map(map: &KeyMap, range: &Range) -> RangeResult {
    let found = map.within(&range.range);
    let count = found.len();
    if range.count_only {
        return RangeResult { count: count as i64, ..RangeResult::default() };
    }
    let kvs = match Plan::of(range) {
        Plan::Head { limit } => clone_up_to(found, limit),
        Plan::All => found.filter(|kv| passes(kv, range)).cloned().collect(),
    };
    pick(kvs, count, range)
}

fn clone_up_to(found: Iter<'_>, limit: usize) -> Vec<Arc<KeyValue>> {
    let mut kvs = Vec::with_capacity(found.len().min(limit));
    kvs.extend(found.take(limit).cloned());
    kvs
}

/// Which of the versions found must be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// The first ones in key order: they are the answer.
    Head { limit: usize },
    /// All: what the limit leaves is known after filtering and sorting.
    All,
}

impl Plan {
    pub(crate) fn of(range: &Range) -> Self {
        let filters = range.min_mod_revision != 0
            || range.max_mod_revision != 0
            || range.min_create_revision != 0
            || range.max_create_revision != 0;
        if filters || order(range).is_some() {
            return Plan::All;
        }
        Plan::Head { limit: limit(range) }
    }
}

fn limit(range: &Range) -> usize {
    match usize::try_from(range.limit) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(limit) => limit,
    }
}

/// True if the revision filters let a version through.
pub(crate) fn passes(kv: &KeyValue, range: &Range) -> bool {
    let within =
        |revision, min, max| (min == 0 || revision >= min) && (max == 0 || revision <= max);
    within(kv.mod_revision, range.min_mod_revision, range.max_mod_revision)
        && within(kv.create_revision, range.min_create_revision, range.max_create_revision)
}

/// Sorts and cuts versions that came in key order and passed the filters: all of them, or the
/// head that the [`Plan`] asks for. `count` is that of the range.
pub(crate) fn pick(mut kvs: Vec<Arc<KeyValue>>, count: usize, range: &Range) -> RangeResult {
    let more = match Plan::of(range) {
        Plan::Head { limit } => count > limit,
        Plan::All => {
            if let Some((target, descend)) = order(range) {
                sort(&mut kvs, target, descend);
            }
            let more = kvs.len() > limit(range);
            kvs.truncate(limit(range));
            more
        }
    };
    if range.keys_only {
        for kv in &mut kvs {
            *kv = Arc::new(KeyValue {
                key: kv.key.clone(),
                create_revision: kv.create_revision,
                mod_revision: kv.mod_revision,
                version: kv.version,
                value: bytes::Bytes::new(),
                lease: kv.lease,
            });
        }
    }
    RangeResult { kvs, more, count: count as i64 }
}

/// How to sort; `None` if key order is what is asked for.
fn order(range: &Range) -> Option<(SortTarget, bool)> {
    let target = SortTarget::try_from(range.sort_target).unwrap_or(SortTarget::Key);
    match (SortOrder::try_from(range.sort_order).unwrap_or(SortOrder::None), target) {
        (SortOrder::None | SortOrder::Ascend, SortTarget::Key) => None,
        // A target without an order sorts in ascending order.
        (SortOrder::None | SortOrder::Ascend, target) => Some((target, false)),
        (SortOrder::Descend, target) => Some((target, true)),
    }
}

fn sort(kvs: &mut [Arc<KeyValue>], target: SortTarget, descend: bool) {
    fn by(kvs: &mut [Arc<KeyValue>], descend: bool, of: fn(&KeyValue, &KeyValue) -> Ordering) {
        if descend {
            kvs.sort_by(|a, b| of(b, a));
        } else {
            kvs.sort_by(|a, b| of(a, b));
        }
    }
    match target {
        SortTarget::Key if descend => kvs.reverse(),
        SortTarget::Key => {}
        SortTarget::Version => by(kvs, descend, |a, b| a.version.cmp(&b.version)),
        SortTarget::Create => by(kvs, descend, |a, b| a.create_revision.cmp(&b.create_revision)),
        SortTarget::Mod => by(kvs, descend, |a, b| a.mod_revision.cmp(&b.mod_revision)),
        SortTarget::Value => by(kvs, descend, |a, b| a.value.cmp(&b.value)),
    }
}
