//! A replica that is too far behind for the log gets the keyspace, file by file.

use crate::world::{Cluster, get, must_put, put, run, tight};
use std::time::Duration;

async fn fill(cluster: &Cluster, through: usize, entries: usize) {
    for index in 0..entries {
        must_put(cluster.replica(through), &format!("key{index}"), &"x".repeat(500)).await;
    }
    // Time to make it durable and to purge the log.
    tokio::time::sleep(Duration::from_secs(2)).await;
}

#[test]
fn a_lagging_replica_gets_a_snapshot() {
    run(1, async {
        let mut cluster = Cluster::ready_with(3, tight()).await;
        let leader = cluster.leader().await;
        let lagging = cluster.follower().await;
        cluster.crash(lagging).await;
        fill(&cluster, leader, 100).await;
        cluster.launch(lagging).await;
        cluster.replica(lagging).read_index().await.expect("it catches up");
        assert_eq!(get(cluster.replica(lagging), "key99").map(|value| value.len()), Some(500));
        cluster.converge().await;
        // And it goes on from the snapshot, also after a crash.
        must_put(cluster.replica(lagging), "after", "value").await;
        cluster.crash(lagging).await;
        cluster.launch(lagging).await;
        cluster.replica(lagging).read_index().await.expect("it recovers");
        assert_eq!(get(cluster.replica(lagging), "after").as_deref(), Some("value"));
        cluster.converge().await;
    });
}

#[test]
fn an_interrupted_transfer_goes_on_where_it_stopped() {
    run(2, async {
        let mut cluster = Cluster::ready_with(3, tight()).await;
        let leader = cluster.leader().await;
        let lagging = cluster.follower().await;
        cluster.crash(lagging).await;
        for index in 0..300 {
            must_put(cluster.replica(leader), &format!("key{index}"), &"x".repeat(30_000)).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        cluster.network.pace_snapshots(Duration::from_millis(800));
        cluster.launch(lagging).await;
        let mut interruptions = 0;
        while cluster.replica(lagging).store().view().revision() < 300 {
            // Long enough for an attempt that began in the dark to be given up.
            tokio::time::sleep(Duration::from_secs(14)).await;
            cluster.network.isolate(cluster.url(lagging));
            tokio::time::sleep(Duration::from_secs(12)).await;
            cluster.network.heal();
            interruptions += 1;
            assert!(interruptions < 20, "the transfer never ends");
        }
        assert!(interruptions > 1, "the transfer was not interrupted");
        let sent = cluster.network.snapshot_bytes();
        let size: u64 = 300 * 30_000;
        assert!(sent < size * 2, "sent {sent} bytes for {size} bytes of values");
        cluster.replica(lagging).read_index().await.expect("it catches up");
        cluster.converge().await;
    });
}

#[test]
fn commands_under_way_when_a_snapshot_arrives_are_answered_honestly() {
    run(3, async {
        let cluster = Cluster::ready_with(3, tight()).await;
        let lagging = cluster.leader().await;
        let replica = cluster.replica(lagging).clone();
        cluster.network.isolate(cluster.url(lagging));
        let pending = tokio::spawn(async move { replica.propose(put("pending", "value")).await });
        let others: Vec<usize> = (0..3).filter(|&index| index != lagging).collect();
        let leader = cluster.leader_among(&others).await;
        fill(&cluster, leader, 100).await;
        cluster.network.heal();
        let verdict = pending.await.expect("the proposer ends");
        cluster.replica(lagging).read_index().await.expect("it catches up");
        let value = get(cluster.replica(lagging), "pending");
        match verdict {
            Ok(_) => assert_eq!(value.as_deref(), Some("value")),
            Err(error) => {
                assert!(error.to_string().starts_with("etcdserver: request timed out"), "{error}");
            }
        }
        cluster.converge().await;
    });
}
