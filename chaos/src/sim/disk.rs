//! One disk of a simulated host: the store crate's in-memory engine with a tap, lies and delays.
//!
//! The tap sees every batch below the store and the log, before anybody can read it. The lies are
//! the planted bugs of a disk: they need no hook in the code under test.

use super::tap::Tap;
use super::trace::Trace;
use bytes::Bytes;
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use xebec_store::engine::mem::{Faults, MemHome};
use xebec_store::engine::{
    Batch, BatchOp, Checkpoint, CheckpointFile, Cursor, Durability, Engine, EngineError,
    EngineHome, Space, Staging,
};
use xxhash_rust::xxh3::Xxh3;

/// How a disk betrays its owner, for as long as the run lasts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lies {
    /// `sync` and `flush` answer without making anything durable.
    pub no_sync: bool,
    /// What was voted in a life is gone after a crash, as if votes were kept in a file of their
    /// own that nobody syncs.
    pub votes_lost: bool,
}

/// An empty disk for a Raft log.
pub fn log_disk() -> MemHome {
    MemHome::new(xebec_raft::log::SPACES, Durability::Logged)
}

/// An empty disk for a keyspace.
pub fn state_disk() -> MemHome {
    MemHome::new(xebec_store::disk::SPACES, Durability::Unlogged)
}

fn vote_key() -> Bytes {
    xebec_raft::log::format::state_key("vote")
}

/// A disk. Clones are the same one.
#[derive(Clone)]
pub struct SimHome {
    inner: Arc<Inner>,
}

struct Inner {
    host: usize,
    name: &'static str,
    mem: MemHome,
    tap: Arc<dyn Tap>,
    trace: Arc<Trace>,
    no_sync: AtomicBool,
    votes_lost: AtomicBool,
    /// The vote on disk when the life began.
    first_vote: Mutex<Option<Bytes>>,
    writes: AtomicU64,
    syncs: AtomicU64,
    installs: AtomicU64,
}

impl SimHome {
    pub fn new(
        host: usize,
        name: &'static str,
        mem: MemHome,
        tap: Arc<dyn Tap>,
        trace: Arc<Trace>,
    ) -> Self {
        let inner = Inner {
            host,
            name,
            mem,
            tap,
            trace,
            no_sync: AtomicBool::new(false),
            votes_lost: AtomicBool::new(false),
            first_vote: Mutex::default(),
            writes: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            installs: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    pub fn set_lies(&self, lies: Lies) {
        self.inner.no_sync.store(lies.no_sync, Ordering::Relaxed);
        self.inner.votes_lost.store(lies.votes_lost, Ordering::Relaxed);
    }

    /// Loses what was not synced, but for the first `choose(n)` of `n` batches.
    pub fn crash(&self, choose: &mut dyn FnMut(u64) -> u64) {
        self.inner.mem.crash(choose);
        let first_vote = self.inner.first_vote.lock().clone();
        if let Some(vote) = first_vote.filter(|_| self.inner.votes_lost.load(Ordering::Relaxed)) {
            self.inner.mem.alter(xebec_raft::log::SPACE, &vote_key(), |_| vote.to_vec());
        }
    }

    /// How often a checkpoint took the place of the content.
    pub fn installs(&self) -> u64 {
        self.inner.installs.load(Ordering::Relaxed)
    }

    pub fn inject(&self, faults: Faults) {
        self.inner.mem.inject(faults);
    }

    pub fn set_free_bytes(&self, free_bytes: Option<u64>) {
        self.inner.mem.set_free_bytes(free_bytes);
    }

    fn wrap(&self, engine: Arc<dyn Engine>) -> Arc<dyn Engine> {
        Arc::new(SimEngine { home: self.clone(), engine })
    }
}

impl EngineHome for SimHome {
    fn open(&self) -> Result<Arc<dyn Engine>, EngineError> {
        let engine = self.inner.mem.open()?;
        if self.inner.votes_lost.load(Ordering::Relaxed) {
            let vote = engine.get(xebec_raft::log::SPACE, &vote_key())?;
            *self.inner.first_vote.lock() = vote;
        }
        self.inner.tap.opened(self.inner.host, engine.as_ref());
        Ok(self.wrap(engine))
    }

    fn stage(&self, files: &[CheckpointFile]) -> Result<Box<dyn Staging>, EngineError> {
        self.inner.mem.stage(files)
    }

    fn install(&self, staging: Box<dyn Staging>) -> Result<Arc<dyn Engine>, EngineError> {
        let engine = self.inner.mem.install(staging)?;
        self.inner.installs.fetch_add(1, Ordering::Relaxed);
        let (host, name) = (self.inner.host, self.inner.name);
        self.inner.trace.line(format_args!("host {host}: {name} replaced by a checkpoint"));
        self.inner.tap.opened(host, engine.as_ref());
        Ok(self.wrap(engine))
    }

    fn free_bytes(&self) -> Option<u64> {
        self.inner.mem.free_bytes()
    }

    fn path(&self) -> Option<PathBuf> {
        None
    }
}

/// One opening of a [`SimHome`].
struct SimEngine {
    home: SimHome,
    engine: Arc<dyn Engine>,
}

impl SimEngine {
    /// What is written, and when, is part of what a seed must repeat.
    fn count(&self, batch: &Batch) {
        let mut hash = Xxh3::new();
        for op in &batch.ops {
            match op {
                BatchOp::Put { space, key, value } => {
                    hash.update(space.as_bytes());
                    hash.update(key);
                    hash.update(value);
                }
                BatchOp::Delete { space, key } => {
                    hash.update(space.as_bytes());
                    hash.update(key);
                }
                BatchOp::DeleteRange { space, from, to } => {
                    hash.update(space.as_bytes());
                    hash.update(from);
                    hash.update(to);
                }
            }
        }
        let inner = &self.home.inner;
        let number = inner.writes.fetch_add(1, Ordering::Relaxed);
        inner.trace.count(&[inner.host as u64, number, hash.digest()]);
    }

    fn count_sync(&self) {
        let inner = &self.home.inner;
        let number = inner.syncs.fetch_add(1, Ordering::Relaxed);
        inner.trace.count(&[inner.host as u64, u64::MAX, number]);
    }

    fn lies(&self) -> bool {
        self.home.inner.no_sync.load(Ordering::Relaxed)
    }
}

impl Engine for SimEngine {
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError> {
        self.count(&batch);
        self.engine.write(batch.clone(), durability)?;
        self.home.inner.tap.wrote(self.home.inner.host, &batch);
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.count_sync();
        if self.lies() { Ok(()) } else { self.engine.sync() }
    }

    fn flush(&self) -> Result<(), EngineError> {
        self.count_sync();
        if self.lies() { Ok(()) } else { self.engine.flush() }
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.engine.get(space, key)
    }

    fn cursor<'a>(
        &'a self,
        space: Space,
        from: &[u8],
        to: &[u8],
    ) -> Result<Box<dyn Cursor + 'a>, EngineError> {
        self.engine.cursor(space, from, to)
    }

    fn checkpoint(&self) -> Result<Arc<dyn Checkpoint>, EngineError> {
        self.engine.checkpoint()
    }

    fn size_bytes(&self) -> u64 {
        self.engine.size_bytes()
    }

    fn live_bytes(&self) -> u64 {
        self.engine.live_bytes()
    }
}
