//! What the log's writing side, its readers and its writer thread have in common.

use super::recovery::Recovered;
use super::tail::{Limit, Tail};
use super::{LogError, LogOptions, SPACE, format};
use crate::types::{Entry, LogId, Vote};
use bytes::Bytes;
use parking_lot::Mutex;
use std::io;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use tokio::time::Instant;
use xebec_store::engine::{Cursor, Engine, EngineError};

pub(super) struct Shared {
    pub engine: Arc<dyn Engine>,
    options: LogOptions,
    state: Mutex<State>,
    fault: OnceLock<Arc<LogError>>,
}

/// The log as it will be when everything that waits is written.
struct State {
    vote: Option<Vote>,
    committed: Option<LogId>,
    purged: Option<LogId>,
    /// Of the last entry, or what was purged last.
    last: Option<LogId>,
    /// The entries are `[first, next)`.
    first: u64,
    next: u64,
    tail: Tail,
    /// The engine has the entries of `[first, readable)` as they are, and they are not going to
    /// be truncated by anything that waits.
    readable: u64,
    /// Counts truncations, so that the writer knows of what it has written whether it still holds.
    truncations: u64,
}

impl Shared {
    pub fn new(engine: Arc<dyn Engine>, recovered: &Recovered, options: LogOptions) -> Self {
        let state = State {
            vote: recovered.vote,
            committed: recovered.committed,
            purged: recovered.purged,
            last: recovered.last,
            first: recovered.first,
            next: recovered.next,
            tail: Tail::default(),
            readable: recovered.next,
            truncations: 0,
        };
        Self { engine, options, state: Mutex::new(state), fault: OnceLock::new() }
    }

    /// Makes all that was written durable.
    pub fn sync(&self) -> Result<(), EngineError> {
        let begun = Instant::now();
        let synced = self.engine.sync();
        self.options.syncs.observe_span(begun.elapsed());
        synced
    }

    /// Ends the log. The first fault counts.
    pub fn fail(&self, error: LogError) -> io::Error {
        let error = Arc::new(error);
        if self.fault.set(Arc::clone(&error)).is_ok() {
            (self.options.on_fatal)(&error);
        }
        error.to_io()
    }

    /// Refuses everything after a fault.
    pub fn check(&self) -> io::Result<()> {
        self.fault.get().map_or(Ok(()), |fault| Err(fault.to_io()))
    }

    /// Why the writer does not answer.
    pub fn stopped(&self) -> io::Error {
        let stopped = || Arc::new(LogError::Stopped);
        self.fault.get().cloned().unwrap_or_else(stopped).to_io()
    }

    /// What was purged last, and the last entry.
    pub fn bounds(&self) -> (Option<LogId>, Option<LogId>) {
        let state = self.state.lock();
        (state.purged, state.last)
    }

    pub fn vote(&self) -> Option<Vote> {
        self.state.lock().vote
    }

    /// Readers see the vote before it is durable: a stream of a deposed leader ends early rather
    /// than late.
    pub fn set_vote(&self, vote: Vote) {
        self.state.lock().vote = Some(vote);
    }

    pub fn committed(&self) -> Option<LogId> {
        self.state.lock().committed
    }

    pub fn set_committed(&self, committed: Option<LogId>) {
        self.state.lock().committed = committed;
    }

    /// Makes the entries readable. Returns the count of truncations before them.
    pub fn append(&self, entries: &[Entry]) -> io::Result<u64> {
        let mut state = self.state.lock();
        for entry in entries {
            let index = entry.log_id.index;
            if state.first == state.next && state.purged.is_none() {
                // Nothing to follow: a log may begin anywhere.
                (state.first, state.next, state.readable) = (index, index, index);
            }
            if index != state.next {
                let last = state.next.wrapping_sub(1);
                drop(state);
                return Err(self.fail(LogError::Gap { index, last }));
            }
            state.next = index + 1;
            state.last = Some(entry.log_id);
            state.tail.push(entry.clone());
        }
        Ok(state.truncations)
    }

    /// The writer has written the entries below `next`; the engine gives them back from now on.
    pub fn written(&self, next: u64, truncations: u64) {
        let mut state = self.state.lock();
        if state.truncations == truncations {
            state.readable = state.readable.max(next).min(state.next);
        }
        let readable = state.readable;
        state.tail.shrink(self.options.tail_bytes_max, readable);
    }

    /// Removes the entries after `last`. Returns which, if there are any.
    pub fn truncate_after(&self, last: Option<LogId>) -> Option<Range<u64>> {
        let mut state = self.state.lock();
        let from = last.map_or(0, |last| last.index + 1).max(state.first);
        if from >= state.next {
            return None;
        }
        let removed = from..state.next;
        state.tail.truncate(from);
        state.next = from;
        state.last = if from == state.first { state.purged } else { last };
        state.readable = state.readable.min(from);
        state.truncations += 1;
        Some(removed)
    }

    /// Removes the entries up to `upto`. False if they were removed before.
    pub fn purge(&self, upto: LogId) -> bool {
        let mut state = self.state.lock();
        if state.purged.is_some_and(|purged| purged >= upto) {
            return false;
        }
        let first = upto.index + 1;
        state.purged = Some(upto);
        state.first = first;
        state.tail.purge(first);
        if state.next <= first {
            state.next = first;
            state.last = Some(upto);
        }
        state.readable = state.readable.max(first);
        true
    }

    /// Copies the entries of `range` if all of them are in memory.
    pub fn read_tail(&self, range: Range<u64>, limit: &mut Limit) -> Option<Vec<Entry>> {
        let state = self.state.lock();
        let (from, to) = state.clamp(range);
        let mut entries = Vec::new();
        if from >= to {
            return Some(entries);
        }
        if from < state.tail.first_index()? {
            return None;
        }
        state.tail.copy(from, to, limit, &mut entries);
        Some(entries)
    }

    /// Reads the entries of `range` from the engine and from memory, as they stand at one moment.
    /// Blocks.
    pub fn read(&self, range: Range<u64>, limit: Limit) -> io::Result<Vec<Entry>> {
        self.check()?;
        self.try_read(range, limit).map_err(|error| self.fail(error))
    }

    fn try_read(&self, range: Range<u64>, mut limit: Limit) -> Result<Vec<Entry>, LogError> {
        let state = self.state.lock();
        let (from, to) = state.clamp(range);
        let mut entries = Vec::new();
        if from >= to {
            return Ok(entries);
        }
        let memory = state.tail.first_index().unwrap_or(state.next);
        if from >= memory {
            state.tail.copy(from, to, &mut limit, &mut entries);
            return Ok(entries);
        }
        let disk_to = to.min(memory);
        // The cursor is made under the lock: whatever is written later, it does not see. The rest
        // is copied now for the same reason.
        let (low, high) = (format::entry_key(from), format::entry_key(disk_to));
        let mut cursor = self.engine.cursor(SPACE, &low, &high)?;
        let mut rest = Vec::new();
        state.tail.copy(memory, to, &mut Limit::like(&limit), &mut rest);
        drop(state);
        for index in from..disk_to {
            let entry = next_entry(&mut *cursor, index)?;
            if !limit.admits(&entry) {
                return Ok(entries);
            }
            entries.push(entry);
        }
        entries.extend(rest.into_iter().take_while(|entry| limit.admits(entry)));
        Ok(entries)
    }

    /// The id of an entry that is there.
    pub fn log_id(&self, index: u64) -> io::Result<LogId> {
        let entries = self.read(index..index + 1, Limit::none())?;
        let entry = entries.first().ok_or(LogError::Missing { expected: index });
        entry.map(|entry| entry.log_id).map_err(|error| self.fail(error))
    }
}

impl State {
    fn clamp(&self, range: Range<u64>) -> (u64, u64) {
        (range.start.max(self.first), range.end.min(self.next))
    }
}

fn next_entry(cursor: &mut dyn Cursor, index: u64) -> Result<Entry, LogError> {
    if !cursor.next()? || format::index_of(cursor.key()) != Some(index) {
        return Err(LogError::Missing { expected: index });
    }
    format::decode_entry(index, Bytes::copy_from_slice(cursor.value()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::SPACES;
    use crate::log::recovery::recover;
    use openraft::EntryPayload;
    use xebec_store::engine::mem::MemHome;
    use xebec_store::engine::{Batch, Durability, EngineHome};

    fn entries(term: u64, indexes: Range<u64>) -> Vec<Entry> {
        let blank = |index| Entry {
            log_id: LogId::new_term_index(term, index),
            payload: EntryPayload::Blank,
        };
        indexes.map(blank).collect()
    }

    /// An empty log that keeps nothing in memory that the engine has.
    fn shared() -> Shared {
        let engine = MemHome::new(SPACES, Durability::Logged).open().expect("an engine");
        let recovered = recover(&*engine).expect("an empty log");
        let mut options = LogOptions::new(Arc::new(|error| panic!("{error}")));
        options.tail_bytes_max = 0;
        Shared::new(engine, &recovered, options)
    }

    /// What the writer does with one append.
    fn write(shared: &Shared, entries: &[Entry]) {
        let mut batch = Batch::default();
        for entry in entries {
            let key = format::entry_key(entry.log_id.index).to_vec();
            batch.put(SPACE, key, format::encode_entry(entry));
        }
        shared.engine.write(batch, Durability::Logged).expect("write");
    }

    fn terms(shared: &Shared) -> Vec<u64> {
        let entries = shared.read(0..u64::MAX, Limit::none()).expect("read");
        entries.iter().map(|entry| *entry.log_id.leader_id).collect()
    }

    /// The writer is behind by a truncation: what it has written is not what the log says.
    #[test]
    fn what_was_written_before_a_truncation_is_not_read_after_it() {
        let shared = shared();
        let old = entries(1, 0..5);
        let before = shared.append(&old).expect("append");
        write(&shared, &old);
        shared.truncate_after(Some(LogId::new_term_index(1, 1))).expect("something to remove");
        let new = entries(2, 2..5);
        let after = shared.append(&new).expect("append");
        shared.written(5, before);
        assert_eq!(terms(&shared), [1, 1, 2, 2, 2]);
        write(&shared, &new);
        shared.written(5, after);
        assert_eq!(terms(&shared), [1, 1, 2, 2, 2]);
        assert!(shared.state.lock().tail.first_index().is_none(), "now it is");
    }

    /// The same, when the writer had told of its writing before.
    #[test]
    fn a_truncation_takes_back_what_was_readable() {
        let shared = shared();
        let old = entries(1, 0..5);
        let before = shared.append(&old).expect("append");
        write(&shared, &old);
        shared.written(5, before);
        shared.truncate_after(Some(LogId::new_term_index(1, 1))).expect("something to remove");
        shared.append(&entries(2, 2..5)).expect("append");
        shared.written(5, before);
        assert_eq!(terms(&shared), [1, 1, 2, 2, 2]);
    }
}
