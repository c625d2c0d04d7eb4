//! The recent batches of one group, and the streams that follow them.
//!
//! Batches are numbered; a watch's cursor is the number of the batch that it takes next. The ring
//! holds every batch of its group with a revision above `floor`, which rises as it is trimmed.
//!
//! A member is one stream, however many of its watches follow the group: it is told once that
//! there is something new (its *mark*), until it has looked. The mark keeps the revision of the
//! first batch it tells of, so that a watch that was idle knows its next revision exactly even if
//! that batch is gone from the ring by then.

use super::signal::Signal;
use super::{Batches, EventBatch};
use crate::kv::Revision;
use slab::Slab;
use std::collections::VecDeque;
use std::sync::Arc;

pub(super) struct Ring {
    batches: VecDeque<Arc<EventBatch>>,
    /// Number of the first batch held.
    first: u64,
    floor: Revision,
    members: Slab<Member>,
    /// The run that was taken last, and the number of its first batch: for the next stream that
    /// stands where the last one stood.
    taken: Option<(u64, Batches)>,
}

struct Member {
    signal: Arc<Signal>,
    /// The membership's name in its stream.
    place: u32,
    /// The signal names this membership as dirty already.
    listed: bool,
    mark: Option<Revision>,
}

/// Rings keep at least this capacity when they empty, and give back what is above.
const IDLE_CAPACITY: usize = 64;

impl Ring {
    /// An empty ring of a group that begins after revision `floor`.
    pub fn new(floor: Revision) -> Self {
        let members = Slab::with_capacity(1);
        Self { batches: VecDeque::new(), first: 0, floor, members, taken: None }
    }

    pub fn floor(&self) -> Revision {
        self.floor
    }

    pub fn first(&self) -> u64 {
        self.first
    }

    /// The number that the next batch will get.
    pub fn end(&self) -> u64 {
        self.first + self.batches.len() as u64
    }

    /// Batches from number `at` on; `at` must not be below [`Self::first`].
    pub fn from(&self, at: u64) -> impl ExactSizeIterator<Item = &Arc<EventBatch>> {
        self.batches.range(self.index(at)..)
    }

    /// The run of `count` batches from number `at` on. Streams that ask for the same run get the
    /// same one.
    pub fn take(&mut self, at: u64, count: usize) -> Batches {
        if let Some((from, batches)) = &self.taken
            && *from == at
            && batches.len() == count
        {
            return batches.clone();
        }
        let batches: Batches = self.from(at).take(count).cloned().collect();
        self.taken = Some((at, batches.clone()));
        batches
    }

    /// The number of the first batch, at or after `at`, of revision `next` or later.
    pub fn seek(&self, at: u64, next: Revision) -> u64 {
        let index = self.index(at);
        // Nearly always the batch at `at` itself is the answer.
        match self.batches.get(index) {
            Some(batch) if batch.revision() < next => {
                self.first + self.batches.partition_point(|b| b.revision() < next) as u64
            }
            _ => at,
        }
    }

    fn index(&self, at: u64) -> usize {
        usize::try_from(at - self.first).expect("a ring is shorter than memory")
    }

    /// Appends a batch and marks the members. Returns the batch's number.
    pub fn push(&mut self, batch: Arc<EventBatch>, due: &mut Vec<Arc<Signal>>) -> u64 {
        let number = self.end();
        let revision = batch.revision();
        self.batches.push_back(batch);
        self.mark(revision, due);
        number
    }

    /// Drops batch `number` if it is still the first.
    pub fn trim(&mut self, number: u64) {
        if number == self.first
            && let Some(batch) = self.batches.pop_front()
        {
            self.first += 1;
            self.floor = batch.revision();
            if self.taken.as_ref().is_some_and(|(from, _)| *from < self.first) {
                self.taken = None;
            }
            if self.batches.is_empty() && self.batches.capacity() > IDLE_CAPACITY {
                self.batches.shrink_to(IDLE_CAPACITY);
            }
        }
    }

    /// Forgets everything up to `floor`. What lies between `since` and it may have been missed by
    /// every cursor: none stays in the ring.
    pub fn reset(&mut self, since: Revision, floor: Revision, due: &mut Vec<Arc<Signal>>) {
        self.first = self.end() + 1;
        self.batches = VecDeque::new();
        self.taken = None;
        self.floor = floor;
        self.mark(since, due);
    }

    fn mark(&mut self, revision: Revision, due: &mut Vec<Arc<Signal>>) {
        for (_, member) in &mut self.members {
            if member.mark.is_none() {
                member.mark = Some(revision);
                if !member.listed {
                    member.listed = true;
                    member.signal.note(member.place, due);
                }
            }
        }
    }

    pub fn join(&mut self, signal: Arc<Signal>, place: u32) -> usize {
        self.members.insert(Member { signal, place, listed: false, mark: None })
    }

    /// Removes a member; true if it was the last.
    pub fn leave(&mut self, member: usize) -> bool {
        self.members.remove(member);
        self.members.is_empty()
    }

    /// The signal no longer names the member: the next mark has to tell it again.
    pub fn unlist(&mut self, member: usize) {
        self.members[member].listed = false;
    }

    /// Takes the member's mark: the revision of the first batch after those that its idle watches
    /// have seen, if there is one.
    pub fn take_mark(&mut self, member: usize) -> Option<Revision> {
        self.members[member].mark.take()
    }

    pub fn peek_mark(&self, member: usize) -> Option<Revision> {
        self.members[member].mark
    }
}
