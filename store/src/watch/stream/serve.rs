//! Serving the watches of a stream in turn, each from where it stands.

use super::super::catch_up::{CatchUp, Ticket};
use super::super::group::Group;
use super::super::limits::{CATCH_UPS_PER_STREAM_MAX, DELIVERY_BYTES_MAX, SEGMENTS_PER_NEXT_MAX};
use super::super::recent::Stretch;
use super::super::{Batches, Delivery, EventBatch};
use super::membership::absorb;
use super::watch::State;
use super::{Run, WatchStream};
use crate::bounds::Bounds;
use crate::kv::{Event, Revision};
use std::sync::Arc;

/// What came of serving a watch. Except where it says so, the watch is queued no more.
enum Step {
    Deliver(Delivery),
    /// It goes to the back of the queue after the delivery.
    DeliverAndRequeue(Delivery),
    Requeue,
    /// Nothing to do now; or it has been queued already.
    Rest,
}

impl WatchStream {
    pub(super) fn serve(&mut self, max_events: usize) -> Option<Delivery> {
        let mut segments = 0;
        while segments < SEGMENTS_PER_NEXT_MAX {
            let Some(place) = self.ready.pop_front() else {
                self.last_run = None;
                return None;
            };
            match self.step(place, max_events.max(1), &mut segments) {
                Step::Deliver(delivery) => return Some(delivery),
                Step::DeliverAndRequeue(delivery) => {
                    self.ready.push_back(place);
                    return Some(delivery);
                }
                Step::Requeue => self.ready.push_back(place),
                Step::Rest => {}
            }
        }
        None
    }

    fn step(&mut self, place: u32, max_events: usize, segments: &mut usize) -> Step {
        let Some(watch) = self.watches.get_mut(place as usize) else {
            return Step::Rest;
        };
        match watch.state {
            State::Live { seq } => self.step_live(place, seq, max_events),
            State::Behind => self.step_behind(place, max_events, segments),
            State::Reading => Step::Rest,
            State::Reviewing(_) => self.step_reviewing(place, max_events),
            State::Ended { compact_revision } => {
                let id = watch.id;
                self.remove(place);
                Step::Deliver(Delivery::Compacted { id, compact_revision })
            }
        }
    }

    fn step_live(&mut self, place: u32, seq: u64, max_events: usize) -> Step {
        let watch = &mut self.watches[place as usize];
        let known = self.last_run.as_ref().is_some_and(|run| {
            run.follower == watch.follower
                && run.from == seq
                && run.max_events == max_events
                && run.batches[0].revision() >= watch.next
        });
        if !known && !self.take_run(place, seq, max_events) {
            return Step::Rest;
        }
        let watch = &mut self.watches[place as usize];
        let Some(run) = &self.last_run else {
            // The ring went on without it.
            watch.state = State::Behind;
            return Step::Requeue;
        };
        let batches = run.batches.clone();
        watch.state = State::Live { seq: run.end };
        watch.next = run.then.unwrap_or_else(|| batches[batches.len() - 1].revision() + 1);
        watch.queued = run.then.is_some();
        let requeue = watch.queued;
        deliver(watch.id, watch.prev_kv, batches, requeue)
    }

    /// Takes a run for a watch from its ring into `last_run`, which is `None` afterwards if the
    /// ring no longer has what comes next. False if nothing comes next: the watch is idle.
    fn take_run(&mut self, place: u32, seq: u64, max_events: usize) -> bool {
        let Self { followers, watches, ready, last_run, .. } = self;
        let at = watches[place as usize].follower;
        let follower = &followers[at as usize];
        let mut ring = follower.group.ring.lock();
        absorb(&mut ring, at, follower, watches, ready, last_run);
        *last_run = None;
        if seq < ring.first() {
            return true;
        }
        let watch = &mut watches[place as usize];
        // A watch that starts in the future is on the ring before its first event is.
        let from = ring.seek(seq, watch.next);
        let count = run_len(ring.from(from).map(Arc::as_ref), max_events);
        let end = from + count as u64;
        if count == 0 {
            watch.state = State::Live { seq: end };
            watch.queued = false;
            return false;
        }
        let batches = ring.take(from, count);
        let then = ring.from(end).next().map(|batch| batch.revision());
        *last_run = Some(Run { follower: at, from, max_events, batches, end, then });
        true
    }

    fn step_behind(&mut self, place: u32, max_events: usize, segments: &mut usize) -> Step {
        let watch = &mut self.watches[place as usize];
        let compact_revision = self.hub.compact_revision();
        if watch.next < compact_revision {
            watch.state = State::Ended { compact_revision };
            return Step::Requeue;
        }
        if self.rejoin(place) {
            return Step::Rest;
        }
        *segments += 1;
        let watch = &mut self.watches[place as usize];
        match self.hub.recent.from(watch.next) {
            Ok(stretch) => {
                let group = &self.followers[watch.follower as usize].group;
                let (batches, next) = review(&stretch, group, watch.next, max_events);
                watch.next = next;
                if batches.is_empty() {
                    return Step::Requeue;
                }
                deliver(watch.id, watch.prev_kv, batches.into_iter().collect(), true)
            }
            Err(floor) => self.step_to_disk(place, floor),
        }
    }

    fn step_to_disk(&mut self, place: u32, floor: Revision) -> Step {
        if self.catch_ups >= CATCH_UPS_PER_STREAM_MAX {
            self.parked.push_back(place);
            return Step::Rest;
        }
        self.catch_ups += 1;
        let watch = &mut self.watches[place as usize];
        watch.state = State::Reading;
        watch.queued = false;
        let group = &self.followers[watch.follower as usize].group;
        Step::Deliver(Delivery::Behind(CatchUp {
            id: watch.id,
            ticket: Ticket { place, number: watch.number },
            reader: self.hub.reader(),
            range: group.scope.range.clone(),
            filter: group.scope.filter,
            from: watch.next,
            to: floor,
        }))
    }

    fn step_reviewing(&mut self, place: u32, max_events: usize) -> Step {
        let watch = &mut self.watches[place as usize];
        let State::Reviewing(review) = &mut watch.state else {
            return Step::Rest;
        };
        let count = run_len(review.batches.as_slice().iter().map(Arc::as_ref), max_events);
        let batches: Batches = review.batches.by_ref().take(count).collect();
        let (id, prev_kv) = (watch.id, watch.prev_kv);
        if let Some(batch) = review.batches.as_slice().first() {
            watch.next = batch.revision();
        } else {
            watch.next = review.through + 1;
            watch.state = State::Behind;
            self.catch_ups -= 1;
        }
        deliver(id, prev_kv, batches, true)
    }
}

fn deliver(id: i64, prev_kv: bool, batches: Batches, requeue: bool) -> Step {
    let delivery = Delivery::Events { id, prev_kv, batches };
    if requeue { Step::DeliverAndRequeue(delivery) } else { Step::Deliver(delivery) }
}

/// How many of these batches make up one delivery.
fn run_len<'a>(batches: impl Iterator<Item = &'a EventBatch>, max_events: usize) -> usize {
    let (mut count, mut events, mut bytes) = (0, 0, 0);
    for batch in batches {
        count += 1;
        events += batch.events().len();
        bytes += batch.payload_bytes();
        if events >= max_events || bytes >= DELIVERY_BYTES_MAX {
            break;
        }
    }
    count
}

/// Picks one delivery for a group out of recent history; with it, the next revision to look at.
fn review(
    stretch: &Stretch,
    group: &Group,
    next: Revision,
    max_events: usize,
) -> (Vec<Arc<EventBatch>>, Revision) {
    let mut picked: Vec<Arc<EventBatch>> = Vec::new();
    let (mut events, mut bytes) = (0, 0);
    for batch in stretch.batches() {
        let Some(batch) = part(batch, group) else {
            continue;
        };
        events += batch.events().len();
        bytes += batch.payload_bytes();
        let revision = batch.revision();
        picked.push(batch);
        if events >= max_events || bytes >= DELIVERY_BYTES_MAX {
            return (picked, revision + 1);
        }
    }
    (picked, next.max(stretch.through + 1))
}

/// What a group sees of a batch; the batch itself if that is all of it.
fn part(batch: &Arc<EventBatch>, group: &Group) -> Option<Arc<EventBatch>> {
    let bounds = Bounds::new(&group.scope.range);
    let wanted =
        |event: &&Event| bounds.contains(&event.kv.key) && group.scope.filter.admits(event);
    match batch.events().iter().filter(wanted).count() {
        0 => None,
        all if all == batch.events().len() => Some(batch.clone()),
        _ => {
            let events: Vec<_> = batch.events().iter().filter(wanted).cloned().collect();
            Some(Arc::new(EventBatch::new(events)))
        }
    }
}
