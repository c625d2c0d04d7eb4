//! The part of the hub that the dispatcher owns: who is interested, and what the rings hold.

use super::EventBatch;
use super::group::Group;
use super::index::InterestIndex;
use super::limits::RING_SLOT_BYTES;
use super::recent::Recent;
use super::signal::Signal;
use crate::kv::Revision;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

pub(super) struct Core {
    pub index: InterestIndex,
    pub rings: Rings,
    /// Every event up to here is in the recent history and in the rings of its groups, or below
    /// their floors.
    pub dispatched: Revision,
}

/// What all rings hold, in the order in which it came, to be trimmed in that order.
pub(super) struct Rings {
    limit_bytes: usize,
    pub bytes: usize,
    slots: VecDeque<Slot>,
}

struct Slot {
    group: Arc<Group>,
    number: u64,
    revision: Revision,
    bytes: usize,
}

impl Core {
    pub fn new(revision: Revision, rings_bytes: usize) -> Self {
        let rings = Rings { limit_bytes: rings_bytes, bytes: 0, slots: VecDeque::new() };
        Self { index: InterestIndex::new(), rings, dispatched: revision }
    }

    /// Puts a revision into the recent history and into the rings of the groups that it concerns.
    /// The history comes first: where it ends, no ring's floor may lie beyond.
    pub fn offer(&mut self, batch: &Arc<EventBatch>, recent: &Recent, due: &mut Vec<Arc<Signal>>) {
        let revision = batch.revision();
        assert!(revision > self.dispatched, "revision {revision} after {}", self.dispatched);
        let floor = recent.push(batch.clone());
        let Self { index, rings, .. } = self;
        if batch.events().len() == 1 {
            index.matching(batch, 0, |group| rings.push(group, batch.clone(), 0, due));
        } else {
            offer_parts(batch, index, rings, due);
        }
        self.rings.trim(floor);
        self.dispatched = revision;
    }

    /// Goes on at `revision` without having seen what lies before: every watch reads it from disk.
    pub fn leap(&mut self, revision: Revision, recent: &Recent, due: &mut Vec<Arc<Signal>>) {
        assert!(revision >= self.dispatched, "leap from {} to {revision}", self.dispatched);
        recent.reset(revision);
        self.rings.slots.clear();
        self.rings.bytes = 0;
        for group in self.index.groups() {
            group.ring.lock().reset(self.dispatched + 1, revision, due);
        }
        due.sort_by_key(|signal| signal.stream);
        self.dispatched = revision;
    }
}

impl Rings {
    /// Appends to a group's ring. `part_bytes` is what the batch holds that the recent history
    /// does not hold as well.
    fn push(
        &mut self,
        group: &Arc<Group>,
        batch: Arc<EventBatch>,
        part_bytes: usize,
        due: &mut Vec<Arc<Signal>>,
    ) {
        let revision = batch.revision();
        let bytes = RING_SLOT_BYTES + part_bytes;
        let number = group.ring.lock().push(batch, due);
        self.bytes += bytes;
        self.slots.push_back(Slot { group: group.clone(), number, revision, bytes });
    }

    /// Keeps the bound, and holds nothing that the recent history has let go.
    fn trim(&mut self, floor: Revision) {
        while let Some(slot) = self.slots.front()
            && (self.bytes > self.limit_bytes || slot.revision <= floor)
        {
            slot.group.ring.lock().trim(slot.number);
            self.bytes -= slot.bytes;
            self.slots.pop_front();
        }
    }
}

/// Offers a revision of several events: each group gets those that concern it, as one batch. Groups
/// that see the same events share the batch, and so its encoding.
fn offer_parts(
    whole: &Arc<EventBatch>,
    index: &InterestIndex,
    rings: &mut Rings,
    due: &mut Vec<Arc<Signal>>,
) {
    let mut interests: Vec<(&Arc<Group>, usize)> = Vec::new();
    for i in 0..whole.events().len() {
        index.matching(whole, i, |group| interests.push((group, i)));
    }
    // Stable, so that the events of a group stay in order.
    interests.sort_by_key(|(group, _)| group.number);
    let mut parts: HashMap<Vec<usize>, Arc<EventBatch>> = HashMap::new();
    for run in interests.chunk_by(|(a, _), (b, _)| a.number == b.number) {
        let group = run[0].0;
        if run.len() == whole.events().len() {
            rings.push(group, whole.clone(), 0, due);
            continue;
        }
        let which: Vec<usize> = run.iter().map(|(_, i)| *i).collect();
        if let Some(part) = parts.get(&which) {
            rings.push(group, part.clone(), 0, due);
            continue;
        }
        let events: Vec<_> = which.iter().map(|i| whole.events()[*i].clone()).collect();
        let part = Arc::new(EventBatch::new(events));
        rings.push(group, part.clone(), part.held_bytes(), due);
        parts.insert(which, part);
    }
}
