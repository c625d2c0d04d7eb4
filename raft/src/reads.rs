//! Read indexes: all readers that wait share one round of heartbeats (on the leader) or one call
//! to the leader (elsewhere).
//!
//! Invariant: a round serves only readers that came before it began. A reader that comes later
//! waits for the next: the round's index may be older than what that reader must see.

use crate::applied::Applied;
use crate::core::Core;
use crate::errors::ReadIndexError;
use crate::health::Health;
use crate::limits::{CALL_TIMEOUT, PENDING_READS_MAX};
use crate::transport::Method;
use crate::wire::{PlainCall, ReadIndexAnswer, decode, encode};
use openraft::raft::ReadPolicy;
use openraft::raft::linearizable_read::LinearizerOption;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

type Verdict = Result<u64, ReadIndexError>;

/// The readers of one replica that wait for an index.
pub struct Reads {
    waiting: Mutex<Vec<Reader>>,
    work: Notify,
    applied: Arc<Applied>,
    health: Arc<Health>,
    timeout: Duration,
}

struct Reader {
    deadline: Instant,
    index: oneshot::Sender<Verdict>,
}

impl Reads {
    pub fn new(applied: Arc<Applied>, health: Arc<Health>, timeout: Duration) -> Self {
        Self { waiting: Mutex::default(), work: Notify::new(), applied, health, timeout }
    }

    /// Returns when this replica has applied everything that was acknowledged before the call.
    pub async fn read_index(&self) -> Result<(), ReadIndexError> {
        let deadline = Instant::now() + self.timeout;
        let index = self.confirm(deadline).await?;
        let reached = tokio::time::timeout_at(deadline, self.applied.reach(index));
        reached.await.map_err(|_| ReadIndexError::Timeout)
    }

    /// An index that covers everything acknowledged before the call.
    pub async fn confirm(&self, deadline: Instant) -> Verdict {
        if self.health.is_corrupt() {
            return Err(ReadIndexError::Corrupt);
        }
        if self.health.is_stopped() {
            return Err(ReadIndexError::Stopped);
        }
        let (tx, index) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock();
            if waiting.len() >= PENDING_READS_MAX {
                return Err(ReadIndexError::TooManyRequests);
            }
            waiting.push(Reader { deadline, index: tx });
        }
        self.work.notify_one();
        index.await.unwrap_or(Err(ReadIndexError::Stopped))
    }

    pub fn stop(&self) {
        answer(std::mem::take(&mut *self.waiting.lock()), &Err(ReadIndexError::Stopped));
    }
}

fn answer(readers: Vec<Reader>, verdict: &Verdict) {
    for reader in readers {
        // The reader may have given up.
        let _ = reader.index.send(verdict.clone());
    }
}

/// Runs the rounds, one at a time, until the replica stops.
pub async fn run(core: Arc<Core>) {
    let reads = core.reads.clone();
    loop {
        reads.work.notified().await;
        while !reads.waiting.lock().is_empty() {
            serve(&core, &reads).await;
        }
    }
}

/// One round for all who wait now. If it fails, they wait for the next, until their deadlines.
async fn serve(core: &Core, reads: &Reads) {
    let readers = std::mem::take(&mut *reads.waiting.lock());
    let seen = core.leadership();
    let error = match round(core).await {
        Ok(index) => return answer(readers, &Ok(index)),
        Err(error) => error,
    };
    let now = Instant::now();
    let (late, early): (Vec<Reader>, Vec<Reader>) =
        readers.into_iter().partition(|reader| reader.deadline <= now);
    answer(late, &Err(error));
    reads.waiting.lock().extend(early);
    core.pause(seen).await;
}

async fn round(core: &Core) -> Verdict {
    let leadership = core.leadership();
    match leadership.leader {
        None => Err(ReadIndexError::NoLeader),
        Some(leader) if leader == core.id() => confirm_here(core).await,
        Some(leader) => {
            let target = core.target(leader).ok_or(ReadIndexError::NoLeader)?;
            let request = encode(&PlainCall { header: core.network.header(leader) });
            let answer = core.call(&target, Method::ReadIndex, request, CALL_TIMEOUT).await;
            let answer: ReadIndexAnswer =
                answer.and_then(decode).map_err(|_| ReadIndexError::Timeout)?;
            answer.confirmed.then_some(answer.index).ok_or(ReadIndexError::LeaderChanged)
        }
    }
}

/// On the leader: an index, once a quorum has confirmed that it leads.
async fn confirm_here(core: &Core) -> Verdict {
    let option = LinearizerOption::from(ReadPolicy::ReadIndex).with_wait_timeout(CALL_TIMEOUT);
    match core.raft.get_read_linearizer(option).await {
        Ok(linearizer) => Ok(linearizer.read_log_id().index()),
        Err(_) => Err(ReadIndexError::Timeout),
    }
}

/// Serves the call of another replica. Its round joins those of this replica's own readers.
pub async fn serve_remote(core: &Core) -> ReadIndexAnswer {
    let refused = ReadIndexAnswer { confirmed: false, index: 0 };
    if core.leadership().own_term().is_none() {
        return refused;
    }
    let deadline = Instant::now() + CALL_TIMEOUT;
    match tokio::time::timeout_at(deadline, core.reads.confirm(deadline)).await {
        Ok(Ok(index)) => ReadIndexAnswer { confirmed: true, index },
        _ => refused,
    }
}
