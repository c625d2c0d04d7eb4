//! Proposing through three replicas of one process: what consensus costs without a network.
//!
//! Each replica has a runtime of its own, as in production; the disks are memory, or RocksDB in a
//! temporary directory with real syncs.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use bytes::Bytes;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::runtime::Runtime;
use xebec_raft::identity::initial_cluster;
use xebec_raft::options::{FatalHook, FreeSpace, WallClock};
use xebec_raft::transport::local::LocalNetwork;
use xebec_raft::{Environment, Identity, Member, Options, Replica, Threads, Timing, Upkeep};
use xebec_store::Store;
use xebec_store::command::{Body, Put};
use xebec_store::engine::mem::MemHome;
use xebec_store::engine::rocks::RocksHome;
use xebec_store::engine::{Durability, EngineHome};

struct Surroundings;

impl WallClock for Surroundings {
    fn now_ms(&self) -> u64 {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FreeSpace for Surroundings {
    fn free_bytes(&self) -> std::io::Result<u64> {
        Ok(50 << 30)
    }

    fn total_bytes(&self) -> std::io::Result<u64> {
        Ok(100 << 30)
    }
}

impl FatalHook for Surroundings {
    fn stop(&self, reason: &str) {
        panic!("{reason}");
    }
}

fn homes(directory: Option<&Path>, name: &str) -> (Arc<dyn EngineHome>, Arc<dyn EngineHome>) {
    match directory {
        None => (
            Arc::new(MemHome::new(xebec_store::disk::SPACES, Durability::Unlogged)),
            Arc::new(MemHome::new(xebec_raft::log::SPACES, Durability::Logged)),
        ),
        Some(directory) => {
            let place = directory.join(name);
            (
                Arc::new(RocksHome::new(place.join("state"), xebec_store::disk::ROCKS)),
                Arc::new(RocksHome::new(place.join("log"), xebec_raft::log::ROCKS)),
            )
        }
    }
}

async fn start(cluster_id: u64, members: &[Member], directory: Option<&Path>) -> Vec<Replica> {
    let network = LocalNetwork::new();
    let mut replicas = Vec::new();
    for member in members {
        let (state, log) = homes(directory, &member.name);
        let store = Store::open(state, xebec_store::Options::new(member.id)).expect("it opens");
        let options = Options {
            identity: Identity { cluster_id, member_id: member.id },
            member: member.clone(),
            bootstrap: Some(members.to_vec()),
            timing: Timing::default(),
            upkeep: Upkeep::default(),
            environment: Environment {
                clock: Arc::new(Surroundings),
                disk: Arc::new(Surroundings),
                fatal: Arc::new(Surroundings),
            },
            threads: Threads::Own { workers: 2 },
        };
        let transport = Arc::new(network.transport(&member.peer_urls[0]));
        let replica = Replica::start(options, log, Arc::new(store), transport).await;
        let replica = replica.expect("it starts");
        let runtime = replica.runtime().expect("of its own");
        let _on_runtime = runtime.enter();
        network.listen(&member.peer_urls[0], replica.peer_service());
        replicas.push(replica);
    }
    for replica in &replicas {
        replica.wait_ready().await.expect("a leader is elected");
    }
    replicas
}

/// `total` puts of 1 KiB by `clients` at a time, spread over the replicas in `through`.
async fn puts(through: &[Replica], clients: u64, total: u64) {
    let value = Bytes::from(vec![7; 1024]);
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let replica = through[client as usize % through.len()].clone();
            let value = value.clone();
            let share = total / clients + u64::from(client < total % clients);
            tokio::spawn(async move {
                for index in 0..share {
                    let key = Bytes::from(format!("/registry/bench/{client}/{}", index % 1000));
                    let put = Put { key, value: value.clone(), ..Put::default() };
                    replica.propose(Body::Put(put)).await.expect("it is applied");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("the client ends");
    }
}

async fn reads(replica: &Replica, clients: u64, total: u64) {
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let replica = replica.clone();
            let share = total / clients + u64::from(client < total % clients);
            tokio::spawn(async move {
                for _ in 0..share {
                    replica.read_index().await.expect("a quorum is there");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("the client ends");
    }
}

fn measure<'a, F>(
    group: &mut BenchmarkGroup<'_, criterion::measurement::WallTime>,
    runtime: &Runtime,
    name: &str,
    run: impl Fn(u64) -> F + 'a,
) where
    F: Future<Output = ()>,
{
    group.throughput(Throughput::Elements(1));
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            let began = Instant::now();
            runtime.block_on(run(iterations));
            began.elapsed()
        });
    });
}

fn propose(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let named: Vec<(String, Vec<String>)> =
        (0..3).map(|index| (format!("m{index}"), vec![format!("http://m{index}")])).collect();
    let (cluster_id, members) = initial_cluster(&named, "bench");
    let directory = tempfile::tempdir().expect("a directory");
    for (disk, path) in [("memory", None), ("rocksdb", Some(directory.path()))] {
        let mut replicas = runtime.block_on(start(cluster_id, &members, path));
        let leader = replicas[0].leadership().leader;
        replicas.sort_by_key(|replica| Some(replica.status().member_id) != leader);
        let mut group = criterion.benchmark_group(format!("propose/{disk}"));
        group.sample_size(10).measurement_time(Duration::from_secs(4));
        measure(&mut group, &runtime, "1_client_leader", |n| puts(&replicas[..1], 1, n));
        measure(&mut group, &runtime, "1_client_follower", |n| puts(&replicas[1..2], 1, n));
        measure(&mut group, &runtime, "64_clients_leader", |n| puts(&replicas[..1], 64, n));
        measure(&mut group, &runtime, "64_clients_everywhere", |n| puts(&replicas, 64, n));
        measure(&mut group, &runtime, "512_clients_everywhere", |n| puts(&replicas, 512, n));
        measure(&mut group, &runtime, "read_index_64_leader", |n| reads(&replicas[0], 64, n));
        measure(&mut group, &runtime, "read_index_64_follower", |n| reads(&replicas[1], 64, n));
        group.finish();
        runtime.block_on(async {
            for replica in replicas {
                replica.shutdown().await;
            }
        });
    }
}

criterion_group!(benches, propose);
criterion_main!(benches);
