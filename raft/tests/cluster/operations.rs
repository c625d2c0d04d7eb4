//! What operators see: planned stops, full disks, keyspaces that differ.

use crate::world::{Cluster, get, must_put, put, run};
use bytes::Bytes;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use xebec_raft::errors::{ProposeError, ReadIndexError, TransferError};
use xebec_store::ApplyError;
use xebec_store::command::{AlarmKind, Body, DeleteRange, KeyRange};
use xebec_store::disk::{META, head};

#[test]
fn a_planned_stop_hands_leadership_over_without_a_gap() {
    run(1, async {
        let mut cluster = Cluster::ready(3).await;
        let leader = cluster.leader().await;
        let follower = cluster.follower().await;
        let replica = cluster.replica(follower).clone();
        let writer = tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            for index in 0..200 {
                let began = Instant::now();
                must_put(&replica, "key", &index.to_string()).await;
                longest = longest.max(began.elapsed());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            longest
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        cluster.stop(leader).await;
        let longest = writer.await.expect("every write is acknowledged");
        // Of the paused clock: well below an election timeout.
        assert!(longest < Duration::from_millis(100), "{longest:?}");
    });
}

#[test]
fn leadership_moves_on_request() {
    run(2, async {
        let cluster = Cluster::ready(3).await;
        let leader = cluster.leader().await;
        let follower = cluster.follower().await;
        let to = cluster.nodes[follower].id;
        let refused = cluster.replica(follower).transfer_leadership(to).await;
        assert_eq!(refused, Err(TransferError::NotLeader));
        let nobody = cluster.replica(leader).transfer_leadership(12345).await;
        assert_eq!(nobody, Err(TransferError::BadTransferee));
        cluster.replica(leader).transfer_leadership(to).await.expect("it takes over");
        assert_eq!(cluster.leader().await, follower);
        must_put(cluster.replica(leader), "key", "value").await;
    });
}

#[test]
fn a_full_disk_refuses_growth_and_recovers_by_itself() {
    run(3, async {
        let cluster = Cluster::ready(3).await;
        let follower = cluster.follower().await;
        let leader = cluster.leader().await;
        must_put(cluster.replica(leader), "key", "value").await;
        cluster.nodes[follower].world.free_bytes.store(1 << 20, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(2)).await;
        let alarms = cluster.replica(leader).store().view().alarms().to_vec();
        assert_eq!(alarms.len(), 1);
        assert_eq!(alarms[0].member, cluster.nodes[follower].id);
        assert_eq!(alarms[0].kind, i32::from(AlarmKind::NoSpace));
        let refused = cluster.replica(leader).propose(put("more", "value")).await;
        assert_eq!(refused.expect("it is applied").result, Err(ApplyError::NoSpace));
        cluster.replica(follower).read_index().await.expect("reads go on");
        assert_eq!(get(cluster.replica(follower), "key").as_deref(), Some("value"));
        let range = KeyRange { key: Bytes::from_static(b"key"), end: Bytes::new() };
        let delete = Body::DeleteRange(DeleteRange { range, prev_kv: false });
        let deleted = cluster.replica(follower).propose(delete).await.expect("it is applied");
        assert!(deleted.result.is_ok(), "{:?}", deleted.result);
        cluster.nodes[follower].world.free_bytes.store(50 << 30, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(2)).await;
        must_put(cluster.replica(leader), "more", "value").await;
        assert!(cluster.replica(leader).store().view().alarms().is_empty());
    });
}

#[test]
fn a_replica_that_differs_takes_itself_out() {
    run(4, async {
        let mut cluster = Cluster::ready(3).await;
        let victim = cluster.follower().await;
        must_put(cluster.replica(victim), "key", "value").await;
        cluster.replica(victim).persist().await;
        cluster.crash(victim).await;
        // The disk gives back what was never written.
        let altered = cluster.nodes[victim].state.alter(META, head::KEY, |bytes| {
            let mut head = head::de_head(bytes).expect("the head is whole");
            head.hash ^= 1;
            head::ser_head(&head).to_vec()
        });
        assert!(altered);
        cluster.launch(victim).await;
        let leader = cluster.leader().await;
        must_put(cluster.replica(leader), "other", "value").await;
        cluster.replica(victim).wait_ready().await.expect("it does not know yet");
        let different = cluster.replica(leader).hash_check().await;
        assert_eq!(different.into_iter().collect::<Vec<_>>(), [cluster.nodes[victim].id]);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(cluster.replica(victim).read_index().await, Err(ReadIndexError::Corrupt));
        let refused = cluster.replica(victim).propose(put("key", "x")).await;
        assert_eq!(refused.err(), Some(ProposeError::Corrupt));
        let failure = cluster.replica(victim).failure().expect("it says why");
        assert!(failure.contains("differs"), "{failure}");
        let alarms = cluster.replica(leader).store().view().alarms().to_vec();
        assert_eq!(alarms.len(), 1);
        assert_eq!(alarms[0].kind, i32::from(AlarmKind::Corrupt));
        assert_eq!(alarms[0].member, cluster.nodes[victim].id);
        cluster.replica(leader).read_index().await.expect("the others go on");
    });
}

#[test]
fn a_stopped_replica_answers_that_it_stopped() {
    run(5, async {
        let cluster = Cluster::ready(3).await;
        let follower = cluster.follower().await;
        let replica = cluster.replica(follower).clone();
        replica.clone().shutdown().await;
        assert_eq!(replica.propose(put("key", "x")).await.err(), Some(ProposeError::Stopped));
        assert_eq!(replica.read_index().await, Err(ReadIndexError::Stopped));
        assert_eq!(cluster.nodes[follower].failure(), None);
    });
}

#[test]
fn one_replica_alone_serves() {
    run(6, async {
        let mut cluster = Cluster::ready(1).await;
        must_put(cluster.replica(0), "key", "value").await;
        cluster.replica(0).read_index().await.expect("it is a quorum");
        cluster.stop(0).await;
        cluster.launch(0).await;
        cluster.replica(0).wait_ready().await.expect("it recovers");
        assert_eq!(get(cluster.replica(0), "key").as_deref(), Some("value"));
    });
}

#[test]
fn five_replicas_survive_the_loss_of_two() {
    run(7, async {
        let mut cluster = Cluster::ready(5).await;
        let leader = cluster.leader().await;
        must_put(cluster.replica(leader), "key", "value").await;
        cluster.crash(leader).await;
        cluster.crash((leader + 1) % 5).await;
        let others: Vec<usize> = (2..5).map(|step| (leader + step) % 5).collect();
        let new = cluster.leader_among(&others).await;
        cluster.replica(new).read_index().await.expect("three of five are a quorum");
        assert_eq!(get(cluster.replica(new), "key").as_deref(), Some("value"));
        must_put(cluster.replica(others[2]), "key", "again").await;
    });
}
