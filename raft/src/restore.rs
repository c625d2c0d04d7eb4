//! A new cluster out of a restored keyspace.
//!
//! The keyspace comes from a checkpoint of another cluster. It gets the new members in one more
//! entry after those that it stands for, and the log begins behind that entry as if it had been
//! purged up to there: whoever joins later gets the keyspace, never a log without it. Every
//! initial member does the same and gets the same position.

use crate::log::{LogError, LogOptions, RaftLog};
use crate::member::Member;
use crate::types::{LogId, Membership, StoredMembership, Vote};
use crate::wire::{StoredMembershipMessage, encode};
use openraft::storage::RaftLogStorage;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use xebec_store::command::{Alarm, AlarmKind, Body, Command, CommandBatch};
use xebec_store::engine::{EngineError, EngineHome};
use xebec_store::{Entry, LogPosition, Payload, Store};

#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("the keyspace cannot be written")]
    Keyspace(#[from] EngineError),
    #[error("the log cannot be written")]
    Log(#[from] LogError),
    #[error("the log cannot be written")]
    Disk(#[from] std::io::Error),
    #[error("the log is not empty")]
    NotEmpty,
    #[error("the members do not make a cluster: {message}")]
    Members { message: String },
}

/// Makes `store` and the empty log in `log_home` the beginning of the cluster of `members`, as
/// the member `own_id`. Durable on return.
pub async fn restore(
    store: &Store,
    log_home: Arc<dyn EngineHome>,
    members: Vec<Member>,
    own_id: u64,
) -> Result<(), RestoreError> {
    let (applied, _) = store.applied();
    let LogPosition { term, index } = applied.unwrap_or(LogPosition { term: 1, index: 0 });
    // Alarms are of members that are no more.
    let disarm = LogPosition { term, index: index + 1 };
    let begin = LogPosition { term, index: index + 2 };
    let log_id = LogId::new_term_index(begin.term, begin.index);
    let membership = encode(&membership(members, log_id)?);
    store.apply(vec![
        Entry { position: disarm, payload: Payload::Commands(clear_alarms()) },
        Entry { position: begin, payload: Payload::Membership(membership) },
    ])?;
    store.persist()?;
    begin_log(log_home, log_id, own_id).await
}

fn membership(
    members: Vec<Member>,
    log_id: LogId,
) -> Result<StoredMembershipMessage, RestoreError> {
    let voters: BTreeSet<u64> = members.iter().map(|member| member.id).collect();
    let members: BTreeMap<u64, Member> =
        members.into_iter().map(|member| (member.id, member)).collect();
    let membership = Membership::new(vec![voters], members)
        .map_err(|error| RestoreError::Members { message: error.to_string() })?;
    Ok(StoredMembershipMessage::from(&StoredMembership::new(Some(log_id), membership)))
}

fn clear_alarms() -> CommandBatch {
    let clear = |kind: AlarmKind| Command {
        body: Some(Body::Alarm(Alarm { active: false, member: 0, kind: kind.into() })),
        ..Command::default()
    };
    CommandBatch {
        commands: [AlarmKind::NoSpace, AlarmKind::Corrupt].map(clear).into(),
        ..CommandBatch::default()
    }
}

async fn begin_log(
    home: Arc<dyn EngineHome>,
    log_id: LogId,
    own_id: u64,
) -> Result<(), RestoreError> {
    let (mut log, writer) = RaftLog::open(&*home, LogOptions::new(Arc::new(|_| {})))?;
    let writer = writer.spawn()?;
    let state = log.get_log_state().await?;
    if state.last_log_id.is_some() || state.last_purged_log_id.is_some() {
        return Err(RestoreError::NotEmpty);
    }
    log.purge(log_id).await?;
    // After the purge in the queue, so that both are durable when it returns. Its term is one
    // that the new cluster has not used: its first election takes the next.
    log.save_vote(&Vote::new(log_id.leader_id.term, own_id)).await?;
    drop(log);
    drop(writer);
    Ok(())
}
