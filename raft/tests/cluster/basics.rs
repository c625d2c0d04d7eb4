//! Three replicas: elect, propose from every one, read, forward.

use crate::world::{Cluster, get, must_put, run};

#[test]
fn every_replica_takes_commands_and_reads_its_writes() {
    run(1, async {
        let cluster = Cluster::ready(3).await;
        for index in 0..3 {
            let key = format!("key{index}");
            must_put(cluster.replica(index), &key, "value").await;
            assert_eq!(get(cluster.replica(index), &key).as_deref(), Some("value"));
        }
        for index in 0..3 {
            cluster.replica(index).read_index().await.expect("a quorum is there");
            for key in ["key0", "key1", "key2"] {
                assert_eq!(get(cluster.replica(index), key).as_deref(), Some("value"));
            }
        }
    });
}

#[test]
fn members_know_one_another_by_name() {
    run(2, async {
        let cluster = Cluster::ready(3).await;
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        for index in 0..3 {
            let mut members = cluster.replica(index).members();
            members.sort_by(|a, b| a.name.cmp(&b.name));
            let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
            assert_eq!(names, ["m0", "m1", "m2"]);
            let urls: Vec<&str> =
                members.iter().map(|member| member.client_urls[0].as_str()).collect();
            assert_eq!(urls, ["http://c0:2379", "http://c1:2379", "http://c2:2379"]);
            assert!(members.iter().all(|member| !member.is_learner));
        }
    });
}
