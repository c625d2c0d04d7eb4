//! One command's changes: puts and deletions that share a revision.

use super::apply::{Past, Stop};
use super::{Effects, State, kv_bytes, range_map};
use crate::bounds::Bounds;
use crate::command::{DeleteRange, Put, Range};
use crate::disk::log::{Change as LogChange, LogKey, LogRecord};
use crate::disk::{KEYS, LOG, keys, log};
use crate::hash;
use crate::kv::{Event, KeyValue, Revision};
use crate::outcome::{ApplyError, RangeResult};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;

/// A command in the making. Its changes are in the state at once, and become a revision when it
/// finishes.
pub(super) struct Change<'a> {
    pub(super) state: &'a mut State,
    pub(super) effects: &'a mut Effects,
    /// The proposer is this member: it wants the answer.
    pub(super) own: bool,
    past: &'a dyn Past,
    /// Index of the first event of this command.
    start: usize,
    /// A deletion has been made: a put may then meet a key that this revision deleted.
    deleted: bool,
    /// First and last event of every key changed, built when a key may change twice.
    places: Option<HashMap<Bytes, (usize, usize)>>,
    /// Events whose version a later event of this command replaced.
    replaced: Vec<usize>,
}

impl<'a> Change<'a> {
    pub(super) fn begin(
        state: &'a mut State,
        effects: &'a mut Effects,
        past: &'a dyn Past,
        own: bool,
    ) -> Self {
        let start = effects.events.len();
        Self {
            state,
            effects,
            own,
            past,
            start,
            deleted: false,
            places: None,
            replaced: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.effects.events.len() == self.start
    }

    /// The revision that a reader within the command sees: the new one once something changed.
    pub(super) fn revision(&self) -> Revision {
        self.state.revision + Revision::from(!self.is_empty())
    }

    pub(super) fn check_put(&self, put: &Put) -> Result<(), ApplyError> {
        if put.lease != 0 && !self.state.leases.contains_key(&put.lease) {
            return Err(ApplyError::LeaseNotFound);
        }
        if (put.ignore_value || put.ignore_lease) && self.state.map.get(&put.key).is_none() {
            return Err(ApplyError::KeyNotFound);
        }
        Ok(())
    }

    /// Puts, and returns the version before.
    pub(super) fn put(&mut self, put: &Put) -> Option<Arc<KeyValue>> {
        let prev = self.state.map.get(&put.key).cloned();
        let kv = Arc::new(next_version(put, prev.as_deref(), self.state.revision + 1));
        let (old_lease, new_lease) = (prev.as_ref().map_or(0, |prev| prev.lease), kv.lease);
        if old_lease != new_lease {
            self.state.detach(old_lease, &kv.key);
            let attached = new_lease == 0 || self.state.attach(new_lease, &kv.key);
            assert!(attached, "the lease of a put was checked");
        }
        self.state.data_bytes += kv_bytes(&kv);
        self.state.data_bytes -= prev.as_deref().map_or(0, kv_bytes);
        self.state.map.insert(kv.clone());
        self.record(kv, prev.clone());
        prev
    }

    /// Deletes, and returns how many keys and, if wanted, the versions before.
    pub(super) fn delete_range(&mut self, delete: &DeleteRange) -> (i64, Vec<Arc<KeyValue>>) {
        let doomed = match Bounds::new(&delete.range) {
            Bounds::Key(key) => self.state.map.get(key).cloned().into_iter().collect(),
            Bounds::From(from) => self.state.map.range(from, None).cloned().collect(),
            Bounds::Between(from, to) => self.state.map.range(from, Some(to)).cloned().collect(),
        };
        let doomed: Vec<Arc<KeyValue>> = doomed;
        for prev in &doomed {
            self.delete(prev);
        }
        let deleted = doomed.len() as i64;
        (deleted, if delete.prev_kv && self.own { doomed } else { Vec::new() })
    }

    /// Deletes a key that is there.
    pub(super) fn delete(&mut self, prev: &Arc<KeyValue>) {
        let removed = self.state.map.remove(&prev.key);
        debug_assert!(removed.is_some());
        self.state.detach(prev.lease, &prev.key);
        self.state.data_bytes -= kv_bytes(prev);
        let (key, mod_revision) = (prev.key.clone(), self.state.revision + 1);
        let tombstone = KeyValue { key, mod_revision, ..KeyValue::default() };
        self.record(Arc::new(tombstone), Some(prev.clone()));
        self.deleted = true;
    }

    /// Answers a range as it stands within the command.
    pub(super) fn range(&self, range: &Range) -> Result<RangeResult, Stop> {
        let at = range.revision;
        if at <= 0 || at == self.revision() {
            return Ok(range_map(&self.state.map, range));
        }
        if at < self.effects.base_revision {
            return Ok(self.past.range(range)?);
        }
        // Not on disk yet: take back what was done since.
        let mut map = self.state.map.clone();
        for event in self.effects.events.iter().rev().take_while(|event| event.revision() > at) {
            match &event.prev {
                Some(prev) => map.insert(prev.clone()),
                None => map.remove(&event.kv.key),
            };
        }
        Ok(range_map(&map, range))
    }

    fn record(&mut self, kv: Arc<KeyValue>, mut prev: Option<Arc<KeyValue>>) {
        let at = self.effects.events.len();
        let again = match &prev {
            Some(prev) => prev.mod_revision == kv.mod_revision,
            None => self.deleted,
        };
        if again && let Some((first, last)) = self.places().get(&kv.key).copied() {
            // Watchers see the version before the revision, like etcd's.
            prev.clone_from(&self.effects.events[first].prev);
            self.replaced.push(last);
        }
        if let Some(places) = &mut self.places {
            places.entry(kv.key.clone()).or_insert((at, at)).1 = at;
        }
        self.effects.events.push(Event { kv, prev });
    }

    fn places(&mut self) -> &HashMap<Bytes, (usize, usize)> {
        let (events, start) = (&self.effects.events, self.start);
        self.places.get_or_insert_with(|| {
            let mut places = HashMap::new();
            for (at, event) in events.iter().enumerate().skip(start) {
                places.entry(event.kv.key.clone()).or_insert((at, at)).1 = at;
            }
            places
        })
    }

    /// Makes the changes a revision, if there are any.
    pub(super) fn finish(self) {
        if self.is_empty() {
            return;
        }
        let Change { state, effects, start, replaced, .. } = self;
        state.revision += 1;
        let events = &effects.events[start..];
        assert!(events.iter().all(|event| event.revision() == state.revision));
        let values: Vec<Bytes> = events.iter().map(|event| keys::ser_value(&event.kv)).collect();
        state.hash = hash::roll(state.hash, events.iter().map(|event| &*event.kv).zip(&values));
        for (sub, (event, value)) in events.iter().zip(values).enumerate() {
            let sub = u32::try_from(sub).expect("a revision has fewer than 2^32 changes");
            let kv = &event.kv;
            let change = if replaced.contains(&(start + sub as usize)) {
                LogChange::Inline(KeyValue::clone(kv))
            } else {
                let key = keys::ser_key(&kv.key, kv.mod_revision);
                effects.batch.put(KEYS, key, value);
                LogChange::Key(kv.key.clone())
            };
            let hash = (sub == 0).then_some(state.hash);
            let record = LogRecord { delete: kv.is_tombstone(), hash, change };
            let at = LogKey { revision: state.revision, sub };
            effects.batch.put(LOG, log::ser_key(at), log::ser_record(&record));
        }
    }
}

/// The version that a put makes. Key and value are copied, so that a version never keeps the
/// buffer alive in which the command arrived.
fn next_version(put: &Put, prev: Option<&KeyValue>, revision: Revision) -> KeyValue {
    let value = match prev {
        Some(prev) if put.ignore_value => prev.value.clone(),
        _ => Bytes::copy_from_slice(&put.value),
    };
    match prev {
        Some(prev) => KeyValue {
            key: prev.key.clone(),
            create_revision: prev.create_revision,
            mod_revision: revision,
            version: prev.version + 1,
            value,
            lease: if put.ignore_lease { prev.lease } else { put.lease },
        },
        None => KeyValue {
            key: Bytes::copy_from_slice(&put.key),
            create_revision: revision,
            mod_revision: revision,
            version: 1,
            value,
            lease: put.lease,
        },
    }
}
