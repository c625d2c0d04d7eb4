//! How the dispatcher tells a stream that some of its watches have something to do.
//!
//! One short mutex guards both the list of what is dirty and the waker, so a wake-up cannot be
//! lost: either the stream sees the entry when it registers its waker, or the dispatcher sees the
//! waker when it fires.

use parking_lot::Mutex;
use std::sync::Arc;
use std::task::Waker;

pub(super) struct Signal {
    /// Number of the stream, by which wake-ups are ordered where order would else be accidental.
    pub stream: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Memberships of the stream whose groups have moved on.
    dirty: Vec<u32>,
    waker: Option<Waker>,
    /// The dispatcher will fire at the end of its pass.
    due: bool,
}

impl Signal {
    pub fn new(stream: u64) -> Arc<Self> {
        Arc::new(Self { stream, state: Mutex::default() })
    }

    /// Notes that membership `place` is dirty. The signal joins `due` unless it is there already;
    /// whoever holds that list fires it when what it tells of has been done.
    pub fn note(self: &Arc<Self>, place: u32, due: &mut Vec<Arc<Self>>) {
        let mut state = self.state.lock();
        state.dirty.push(place);
        if !state.due {
            state.due = true;
            due.push(self.clone());
        }
    }

    pub fn fire(&self) {
        let waker = {
            let mut state = self.state.lock();
            state.due = false;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// True if something is dirty; else registers the waker.
    pub fn poll(&self, waker: &Waker) -> bool {
        let mut state = self.state.lock();
        if !state.dirty.is_empty() {
            return true;
        }
        if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.waker = Some(waker.clone());
        }
        false
    }

    /// Swaps the list of what is dirty for `drained`, which must be empty.
    pub fn drain(&self, drained: &mut Vec<u32>) {
        let mut state = self.state.lock();
        if !state.dirty.is_empty() {
            std::mem::swap(&mut state.dirty, drained);
        }
    }
}
