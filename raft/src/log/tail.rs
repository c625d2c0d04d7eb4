//! The newest entries, in memory.

use crate::types::Entry;
use openraft::EntryPayload;
use std::collections::VecDeque;

/// What an entry takes in memory and on the wire besides its commands.
const ENTRY_BYTES: usize = 64;

/// What a membership may take; they are rare.
const MEMBERSHIP_BYTES: usize = 4096;

/// A run of entries up to the last one of the log; maybe empty.
#[derive(Default)]
pub(super) struct Tail {
    entries: VecDeque<Entry>,
    size_bytes: usize,
}

pub(super) fn size_bytes(entry: &Entry) -> usize {
    ENTRY_BYTES
        + match &entry.payload {
            EntryPayload::Blank => 0,
            EntryPayload::Normal(batch) => batch.0.len(),
            EntryPayload::Membership(_) => MEMBERSHIP_BYTES,
        }
}

impl Tail {
    pub fn first_index(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.log_id.index)
    }

    pub fn push(&mut self, entry: Entry) {
        self.size_bytes += size_bytes(&entry);
        self.entries.push_back(entry);
    }

    /// Drops the entries from `index` on.
    pub fn truncate(&mut self, index: u64) {
        while self.entries.back().is_some_and(|entry| entry.log_id.index >= index) {
            self.removed(VecDeque::pop_back);
        }
    }

    /// Drops the entries below `index`.
    pub fn purge(&mut self, index: u64) {
        while self.first_index().is_some_and(|first| first < index) {
            self.removed(VecDeque::pop_front);
        }
    }

    /// Drops the oldest entries, of those below `readable`, which the engine has too, until the
    /// rest is small enough.
    pub fn shrink(&mut self, size_bytes_max: usize, readable: u64) {
        while self.size_bytes > size_bytes_max
            && self.first_index().is_some_and(|first| first < readable)
        {
            self.removed(VecDeque::pop_front);
        }
    }

    fn removed(&mut self, pop: impl FnOnce(&mut VecDeque<Entry>) -> Option<Entry>) {
        if let Some(entry) = pop(&mut self.entries) {
            self.size_bytes -= size_bytes(&entry);
        }
    }

    /// Copies the entries of `[from, to)` as far as the limit admits. `from` is not below the
    /// first.
    pub fn copy(&self, from: u64, to: u64, limit: &mut Limit, into: &mut Vec<Entry>) {
        let Some(first) = self.first_index() else { return };
        let skip = usize::try_from(from - first).unwrap_or(usize::MAX);
        let rest = self.entries.iter().skip(skip);
        for entry in rest.take_while(|entry| entry.log_id.index < to) {
            if !limit.admits(entry) {
                return;
            }
            into.push(entry.clone());
        }
    }
}

/// How much a read may still take.
pub(super) struct Limit {
    left_bytes: Option<usize>,
    taken: bool,
}

impl Limit {
    pub fn none() -> Self {
        Self { left_bytes: None, taken: false }
    }

    pub fn bytes(max: usize) -> Self {
        Self { left_bytes: Some(max), taken: false }
    }

    /// One that admits at least what this one will.
    pub fn like(other: &Self) -> Self {
        Self { left_bytes: other.left_bytes, taken: other.taken }
    }

    /// Counts the entry if there is room for it. The first one is always admitted.
    pub fn admits(&mut self, entry: &Entry) -> bool {
        let Some(left) = self.left_bytes else { return true };
        let size = size_bytes(entry);
        let fits = size <= left || !self.taken;
        // A refusal is for good: what follows must not overtake.
        self.left_bytes = Some(if fits { left.saturating_sub(size) } else { 0 });
        self.taken = true;
        fits
    }
}
