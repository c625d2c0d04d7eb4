//! A stream's part in the groups that its watches follow.

use super::super::group::{Group, Scope};
use super::super::hub::Membership;
use super::super::ring::Ring;
use super::watch::{State, Watch};
use super::{Run, WatchStream, place_of};
use slab::Slab;
use std::collections::VecDeque;
use std::sync::Arc;

/// The watches of one stream in one group, of which the group knows only the stream.
pub(super) struct Follower {
    pub group: Arc<Group>,
    pub member: usize,
    pub watches: Vec<u32>,
}

impl WatchStream {
    /// Makes a watch follow its group; it stays where it is.
    pub(super) fn follow(&mut self, place: u32, scope: Scope) {
        let Self { hub, signal, followers, by_group, .. } = self;
        let follower = hub.with_group(scope, |group| {
            *by_group.entry(group.number).or_insert_with(|| {
                let entry = followers.vacant_entry();
                let follower = place_of(entry.key());
                let member = group.ring.lock().join(signal.clone(), follower);
                let watches = Vec::with_capacity(1);
                entry.insert(Follower { group: group.clone(), member, watches });
                follower
            })
        });
        let watch = &mut self.watches[place as usize];
        let watches = &mut self.followers[follower as usize].watches;
        watch.follower = follower;
        watch.position = place_of(watches.len());
        watches.push(place);
    }

    /// Ends what [`Self::follow`] began for a watch that has been taken out.
    pub(super) fn unfollow(&mut self, watch: &Watch) {
        let key = watch.follower as usize;
        let follower = &mut self.followers[key];
        follower.watches.swap_remove(watch.position as usize);
        if let Some(&moved) = follower.watches.get(watch.position as usize) {
            self.watches[moved as usize].position = watch.position;
        }
        if follower.watches.is_empty() {
            let Follower { group, member, .. } = self.followers.remove(key);
            self.by_group.remove(&group.number);
            self.last_run = None;
            self.hub.leave([Membership { group, member }]);
        }
    }

    /// Queues the watches of all followers that were marked since the last time.
    pub(super) fn collect(&mut self) {
        let Self { signal, drained, followers, watches, ready, last_run, .. } = self;
        signal.drain(drained);
        for place in drained.drain(..) {
            // The follower may have gone, and another come in its place: looking is harmless.
            if let Some(follower) = followers.get(place as usize) {
                let mut ring = follower.group.ring.lock();
                ring.unlist(follower.member);
                absorb(&mut ring, place, follower, watches, ready, last_run);
            }
        }
    }

    /// Puts a watch that is behind on the ring, if the ring goes back to its next revision. It is
    /// idle then, or queued if there is something to deliver. False if it has to read elsewhere.
    pub(super) fn rejoin(&mut self, place: u32) -> bool {
        let Self { followers, watches, ready, last_run, .. } = self;
        let Watch { follower: at, next, .. } = watches[place as usize];
        let follower = &followers[at as usize];
        let mut ring = follower.group.ring.lock();
        absorb(&mut ring, at, follower, watches, ready, last_run);
        if next <= ring.floor() {
            return false;
        }
        let seq = ring.seek(ring.first(), next);
        let watch = &mut watches[place as usize];
        watch.state = State::Live { seq };
        watch.queued = seq < ring.end();
        if watch.queued {
            ready.push_back(place);
        }
        true
    }
}

/// Takes the mark of a follower and queues its idle watches, all of which stand just where the
/// mark was set. Done whenever a ring is locked for one of them, so that this stays so.
pub(super) fn absorb(
    ring: &mut Ring,
    place: u32,
    follower: &Follower,
    watches: &mut Slab<Watch>,
    ready: &mut VecDeque<u32>,
    last_run: &mut Option<Run>,
) {
    let Some(revision) = ring.take_mark(follower.member) else {
        return;
    };
    // A cursor that used the run from now on would stop short of the ring's end, unmarked.
    if last_run.as_ref().is_some_and(|run| run.follower == place) {
        *last_run = None;
    }
    for &at in &follower.watches {
        let watch = &mut watches[at as usize];
        if watch.is_idle() {
            watch.next = watch.next.max(revision);
            watch.queued = true;
            ready.push_back(at);
        }
    }
}
