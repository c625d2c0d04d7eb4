//! The meeting point of the writer, the dispatcher and the streams of watches.

use super::core::Core;
use super::group::{Group, Scope};
use super::inbox::{Inbox, Work};
use super::limits::{
    CANCEL_CHUNK_WATCHES, DISPATCH_CHUNK_REVISIONS, SEGMENT_BYTES_MAX, SEGMENT_REVISIONS_MAX,
};
use super::recent::Recent;
use super::signal::Signal;
use super::{EventBatch, HistoryReader, Limits, ScanLimit, WatchStream};
use crate::command::KeyRange;
use crate::kv::{Event, Revision};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

/// All watches of one replica.
pub struct Hub {
    pub(super) inbox: Inbox,
    /// Held through a pass: only one dispatches at a time.
    pass: Mutex<()>,
    core: Mutex<Core>,
    pub(super) recent: Recent,
    reader: RwLock<Arc<dyn HistoryReader>>,
    /// Stored after all that it promises has been done, and loaded before anything is concluded
    /// from it; the locks of the rings order the rest.
    revision: AtomicI64,
    compact_revision: AtomicI64,
    streams: AtomicU64,
    open_streams: AtomicUsize,
    pub(super) open_watches: AtomicUsize,
}

/// What the hub holds at the moment, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubStats {
    pub streams: usize,
    pub watches: usize,
    pub groups: usize,
    pub history_bytes: usize,
    pub rings_bytes: usize,
    pub inbox_bytes: usize,
}

/// A stream's membership of a group.
pub(super) struct Membership {
    pub group: Arc<Group>,
    /// The member's place in the group's ring.
    pub member: usize,
}

impl Hub {
    /// A hub for a keyspace at `revision`. `reader` reads what was written before.
    pub fn new(
        reader: Arc<dyn HistoryReader>,
        revision: Revision,
        compact_revision: Revision,
        limits: Limits,
    ) -> Arc<Self> {
        Arc::new(Self {
            inbox: Inbox::new(revision, limits.inbox_bytes),
            pass: Mutex::new(()),
            core: Mutex::new(Core::new(revision, limits.rings_bytes)),
            recent: Recent::new(revision, limits.history_bytes),
            reader: RwLock::new(reader),
            revision: AtomicI64::new(revision),
            compact_revision: AtomicI64::new(compact_revision),
            streams: AtomicU64::new(0),
            open_streams: AtomicUsize::new(0),
            open_watches: AtomicUsize::new(0),
        })
    }

    /// Takes over events that have just been applied and written: in order, every revision whole,
    /// all above those published before. Never waits for a reader.
    pub fn publish(&self, events: Vec<Event>) {
        self.inbox.publish(events);
    }

    /// The keyspace has been compacted at `revision`. To be called before anything is removed.
    pub fn compacted(&self, revision: Revision) {
        self.compact_revision.fetch_max(revision, Ordering::AcqRel);
    }

    /// The whole state has been replaced by one at `revision`, not below any published one, whose
    /// history `reader` reads. Every watch catches up from there, or learns that what it would see
    /// next has been compacted.
    pub fn reset(
        &self,
        reader: Arc<dyn HistoryReader>,
        revision: Revision,
        compact_revision: Revision,
    ) {
        *self.reader.write() = reader;
        self.compacted(compact_revision);
        self.inbox.leap(revision);
    }

    /// Offers what was published to the watches concerned, and wakes their streams. False if there
    /// was nothing to do. In production the [`super::Dispatcher`] calls it, and nobody else; a
    /// simulation calls it inline.
    pub fn dispatch(&self) -> bool {
        let _pass = self.pass.lock();
        let Work { leap, events } = self.inbox.take();
        if leap.is_none() && events.is_empty() {
            return false;
        }
        let mut due = Vec::new();
        if let Some(revision) = leap {
            let mut core = self.core.lock();
            core.leap(revision, &self.recent, &mut due);
            self.conclude(revision, &mut due);
        }
        let mut batches = Grouped::new(events);
        while self.dispatch_chunk(&mut batches, &mut due) {}
        true
    }

    /// Offers some revisions under one hold of the core lock; false when there are none left.
    fn dispatch_chunk(&self, batches: &mut Grouped, due: &mut Vec<Arc<Signal>>) -> bool {
        let mut core = self.core.lock();
        for _ in 0..DISPATCH_CHUNK_REVISIONS {
            let Some(batch) = batches.next() else {
                break;
            };
            core.offer(&Arc::new(batch), &self.recent, due);
        }
        let dispatched = core.dispatched;
        // Fair, so that who opens or cancels watches gets a turn in the midst of a long pass.
        parking_lot::MutexGuard::unlock_fair(core);
        self.conclude(dispatched, due);
        !batches.is_empty()
    }

    fn conclude(&self, revision: Revision, due: &mut Vec<Arc<Signal>>) {
        self.revision.store(revision, Ordering::Release);
        for signal in due.drain(..) {
            signal.fire();
        }
    }

    /// Reads a little more of the past into the recent history. After a restart all clients come
    /// back at once, each to resume a little behind: they should not all read the same from disk.
    /// False when there is enough, or no more to be had.
    pub(super) fn prime(&self) -> bool {
        let floor = self.recent.floor();
        let oldest = self.compact_revision().max(1);
        let from = (floor + 1 - SEGMENT_REVISIONS_MAX as Revision).max(oldest);
        if from > floor {
            return false;
        }
        let all = KeyRange { key: Bytes::new(), end: Bytes::from_static(&[0]) };
        let limit = ScanLimit {
            revisions: SEGMENT_REVISIONS_MAX,
            bytes: SEGMENT_BYTES_MAX,
            examined: usize::MAX,
        };
        // A fault of the disk is for those to tell who cannot do without what they read.
        match self.reader().scan(&all, from, floor, limit) {
            Ok(scan) if scan.through == floor => self.recent.prepend(from, floor, scan.batches),
            Ok(_) | Err(_) => false,
        }
    }

    /// A new stream without watches.
    pub fn open(self: &Arc<Self>) -> WatchStream {
        self.open_streams.fetch_add(1, Ordering::Relaxed);
        let number = self.streams.fetch_add(1, Ordering::Relaxed);
        WatchStream::new(self.clone(), Signal::new(number))
    }

    /// Everything up to here has been offered to every watch.
    pub fn revision(&self) -> Revision {
        self.revision.load(Ordering::Acquire)
    }

    pub fn stats(&self) -> HubStats {
        let core = self.core.lock();
        HubStats {
            streams: self.open_streams.load(Ordering::Relaxed),
            watches: self.open_watches.load(Ordering::Relaxed),
            groups: core.index.len(),
            history_bytes: self.recent.bytes(),
            rings_bytes: core.rings.bytes,
            inbox_bytes: self.inbox.bytes(),
        }
    }

    pub(super) fn compact_revision(&self) -> Revision {
        self.compact_revision.load(Ordering::Acquire)
    }

    pub(super) fn published(&self) -> Revision {
        self.inbox.published()
    }

    pub(super) fn reader(&self) -> Arc<dyn HistoryReader> {
        self.reader.read().clone()
    }

    /// Finds or makes the group of a scope and calls `f` with it, during which the
    /// group cannot vanish and nothing is dispatched.
    pub(super) fn with_group<R>(&self, scope: Scope, f: impl FnOnce(&Arc<Group>) -> R) -> R {
        let mut core = self.core.lock();
        let dispatched = core.dispatched;
        f(&core.index.group(scope, dispatched))
    }

    /// Ends memberships; groups without members go.
    pub(super) fn leave(&self, memberships: impl IntoIterator<Item = Membership>) {
        let mut memberships = memberships.into_iter().peekable();
        while memberships.peek().is_some() {
            let mut core = self.core.lock();
            for membership in memberships.by_ref().take(CANCEL_CHUNK_WATCHES) {
                if membership.group.ring.lock().leave(membership.member) {
                    core.index.remove(&membership.group);
                }
            }
        }
    }

    pub(super) fn closed_stream(&self) {
        self.open_streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Published events, cut into revisions.
struct Grouped {
    events: std::iter::Peekable<std::iter::Flatten<std::vec::IntoIter<Vec<Event>>>>,
}

impl Grouped {
    fn new(events: Vec<Vec<Event>>) -> Self {
        Self { events: events.into_iter().flatten().peekable() }
    }

    fn is_empty(&mut self) -> bool {
        self.events.peek().is_none()
    }
}

impl Iterator for Grouped {
    type Item = EventBatch;

    fn next(&mut self) -> Option<EventBatch> {
        let first = self.events.next()?;
        let revision = first.revision();
        let mut events = vec![first];
        while let Some(event) = self.events.next_if(|event| event.revision() == revision) {
            events.push(event);
        }
        Some(EventBatch::new(events))
    }
}
