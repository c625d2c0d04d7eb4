//! The hand-over from the writer to the dispatcher.

use super::batch::held_bytes;
use crate::kv::{Event, Revision};
use parking_lot::{Condvar, Mutex};

/// What was applied and not yet dispatched. The writer adds to it under a mutex that is never
/// held for longer than it takes to move a vector.
pub(super) struct Inbox {
    limit_bytes: usize,
    state: Mutex<State>,
    filled: Condvar,
}

struct State {
    work: Work,
    bytes: usize,
    published: Revision,
    closed: bool,
    /// The dispatcher is gone by a fault of its own.
    failed: bool,
}

/// One pass of the dispatcher: first the leap, if there is one, then the events in order.
#[derive(Default)]
pub(super) struct Work {
    /// Everything up to this revision is on disk only.
    pub leap: Option<Revision>,
    /// As they were published: runs of ascending revisions.
    pub events: Vec<Vec<Event>>,
}

impl Work {
    pub fn is_empty(&self) -> bool {
        self.leap.is_none() && self.events.is_empty()
    }
}

impl Inbox {
    pub fn new(published: Revision, limit_bytes: usize) -> Self {
        let work = Work::default();
        let state = State { work, bytes: 0, published, closed: false, failed: false };
        Self { limit_bytes, state: Mutex::new(state), filled: Condvar::new() }
    }

    /// Adds events, or, when there is no room, leaps over all that wait: they are on disk.
    pub fn publish(&self, events: Vec<Event>) {
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return;
        };
        let (first, last) = (first.revision(), last.revision());
        let bytes: usize = events.iter().map(held_bytes).sum();
        {
            let mut state = self.state.lock();
            assert!(!state.failed, "the watch dispatcher panicked");
            assert!(
                first > state.published,
                "revision {first} published after {}",
                state.published
            );
            state.published = last;
            if state.bytes + bytes > self.limit_bytes {
                state.leap(last);
            } else {
                state.bytes += bytes;
                state.work.events.push(events);
            }
        }
        self.filled.notify_one();
    }

    /// Forgets what waits: the state has been replaced by one at `revision`.
    pub fn leap(&self, revision: Revision) {
        {
            let mut state = self.state.lock();
            assert!(
                revision >= state.published,
                "a state at revision {revision} replaces one at {}",
                state.published
            );
            state.published = revision;
            state.leap(revision);
        }
        self.filled.notify_one();
    }

    pub fn take(&self) -> Work {
        let mut state = self.state.lock();
        state.bytes = 0;
        std::mem::take(&mut state.work)
    }

    /// Waits for work; false once closed.
    pub fn wait(&self) -> bool {
        let mut state = self.state.lock();
        while state.work.is_empty() && !state.closed {
            self.filled.wait(&mut state);
        }
        !state.closed
    }

    pub fn close(&self) {
        self.state.lock().closed = true;
        self.filled.notify_all();
    }

    /// Makes the next publication panic.
    pub fn fail(&self) {
        self.state.lock().failed = true;
    }

    pub fn published(&self) -> Revision {
        self.state.lock().published
    }

    pub fn bytes(&self) -> usize {
        self.state.lock().bytes
    }
}

impl State {
    fn leap(&mut self, revision: Revision) {
        self.work.leap = Some(revision);
        self.work.events = Vec::new();
        self.bytes = 0;
    }
}
