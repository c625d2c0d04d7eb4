//! Crashes and partitions: what was acknowledged stays, what was not is applied once or never.

use crate::world::{Cluster, get, must_put, put, run, version};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use xebec_raft::errors::{ProposeError, ReadIndexError};
use xebec_store::command::{
    Body, Compact, Compare, CompareResult, CompareTarget, DeleteRange, KeyRange, Op, OpKind, Put,
    Range, Txn,
};
use xebec_store::{ReadError, Response};

#[test]
fn a_crashed_leader_is_replaced_and_loses_nothing() {
    run(1, async {
        let mut cluster = Cluster::ready(3).await;
        let old = cluster.leader().await;
        for index in 0..20 {
            must_put(cluster.replica(old), &format!("key{index}"), "before").await;
        }
        cluster.crash(old).await;
        let others: Vec<usize> = (0..3).filter(|&index| index != old).collect();
        for &index in &others {
            must_put(cluster.replica(index), &format!("after{index}"), "after").await;
        }
        cluster.launch(old).await;
        cluster.replica(old).wait_ready().await.expect("it recovers");
        cluster.replica(old).read_index().await.expect("a quorum is there");
        for index in 0..20 {
            let value = get(cluster.replica(old), &format!("key{index}"));
            assert_eq!(value.as_deref(), Some("before"));
        }
        cluster.converge().await;
    });
}

#[test]
fn all_replicas_crash_and_come_back_with_every_acknowledged_write() {
    run(2, async {
        let mut cluster = Cluster::ready(3).await;
        for round in 0..5 {
            for index in 0..3 {
                must_put(cluster.replica(index), &format!("key{round}.{index}"), "value").await;
            }
            for index in 0..3 {
                cluster.crash(index).await;
            }
            for index in 0..3 {
                cluster.launch(index).await;
            }
            for index in 0..3 {
                cluster.replica(index).read_index().await.expect("a quorum is there");
            }
        }
        for round in 0..5 {
            for index in 0..3 {
                let value = get(cluster.replica(index), &format!("key{round}.{index}"));
                assert_eq!(value.as_deref(), Some("value"));
            }
        }
        cluster.converge().await;
    });
}

#[test]
fn a_partitioned_leader_never_serves_a_stale_read() {
    run(3, async {
        let cluster = Cluster::ready(3).await;
        let old = cluster.leader().await;
        must_put(cluster.replica(old), "key", "old").await;
        cluster.network.isolate(cluster.url(old));
        let others: Vec<usize> = (0..3).filter(|&index| index != old).collect();
        // Readers on the old leader, before, while and after the others move on.
        let stale = cluster.replica(old).clone();
        let readers: Vec<_> = (0..40)
            .map(|at| {
                let stale = stale.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(at * 20)).await;
                    let began = tokio::time::Instant::now();
                    let verdict = stale.read_index().await;
                    (began, verdict, get(&stale, "key"))
                })
            })
            .collect();
        let new = cluster.leader_among(&others).await;
        must_put(cluster.replica(new), "key", "new").await;
        let acknowledged = tokio::time::Instant::now();
        for reader in readers {
            let (began, verdict, value) = reader.await.expect("the reader ends");
            if verdict.is_ok() {
                assert!(began < acknowledged, "read {value:?} after the write was acknowledged");
            }
            assert_ne!(verdict, Err(ReadIndexError::Stopped));
        }
        cluster.network.heal();
        cluster.replica(old).read_index().await.expect("it follows the new leader");
        assert_eq!(get(cluster.replica(old), "key").as_deref(), Some("new"));
    });
}

#[test]
fn a_minority_refuses_writes_with_etcds_words() {
    run(4, async {
        let cluster = Cluster::ready(3).await;
        let follower = cluster.follower().await;
        cluster.network.isolate(cluster.url(follower));
        let refused = cluster.replica(follower).propose(put("key", "lost")).await;
        let error = refused.expect_err("there is no quorum");
        assert!(error.to_string().starts_with("etcdserver: request timed out"), "{error}");
        cluster.network.heal();
        must_put(cluster.replica(follower), "key", "kept").await;
        cluster.converge().await;
        assert_eq!(get(cluster.replica(follower), "key").as_deref(), Some("kept"));
    });
}

/// Counts up by compare-and-swap: a command that is applied twice, or lost, shows.
fn increment(key: &'static str, from: u64) -> Body {
    let key = Bytes::from_static(key.as_bytes());
    let range = KeyRange { key: key.clone(), end: Bytes::new() };
    let target = if from == 0 {
        CompareTarget::Version(0)
    } else {
        CompareTarget::Value(Bytes::from(from.to_string()))
    };
    let put = Put { key, value: Bytes::from((from + 1).to_string()), ..Put::default() };
    Body::Txn(Txn {
        compares: vec![Compare {
            range,
            result: CompareResult::Equal.into(),
            target: Some(target),
        }],
        success: vec![Op { kind: Some(OpKind::Put(put)) }],
        failure: vec![],
    })
}

#[test]
fn commands_survive_changes_of_leader_exactly_once() {
    for seed in 0..8 {
        run(100 + seed, async {
            let cluster = Arc::new(Cluster::ready(3).await);
            let unclear = Arc::new(AtomicUsize::new(0));
            let writers: Vec<_> = (0..12)
                .map(|writer| {
                    let (cluster, unclear) = (cluster.clone(), unclear.clone());
                    tokio::spawn(async move {
                        let replica = cluster.replica(writer % 3).clone();
                        let key = format!("writer{writer}");
                        let mut acknowledged = 0;
                        for value in 0..60 {
                            match replica.propose(put(&key, &value.to_string())).await {
                                Ok(_) => acknowledged += 1,
                                Err(ProposeError::TooManyRequests) => {}
                                Err(_) => {
                                    unclear.fetch_add(1, Ordering::Relaxed);
                                }
                            }
                            tokio::time::sleep(Duration::from_millis(7)).await;
                        }
                        (key, acknowledged)
                    })
                })
                .collect();
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_millis(150)).await;
                let leader = cluster.leader().await;
                cluster.network.isolate(cluster.url(leader));
                tokio::time::sleep(Duration::from_millis(900)).await;
                cluster.network.heal();
            }
            let mut total = 0;
            for writer in writers {
                let (key, acknowledged) = writer.await.expect("the writer ends");
                cluster.replica(0).read_index().await.expect("a quorum is there");
                let applied = version(cluster.replica(0), &key);
                total += applied;
                assert!(applied >= acknowledged, "{key}: {applied} of {acknowledged}");
                let unclear = unclear.load(Ordering::Relaxed) as i64;
                assert!(applied <= acknowledged + unclear, "{key}: {applied}, {acknowledged}");
            }
            assert!(total > 0);
            cluster.converge().await;
        });
    }
}

#[test]
fn a_command_that_the_old_leader_lost_is_proposed_again_by_itself() {
    run(5, async {
        let cluster = Cluster::ready(3).await;
        let old = cluster.leader().await;
        // The old leader takes the command and cannot replicate it.
        cluster.network.isolate(cluster.url(old));
        let replica = cluster.replica(old).clone();
        let lost = tokio::spawn(async move { replica.propose(increment("counter", 0)).await });
        let others: Vec<usize> = (0..3).filter(|&index| index != old).collect();
        let new = cluster.leader_among(&others).await;
        must_put(cluster.replica(new), "other", "value").await;
        cluster.network.heal();
        let outcome = lost.await.expect("the proposer ends").expect("it is proposed again");
        assert!(matches!(outcome.result, Ok(Response::Txn(ref txn)) if txn.succeeded));
        assert_eq!(get(cluster.replica(old), "counter").as_deref(), Some("1"));
        assert_eq!(version(cluster.replica(old), "counter"), 1);
    });
}

/// etcd issue 13766: after a crash in the middle of applying, a replica must not have applied an
/// entry half, or twice, or go on from a position that its data does not have.
#[test]
fn a_crash_amid_applying_leaves_no_difference() {
    for seed in 0..6 {
        run(200 + seed, async {
            let mut cluster = Cluster::ready(3).await;
            let victim = (seed % 3) as usize;
            for round in 0..4 {
                let writers: Vec<_> = (0..6)
                    .map(|writer| {
                        let replica = cluster.replica((victim + 1) % 3).clone();
                        tokio::spawn(async move {
                            for index in 0..30 {
                                let key = format!("key{}", (writer * 7 + index) % 11);
                                // May fail while there is no leader.
                                let _ =
                                    replica.propose(put(&key, &format!("{round}.{index}"))).await;
                            }
                        })
                    })
                    .collect();
                tokio::time::sleep(Duration::from_millis(3 + seed * 2)).await;
                if round % 2 == 0 {
                    cluster.replica(victim).persist().await;
                }
                cluster.crash(victim).await;
                tokio::time::sleep(Duration::from_millis(400)).await;
                cluster.launch(victim).await;
                for writer in writers {
                    writer.await.expect("the writer ends");
                }
            }
            cluster.replica(victim).read_index().await.expect("a quorum is there");
            cluster.converge().await;
            let leader = cluster.leader().await;
            assert!(cluster.replica(leader).hash_check().await.is_empty());
        });
    }
}

#[test]
fn a_failed_log_write_stops_the_replica_with_its_reason() {
    run(6, async {
        use xebec_store::engine::mem::{Fault, Faults};
        let cluster = Cluster::ready(3).await;
        let victim = cluster.follower().await;
        let fault = Faults { write: Some(Fault::Io), ..Faults::default() };
        cluster.nodes[victim].log.inject(fault);
        let other = cluster.leader().await;
        must_put(cluster.replica(other), "key", "value").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let reason = cluster.nodes[victim].failure().expect("it gives a reason");
        assert!(reason.contains("raft log"), "{reason}");
        let refused = cluster.replica(victim).propose(put("key", "no")).await;
        assert_eq!(refused.err(), Some(ProposeError::Stopped));
        must_put(cluster.replica(other), "key", "the others go on").await;
    });
}

/// In the time of the paused clock, so that the machine's load does not matter.
#[test]
fn a_crashed_leader_is_replaced_within_300_ms() {
    let mut gaps = Vec::new();
    for seed in 0..20 {
        run(300 + seed, async {
            let mut cluster = Cluster::ready(3).await;
            tokio::time::sleep(Duration::from_millis(500 + seed * 3)).await;
            let leader = cluster.leader().await;
            let follower = cluster.follower().await;
            let replica = cluster.replica(follower).clone();
            let writer = tokio::spawn(async move {
                let mut longest = Duration::ZERO;
                for index in 0..300 {
                    let began = tokio::time::Instant::now();
                    must_put(&replica, "key", &index.to_string()).await;
                    longest = longest.max(began.elapsed());
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                longest
            });
            tokio::time::sleep(Duration::from_millis(100)).await;
            cluster.crash(leader).await;
            gaps.push(writer.await.expect("every write is acknowledged"));
        });
    }
    gaps.sort();
    assert!(gaps[gaps.len() - 1] <= Duration::from_millis(300), "{gaps:?}");
}

/// etcd issues 18089 and 20221 have their like here: where a compaction, a deletion and a restart
/// meet, replicas must show the same at the same revisions.
#[test]
fn compaction_and_restart_leave_replicas_alike() {
    run(7, async {
        let mut cluster = Cluster::ready(3).await;
        let victim = cluster.follower().await;
        let through = cluster.leader().await;
        must_put(cluster.replica(through), "stays", "old").await;
        must_put(cluster.replica(through), "goes", "value").await;
        let range = KeyRange { key: Bytes::from_static(b"goes"), end: Bytes::new() };
        let delete = Body::DeleteRange(DeleteRange { range, prev_kv: false });
        let deleted = cluster.replica(through).propose(delete).await.expect("it is applied");
        must_put(cluster.replica(through), "stays", "new").await;
        cluster.replica(victim).persist().await;
        // At the revision of the deletion itself, which a reader may still ask for.
        let compact = Body::Compact(Compact { revision: deleted.revision });
        let outcome = cluster.replica(through).propose(compact).await.expect("it is applied");
        assert!(outcome.result.is_ok());
        cluster.crash(victim).await;
        cluster.launch(victim).await;
        cluster.replica(victim).read_index().await.expect("it recovers");
        tokio::time::sleep(Duration::from_secs(5)).await;
        for index in 0..3 {
            let view = cluster.replica(index).store().view();
            assert_eq!(view.compact_revision(), deleted.revision);
            let at = |revision| {
                let range =
                    KeyRange { key: Bytes::from_static(b"\0"), end: Bytes::from_static(b"\0") };
                let found = view.range(&Range { range, revision, ..Range::default() });
                found.map(|found| found.kvs.iter().map(|kv| kv.value.clone()).collect::<Vec<_>>())
            };
            assert!(matches!(at(deleted.revision - 1), Err(ReadError::Compacted)));
            assert_eq!(at(deleted.revision).expect("readable"), [Bytes::from_static(b"old")]);
            assert_eq!(at(0).expect("readable"), [Bytes::from_static(b"new")]);
        }
        let leader = cluster.leader().await;
        assert!(cluster.replica(leader).hash_check().await.is_empty());
        cluster.converge().await;
    });
}
