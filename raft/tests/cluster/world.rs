//! Replicas within one process, on disks in memory and a network of channels, under a paused
//! clock: what takes seconds takes none.

use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use xebec_raft::identity::initial_cluster;
use xebec_raft::log;
use xebec_raft::options::{FatalHook, FreeSpace, WallClock};
use xebec_raft::transport::local::LocalNetwork;
use xebec_raft::{Environment, Identity, Member, Options, Replica, Threads, Timing, Upkeep};
use xebec_store::command::{Body, KeyRange, Put, Range};
use xebec_store::engine::Durability;
use xebec_store::engine::mem::MemHome;
use xebec_store::{Outcome, Store};

/// Runs a test on one thread, with every random number from a seed and no waiting.
pub fn run<T>(seed: u64, test: impl Future<Output = T>) -> T {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_test_writer()
        .try_init();
    xebec_raft::runtime::seed_thread(seed);
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(test)
}

/// The surroundings of one replica, which outlive it.
pub struct World {
    pub free_bytes: AtomicU64,
    pub failure: Mutex<Option<String>>,
}

impl WallClock for World {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000
    }
}

impl FreeSpace for World {
    fn free_bytes(&self) -> std::io::Result<u64> {
        Ok(self.free_bytes.load(Ordering::Relaxed))
    }

    fn total_bytes(&self) -> std::io::Result<u64> {
        Ok(100 << 30)
    }
}

impl FatalHook for World {
    fn stop(&self, reason: &str) {
        *self.failure.lock() = Some(reason.to_string());
    }
}

/// One place for a replica: its disks, its address, and the replica while it runs.
pub struct Node {
    pub id: u64,
    pub url: String,
    pub state: MemHome,
    pub log: MemHome,
    pub world: Arc<World>,
    pub replica: Option<Replica>,
    pub member: Member,
}

pub struct Cluster {
    pub id: u64,
    pub network: LocalNetwork,
    pub nodes: Vec<Node>,
    pub initial: Vec<Member>,
    pub timing: Timing,
    pub upkeep: Upkeep,
}

impl Node {
    pub fn new(member: &Member) -> Self {
        Self {
            id: member.id,
            url: member.peer_urls[0].clone(),
            state: MemHome::new(xebec_store::disk::SPACES, Durability::Unlogged),
            log: MemHome::new(log::SPACES, Durability::Logged),
            world: Arc::new(World {
                free_bytes: AtomicU64::new(50 << 30),
                failure: Mutex::new(None),
            }),
            replica: None,
            member: member.clone(),
        }
    }

    pub fn replica(&self) -> &Replica {
        self.replica.as_ref().expect("the replica runs")
    }

    pub fn failure(&self) -> Option<String> {
        self.world.failure.lock().clone()
    }
}

pub fn url(index: usize) -> String {
    format!("http://m{index}:2380")
}

impl Cluster {
    /// `size` replicas, started; the first leader is not waited for.
    pub async fn start_with(size: usize, upkeep: Upkeep) -> Self {
        let members: Vec<(String, Vec<String>)> =
            (0..size).map(|index| (format!("m{index}"), vec![url(index)])).collect();
        let (id, mut initial) = initial_cluster(&members, "test");
        initial.sort_by(|a, b| a.name.cmp(&b.name));
        let nodes = initial.iter().map(Node::new).collect();
        let network = LocalNetwork::new();
        let timing = Timing::default();
        let mut cluster = Self { id, network, nodes, initial, timing, upkeep };
        for index in 0..size {
            cluster.launch(index).await;
        }
        cluster
    }

    /// `size` replicas that have recovered.
    pub async fn ready(size: usize) -> Self {
        Self::ready_with(size, Upkeep::default()).await
    }

    pub async fn ready_with(size: usize, upkeep: Upkeep) -> Self {
        let cluster = Self::start_with(size, upkeep).await;
        for index in 0..size {
            cluster.nodes[index].replica().wait_ready().await.expect("the replica recovers");
        }
        cluster
    }

    /// Starts a replica at its place.
    pub async fn launch(&mut self, index: usize) {
        let bootstrap = (index < self.initial.len()).then(|| self.initial.clone());
        let node = &mut self.nodes[index];
        let mut options = xebec_store::Options::new(node.id);
        options.load_threads = 1;
        options.dispatcher = false;
        let store = Store::open(Arc::new(node.state.clone()), options).expect("the store opens");
        let options = Options {
            identity: Identity { cluster_id: self.id, member_id: node.id },
            member: Member {
                client_urls: vec![format!("http://c{index}:2379")],
                ..node.member.clone()
            },
            bootstrap,
            timing: self.timing,
            upkeep: self.upkeep,
            environment: Environment {
                clock: node.world.clone(),
                disk: node.world.clone(),
                fatal: node.world.clone(),
            },
            threads: Threads::Current,
        };
        let transport = Arc::new(self.network.transport(&node.url));
        let replica =
            Replica::start(options, Arc::new(node.log.clone()), Arc::new(store), transport)
                .await
                .expect("the replica starts");
        self.network.listen(&node.url, replica.peer_service());
        node.replica = Some(replica);
    }

    /// The machine of a replica crashes; un-synced writes are lost.
    pub async fn crash(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        self.network.close(&node.url);
        node.log.crash(&mut |_| 0);
        node.state.crash(&mut |_| 0);
        if let Some(replica) = node.replica.take() {
            replica.abort().await;
        }
    }

    /// A planned stop.
    pub async fn stop(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        if let Some(replica) = node.replica.take() {
            replica.shutdown().await;
        }
        self.network.close(&node.url);
    }

    /// The place of the leader that most running replicas know, waited for.
    pub async fn leader(&self) -> usize {
        self.leader_among(&(0..self.nodes.len()).collect::<Vec<_>>()).await
    }

    /// The leader that the running replicas at these places agree on, waited for.
    pub async fn leader_among(&self, places: &[usize]) -> usize {
        for _ in 0..2000 {
            let running = places.iter().filter_map(|&place| self.nodes[place].replica.as_ref());
            let mut leaders: Vec<Option<u64>> =
                running.map(|replica| replica.status().leader).collect();
            leaders.dedup();
            if let [Some(leader)] = leaders[..]
                && let Some(place) = self.nodes.iter().position(|node| node.id == leader)
                && places.contains(&place)
            {
                return place;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no leader in 20 s");
    }

    /// A place that is not the leader's.
    pub async fn follower(&self) -> usize {
        (self.leader().await + 1) % self.nodes.len()
    }

    pub fn replica(&self, index: usize) -> &Replica {
        self.nodes[index].replica()
    }

    /// The address of a place.
    pub fn url(&self, index: usize) -> &str {
        &self.nodes[index].url
    }

    /// Waits until the running replicas have the same keyspace.
    pub async fn converge(&self) {
        for _ in 0..3000 {
            let mut hashes: Vec<(i64, u64)> = self
                .nodes
                .iter()
                .filter_map(|node| node.replica.as_ref())
                .map(|replica| {
                    let view = replica.store().view();
                    (view.revision(), view.hash())
                })
                .collect();
            hashes.dedup();
            if hashes.len() == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the keyspaces stay different");
    }
}

/// So that a follower that misses a few entries needs a snapshot.
pub fn tight() -> Upkeep {
    Upkeep {
        persist_bytes: 1 << 10,
        persist_entries: 10,
        log_keep_bytes: 1 << 20,
        log_keep_entries: 5,
        purge_entries_min: 5,
        ..Upkeep::default()
    }
}

pub fn put(key: &str, value: &str) -> Body {
    Body::Put(Put {
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
        ..Put::default()
    })
}

/// The value of a key in a replica's view as it stands.
pub fn get(replica: &Replica, key: &str) -> Option<String> {
    let key = Bytes::copy_from_slice(key.as_bytes());
    let range = Range { range: KeyRange { key, end: Bytes::new() }, ..Range::default() };
    let found = replica.store().view().range(&range).expect("the current revision is readable");
    found.kvs.first().map(|kv| String::from_utf8_lossy(&kv.value).into_owned())
}

/// The version of a key: how often it was put since it was created.
pub fn version(replica: &Replica, key: &str) -> i64 {
    let key = Bytes::copy_from_slice(key.as_bytes());
    let range = Range { range: KeyRange { key, end: Bytes::new() }, ..Range::default() };
    let found = replica.store().view().range(&range).expect("the current revision is readable");
    found.kvs.first().map_or(0, |kv| kv.version)
}

pub async fn must_put(replica: &Replica, key: &str, value: &str) -> Outcome {
    let outcome = replica.propose(put(key, value)).await.expect("the put is applied");
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    outcome
}
