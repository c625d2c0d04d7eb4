//! The ground truth: what every revision changed, learnt from what replicas write to disk.
//!
//! Each replica's state engine is tapped below the store, so neither views nor watches can hide a
//! difference. The first replica to write a revision defines it; every other replica, and the same
//! one after a crash, must write the same.

use super::trace::Trace;
use super::violation::Violations;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use xebec_store::command::KeyRange;
use xebec_store::kv::{KeyValue, Revision};

/// The revision of an empty keyspace.
pub const EMPTY: Revision = 1;

/// Everything that one revision changed, in the order of its transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub revision: Revision,
    pub kvs: Vec<Arc<KeyValue>>,
}

/// One event as a watcher must see it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueEvent {
    pub kv: Arc<KeyValue>,
    pub prev: Option<Arc<KeyValue>>,
}

pub struct Truth {
    violations: Violations,
    trace: Arc<Trace>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    changes: Vec<Change>,
    first_seen_us: Vec<u64>,
    /// All versions of a key, tombstones too, oldest first.
    keys: BTreeMap<Bytes, Vec<Arc<KeyValue>>>,
    /// The revisions that carry the values of an operation: exactly one if it was applied.
    tags: BTreeMap<u64, Revision>,
    /// Operations whose refusal was answered: they must not show up.
    refused: BTreeSet<u64>,
}

/// The number of the operation that wrote a value, which begins with it.
pub fn tag_of(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    text.strip_prefix("op-")?.split('.').next()?.parse().ok()
}

/// A value that says which operation wrote it.
pub fn tagged_value(tag: u64, part: usize, padding: usize) -> Bytes {
    Bytes::from(format!("op-{tag}.{part}.{:x<padding$}", ""))
}

/// True if `key` lies in `range`, in etcd's convention.
pub fn in_range(range: &KeyRange, key: &[u8]) -> bool {
    match range.end.as_ref() {
        [] => key == range.key,
        [0] => key >= range.key.as_ref(),
        end => key >= range.key.as_ref() && key < end,
    }
}

impl Truth {
    pub fn new(violations: Violations, trace: Arc<Trace>) -> Self {
        Self { violations, trace, inner: Mutex::default() }
    }

    /// A replica wrote these changes, all of one revision.
    pub fn learn(&self, host: usize, revision: Revision, kvs: Vec<Arc<KeyValue>>) {
        let mut inner = self.inner.lock();
        let change = Change { revision, kvs };
        let place = revision - EMPTY - 1;
        let known = inner.changes.len() as i64;
        if place < 0 || place > known {
            let detail = format!("host {host} wrote revision {revision} after {}", known + EMPTY);
            return self.violations.report("revisions have no gap", detail);
        }
        if place < known {
            let first = &inner.changes[place as usize];
            if *first != change {
                let detail = format!("host {host} wrote {change:?}, the first was {first:?}");
                self.violations.report("state machine safety", detail);
            }
            return;
        }
        for kv in &change.kvs {
            if let Some(problem) = inner.ill_formed(kv, revision) {
                self.violations.report("versions follow one another", problem);
            }
            if let Some(problem) = inner.tag_problem(kv, revision) {
                self.violations.report("applied exactly once", problem);
            }
            inner.keys.entry(kv.key.clone()).or_default().push(Arc::clone(kv));
        }
        inner.changes.push(change);
        inner.first_seen_us.push(self.trace.now_us());
    }

    /// The newest revision that any replica ever wrote.
    pub fn revision(&self) -> Revision {
        self.inner.lock().changes.len() as Revision + EMPTY
    }

    pub fn change(&self, revision: Revision) -> Option<Change> {
        let place = usize::try_from(revision - EMPTY - 1).ok()?;
        self.inner.lock().changes.get(place).cloned()
    }

    /// The keys of a range as of a revision, in key order.
    pub fn range(&self, range: &KeyRange, revision: Revision) -> Vec<Arc<KeyValue>> {
        let inner = self.inner.lock();
        let concerned = inner.keys.iter().filter(|(key, _)| in_range(range, key));
        concerned.filter_map(|(_, versions)| live_at(versions, revision)).collect()
    }

    pub fn get(&self, key: &Bytes, revision: Revision) -> Option<Arc<KeyValue>> {
        live_at(self.inner.lock().keys.get(key)?, revision)
    }

    /// The next revision in `from..=to` that has events in the range, with them.
    pub fn next_events(
        &self,
        range: &KeyRange,
        from: Revision,
        to: Revision,
    ) -> Option<(Revision, Vec<TrueEvent>)> {
        let inner = self.inner.lock();
        let skip = usize::try_from(from - EMPTY - 1).unwrap_or(0);
        for change in inner.changes.iter().skip(skip) {
            if change.revision > to {
                break;
            }
            let concerned = change.kvs.iter().filter(|kv| in_range(range, &kv.key));
            let events = concerned
                .map(|kv| TrueEvent { kv: Arc::clone(kv), prev: inner.before(kv) })
                .collect::<Vec<_>>();
            if !events.is_empty() {
                return Some((change.revision, events));
            }
        }
        None
    }

    /// When the first replica wrote a revision.
    pub fn first_seen_us(&self, revision: Revision) -> u64 {
        let place = usize::try_from(revision - EMPTY - 1).unwrap_or(0);
        self.inner.lock().first_seen_us.get(place).copied().unwrap_or(0)
    }

    /// Where the values of an operation landed.
    pub fn revision_of_tag(&self, tag: u64) -> Option<Revision> {
        self.inner.lock().tags.get(&tag).copied()
    }

    /// The client was told that the operation did nothing.
    pub fn refuse_tag(&self, tag: u64) {
        let mut inner = self.inner.lock();
        inner.refused.insert(tag);
        if let Some(revision) = inner.tags.get(&tag) {
            let detail = format!("operation {tag} was refused but wrote revision {revision}");
            self.violations.report("applied exactly once", detail);
        }
    }
}

fn live_at(versions: &[Arc<KeyValue>], revision: Revision) -> Option<Arc<KeyValue>> {
    let newest = versions.iter().rev().find(|kv| kv.mod_revision <= revision)?;
    (!newest.is_tombstone()).then(|| Arc::clone(newest))
}

impl Inner {
    fn before(&self, kv: &KeyValue) -> Option<Arc<KeyValue>> {
        live_at(self.keys.get(&kv.key)?, kv.mod_revision - 1)
    }

    /// Why a version cannot follow the one before it.
    fn ill_formed(&self, kv: &KeyValue, revision: Revision) -> Option<String> {
        let before = self.keys.get(&kv.key).and_then(|versions| live_at(versions, revision));
        let expected = match (&before, kv.is_tombstone()) {
            (None, true) => return Some(format!("{kv:?} deletes what does not exist")),
            (_, true) => (kv.create_revision, 0),
            (None, false) => (revision, 1),
            (Some(before), false) => (before.create_revision, before.version + 1),
        };
        let right = kv.mod_revision == revision && (kv.create_revision, kv.version) == expected;
        (!right).then(|| format!("{kv:?} at {revision} follows {before:?}"))
    }

    fn tag_problem(&mut self, kv: &KeyValue, revision: Revision) -> Option<String> {
        if kv.is_tombstone() {
            return None;
        }
        let tag = tag_of(&kv.value)?;
        if self.refused.contains(&tag) {
            return Some(format!("operation {tag} was refused but writes revision {revision}"));
        }
        let first = *self.tags.entry(tag).or_insert(revision);
        (first != revision).then(|| format!("operation {tag} at revisions {first} and {revision}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kv(
        key: &str,
        create: Revision,
        revision: Revision,
        version: i64,
        tag: u64,
    ) -> Arc<KeyValue> {
        Arc::new(KeyValue {
            key: Bytes::copy_from_slice(key.as_bytes()),
            create_revision: create,
            mod_revision: revision,
            version,
            value: if version == 0 { Bytes::new() } else { tagged_value(tag, 0, 0) },
            lease: 0,
        })
    }

    fn truth() -> (Truth, Violations) {
        let trace = Arc::new(Trace::new(false));
        let violations = Violations::new(Arc::clone(&trace));
        (Truth::new(violations.clone(), trace), violations)
    }

    fn all() -> KeyRange {
        KeyRange { key: Bytes::from_static(&[0]), end: Bytes::from_static(&[0]) }
    }

    #[test]
    fn answers_for_any_revision() {
        let (truth, violations) = truth();
        truth.learn(0, 2, vec![kv("a", 2, 2, 1, 1)]);
        truth.learn(0, 3, vec![kv("a", 2, 3, 2, 2), kv("b", 3, 3, 1, 2)]);
        truth.learn(0, 4, vec![kv("a", 0, 4, 0, 0)]);
        truth.learn(1, 2, vec![kv("a", 2, 2, 1, 1)]);
        assert_eq!(violations.list(), []);
        assert_eq!(truth.range(&all(), 3).len(), 2);
        assert_eq!(truth.range(&all(), 4).len(), 1);
        let (revision, events) = truth.next_events(&all(), 4, 9).expect("the deletion");
        assert_eq!((revision, events.len()), (4, 1));
        assert_eq!(events[0].prev.as_ref().map(|kv| kv.mod_revision), Some(3));
        assert_eq!(truth.revision_of_tag(2), Some(3));
    }

    #[test]
    fn notices_what_must_not_be() {
        let check = |changes: &[(Revision, Arc<KeyValue>)]| {
            let (truth, violations) = truth();
            truth.refuse_tag(9);
            for (revision, kv) in changes {
                truth.learn(0, *revision, vec![Arc::clone(kv)]);
            }
            violations.list().first().map(|violation| violation.invariant)
        };
        let first = || (2, kv("a", 2, 2, 1, 1));
        assert_eq!(check(&[first(), (4, kv("a", 2, 4, 2, 2))]), Some("revisions have no gap"));
        assert_eq!(check(&[first(), (2, kv("a", 2, 2, 1, 2))]), Some("state machine safety"));
        let wrong_version = (3, kv("a", 2, 3, 3, 2));
        assert_eq!(check(&[first(), wrong_version]), Some("versions follow one another"));
        assert_eq!(check(&[first(), (3, kv("a", 2, 3, 2, 1))]), Some("applied exactly once"));
        assert_eq!(check(&[first(), (3, kv("a", 2, 3, 2, 9))]), Some("applied exactly once"));
        assert_eq!(check(&[first(), (3, kv("a", 2, 3, 2, 2))]), None);
    }
}
