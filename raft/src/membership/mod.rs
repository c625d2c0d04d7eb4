//! Membership: who belongs to the cluster, and changing that, one change at a time.
//!
//! Changes go to the leader, which checks them against etcd's rules ([`plan`]) and has openraft
//! make them, through a joint configuration where voters change.

mod plan;

use crate::core::Core;
use crate::errors::MemberError;
use crate::limits::MEMBER_ACTIVE;
use crate::member::Member;
use crate::transport::Method;
use crate::types::{StoredMembership, TypeConfig};
use crate::wire::{MemberAnswer, MemberCall, MemberChange, MemberVerdict, decode, encode};
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, RaftError};
use openraft::metrics::RaftMetrics;
use openraft::{ChangeMembers, Instant as _};
use plan::{Cluster, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// The members, by id, with their roles.
pub fn list(stored: &StoredMembership) -> Vec<Member> {
    let membership = stored.membership();
    let voters: BTreeSet<u64> = membership.voter_ids().collect();
    let members = membership
        .nodes()
        .map(|(id, member)| Member { is_learner: !voters.contains(id), ..member.clone() });
    members.collect()
}

/// Has the leader make a change; returns the members after it.
pub async fn change(core: &Core, change: MemberChange) -> Result<Vec<Member>, MemberError> {
    let deadline = core.deadline();
    // After an attempt without an answer, a change may be found made.
    let mut unclear = false;
    loop {
        if core.health.is_stopped() {
            return Err(MemberError::Stopped);
        }
        let seen = core.leadership();
        let answer = ask_leader(core, &change, deadline).await;
        let verdict = answer.as_ref().map(|answer| MemberVerdict::try_from(answer.verdict));
        match verdict {
            Some(Ok(MemberVerdict::NotLeader | MemberVerdict::Timeout)) => {}
            Some(Ok(MemberVerdict::NotFound))
                if unclear && matches!(change, MemberChange::Remove(_)) =>
            {
                return Ok(answer.map(|answer| answer.members).unwrap_or_default());
            }
            Some(Ok(MemberVerdict::NotLearner))
                if unclear && matches!(change, MemberChange::Promote(_)) =>
            {
                return Ok(answer.map(|answer| answer.members).unwrap_or_default());
            }
            Some(Ok(verdict)) => {
                let members = answer.map(|answer| answer.members).unwrap_or_default();
                return to_error(verdict).map_or(Ok(members), Err);
            }
            Some(Err(_)) | None => unclear = seen.leader.is_some(),
        }
        if Instant::now() >= deadline {
            let has_leader = core.leadership().leader.is_some();
            return Err(if has_leader { MemberError::Timeout } else { MemberError::NoLeader });
        }
        core.pause(seen).await;
    }
}

async fn ask_leader(core: &Core, change: &MemberChange, deadline: Instant) -> Option<MemberAnswer> {
    let leader = core.leadership().leader?;
    if leader == core.id() {
        return Some(serve(core, change.clone()).await);
    }
    let target = core.target(leader)?;
    let header = core.network.header(leader);
    let call = encode(&MemberCall { header, change: Some(change.clone()) });
    let timeout = deadline.saturating_duration_since(Instant::now());
    let answer = core.call(&target, Method::MemberChange, call, timeout).await;
    answer.and_then(decode).ok()
}

/// Makes a change as the leader.
pub async fn serve(core: &Core, change: MemberChange) -> MemberAnswer {
    let _one_at_a_time = core.changing.lock().await;
    let deadline = core.deadline();
    let verdict = loop {
        match attempt(core, &change).await {
            Attempt::Done(verdict) => break verdict,
            Attempt::Busy if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Attempt::Busy => break MemberVerdict::Timeout,
        }
    };
    let metrics = core.raft.server_metrics();
    let members = list(&metrics.borrow_watched().membership_config);
    MemberAnswer { verdict: verdict.into(), members }
}

enum Attempt {
    Done(MemberVerdict),
    /// An earlier change is not committed yet.
    Busy,
}

async fn attempt(core: &Core, change: &MemberChange) -> Attempt {
    let planned = {
        let metrics = core.raft.metrics();
        let metrics = metrics.borrow_watched();
        if !metrics.state.is_leader() {
            return Attempt::Done(MemberVerdict::NotLeader);
        }
        cluster(core.id(), &metrics).plan(change)
    };
    match planned {
        Err(verdict) => Attempt::Done(verdict),
        Ok(None) => Attempt::Done(MemberVerdict::Ok),
        Ok(Some(step)) => make(core, step).await,
    }
}

async fn make(core: &Core, step: Step) -> Attempt {
    match core.raft.change_membership(step.change, step.retain).await {
        Ok(_) => Attempt::Done(MemberVerdict::Ok),
        Err(RaftError::Fatal(_)) => Attempt::Done(MemberVerdict::Stopped),
        Err(RaftError::APIError(error)) => match error {
            ClientWriteError::ForwardToLeader(_) => Attempt::Done(MemberVerdict::NotLeader),
            ClientWriteError::LogEntryDiscarded(_) => Attempt::Done(MemberVerdict::Timeout),
            ClientWriteError::ChangeMembershipError(_)
            | ClientWriteError::PreconditionFailed(_) => {
                tracing::info!(%error, "membership change has to wait");
                Attempt::Busy
            }
        },
    }
}

fn cluster<'a>(id: u64, metrics: &'a RaftMetrics<TypeConfig>) -> Cluster<'a> {
    let matched: BTreeMap<u64, u64> = metrics
        .replication
        .iter()
        .flatten()
        .map(|(&member, matched)| (member, matched.as_ref().map_or(0, |id| id.index)))
        .collect();
    let heard = metrics.heartbeat.iter().flatten();
    let mut active: BTreeSet<u64> = heard
        .filter(|(_, at)| at.as_ref().is_some_and(|at| at.elapsed() < MEMBER_ACTIVE))
        .map(|(&member, _)| member)
        .collect();
    active.insert(id);
    Cluster {
        membership: metrics.membership_config.membership(),
        leader: id,
        last_log_index: metrics.last_log_index.unwrap_or(0),
        matched,
        active,
    }
}

/// Ends a joint configuration that an earlier leader left behind.
pub async fn finish_joint(core: &Core) {
    let is_joint = {
        let metrics = core.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        metrics.state.is_leader()
            && metrics.committed_membership_config.membership().get_joint_config().len() > 1
    };
    let Ok(_one_at_a_time) = core.changing.try_lock() else { return };
    if is_joint {
        let change = ChangeMembers::AddVoterIds(BTreeSet::new());
        if let Err(error) = core.raft.change_membership(change, false).await {
            tracing::info!(%error, "the joint configuration stays until the next attempt");
        }
    }
}

fn to_error(verdict: MemberVerdict) -> Option<MemberError> {
    Some(match verdict {
        MemberVerdict::Ok => return None,
        MemberVerdict::NotFound => MemberError::NotFound,
        MemberVerdict::IdExists => MemberError::IdExists,
        MemberVerdict::PeerUrlExists => MemberError::PeerUrlExists,
        MemberVerdict::BadUrls => MemberError::BadUrls,
        MemberVerdict::NotLearner => MemberError::NotLearner,
        MemberVerdict::LearnerNotReady => MemberError::LearnerNotReady,
        MemberVerdict::TooManyLearners => MemberError::TooManyLearners,
        MemberVerdict::UnhealthyCluster => MemberError::UnhealthyCluster,
        MemberVerdict::NotEnoughStarted => MemberError::NotEnoughStarted,
        MemberVerdict::NotLeader => MemberError::NoLeader,
        MemberVerdict::Timeout => MemberError::Timeout,
        MemberVerdict::Stopped => MemberError::Stopped,
    })
}
