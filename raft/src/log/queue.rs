//! The queue between the log and its writer: bounded in operations and in bytes.

use super::tail;
use crate::types::{Entry, LogId, TypeConfig, Vote};
use crossbeam::channel::{Receiver, Sender, TryRecvError, bounded};
use openraft::storage::IOFlushed;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Notify, Semaphore, oneshot};

/// What may wait for the disk, in units of [`UNIT_BYTES`]; every operation takes at least one.
const UNITS_MAX: u32 = 1024;

/// So that 64 MiB of entries may wait: more than a disk that works takes in a second.
const UNIT_BYTES: usize = 64 << 10;

/// One change of the disk, and who waits for it.
pub(super) enum Op {
    Append {
        entries: Vec<Entry>,
        /// The count of truncations before it.
        truncations: u64,
        callback: IOFlushed<TypeConfig>,
    },
    Vote {
        vote: Vote,
        done: oneshot::Sender<io::Result<()>>,
    },
    /// Nobody waits: whatever is acknowledged later is written later.
    Truncate {
        removed: Range<u64>,
    },
    /// Nobody waits: a purge that a crash loses is done again.
    Purge {
        upto: LogId,
    },
    Flush {
        done: oneshot::Sender<io::Result<()>>,
    },
}

impl Op {
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Append { entries, .. } => entries.iter().map(tail::size_bytes).sum(),
            Self::Vote { .. } | Self::Truncate { .. } | Self::Purge { .. } | Self::Flush { .. } => {
                0
            }
        }
    }

    /// Tells whoever waits.
    pub fn complete(self, result: io::Result<()>) {
        match self {
            Self::Append { callback, .. } => callback.io_completed(result),
            // Whoever has stopped waiting does not need to know.
            Self::Vote { done, .. } | Self::Flush { done } => drop(done.send(result)),
            Self::Truncate { .. } | Self::Purge { .. } => {}
        }
    }

    pub fn is_waited_for(&self) -> bool {
        !matches!(self, Self::Truncate { .. } | Self::Purge { .. })
    }
}

/// An operation with the room that it takes until it is done.
pub(super) struct Queued {
    pub op: Op,
    room: Room,
}

#[must_use]
pub(super) struct Room(u32);

struct Gauge {
    room: Semaphore,
    /// For a writer that is a task.
    wake: Notify,
    closed: AtomicBool,
}

/// The writing end.
pub(super) struct Submitter {
    sender: Sender<Queued>,
    gauge: Arc<Gauge>,
}

/// The reading end.
pub(super) struct Waiting {
    receiver: Receiver<Queued>,
    gauge: Arc<Gauge>,
}

pub(super) fn queue() -> (Submitter, Waiting) {
    // As long as every operation takes a unit of room, the channel is never full.
    let (sender, receiver) = bounded(UNITS_MAX as usize);
    let gauge = Arc::new(Gauge {
        room: Semaphore::new(UNITS_MAX as usize),
        wake: Notify::new(),
        closed: AtomicBool::new(false),
    });
    (Submitter { sender, gauge: Arc::clone(&gauge) }, Waiting { receiver, gauge })
}

impl Submitter {
    /// Waits until there is room for the operation. One that is larger than the queue waits until
    /// the queue is empty.
    pub async fn room(&self, op: &Op) -> Room {
        let units = u32::try_from(1 + op.size_bytes() / UNIT_BYTES).unwrap_or(u32::MAX);
        let units = units.min(UNITS_MAX);
        let permits = self.gauge.room.acquire_many(units).await;
        permits.expect("the semaphore is never closed").forget();
        Room(units)
    }

    /// Fails when the writer is gone.
    pub fn submit(&self, room: Room, op: Op) -> Result<(), ()> {
        self.sender.try_send(Queued { op, room }).map_err(|refused| {
            debug_assert!(refused.is_disconnected(), "room was taken before");
        })?;
        self.gauge.wake.notify_one();
        Ok(())
    }
}

impl Drop for Submitter {
    fn drop(&mut self) {
        self.gauge.closed.store(true, Ordering::Release);
        self.gauge.wake.notify_one();
    }
}

impl Waiting {
    /// What comes next, if it is there.
    pub fn try_next(&self) -> Option<Queued> {
        self.receiver.try_recv().ok()
    }

    /// Blocks until something comes; `None` when nothing will.
    pub fn next_blocking(&self) -> Option<Queued> {
        self.receiver.recv().ok()
    }

    /// Waits until something comes; `None` when nothing will.
    pub async fn next(&self) -> Option<Queued> {
        loop {
            let closed = self.gauge.closed.load(Ordering::Acquire);
            match self.receiver.try_recv() {
                Ok(queued) => return Some(queued),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) if closed => return None,
                Err(TryRecvError::Empty) => self.gauge.wake.notified().await,
            }
        }
    }

    /// Gives the operation's room back.
    pub fn done(&self, queued: Queued) -> Op {
        self.gauge.room.add_permits(queued.room.0 as usize);
        queued.op
    }
}
