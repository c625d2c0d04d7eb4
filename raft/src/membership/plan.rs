//! What a membership change means, and whether it is allowed: etcd's rules, purely.

use crate::limits::{LEARNER_READY_PERCENT, LEARNERS_MAX};
use crate::member::Member;
use crate::types::Membership;
use crate::wire::{MemberChange, MemberVerdict};
use openraft::ChangeMembers;
use std::collections::{BTreeMap, BTreeSet};

/// What the leader knows.
pub struct Cluster<'a> {
    pub membership: &'a Membership,
    pub leader: u64,
    pub last_log_index: u64,
    /// How far each member's log matches the leader's.
    pub matched: BTreeMap<u64, u64>,
    /// Members that answered the leader lately, itself included.
    pub active: BTreeSet<u64>,
}

/// A step for openraft.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    pub change: ChangeMembers<u64, Member>,
    /// Whether voters that lose their vote stay as learners.
    pub retain: bool,
}

impl Cluster<'_> {
    /// The step that makes the change; `None` if it is in force already.
    pub fn plan(&self, change: &MemberChange) -> Result<Option<Step>, MemberVerdict> {
        match change {
            MemberChange::Add(member) => self.add(member),
            MemberChange::Remove(id) => self.remove(*id),
            MemberChange::Promote(id) => self.promote(*id),
            MemberChange::Update(member) => self.update(member),
            MemberChange::Publish(member) => self.publish(member),
        }
    }

    fn voters(&self) -> BTreeSet<u64> {
        self.membership.voter_ids().collect()
    }

    fn is_started(&self, id: u64) -> bool {
        self.membership.get_node(&id).is_some_and(|member| !member.name.is_empty())
    }

    fn started(&self, voters: &BTreeSet<u64>) -> usize {
        voters.iter().filter(|id| self.is_started(**id)).count()
    }

    fn active(&self, voters: &BTreeSet<u64>) -> usize {
        voters.intersection(&self.active).count()
    }

    fn check_urls(&self, id: u64, urls: &[String]) -> Result<(), MemberVerdict> {
        if urls.is_empty() {
            return Err(MemberVerdict::BadUrls);
        }
        let others = self.membership.nodes().filter(|(other, _)| **other != id);
        let taken = others.flat_map(|(_, member)| &member.peer_urls).any(|url| urls.contains(url));
        if taken { Err(MemberVerdict::PeerUrlExists) } else { Ok(()) }
    }

    fn add(&self, member: &Member) -> Result<Option<Step>, MemberVerdict> {
        if let Some(known) = self.membership.get_node(&member.id) {
            // Ids are random: this is the same request, sent again.
            let same = known.peer_urls == member.peer_urls;
            return if same { Ok(None) } else { Err(MemberVerdict::IdExists) };
        }
        self.check_urls(member.id, &member.peer_urls)?;
        let voters = self.voters();
        if member.is_learner {
            if self.membership.learner_ids().count() >= LEARNERS_MAX {
                return Err(MemberVerdict::TooManyLearners);
            }
        } else {
            let members = voters.len() + 1;
            let restoring = members == 2 && self.started(&voters) == 1;
            if !restoring && self.started(&voters) < quorum(members) {
                return Err(MemberVerdict::NotEnoughStarted);
            }
        }
        if voters.len() > 1 && self.active(&voters) < quorum(voters.len() + 1) {
            return Err(MemberVerdict::UnhealthyCluster);
        }
        let node = Member { is_learner: false, ..member.clone() };
        let nodes = BTreeMap::from([(member.id, node)]);
        let change = if member.is_learner {
            ChangeMembers::AddNodes(nodes)
        } else {
            ChangeMembers::AddVoters(nodes)
        };
        Ok(Some(Step { change, retain: true }))
    }

    fn remove(&self, id: u64) -> Result<Option<Step>, MemberVerdict> {
        if self.membership.get_node(&id).is_none() {
            return Err(MemberVerdict::NotFound);
        }
        let mut voters = self.voters();
        if !voters.contains(&id) {
            let change = ChangeMembers::RemoveNodes(BTreeSet::from([id]));
            return Ok(Some(Step { change, retain: false }));
        }
        let members = voters.len();
        let active = self.active(&voters);
        voters.remove(&id);
        if voters.is_empty() || self.started(&voters) < quorum(voters.len()) {
            return Err(MemberVerdict::NotEnoughStarted);
        }
        let is_down = id != self.leader && !self.active.contains(&id);
        if !is_down && active - 1 < quorum(members - 1) {
            return Err(MemberVerdict::UnhealthyCluster);
        }
        let change = ChangeMembers::RemoveVoters(BTreeSet::from([id]));
        Ok(Some(Step { change, retain: false }))
    }

    fn promote(&self, id: u64) -> Result<Option<Step>, MemberVerdict> {
        if self.membership.get_node(&id).is_none() {
            return Err(MemberVerdict::NotFound);
        }
        let voters = self.voters();
        if voters.contains(&id) {
            return Err(MemberVerdict::NotLearner);
        }
        let matched = self.matched.get(&id).copied().unwrap_or(0);
        if matched * 100 < self.last_log_index * LEARNER_READY_PERCENT {
            return Err(MemberVerdict::LearnerNotReady);
        }
        if self.started(&voters) + 1 < quorum(voters.len() + 1) {
            return Err(MemberVerdict::NotEnoughStarted);
        }
        let change = ChangeMembers::AddVoterIds(BTreeSet::from([id]));
        Ok(Some(Step { change, retain: true }))
    }

    fn update(&self, member: &Member) -> Result<Option<Step>, MemberVerdict> {
        let known = self.membership.get_node(&member.id).ok_or(MemberVerdict::NotFound)?;
        self.check_urls(member.id, &member.peer_urls)?;
        let changed = Member { peer_urls: member.peer_urls.clone(), ..known.clone() };
        Ok(self.replace(known, changed))
    }

    fn publish(&self, member: &Member) -> Result<Option<Step>, MemberVerdict> {
        let known = self.membership.get_node(&member.id).ok_or(MemberVerdict::NotFound)?;
        let changed = Member {
            name: member.name.clone(),
            client_urls: member.client_urls.clone(),
            ..known.clone()
        };
        Ok(self.replace(known, changed))
    }

    fn replace(&self, known: &Member, changed: Member) -> Option<Step> {
        (*known != changed).then(|| Step {
            change: ChangeMembers::SetNodes(BTreeMap::from([(changed.id, changed)])),
            retain: true,
        })
    }
}

fn quorum(members: usize) -> usize {
    members / 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64) -> Member {
        Member {
            id,
            name: format!("m{id}"),
            peer_urls: vec![format!("http://m{id}:2380")],
            ..Member::default()
        }
    }

    fn membership(voters: &[u64], learners: &[u64]) -> Membership {
        let nodes: BTreeMap<u64, Member> =
            voters.iter().chain(learners).map(|&id| (id, member(id))).collect();
        Membership::new(vec![voters.iter().copied().collect()], nodes).expect("valid")
    }

    fn verdict(membership: &Membership, active: &[u64], change: &MemberChange) -> MemberVerdict {
        let cluster = Cluster {
            membership,
            leader: 1,
            last_log_index: 100,
            matched: BTreeMap::from([(8, 89), (9, 90)]),
            active: active.iter().copied().collect(),
        };
        cluster.plan(change).map_or_else(|verdict| verdict, |_| MemberVerdict::Ok)
    }

    #[test]
    fn adding_follows_etcds_rules() {
        let three = membership(&[1, 2, 3], &[]);
        let add = |member| MemberChange::Add(member);
        assert_eq!(verdict(&three, &[1, 2, 3], &add(member(4))), MemberVerdict::Ok);
        assert_eq!(verdict(&three, &[1, 2], &add(member(4))), MemberVerdict::UnhealthyCluster);
        let same_url = Member { id: 4, ..member(3) };
        assert_eq!(verdict(&three, &[1, 2, 3], &add(same_url)), MemberVerdict::PeerUrlExists);
        let other_url = Member { id: 3, ..member(4) };
        assert_eq!(verdict(&three, &[1, 2, 3], &add(other_url)), MemberVerdict::IdExists);
        assert_eq!(verdict(&three, &[1, 2, 3], &add(member(3))), MemberVerdict::Ok);
        let nowhere = Member { peer_urls: vec![], ..member(4) };
        assert_eq!(verdict(&three, &[1, 2, 3], &add(nowhere)), MemberVerdict::BadUrls);
        let learner = Member { is_learner: true, ..member(4) };
        assert_eq!(verdict(&three, &[1, 2, 3], &add(learner.clone())), MemberVerdict::Ok);
        let with_learner = membership(&[1, 2, 3], &[9]);
        let refused = verdict(&with_learner, &[1, 2, 3], &add(learner));
        assert_eq!(refused, MemberVerdict::TooManyLearners);
        assert_eq!(verdict(&membership(&[1], &[]), &[1], &add(member(2))), MemberVerdict::Ok);
    }

    #[test]
    fn removing_keeps_a_working_quorum() {
        let three = membership(&[1, 2, 3], &[9]);
        let remove = MemberChange::Remove;
        assert_eq!(verdict(&three, &[1, 2, 3], &remove(2)), MemberVerdict::Ok);
        assert_eq!(verdict(&three, &[1, 2], &remove(3)), MemberVerdict::Ok);
        assert_eq!(verdict(&three, &[1, 2], &remove(2)), MemberVerdict::UnhealthyCluster);
        assert_eq!(verdict(&three, &[1, 2, 3], &remove(9)), MemberVerdict::Ok);
        assert_eq!(verdict(&three, &[1, 2, 3], &remove(7)), MemberVerdict::NotFound);
        let one = membership(&[1], &[]);
        assert_eq!(verdict(&one, &[1], &remove(1)), MemberVerdict::NotEnoughStarted);
    }

    #[test]
    fn only_a_learner_in_sync_is_promoted() {
        let promote = MemberChange::Promote;
        let cluster = membership(&[1, 2, 3], &[8, 9]);
        assert_eq!(verdict(&cluster, &[1, 2, 3], &promote(9)), MemberVerdict::Ok);
        assert_eq!(verdict(&cluster, &[1, 2, 3], &promote(8)), MemberVerdict::LearnerNotReady);
        assert_eq!(verdict(&cluster, &[1, 2, 3], &promote(2)), MemberVerdict::NotLearner);
        assert_eq!(verdict(&cluster, &[1, 2, 3], &promote(7)), MemberVerdict::NotFound);
    }
}
