//! Leases across changes of leader: never expired early, expired in the end.

use crate::world::{Cluster, run};
use std::time::Duration;
use tokio::time::Instant;
use xebec_raft::Replica;
use xebec_raft::errors::LeaseError;
use xebec_store::command::{Body, LeaseGrant};

async fn grant(replica: &Replica, id: i64, ttl_s: i64) {
    let body = Body::LeaseGrant(LeaseGrant { id, ttl_s });
    let outcome = replica.propose(body).await.expect("the grant is applied");
    assert!(outcome.result.is_ok());
}

fn lives(replica: &Replica, id: i64) -> bool {
    replica.store().view().lease(id).is_some()
}

#[test]
fn a_lease_expires_when_nobody_renews_it() {
    run(1, async {
        let cluster = Cluster::ready(3).await;
        let follower = cluster.follower().await;
        grant(cluster.replica(follower), 7, 5).await;
        let granted = Instant::now();
        let ttl = cluster.replica(follower).lease_time_to_live(7).await.expect("it lives");
        assert_eq!(ttl.granted_ttl_s, 5);
        assert!((4..=5).contains(&ttl.remaining_ttl_s), "{ttl:?}");
        while lives(cluster.replica(follower), 7) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let lived = granted.elapsed();
        assert!(lived >= Duration::from_secs(5), "{lived:?}");
        assert!(lived < Duration::from_secs(8), "{lived:?}");
        let gone = cluster.replica(follower).lease_keep_alive(7).await;
        assert_eq!(gone, Err(LeaseError::NotFound));
    });
}

#[test]
fn a_renewed_lease_lives_through_changes_of_leader() {
    run(2, async {
        let cluster = Cluster::ready(3).await;
        grant(cluster.replica(0), 7, 3).await;
        for round in 0..12 {
            if round % 3 == 1 {
                let leader = cluster.leader().await;
                cluster.network.isolate(cluster.url(leader));
                tokio::time::sleep(Duration::from_millis(700)).await;
                cluster.network.heal();
            }
            let replica = cluster.replica(round % 3);
            assert_eq!(replica.lease_keep_alive(7).await, Ok(3));
            tokio::time::sleep(Duration::from_millis(1500)).await;
            assert!(lives(replica, 7), "round {round}");
        }
    });
}

/// A leader that was cut off believes that a lease has expired, while the lease was renewed at
/// its successor: what it proposed must not reach the keyspace when it is back.
#[test]
fn a_deposed_leader_does_not_revoke_what_its_successor_renewed() {
    run(3, async {
        let cluster = Cluster::ready(3).await;
        let old = cluster.leader().await;
        grant(cluster.replica(old), 7, 3).await;
        cluster.network.isolate(cluster.url(old));
        let others: Vec<usize> = (0..3).filter(|&index| index != old).collect();
        let new = cluster.leader_among(&others).await;
        for _ in 0..6 {
            assert_eq!(cluster.replica(new).lease_keep_alive(7).await, Ok(3));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        cluster.network.heal();
        for _ in 0..8 {
            assert_eq!(cluster.replica(new).lease_keep_alive(7).await, Ok(3));
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        assert!(lives(cluster.replica(old), 7));
    });
}

#[test]
fn an_unknown_lease_is_not_found() {
    run(4, async {
        let cluster = Cluster::ready(3).await;
        let follower = cluster.follower().await;
        let replica = cluster.replica(follower);
        assert_eq!(replica.lease_keep_alive(99).await, Err(LeaseError::NotFound));
        assert_eq!(replica.lease_time_to_live(99).await, Err(LeaseError::NotFound));
    });
}
