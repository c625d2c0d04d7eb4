//! The Raft log: entries, the vote and the commit mark of one replica, in an engine of its own.
//!
//! [`RaftLog`] takes everything that must reach the disk into one queue and returns at once; an
//! appended entry is readable from then on, from memory. [`LogWriter`] empties the queue: all
//! that waits becomes one batch and one sync, and then every waiting callback is completed in
//! order. It runs on a thread of its own, or step by step under the simulation. [`LogReader`]
//! serves replication and the state machine.
//!
//! Invariants: votes, appends, truncations and purges reach the disk in the order of the calls;
//! a callback is completed only after what it stands for is durable; after the first fault
//! nothing is acknowledged any more (see [`LogOptions::on_fatal`]); the entries on disk have no
//! hole.

mod error;
pub mod format;
mod queue;
mod reader;
mod recovery;
mod shared;
mod tail;
mod writer;

pub use error::LogError;
pub use reader::LogReader;
pub use writer::{LogWriter, WriterThread};

use crate::histogram::Histogram;
use crate::types::{Entry, LogId, TypeConfig, Vote};
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};
use queue::{Op, Submitter};
use shared::Shared;
use std::io;
use std::ops::{RangeBounds, RangeInclusive};
use std::sync::Arc;
use tokio::sync::oneshot;
use xebec_store::engine::rocks::{RocksOptions, SpaceOptions};
use xebec_store::engine::{Durability, EngineHome, Space};

/// The one space of the log's engine. One, so that its write-ahead log can be dropped whenever
/// the entries have reached a table: a second space with few writes would hold it back.
pub const SPACE: Space = "raft";
pub const SPACES: &[Space] = &[SPACE];

/// How the log's home is made on RocksDB.
pub const ROCKS: RocksOptions = RocksOptions {
    spaces: &[SpaceOptions { name: SPACE, point_gets: false }],
    durability: Durability::Logged,
};

/// The entries kept in memory: what followers that keep up, and the state machine, are behind.
const TAIL_BYTES_MAX: usize = 8 << 20;

/// What one bounded read gives at most, but for a first entry that is larger: one message between
/// replicas.
pub const READ_BYTES_MAX: usize = 1 << 20;

/// Called once, with the fault that ends the log.
pub type OnFatal = Arc<dyn Fn(&LogError) + Send + Sync>;

/// etcd's buckets: from a millisecond, doubling.
const SYNC_BOUNDS_NS: [u64; 14] = {
    let mut bounds = [1_000_000; 14];
    let mut at = 1;
    while at < bounds.len() {
        bounds[at] = bounds[at - 1] * 2;
        at += 1;
    }
    bounds
};

#[derive(Clone)]
pub struct LogOptions {
    pub tail_bytes_max: usize,
    /// How long syncs take.
    pub syncs: Arc<Histogram>,
    pub on_fatal: OnFatal,
}

impl LogOptions {
    pub fn new(on_fatal: OnFatal) -> Self {
        let syncs = Arc::new(Histogram::of_seconds(&SYNC_BOUNDS_NS));
        Self { tail_bytes_max: TAIL_BYTES_MAX, syncs, on_fatal }
    }
}

/// The writing side of the log. Dropping it ends its [`LogWriter`] once all is written.
pub struct RaftLog {
    shared: Arc<Shared>,
    queue: Submitter,
    reader: LogReader,
}

impl RaftLog {
    /// Opens the log in `home`. The writer must be run (see [`LogWriter::spawn`]) for anything to
    /// become durable.
    pub fn open(home: &dyn EngineHome, options: LogOptions) -> Result<(Self, LogWriter), LogError> {
        let engine = home.open()?;
        let recovered = recovery::recover(&*engine)?;
        let shared = Arc::new(Shared::new(engine, &recovered, options));
        let (queue, waiting) = queue::queue();
        let writer = LogWriter::new(Arc::clone(&shared), waiting, &recovered);
        let reader = LogReader::new(Arc::clone(&shared));
        Ok((Self { shared, queue, reader }, writer))
    }

    /// Returns when everything handed over before the call is durable, the commit mark too.
    pub async fn flush(&self) -> io::Result<()> {
        let (done, written) = oneshot::channel();
        self.submit(Op::Flush { done }).await?;
        self.wait(written).await
    }

    async fn submit(&self, op: Op) -> io::Result<()> {
        self.shared.check()?;
        let room = self.queue.room(&op).await;
        self.queue.submit(room, op).map_err(|_| self.shared.stopped())
    }

    /// The writer answers, unless it has gone.
    async fn wait(&self, done: oneshot::Receiver<io::Result<()>>) -> io::Result<()> {
        done.await.unwrap_or_else(|_| Err(self.shared.stopped()))
    }
}

impl RaftLogReader<TypeConfig> for RaftLog {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + std::fmt::Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<Entry>> {
        self.reader.try_get_log_entries(range).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        self.reader.read_vote().await
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.reader.limited_get_log_entries(start, end).await
    }

    async fn get_key_log_ids(&mut self, range: RangeInclusive<LogId>) -> io::Result<Vec<LogId>> {
        self.reader.get_key_log_ids(range).await
    }
}

impl RaftLogStorage<TypeConfig> for RaftLog {
    type LogReader = LogReader;

    async fn get_log_state(&mut self) -> io::Result<LogState<TypeConfig>> {
        let (last_purged_log_id, last_log_id) = self.shared.bounds();
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> LogReader {
        self.reader.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let (done, written) = oneshot::channel();
        self.shared.set_vote(*vote);
        self.submit(Op::Vote { vote: *vote, done }).await?;
        self.wait(written).await
    }

    /// Goes to disk with whatever is written next: losing it costs a restart some replay.
    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        self.shared.set_committed(committed);
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.shared.committed())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        self.shared.check()?;
        let mut op = Op::Append { entries, truncations: 0, callback };
        let room = self.queue.room(&op).await;
        if let Op::Append { entries, truncations, .. } = &mut op {
            *truncations = self.shared.append(entries)?;
        }
        self.queue.submit(room, op).map_err(|_| self.shared.stopped())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> io::Result<()> {
        match self.shared.truncate_after(last_log_id) {
            Some(removed) => self.submit(Op::Truncate { removed }).await,
            None => Ok(()),
        }
    }

    async fn purge(&mut self, log_id: LogId) -> io::Result<()> {
        if self.shared.purge(log_id) {
            self.submit(Op::Purge { upto: log_id }).await?;
        }
        Ok(())
    }
}
