//! A keyspace of a few keys, a hub fed by it, and streams of watches with their owners.

use crate::disk::Disk;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use xebec_store::command::KeyRange;
use xebec_store::kv::{Event, KeyValue, Revision};
use xebec_store::watch::{CatchUp, Delivery, Hub, Limits, WatchSpec, WatchStream};

pub struct World {
    pub hub: Arc<Hub>,
    pub disk: Arc<Disk>,
    pub revision: Revision,
    /// Everything that ever happened.
    pub events: Vec<Event>,
    keys: BTreeMap<Bytes, Arc<KeyValue>>,
}

#[derive(Debug, Clone)]
pub enum Change {
    Put(Bytes, Bytes),
    Delete(Bytes),
}

impl World {
    pub fn new(limits: Limits) -> Self {
        let disk = Arc::new(Disk::default());
        let hub = Hub::new(disk.clone(), 1, 0, limits);
        Self { hub, disk, revision: 1, events: Vec::new(), keys: BTreeMap::new() }
    }

    /// Writes one revision, if the changes change anything, without telling the hub.
    pub fn write(&mut self, changes: &[Change]) -> Vec<Event> {
        let revision = self.revision + 1;
        let mut events = Vec::new();
        for change in changes {
            let (key, kv) = match change {
                Change::Put(key, value) => (key, self.put(key, value, revision)),
                Change::Delete(key) if self.keys.contains_key(key) => (
                    key,
                    KeyValue { key: key.clone(), mod_revision: revision, ..KeyValue::default() },
                ),
                Change::Delete(_) => continue,
            };
            let kv = Arc::new(kv);
            let prev = if kv.is_tombstone() {
                self.keys.remove(key)
            } else {
                self.keys.insert(key.clone(), kv.clone())
            };
            events.push(Event { kv, prev });
        }
        if !events.is_empty() {
            self.revision = revision;
            self.disk.write(&events);
            self.events.extend_from_slice(&events);
        }
        events
    }

    fn put(&self, key: &Bytes, value: &Bytes, revision: Revision) -> KeyValue {
        let before = self.keys.get(key);
        KeyValue {
            key: key.clone(),
            create_revision: before.map_or(revision, |kv| kv.create_revision),
            mod_revision: revision,
            version: before.map_or(1, |kv| kv.version + 1),
            value: value.clone(),
            lease: 0,
        }
    }

    pub fn apply(&mut self, changes: &[Change]) {
        let events = self.write(changes);
        self.hub.publish(events);
    }

    pub fn put_dispatched(&mut self, key: &'static str, value: &str) {
        self.apply(&[put(key, value)]);
        self.hub.dispatch();
    }

    pub fn compact(&mut self, revision: Revision) {
        self.hub.compacted(revision);
        self.disk.compact(revision);
    }

    /// A snapshot with everything written so far takes the state's place.
    pub fn reset(&mut self) {
        self.hub.reset(self.disk.clone(), self.revision, self.disk.compact_revision());
    }

    /// A new process: a new hub over what the disk has.
    pub fn restart(&mut self, limits: Limits) {
        self.hub = Hub::new(self.disk.clone(), self.revision, self.disk.compact_revision(), limits);
    }

    pub fn open(&self) -> Client {
        Client { stream: self.hub.open(), wakes: Arc::default(), out: Vec::new() }
    }
}

pub fn put(key: &'static str, value: &str) -> Change {
    Change::Put(Bytes::from(key), Bytes::from(value.to_owned()))
}

pub fn range(key: &str, end: &str) -> KeyRange {
    KeyRange { key: Bytes::from(key.to_owned()), end: Bytes::from(end.to_owned()) }
}

pub fn spec(range: KeyRange, start_revision: Revision) -> WatchSpec {
    WatchSpec { range, start_revision, no_put: false, no_delete: false, prev_kv: false }
}

/// The owner of a stream: waits, takes, and runs reads from disk when told to.
pub struct Client {
    pub stream: WatchStream,
    pub wakes: Arc<Wakes>,
    /// Reads handed out and not done yet.
    pub out: Vec<CatchUp>,
}

#[derive(Default)]
pub struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Client {
    pub fn is_ready(&mut self) -> bool {
        let waker = Waker::from(self.wakes.clone());
        self.stream.poll_ready(&mut Context::from_waker(&waker)) == Poll::Ready(())
    }

    pub fn wake_count(&self) -> usize {
        self.wakes.0.load(Ordering::SeqCst)
    }

    /// Does one of the reads that are out, on which the watch goes on.
    pub fn read_one(&mut self) -> bool {
        if self.out.is_empty() {
            return false;
        }
        let done = self.out.remove(0).read();
        assert!(done.error().is_none());
        self.stream.resume(done);
        true
    }

    /// All that can be had, reads from disk included.
    pub fn drain(&mut self, max_events: usize) -> Vec<Delivery> {
        let mut all = Vec::new();
        loop {
            match self.stream.next(max_events) {
                Some(Delivery::Behind(catch_up)) => self.out.push(catch_up),
                Some(delivery) => all.push(delivery),
                None if self.read_one() => {}
                None if self.is_ready() => {}
                None => return all,
            }
        }
    }

    /// The revisions that a drain brings for one watch, in order of delivery.
    pub fn revisions(&mut self, watch: i64) -> Vec<Revision> {
        let mut revisions = Vec::new();
        for delivery in self.drain(100) {
            if let Delivery::Events { id, batches, .. } = delivery
                && id == watch
            {
                revisions.extend(batches.iter().map(|batch| batch.revision()));
            }
        }
        revisions
    }
}
