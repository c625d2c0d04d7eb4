//! The watches of one client stream.

mod membership;
mod serve;
mod watch;

use self::membership::Follower;
use self::watch::{State, Watch};
use super::catch_up::{CaughtUp, Ticket};
use super::group::Scope;
use super::hub::Membership;
use super::limits::CATCH_UPS_PER_STREAM_MAX;
use super::signal::Signal;
use super::spec::Filter;
use super::{Batches, Delivery, HistoryError, Hub, Topic, WatchSpec};
use crate::kv::Revision;
use slab::Slab;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

/// One per client stream, with thousands of watches in it. It belongs to one task, which waits
/// with [`Self::poll_ready`], takes deliveries with [`Self::next`] until there is none, and waits
/// again. Dropping it ends its watches.
pub struct WatchStream {
    hub: Arc<Hub>,
    signal: Arc<Signal>,
    places: HashMap<i64, u32>,
    watches: Slab<Watch>,
    /// One per group that the stream's watches follow.
    followers: Slab<Follower>,
    /// By the number of the group.
    by_group: HashMap<u64, u32>,
    /// Watches to be served, in turn. May name places that are vacant by now.
    ready: VecDeque<u32>,
    /// Watches that need the disk while as many reads as are allowed are out already.
    parked: VecDeque<u32>,
    /// Reads that are out, or whose result is not all delivered.
    catch_ups: usize,
    next_number: u64,
    /// The last run taken from a ring, for the next watch that stands at the same place.
    last_run: Option<Run>,
    drained: Vec<u32>,
}

/// A run of batches taken from a ring, and where it leaves a cursor.
struct Run {
    follower: u32,
    from: u64,
    max_events: usize,
    batches: Batches,
    end: u64,
    /// Revision of the batch after the run; `None` if the run went to the ring's end.
    then: Option<Revision>,
}

impl WatchStream {
    pub(super) fn new(hub: Arc<Hub>, signal: Arc<Signal>) -> Self {
        Self {
            hub,
            signal,
            places: HashMap::new(),
            watches: Slab::new(),
            followers: Slab::new(),
            by_group: HashMap::new(),
            ready: VecDeque::new(),
            parked: VecDeque::new(),
            catch_ups: 0,
            next_number: 0,
            last_run: None,
            drained: Vec::new(),
        }
    }

    /// Adds a watch. Returns the first revision that it can see (one more than the last applied
    /// one if the spec says "from now"), or `None`, with no effect, if the id is in use.
    ///
    /// A start below the compact revision is not refused here: [`Self::next`] says so, as it does
    /// for every other watch that falls behind.
    pub fn watch(&mut self, id: i64, spec: WatchSpec) -> Option<Revision> {
        self.watch_topic(id, spec, None)
    }

    /// Adds a watch of a topic: it is not woken for what else happens in its range.
    pub fn watch_topic(
        &mut self,
        id: i64,
        spec: WatchSpec,
        topic: Option<Topic>,
    ) -> Option<Revision> {
        if self.places.contains_key(&id) {
            return None;
        }
        let next = match spec.start_revision {
            0 => self.hub.published() + 1,
            start => start,
        };
        let filter = Filter { no_put: spec.no_put, no_delete: spec.no_delete };
        let number = self.next_number;
        self.next_number += 1;
        let place = place_of(self.watches.insert(Watch {
            id,
            number,
            follower: u32::MAX,
            position: 0,
            next,
            start: spec.start_revision,
            prev_kv: spec.prev_kv,
            queued: true,
            state: State::Behind,
        }));
        self.places.insert(id, place);
        self.follow(place, Scope { range: spec.range, filter, topic });
        self.hub.open_watches.fetch_add(1, Ordering::Relaxed);
        if next < self.hub.compact_revision() || !self.rejoin(place) {
            self.ready.push_back(place);
        }
        Some(next)
    }

    /// Ends a watch; false if there is none of this id.
    pub fn cancel(&mut self, id: i64) -> bool {
        let Some(&place) = self.places.get(&id) else {
            return false;
        };
        self.remove(place);
        true
    }

    /// Ready when [`Self::next`] may have something. The task is woken once for a burst.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let unparks = !self.parked.is_empty() && self.catch_ups < CATCH_UPS_PER_STREAM_MAX;
        if !self.ready.is_empty() || unparks || self.signal.poll(cx.waker()) {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// The next delivery, of about `max_events` events (it ends with the revision that reaches
    /// this). Never blocks; takes the watches in turn. After `None`, wait with
    /// [`Self::poll_ready`].
    pub fn next(&mut self, max_events: usize) -> Option<Delivery> {
        self.collect();
        self.unpark();
        self.serve(max_events)
    }

    /// Every event of this watch up to here has been handed out by [`Self::next`]. `None` if there
    /// is no such watch, if it has ended, or if its start revision lies beyond.
    pub fn synced_revision(&self, id: i64) -> Option<Revision> {
        // Loaded first: whatever it promises is in the rings, and marked, before it is stored.
        let offered = self.hub.revision();
        let watch = &self.watches[*self.places.get(&id)? as usize];
        let synced = match watch.state {
            State::Ended { .. } => return None,
            State::Live { .. } if !watch.queued => {
                let follower = &self.followers[watch.follower as usize];
                match follower.group.ring.lock().peek_mark(follower.member) {
                    Some(missing) => (missing - 1).max(watch.next - 1),
                    None => offered.max(watch.next - 1),
                }
            }
            _ => watch.next - 1,
        };
        (synced >= watch.start).then_some(synced)
    }

    /// The least [`Self::synced_revision`] of all watches; `None` if any has none, or if there is
    /// no watch. What a progress mark of the whole stream may say.
    pub fn synced_revision_of_all(&self) -> Option<Revision> {
        let mut least = None;
        for (_, watch) in &self.watches {
            let synced = self.synced_revision(watch.id)?;
            least = Some(least.map_or(synced, |least: Revision| least.min(synced)));
        }
        least
    }

    /// Takes what a [`super::CatchUp`] of this stream read. Every one is to be given back, also
    /// that of a watch cancelled meanwhile, or the stream runs out of reads.
    pub fn resume(&mut self, done: CaughtUp) {
        let CaughtUp { ticket: Ticket { place, number }, result } = done;
        let watch = match self.watches.get_mut(place as usize) {
            Some(watch) if watch.number == number => watch,
            _ => {
                self.catch_ups -= 1;
                return;
            }
        };
        debug_assert!(matches!(watch.state, State::Reading), "one read at a time");
        watch.queued = true;
        let mut held = false;
        watch.state = match result {
            Ok(piece) if piece.batches.is_empty() => {
                watch.next = piece.through + 1;
                State::Behind
            }
            Ok(piece) => {
                held = true;
                State::Reviewing(Box::new(piece.into()))
            }
            Err(HistoryError::Compacted { compact_revision }) => State::Ended { compact_revision },
            Err(HistoryError::Engine(_)) => State::Behind,
        };
        self.ready.push_back(place);
        if !held {
            self.catch_ups -= 1;
        }
    }

    /// Gives as many parked watches a turn as there are reads to be had. One that then needs none
    /// leaves its chance to the next call.
    fn unpark(&mut self) {
        for _ in self.catch_ups..CATCH_UPS_PER_STREAM_MAX {
            let Some(place) = self.parked.pop_front() else {
                break;
            };
            self.ready.push_back(place);
        }
    }

    fn remove(&mut self, place: u32) {
        let watch = self.watches.remove(place as usize);
        self.places.remove(&watch.id);
        self.hub.open_watches.fetch_sub(1, Ordering::Relaxed);
        self.unfollow(&watch);
        // A read that is out is released when it comes back.
        if matches!(watch.state, State::Reviewing(_)) {
            self.catch_ups -= 1;
        }
    }
}

impl Drop for WatchStream {
    fn drop(&mut self) {
        self.hub.open_watches.fetch_sub(self.watches.len(), Ordering::Relaxed);
        self.hub
            .leave(self.followers.drain().map(|f| Membership { group: f.group, member: f.member }));
        self.hub.closed_stream();
    }
}

fn place_of(key: usize) -> u32 {
    u32::try_from(key).expect("a stream has fewer than 2^32 watches")
}
