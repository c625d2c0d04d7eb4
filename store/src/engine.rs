//! The ordered key-value engine below the keyspace and below the Raft log.
//!
//! [`Engine`] is what both need of a disk, no more: atomic batches, two kinds of durability,
//! cursors, checkpoints. [`rocks`] implements it on RocksDB; [`mem`] implements it in memory,
//! with loss of what was not synced, for tests and the simulation.
//!
//! Invariant: one engine takes batches of one [`Durability`] only, the one its home was made for.
//! Mixing them would let a crash keep a later batch and lose an earlier one.

pub mod mem;
pub mod rocks;

use bytes::Bytes;
use std::path::PathBuf;
use std::sync::Arc;

/// A named, separately ordered space of keys within one engine (a column family).
pub type Space = &'static str;

/// A fault of the disk or of the data on it. Any error of a write is fatal to the replica: what
/// reached the disk is unknown.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("disk: {message}")]
    Io { message: String },
    #[error("no space left on device: {message}")]
    NoSpace { message: String },
    #[error("corrupt data: {message}")]
    Corrupt { message: String },
}

/// How a batch becomes durable. A crash keeps some prefix of the batches that are not yet durable,
/// whole batches only, in the order of their writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// By the next [`Engine::sync`]. Until then a crash of the machine may lose it.
    Logged,
    /// By the next [`Engine::flush`], over all spaces at once, or earlier in the background. A
    /// crash of the process may lose it.
    Unlogged,
}

/// Changes that take effect together or not at all, in order.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    pub ops: Vec<BatchOp>,
}

#[derive(Debug, Clone)]
pub enum BatchOp {
    Put {
        space: Space,
        key: Bytes,
        value: Bytes,
    },
    Delete {
        space: Space,
        key: Bytes,
    },
    /// Removes the half-open interval `[from, to)`; nothing if it is empty.
    DeleteRange {
        space: Space,
        from: Bytes,
        to: Bytes,
    },
}

impl Batch {
    pub fn put(&mut self, space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.ops.push(BatchOp::Put { space, key: key.into(), value: value.into() });
    }

    pub fn delete(&mut self, space: Space, key: impl Into<Bytes>) {
        self.ops.push(BatchOp::Delete { space, key: key.into() });
    }

    pub fn delete_range(&mut self, space: Space, from: impl Into<Bytes>, to: impl Into<Bytes>) {
        self.ops.push(BatchOp::DeleteRange { space, from: from.into(), to: to.into() });
    }

    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }
}

/// An ordered key-value engine. All methods block; callers on an async runtime use threads of
/// their own. Writes are atomic per batch and readable when `write` returns. Naming a space that
/// the home does not declare, or the other durability than the home's, is a bug and panics.
pub trait Engine: Send + Sync + 'static {
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError>;

    /// Returns when every batch written with [`Durability::Logged`] before the call is durable.
    fn sync(&self) -> Result<(), EngineError>;

    /// Returns when every batch written before the call, of either durability, is durable.
    fn flush(&self) -> Result<(), EngineError>;

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, EngineError>;

    /// A cursor over `[from, to)` of a space as it stands now (a consistent view); an empty `to`
    /// means the end of the space. It starts before its first entry.
    fn cursor<'a>(
        &'a self,
        space: Space,
        from: &[u8],
        to: &[u8],
    ) -> Result<Box<dyn Cursor + 'a>, EngineError>;

    /// A consistent copy of everything written so far, made without copying data where the
    /// engine can. It lives until dropped.
    fn checkpoint(&self) -> Result<Arc<dyn Checkpoint>, EngineError>;

    /// What the engine holds, in bytes: on disk, and in memory on its way there.
    fn size_bytes(&self) -> u64;

    /// The part of [`Self::size_bytes`] that is not garbage yet to be compacted away; an estimate.
    fn live_bytes(&self) -> u64;
}

/// Moves over the entries of a space in key order. A slice stays valid until the next move; it is
/// there only after a move that returned true. A key outside the bounds of the cursor stands for
/// the nearer bound. After a move that returned false, [`Self::next`] returns false until a seek
/// has found an entry.
pub trait Cursor {
    /// Moves to the first entry at or after `key`; false at the end.
    fn seek(&mut self, key: &[u8]) -> Result<bool, EngineError>;

    /// Moves to the last entry at or before `key`; false if there is none.
    fn seek_for_prev(&mut self, key: &[u8]) -> Result<bool, EngineError>;

    /// Moves on by one entry (to the first if the cursor is new); false at the end.
    fn next(&mut self) -> Result<bool, EngineError>;

    fn key(&self) -> &[u8];

    fn value(&self) -> &[u8];
}

/// A checkpoint as a set of files to be sent elsewhere.
pub trait Checkpoint: Send + Sync {
    /// The files, in the order in which they are best sent. The first call reads all of them for
    /// their digests.
    fn files(&self) -> Result<&[CheckpointFile], EngineError>;

    /// Up to `len` bytes of a file from `offset`; fewer only at its end.
    fn read(&self, file: usize, offset: u64, len: usize) -> Result<Bytes, EngineError>;
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CheckpointFile {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(uint64, tag = "2")]
    pub size_bytes: u64,
    /// xxh3-128 of the content, big-endian.
    #[prost(bytes = "bytes", tag = "3")]
    pub digest: Bytes,
}

/// The place on disk of one engine: opens it, and replaces it by a checkpoint from elsewhere.
pub trait EngineHome: Send + Sync + 'static {
    /// Opens the engine, creating it when the place is empty.
    fn open(&self) -> Result<Arc<dyn Engine>, EngineError>;

    /// A staging area for the files of a checkpoint. What an interrupted transfer left there of
    /// the same files is found again. It takes the place of an earlier staging area, whose writes
    /// fail from then on.
    fn stage(&self, files: &[CheckpointFile]) -> Result<Box<dyn Staging>, EngineError>;

    /// Checks a complete staging area against its digests and puts it, durably and atomically,
    /// in the place of the engine, which every holder must have dropped or ceased to write (reads
    /// of the old engine go on until it is dropped). Returns the new engine. If a digest does not
    /// fit, that file is removed from the staging area, so that another transfer sends it again.
    fn install(&self, staging: Box<dyn Staging>) -> Result<Arc<dyn Engine>, EngineError>;

    /// Room that is left on the disk below the engine; `None` where there is no limit.
    fn free_bytes(&self) -> Option<u64>;

    /// For messages and metrics.
    fn path(&self) -> Option<PathBuf>;
}

/// Where the files of a checkpoint arrive.
pub trait Staging: Send {
    /// Bytes of the file that are here already: where the transfer goes on.
    fn received_bytes(&self, file: usize) -> u64;

    /// Appends at `offset`, which must be what [`Self::received_bytes`] says.
    fn write(&mut self, file: usize, offset: u64, bytes: &[u8]) -> Result<(), EngineError>;

    /// For [`EngineHome::install`] to know its own staging area again.
    fn as_any(&mut self) -> &mut dyn std::any::Any;
}
