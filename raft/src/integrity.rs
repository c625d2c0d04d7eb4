//! Comparing keyspaces: the leader asks every replica for its rolling hash at one revision. A
//! replica that differs from a quorum raises the alarm for itself and serves nobody any more.

use crate::core::Core;
use crate::limits::{CALL_TIMEOUT, INTEGRITY_INTERVAL};
use crate::membership;
use crate::runtime::blocking;
use crate::transport::{Method, Target};
use crate::wire::{HashAnswer, HashCall, decode, encode};
use futures::future::join_all;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use tokio::time::MissedTickBehavior;
use xebec_store::AlarmMember;
use xebec_store::command::{Alarm, AlarmKind, Body};
use xebec_store::kv::Revision;

/// The revision of an empty keyspace: there is nothing to compare.
const EMPTY_REVISION: Revision = 1;

/// Compares from time to time, until the replica stops.
pub async fn run(core: Arc<Core>) {
    let mut tick = tokio::time::interval(INTEGRITY_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut alarm_seen = false;
    loop {
        tick.tick().await;
        // Whoever clears the alarm vouches for the keyspace, until it is found to differ again.
        let alarm_stands = core.store.view().alarms().contains(&own_alarm(&core));
        if core.health.is_corrupt() && alarm_seen && !alarm_stands {
            core.health.clear_corrupt();
        }
        alarm_seen = alarm_stands;
        if core.leadership().own_term().is_some() {
            compare(&core).await;
        }
    }
}

/// One comparison across the cluster; returns the members found to differ.
pub async fn compare(core: &Core) -> BTreeSet<u64> {
    let none = BTreeSet::new();
    let Some(term) = core.leadership().own_term() else { return none };
    let members = membership::list(&core.membership.borrow());
    let voters: BTreeSet<u64> =
        members.iter().filter(|member| !member.is_learner).map(|member| member.id).collect();
    let targets: Vec<Target> = members
        .into_iter()
        .filter(|member| member.id != core.id())
        .map(|member| Target { member_id: member.id, peer_urls: member.peer_urls })
        .collect();

    let revisions = ask_all(core, &targets, 0).await;
    let own_revision = core.store.view().revision();
    let common = revisions.values().map(|answer| answer.revision).fold(own_revision, i64::min);
    if common <= EMPTY_REVISION {
        return none;
    }
    let Some(own_hash) = hash_at(core, common).await else { return none };
    let answers = ask_all(core, &targets, common).await;
    let mut hashes: HashMap<u64, u64> =
        answers.iter().filter(|(_, answer)| answer.known).map(|(&id, a)| (id, a.hash)).collect();
    hashes.insert(core.id(), own_hash);
    let different = outvoted(&hashes, &voters);
    for &id in &different {
        tracing::error!(member = format!("{id:x}"), revision = common, "this keyspace differs");
        if id == core.id() {
            take_out(core);
        } else if let Some(target) = targets.iter().find(|target| target.member_id == id) {
            let header = core.network.header(id);
            let verdict = HashCall { header, revision: common, corrupt: true, term };
            // If it is lost, the next comparison tells again.
            let _ = core.call(target, Method::Hash, encode(&verdict), CALL_TIMEOUT).await;
        }
    }
    different
}

/// The members whose hash is not the one that a quorum of the voters has.
fn outvoted(hashes: &HashMap<u64, u64>, voters: &BTreeSet<u64>) -> BTreeSet<u64> {
    let mut votes: HashMap<u64, usize> = HashMap::new();
    for (id, hash) in hashes {
        if voters.contains(id) {
            *votes.entry(*hash).or_default() += 1;
        }
    }
    let quorum = voters.len() / 2 + 1;
    let Some((&right, _)) = votes.iter().find(|(_, count)| **count >= quorum) else {
        if votes.len() > 1 {
            tracing::error!("keyspaces differ, and no quorum agrees on one");
        }
        return BTreeSet::new();
    };
    hashes.iter().filter(|(_, hash)| **hash != right).map(|(&id, _)| id).collect()
}

async fn ask_all(core: &Core, targets: &[Target], revision: Revision) -> HashMap<u64, HashAnswer> {
    let calls = targets.iter().map(|target| async move {
        let header = core.network.header(target.member_id);
        let call = HashCall { header, revision, ..HashCall::default() };
        let answer = core.call(target, Method::Hash, encode(&call), CALL_TIMEOUT).await;
        let answer: HashAnswer = answer.and_then(decode).ok()?;
        Some((target.member_id, answer))
    });
    join_all(calls).await.into_iter().flatten().collect()
}

async fn hash_at(core: &Core, revision: Revision) -> Option<u64> {
    let view = core.store.view();
    blocking(move || view.hash_at(revision)).await.ok()
}

/// Answers a leader: a hash, the current revision, or obedience to its verdict.
pub async fn serve(core: &Core, call: HashCall) -> HashAnswer {
    if call.corrupt {
        let leadership = core.leadership();
        if (leadership.leader, leadership.term) == (Some(call.header.from), call.term) {
            take_out(core);
        }
        return HashAnswer::default();
    }
    if call.revision == 0 {
        return HashAnswer { known: true, revision: core.store.view().revision(), hash: 0 };
    }
    match hash_at(core, call.revision).await {
        Some(hash) => HashAnswer { known: true, revision: call.revision, hash },
        None => HashAnswer::default(),
    }
}

fn own_alarm(core: &Core) -> AlarmMember {
    AlarmMember { member: core.id(), kind: AlarmKind::Corrupt.into() }
}

/// This replica differs from the others: it stops serving, and raises the alarm.
fn take_out(core: &Core) {
    core.health.mark_corrupt();
    let AlarmMember { member, kind } = own_alarm(core);
    let alarm = Alarm { active: true, member, kind };
    if !core.store.view().alarms().contains(&own_alarm(core)) {
        // Told again after the next comparison, if it is lost.
        let _ = core.proposals.submit_in(&Body::Alarm(alarm), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_of_voters_is_right() {
        let voters = BTreeSet::from([1, 2, 3]);
        let hashes = |list: &[(u64, u64)]| list.iter().copied().collect::<HashMap<_, _>>();
        assert_eq!(outvoted(&hashes(&[(1, 7), (2, 7), (3, 7)]), &voters), BTreeSet::new());
        assert_eq!(outvoted(&hashes(&[(1, 7), (2, 7), (3, 8)]), &voters), BTreeSet::from([3]));
        assert_eq!(outvoted(&hashes(&[(1, 8), (2, 7), (3, 7)]), &voters), BTreeSet::from([1]));
        assert_eq!(outvoted(&hashes(&[(1, 7), (2, 8)]), &voters), BTreeSet::new());
        assert_eq!(outvoted(&hashes(&[(1, 7), (2, 7), (9, 8)]), &voters), BTreeSet::from([9]));
    }
}
