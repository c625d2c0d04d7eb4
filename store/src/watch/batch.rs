//! One revision's events, as one group of watches sees them.

use super::Extension;
use super::encode::{encode_event, encoded_event_len};
use super::limits::EVENT_OVERHEAD_BYTES;
use crate::kv::{Event, Revision};
use bytes::{Bytes, BytesMut};
use std::sync::OnceLock;

/// Events of one revision, in the order of the transaction that made them, and their encoding,
/// made at most once for all the watches that share the batch. A batch is the unit of atomicity:
/// it is delivered whole.
#[derive(Debug)]
pub struct EventBatch {
    revision: Revision,
    events: Box<[Event]>,
    plain: OnceLock<Bytes>,
    with_prev: OnceLock<Bytes>,
    extension: Extension,
}

impl EventBatch {
    /// # Panics
    /// If there is no event, or if the events differ in revision: their source is broken.
    pub fn new(events: impl Into<Box<[Event]>>) -> Self {
        let events = events.into();
        let revision = events.first().expect("a batch has events").revision();
        assert!(events.iter().all(|e| e.revision() == revision), "a batch has one revision");
        let (plain, with_prev) = (OnceLock::new(), OnceLock::new());
        Self { revision, events, plain, with_prev, extension: Extension::default() }
    }

    pub fn revision(&self) -> Revision {
        self.revision
    }

    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// For what the receivers of the batch share. It should hold no more than the encodings here.
    pub fn extension(&self) -> &Extension {
        &self.extension
    }

    /// The `events` fields of an etcd `WatchResponse` (tag 11), concatenated: a response is a
    /// small header of one's own and, after it, these bytes of one or more batches.
    pub fn encoded(&self, prev_kv: bool) -> &Bytes {
        if prev_kv && self.events.iter().any(|event| event.prev.is_some()) {
            self.with_prev.get_or_init(|| self.encode(true))
        } else {
            self.plain.get_or_init(|| self.encode(false))
        }
    }

    fn encode(&self, prev_kv: bool) -> Bytes {
        let len = self.events.iter().map(|event| encoded_event_len(event, prev_kv)).sum();
        let mut out = BytesMut::with_capacity(len);
        for event in &self.events {
            encode_event(event, prev_kv, &mut out);
        }
        out.freeze()
    }

    /// Bytes of keys and values: what a delivery of the batch is measured by.
    pub(super) fn payload_bytes(&self) -> usize {
        self.events.iter().map(payload_bytes).sum()
    }

    /// What the batch may come to hold in memory, its encodings included.
    pub(super) fn held_bytes(&self) -> usize {
        self.events.iter().map(held_bytes).sum()
    }
}

fn payload_bytes(event: &Event) -> usize {
    let len = |kv: &crate::kv::KeyValue| kv.key.len() + kv.value.len();
    len(&event.kv) + event.prev.as_deref().map_or(0, len)
}

/// What an event may come to hold in memory: itself, and with it its encodings. From above: the
/// version before is mostly held by the event that made it, too.
pub(super) fn held_bytes(event: &Event) -> usize {
    3 * payload_bytes(event) + EVENT_OVERHEAD_BYTES
}
