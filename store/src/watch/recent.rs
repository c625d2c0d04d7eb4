//! The recent history: every revision above a floor, in memory, shared by all.
//!
//! Kept in segments. Closed segments never change, so that a reader takes one with a reference
//! count and looks through it without the lock.

use super::EventBatch;
use super::limits::{SEGMENT_BYTES_MAX, SEGMENT_REVISIONS_MAX};
use crate::kv::Revision;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

pub(super) struct Recent {
    limit_bytes: usize,
    segment_bytes: usize,
    state: Mutex<State>,
}

struct State {
    closed: VecDeque<Segment>,
    open: Vec<Arc<EventBatch>>,
    open_bytes: usize,
    bytes: usize,
    /// All revisions above it, up to `last`, are here.
    floor: Revision,
    last: Revision,
}

struct Segment {
    batches: Arc<[Arc<EventBatch>]>,
    last: Revision,
    bytes: usize,
}

/// A piece of the recent history: all of the revisions from the one asked for through `through`.
pub(super) struct Stretch {
    segment: Arc<[Arc<EventBatch>]>,
    start: usize,
    pub through: Revision,
}

impl Stretch {
    pub fn batches(&self) -> &[Arc<EventBatch>] {
        &self.segment[self.start..]
    }
}

impl Recent {
    pub fn new(revision: Revision, limit_bytes: usize) -> Self {
        let state = State {
            closed: VecDeque::new(),
            open: Vec::new(),
            open_bytes: 0,
            bytes: 0,
            floor: revision,
            last: revision,
        };
        // Small limits get small segments, or the open one alone would exceed them.
        let segment_bytes = SEGMENT_BYTES_MAX.min(limit_bytes / 8);
        Self { limit_bytes, segment_bytes, state: Mutex::new(state) }
    }

    /// Appends a revision and trims. Returns the floor.
    pub fn push(&self, batch: Arc<EventBatch>) -> Revision {
        let bytes = batch.held_bytes();
        let mut state = self.state.lock();
        state.last = batch.revision();
        state.open.push(batch);
        state.open_bytes += bytes;
        state.bytes += bytes;
        let full = state.open.len() >= SEGMENT_REVISIONS_MAX;
        if full || state.open_bytes >= self.segment_bytes {
            state.close();
        }
        while state.bytes > self.limit_bytes
            && let Some(segment) = state.closed.pop_front()
        {
            state.bytes -= segment.bytes;
            state.floor = segment.last;
        }
        state.floor
    }

    pub fn floor(&self) -> Revision {
        self.state.lock().floor
    }

    /// Puts history before what is here: all of the revisions `from..=floor`. No effect if the
    /// floor has moved meanwhile. False when older history would take more than half the room.
    pub fn prepend(&self, from: Revision, floor: Revision, batches: Vec<EventBatch>) -> bool {
        let bytes: usize = batches.iter().map(EventBatch::held_bytes).sum();
        let batches = batches.into_iter().map(Arc::new).collect();
        let mut state = self.state.lock();
        if state.floor == floor && state.bytes + bytes <= self.limit_bytes / 2 {
            state.closed.push_front(Segment { batches, last: floor, bytes });
            state.bytes += bytes;
            state.floor = from - 1;
            return true;
        }
        false
    }

    /// Begins anew after `revision`.
    pub fn reset(&self, revision: Revision) {
        let mut state = self.state.lock();
        state.closed.clear();
        state.open.clear();
        state.open_bytes = 0;
        state.bytes = 0;
        state.floor = revision;
        state.last = revision;
    }

    /// History from `next` on: a stretch of it, never more than a segment. `Err` holds the floor,
    /// if that is not below `next`: the disk has everything up to it.
    pub fn from(&self, next: Revision) -> Result<Stretch, Revision> {
        let state = self.state.lock();
        if next <= state.floor {
            return Err(state.floor);
        }
        let at = state.closed.partition_point(|segment| segment.last < next);
        let (segment, through) = match state.closed.get(at) {
            Some(segment) => (segment.batches.clone(), segment.last),
            None => (state.open.as_slice().into(), state.last),
        };
        drop(state);
        let start = segment.partition_point(|batch| batch.revision() < next);
        Ok(Stretch { segment, start, through })
    }

    pub fn bytes(&self) -> usize {
        self.state.lock().bytes
    }
}

impl State {
    fn close(&mut self) {
        let batches: Arc<[_]> = self.open.as_slice().into();
        self.open.clear();
        let bytes = std::mem::take(&mut self.open_bytes);
        self.closed.push_back(Segment { batches, last: self.last, bytes });
    }
}
