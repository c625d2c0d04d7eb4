//! The life of a member: added, caught up, promoted, moved, removed.

use crate::world::{Cluster, Node, get, must_put, run, tight, url};
use std::time::Duration;
use xebec_raft::Member;
use xebec_raft::errors::{JoinError, MemberError};
use xebec_raft::identity::join;

/// Starts the replica that was added as `member` at the next place.
async fn start_added(cluster: &mut Cluster, member: &Member) -> usize {
    let index = cluster.nodes.len();
    let name = format!("m{index}");
    let transport = cluster.network.transport(&member.peer_urls[0]);
    let peers: Vec<Vec<String>> = (0..index).map(|place| vec![cluster.url(place).into()]).collect();
    let identity = join(&transport, &peers, &member.peer_urls).await.expect("it was added");
    assert_eq!((identity.cluster_id, identity.member_id), (cluster.id, member.id));
    cluster.nodes.push(Node::new(&Member { name, ..member.clone() }));
    cluster.launch(index).await;
    index
}

#[test]
fn a_learner_catches_up_and_is_promoted() {
    run(1, async {
        let mut cluster = Cluster::ready_with(3, tight()).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let follower = cluster.follower().await;
        for index in 0..50 {
            must_put(cluster.replica(follower), &format!("key{index}"), "value").await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let added = cluster.replica(follower).add_member(String::new(), vec![url(3)], true).await;
        let (member, members) = added.expect("there is a healthy quorum");
        assert_eq!(members.len(), 4);
        let early = cluster.replica(follower).promote_member(member.id).await;
        assert_eq!(early, Err(MemberError::LearnerNotReady));
        let second = cluster.replica(follower).add_member(String::new(), vec![url(9)], true).await;
        assert_eq!(second, Err(MemberError::TooManyLearners));

        let place = start_added(&mut cluster, &member).await;
        cluster.replica(place).read_index().await.expect("a learner can read");
        assert_eq!(get(cluster.replica(place), "key49").as_deref(), Some("value"));
        assert!(cluster.replica(place).status().is_learner);
        let promoted = cluster.replica(place).promote_member(member.id).await;
        assert!(promoted.expect("it is in sync").iter().all(|member| !member.is_learner));
        let again = cluster.replica(follower).promote_member(member.id).await;
        assert_eq!(again, Err(MemberError::NotLearner));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!cluster.replica(place).status().is_learner);
        must_put(cluster.replica(place), "key", "from the new voter").await;
        cluster.converge().await;
    });
}

#[test]
fn a_removed_replica_stops_and_says_so() {
    run(2, async {
        let cluster = Cluster::ready(3).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let follower = cluster.follower().await;
        let id = cluster.nodes[follower].id;
        let leader = cluster.leader().await;
        let members = cluster.replica(leader).remove_member(id).await.expect("a quorum stays");
        assert_eq!(members.len(), 2);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let reason = cluster.nodes[follower].failure().expect("it gives a reason");
        assert!(reason.contains("removed from the cluster"), "{reason}");
        must_put(cluster.replica(leader), "key", "the others go on").await;
        let gone = cluster.replica(leader).remove_member(id).await;
        assert_eq!(gone, Err(MemberError::NotFound));
    });
}

#[test]
fn a_replica_that_was_away_learns_of_its_removal() {
    run(3, async {
        let mut cluster = Cluster::ready(3).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let away = cluster.follower().await;
        let id = cluster.nodes[away].id;
        cluster.crash(away).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let others: Vec<usize> = (0..3).filter(|&index| index != away).collect();
        let leader = cluster.leader_among(&others).await;
        cluster.replica(leader).remove_member(id).await.expect("it is down");
        cluster.launch(away).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let reason = cluster.nodes[away].failure().expect("it gives a reason");
        assert!(reason.contains("removed from the cluster"), "{reason}");
    });
}

#[test]
fn a_removed_leader_hands_over() {
    run(4, async {
        let cluster = Cluster::ready(3).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let old = cluster.leader().await;
        let others: Vec<usize> = (0..3).filter(|&index| index != old).collect();
        let removed = cluster.replica(old).remove_member(cluster.nodes[old].id).await;
        assert_eq!(removed.expect("a quorum stays").len(), 2);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(cluster.nodes[old].failure().is_some());
        let new = cluster.leader_among(&others).await;
        must_put(cluster.replica(new), "key", "value").await;
    });
}

#[test]
fn a_dead_replica_is_replaced() {
    run(5, async {
        let mut cluster = Cluster::ready_with(3, tight()).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let dead = cluster.follower().await;
        cluster.crash(dead).await;
        let others: Vec<usize> = (0..3).filter(|&index| index != dead).collect();
        let leader = cluster.leader_among(&others).await;
        for index in 0..30 {
            must_put(cluster.replica(leader), &format!("key{index}"), "value").await;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        let id = cluster.nodes[dead].id;
        cluster.replica(leader).remove_member(id).await.expect("it is down");
        let added = cluster.replica(leader).add_member(String::new(), vec![url(3)], false).await;
        let (member, _) = added.expect("two of two are healthy");
        let place = start_added(&mut cluster, &member).await;
        cluster.replica(place).read_index().await.expect("it catches up");
        assert_eq!(get(cluster.replica(place), "key29").as_deref(), Some("value"));
        cluster.converge().await;
    });
}

#[test]
fn a_member_moves_to_another_address() {
    run(6, async {
        let mut cluster = Cluster::ready(3).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let mover = cluster.follower().await;
        let leader = cluster.leader().await;
        let id = cluster.nodes[mover].id;
        let taken = cluster.replica(leader).update_member(id, vec![url(leader)]).await;
        assert_eq!(taken, Err(MemberError::PeerUrlExists));
        let unknown = cluster.replica(leader).update_member(12345, vec![url(7)]).await;
        assert_eq!(unknown, Err(MemberError::NotFound));
        cluster.replica(mover).update_member(id, vec![url(7)]).await.expect("the URL is free");
        cluster.crash(mover).await;
        cluster.nodes[mover].url = url(7);
        cluster.nodes[mover].member.peer_urls = vec![url(7)];
        cluster.launch(mover).await;
        cluster.replica(mover).read_index().await.expect("it is reached under the new URL");
        must_put(cluster.replica(mover), "key", "value").await;
        cluster.converge().await;
    });
}

#[test]
fn a_stranger_is_told_to_be_added_first() {
    run(7, async {
        let cluster = Cluster::ready(3).await;
        let transport = cluster.network.transport("http://stranger:2380");
        let peers = vec![vec![url(0)], vec![url(1)]];
        let refused = join(&transport, &peers, &["http://stranger:2380".to_string()]).await;
        assert!(matches!(refused, Err(JoinError::Unknown { .. })));
        let nobody = join(&transport, &[vec!["http://nobody:1".to_string()]], &[]).await;
        assert!(matches!(nobody, Err(JoinError::Unreachable { .. })));
    });
}
