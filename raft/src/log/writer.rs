//! The writer: empties the queue, one batch and one sync at a time.

use super::queue::{Op, Queued, Waiting};
use super::recovery::Recovered;
use super::shared::Shared;
use super::{LogError, SPACE, format};
use crate::types::{Entry, LogId};
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use xebec_store::engine::{Batch, Durability, EngineError};

/// A batch takes no more operations beyond this size, so that the first of them does not wait
/// long for the last.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// Purged entries are removed when there are so many, by one range deletion: many small ones
/// make a RocksDB slow.
const REMOVE_ENTRIES_MIN: u64 = 1024;

/// Everything that the log does to its disk, in order. Drive it by [`Self::spawn`], or by
/// [`Self::ready`] and [`Self::step`] from a task.
pub struct LogWriter {
    shared: Arc<Shared>,
    waiting: Waiting,
    /// Taken from the queue, not yet looked at.
    next: Option<Queued>,
    /// Written, not yet synced.
    written: Vec<Queued>,
    /// The commit mark on disk.
    committed: Option<LogId>,
    purged: Option<LogId>,
    /// The entries on disk, purged ones too, are `[first, next)`.
    first_on_disk: u64,
    next_on_disk: u64,
}

impl LogWriter {
    pub(super) fn new(shared: Arc<Shared>, waiting: Waiting, recovered: &Recovered) -> Self {
        Self {
            shared,
            waiting,
            next: None,
            written: Vec::new(),
            committed: recovered.committed,
            purged: recovered.purged,
            first_on_disk: recovered.first_on_disk,
            next_on_disk: recovered.next,
        }
    }

    /// Runs the writer on a thread until the log is dropped.
    pub fn spawn(mut self) -> io::Result<WriterThread> {
        let shared = Arc::clone(&self.shared);
        let work = move || {
            let run = AssertUnwindSafe(|| {
                while self.wait() {
                    self.step();
                }
                self.close();
            });
            if catch_unwind(run).is_err() {
                let _ = shared.fail(LogError::Panicked);
            }
        };
        let thread = std::thread::Builder::new().name("raft-log".into()).spawn(work)?;
        Ok(WriterThread { thread })
    }

    /// Waits until there is something to write; false once the log was dropped and all is done.
    /// Then [`Self::close`] is left.
    pub async fn ready(&mut self) -> bool {
        if self.next.is_none() {
            self.next = self.waiting.next().await;
        }
        self.next.is_some()
    }

    /// The same, blocking.
    fn wait(&mut self) -> bool {
        if self.next.is_none() {
            self.next = self.waiting.next_blocking();
        }
        self.next.is_some()
    }

    /// Makes what waits durable and completes its callbacks. Blocks.
    pub fn step(&mut self) {
        self.begin();
        self.finish();
    }

    /// The first half of [`Self::step`]: writes what waits. A crash may still lose it.
    pub fn begin(&mut self) {
        // Read before the queue: whatever it covers is then in the queue, or written.
        let committed = self.shared.committed();
        self.drain();
        if self.shared.check().is_err() {
            return;
        }
        let (batch, marks) = self.encode(committed);
        if batch.is_empty() {
            return;
        }
        match self.shared.engine.write(batch, Durability::Logged) {
            Ok(()) => {
                for (next, truncations) in marks {
                    self.shared.written(next, truncations);
                }
            }
            Err(error) => self.fail(error),
        }
    }

    /// The second half: syncs, and completes what was written.
    pub fn finish(&mut self) {
        let waited_for = self.written.iter().any(|queued| queued.op.is_waited_for());
        if waited_for
            && self.shared.check().is_ok()
            && let Err(error) = self.shared.sync()
        {
            self.fail(error);
        }
        for queued in std::mem::take(&mut self.written) {
            let op = self.waiting.done(queued);
            op.complete(self.shared.check());
        }
    }

    /// After the log was dropped: leaves the commit mark on disk.
    pub fn close(&mut self) {
        self.begin();
        self.finish();
        if self.shared.check().is_ok()
            && let Err(error) = self.shared.sync()
        {
            self.fail(error);
        }
    }

    fn fail(&self, error: EngineError) {
        let _ = self.shared.fail(error.into());
    }

    fn drain(&mut self) {
        let mut size_bytes = 0;
        while size_bytes < BATCH_BYTES_MAX
            && let Some(queued) = self.next.take().or_else(|| self.waiting.try_next())
        {
            size_bytes += queued.op.size_bytes();
            self.written.push(queued);
        }
    }

    /// Puts the operations, and the commit mark if it has moved, into one batch. The marks say
    /// which entries are readable once it is written.
    fn encode(&mut self, committed: Option<LogId>) -> (Batch, Vec<(u64, u64)>) {
        let mut batch = Batch::default();
        let mut marks = Vec::new();
        let ops = std::mem::take(&mut self.written);
        for queued in &ops {
            match &queued.op {
                Op::Append { entries, truncations, .. } => {
                    self.append(&mut batch, entries);
                    marks.push((self.next_on_disk, *truncations));
                }
                Op::Vote { vote, .. } => {
                    let key = format::state_key(format::VOTE);
                    batch.put(SPACE, key, format::encode_vote(vote));
                }
                Op::Truncate { removed } => {
                    remove(&mut batch, removed.clone());
                    self.next_on_disk = removed.start;
                }
                Op::Purge { upto } => self.purge(&mut batch, *upto),
                Op::Flush { .. } => {}
            }
        }
        self.written = ops;
        self.commit(&mut batch, committed);
        (batch, marks)
    }

    fn append(&mut self, batch: &mut Batch, entries: &[Entry]) {
        let Some(first) = entries.first() else { return };
        if self.first_on_disk == self.next_on_disk {
            self.first_on_disk = first.log_id.index;
        }
        for entry in entries {
            let key = format::entry_key(entry.log_id.index).to_vec();
            batch.put(SPACE, key, format::encode_entry(entry));
            self.next_on_disk = entry.log_id.index + 1;
        }
    }

    /// The mark is moved at once, the entries are removed when they are many; or when none is
    /// left, since the log then goes on elsewhere.
    fn purge(&mut self, batch: &mut Batch, upto: LogId) {
        let key = format::state_key(format::PURGED);
        batch.put(SPACE, key, format::encode_log_id(format::PURGED, &upto));
        self.purged = Some(upto);
        let first = upto.index + 1;
        let count = first.min(self.next_on_disk).saturating_sub(self.first_on_disk);
        if count >= REMOVE_ENTRIES_MIN || first >= self.next_on_disk {
            remove(batch, self.first_on_disk..first);
            self.first_on_disk = first;
            self.next_on_disk = self.next_on_disk.max(first);
        }
    }

    /// Never says more than the entries before it: after a crash the log must reach up to it.
    fn commit(&mut self, batch: &mut Batch, committed: Option<LogId>) {
        let reaches = |id: &LogId| {
            id.index < self.next_on_disk || self.purged.is_some_and(|purged| purged >= *id)
        };
        let moved = committed.filter(|id| self.committed != Some(*id)).filter(reaches);
        if let Some(id) = moved {
            let key = format::state_key(format::COMMITTED);
            batch.put(SPACE, key, format::encode_log_id(format::COMMITTED, &id));
            self.committed = Some(id);
        }
    }
}

impl Drop for LogWriter {
    /// Nobody is left waiting.
    fn drop(&mut self) {
        let rest = std::mem::take(&mut self.written).into_iter().chain(self.next.take());
        let rest: Vec<_> = rest.chain(std::iter::from_fn(|| self.waiting.try_next())).collect();
        for queued in rest {
            let op = self.waiting.done(queued);
            op.complete(Err(self.shared.stopped()));
        }
    }
}

fn remove(batch: &mut Batch, range: Range<u64>) {
    let (from, to) = (format::entry_key(range.start), format::entry_key(range.end));
    batch.delete_range(SPACE, from.to_vec(), to.to_vec());
}

/// The thread of a [`LogWriter`].
#[must_use = "the thread is to be joined"]
pub struct WriterThread {
    thread: JoinHandle<()>,
}

impl WriterThread {
    /// Waits for the thread, which ends when the log was dropped. Blocks.
    pub fn join(self) {
        self.thread.join().expect("the thread catches panics");
    }
}
