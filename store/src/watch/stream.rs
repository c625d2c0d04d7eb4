//! The watches of one client stream.

use super::{CaughtUp, Delivery, Hub, WatchSpec};
use crate::kv::Revision;
use std::sync::Arc;
use std::task::{Context, Poll};

pub struct WatchStream {
    pub(super) _hub: Arc<Hub>,
}

impl WatchStream {
    /// Adds a watch. Returns the first revision that it can see (one more than the last applied
    /// one if the spec says "from now"), or `None`, with no effect, if the id is in use.
    pub fn watch(&mut self, _id: i64, _spec: WatchSpec) -> Option<Revision> {
        None
    }

    /// Ends a watch; false if there is none of this id.
    pub fn cancel(&mut self, _id: i64) -> bool {
        false
    }

    /// Ready when [`Self::next`] may have something. The task is woken once for a burst.
    pub fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    /// The next delivery, of at most `max_events` events (but never less than one revision).
    /// Never blocks; takes the watches in turn. After `None`, go back to [`Self::poll_ready`].
    pub fn next(&mut self, _max_events: usize) -> Option<Delivery> {
        None
    }

    /// Every event of this watch up to here has been handed out by [`Self::next`]. `None` if there
    /// is no such watch, or if its start revision lies beyond.
    pub fn synced_revision(&self, _id: i64) -> Option<Revision> {
        None
    }

    /// Takes what a [`super::CatchUp`] read. Of a watch cancelled meanwhile, it is dropped.
    pub fn resume(&mut self, _done: CaughtUp) {}
}
