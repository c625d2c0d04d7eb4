//! The keyspace as openraft's state machine.
//!
//! Entries are applied in the chunks in which they arrive, each as one atomic batch of the store.
//! "Building a snapshot" makes the keyspace durable; the log is purged only up to there. Sending
//! one takes a checkpoint.

use crate::applied::Applied;
use crate::limits::{APPLY_BYTES_MAX, CHECKPOINT_KEEP};
use crate::proposals::Proposals;
use crate::runtime::blocking;
use crate::snapshot::SnapshotData;
use crate::types::{LogId, SnapshotMeta, StoredMembership, TypeConfig};
use crate::watch_channel as watch;
use crate::wire::{StoredMembershipMessage, encode, membership_from_blob};
use futures::{FutureExt, Stream, StreamExt};
use openraft::storage::{
    ApplyResponder, EntryResponder, RaftSnapshotBuilder, RaftStateMachine, Snapshot,
};
use openraft::{EntryPayload, OptionalSend};
use parking_lot::Mutex;
use prost::Message;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use tokio::time::Instant;
use xebec_store::command::CommandBatch;
use xebec_store::engine::Checkpoint;
use xebec_store::{Entry, LogPosition, Payload, Store};

pub type Raft = openraft::Raft<TypeConfig, StateMachine>;

/// openraft's snapshot with our data.
type StoreSnapshot =
    Snapshot<crate::types::CommittedLeaderId, u64, crate::member::Member, SnapshotData>;

/// The adaptor; what others see of it is in [`Shared`].
pub struct StateMachine {
    shared: Arc<Shared>,
}

/// What the state machine and its snapshot builders share.
struct Shared {
    store: Arc<Store>,
    proposals: Arc<Proposals>,
    applied: Arc<Applied>,
    membership: watch::Sender<StoredMembership>,
    /// Memberships that were applied since the last one that is durable, that one included.
    recent: Mutex<VecDeque<StoredMembership>>,
    checkpoint: Mutex<Option<KeptCheckpoint>>,
    log_keep_entries: u64,
    /// Where the keyspace stood when it was opened, which is durable; until openraft has read it.
    opened: Mutex<Option<SnapshotMeta>>,
}

/// A checkpoint that was made for a transfer, kept so that an interrupted one can go on.
#[derive(Clone)]
struct KeptCheckpoint {
    meta: SnapshotMeta,
    checkpoint: Arc<dyn Checkpoint>,
    used: Instant,
}

impl StateMachine {
    pub fn new(
        store: Arc<Store>,
        proposals: Arc<Proposals>,
        applied: Arc<Applied>,
        membership: watch::Sender<StoredMembership>,
        log_keep_entries: u64,
    ) -> Result<Self, io::Error> {
        let (position, blob) = store.applied();
        let stored = membership_from_blob(blob).map_err(corrupt)?;
        if let Some(position) = position {
            applied.advance(position.term, position.index, 0, 0);
        }
        membership.send_replace(stored.clone());
        let opened = SnapshotMeta {
            last_log_id: position.as_ref().map(to_log_id),
            last_membership: stored.clone(),
        };
        let shared = Shared {
            store,
            proposals,
            applied,
            membership,
            recent: Mutex::new(VecDeque::from([stored])),
            checkpoint: Mutex::new(None),
            log_keep_entries,
            opened: Mutex::new(Some(opened)),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// To be called once openraft has started: from then on snapshots are made to be sent.
    pub fn started(&self) -> impl FnOnce() + Send + use<> {
        let shared = self.shared.clone();
        move || *shared.opened.lock() = None
    }
}

/// Entries on their way into one batch of the store.
#[derive(Default)]
struct Chunk {
    entries: Vec<Entry>,
    responders: Vec<ApplyResponder<TypeConfig>>,
    membership: Option<StoredMembership>,
    bytes: usize,
}

impl Chunk {
    fn push(&mut self, (entry, responder): EntryResponder<TypeConfig>) -> Result<(), io::Error> {
        let log_id = entry.log_id;
        let payload = match entry.payload {
            EntryPayload::Blank => Payload::Blank,
            EntryPayload::Normal(batch) => {
                self.bytes += batch.0.len();
                // Decoded from a slice, so that every value gets memory of its own: a value that
                // shared the entry's would keep all of it alive.
                Payload::Commands(CommandBatch::decode(&batch.0[..]).map_err(corrupt)?)
            }
            EntryPayload::Membership(membership) => {
                let stored = StoredMembership::new(Some(log_id), membership);
                let blob = encode(&StoredMembershipMessage::from(&stored));
                self.membership = Some(stored);
                Payload::Membership(blob)
            }
        };
        self.entries.push(Entry { position: to_position(&log_id), payload });
        self.responders.extend(responder);
        Ok(())
    }
}

impl Shared {
    fn apply(&self, chunk: Chunk) -> Result<(), io::Error> {
        let Some(last) = chunk.entries.last().map(|entry| entry.position) else { return Ok(()) };
        let count = chunk.entries.len() as u64;
        let outcomes = self.store.apply(chunk.entries).map_err(io::Error::other)?;
        let new_term = self.applied.advance(last.term, last.index, count, chunk.bytes as u64);
        self.proposals.applied(outcomes, new_term);
        if let Some(membership) = chunk.membership {
            self.recent.lock().push_back(membership.clone());
            self.membership.send_replace(membership);
        }
        chunk.responders.into_iter().for_each(|responder| responder.send(()));
        Ok(())
    }

    /// The membership as of `position`; forgets older ones.
    fn membership_at(&self, position: Option<&LogId>) -> StoredMembership {
        let mut recent = self.recent.lock();
        while recent.len() > 1 && recent[1].log_id().as_ref() <= position {
            recent.pop_front();
        }
        recent.front().cloned().unwrap_or_default()
    }

    async fn checkpoint(&self) -> Result<KeptCheckpoint, io::Error> {
        let now = Instant::now();
        if let Some(kept) = self.checkpoint.lock().as_mut() {
            kept.used = now;
            return Ok(kept.clone());
        }
        let store = self.store.clone();
        let (position, blob, checkpoint) =
            blocking(move || store.checkpoint()).await.map_err(io::Error::other)?;
        let meta = SnapshotMeta {
            last_log_id: Some(to_log_id(&position)),
            last_membership: membership_from_blob(blob).map_err(corrupt)?,
        };
        let kept = KeptCheckpoint { meta, checkpoint, used: now };
        *self.checkpoint.lock() = Some(kept.clone());
        Ok(kept)
    }

    /// Lets go of the checkpoint when it is not used any more, or too old to be followed up from
    /// the log, which is about to be purged up to `purged`.
    fn drop_stale_checkpoint(&self, purged: u64) {
        let mut kept = self.checkpoint.lock();
        let stale = kept.as_ref().is_some_and(|kept| {
            let index = kept.meta.last_log_id.as_ref().map_or(0, |id| id.index);
            index < purged || kept.used.elapsed() > CHECKPOINT_KEEP
        });
        if stale {
            *kept = None;
        }
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Persister;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let (position, blob) = self.shared.store.applied();
        let membership = membership_from_blob(blob).map_err(corrupt)?;
        Ok((position.as_ref().map(to_log_id), membership))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(first) = entries.next().await {
            let mut chunk = Chunk::default();
            chunk.push(first?)?;
            while chunk.bytes < APPLY_BYTES_MAX
                && let Some(Some(next)) = entries.next().now_or_never()
            {
                chunk.push(next?)?;
            }
            self.shared.apply(chunk)?;
        }
        Ok(())
    }

    async fn try_create_snapshot_builder(&mut self, _force: bool) -> Option<Persister> {
        Some(Persister { shared: self.shared.clone() })
    }

    async fn get_snapshot_builder(&mut self) -> Persister {
        Persister { shared: self.shared.clone() }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotData,
    ) -> Result<(), io::Error> {
        let SnapshotData::Staged(staging) = snapshot else {
            return Err(io::Error::other("there is nothing to install"));
        };
        let store = self.shared.store.clone();
        blocking(move || store.install(staging)).await.map_err(io::Error::other)?;
        let (position, blob) = self.shared.store.applied();
        if position.as_ref().map(to_log_id) != meta.last_log_id {
            return Err(corrupt(format!("the snapshot stands at {position:?}, not at {meta}")));
        }
        let membership = membership_from_blob(blob).map_err(corrupt)?;
        *self.shared.recent.lock() = VecDeque::from([membership.clone()]);
        *self.shared.checkpoint.lock() = None;
        self.shared.proposals.replaced();
        if let Some(position) = position {
            self.shared.applied.advance(position.term, position.index, 0, 0);
        }
        self.shared.membership.send_replace(membership);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<StoreSnapshot>, io::Error> {
        if let Some(meta) = self.shared.opened.lock().clone() {
            let found = meta.last_log_id.is_some();
            return Ok(found.then_some(Snapshot { meta, snapshot: SnapshotData::Persisted }));
        }
        if self.shared.store.applied().0.is_none() {
            return Ok(None);
        }
        let kept = self.shared.checkpoint().await?;
        Ok(Some(Snapshot { meta: kept.meta, snapshot: SnapshotData::Checkpoint(kept.checkpoint) }))
    }
}

/// Makes the keyspace durable: what "building a snapshot" means here.
pub struct Persister {
    shared: Arc<Shared>,
}

impl RaftSnapshotBuilder<TypeConfig> for Persister {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> Result<StoreSnapshot, io::Error> {
        let store = self.shared.store.clone();
        let position = blocking(move || store.persist()).await.map_err(io::Error::other)?;
        let last_log_id = position.as_ref().map(to_log_id);
        let last_membership = self.shared.membership_at(last_log_id.as_ref());
        let kept_from = last_log_id
            .as_ref()
            .map_or(0, |id| id.index.saturating_sub(self.shared.log_keep_entries));
        self.shared.drop_stale_checkpoint(kept_from);
        let meta = SnapshotMeta { last_log_id, last_membership };
        Ok(Snapshot { meta, snapshot: SnapshotData::Persisted })
    }
}

pub fn to_position(id: &LogId) -> LogPosition {
    LogPosition::new(*id.leader_id, id.index)
}

pub fn to_log_id(position: &LogPosition) -> LogId {
    LogId::new_term_index(position.term, position.index)
}

fn corrupt(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("corrupt data: {error}"))
}
