//! A cluster in this process: replicas on in-memory disks, a network of channels, and etcd servers
//! on free ports of loopback.

#![allow(dead_code, reason = "every test binary uses a part of this")]

pub mod kube;
pub mod servers;
pub mod watch;
pub mod world;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use xebec_apiserver::etcd::proto::etcdserverpb as pb;
use xebec_apiserver::etcd::proto::v3electionpb::election_client::ElectionClient;
use xebec_apiserver::etcd::proto::v3lockpb::lock_client::LockClient;
use xebec_apiserver::{EtcdServer, Options as ServerOptions, TlsOptions};
use xebec_raft::identity::initial_cluster;
use xebec_raft::log::SPACES as LOG_SPACES;
use xebec_raft::options::{FatalHook, FreeSpace, Upkeep, WallClock};
use xebec_raft::transport::local::LocalNetwork;
use xebec_raft::{Environment, Identity, Options, Replica, Threads, Timing};
use xebec_store::Store;
use xebec_store::command::{Body, Compact};
use xebec_store::engine::mem::MemHome;
use xebec_store::engine::{Durability, EngineHome};

/// What a test waits for at most; nothing should take nearly as long.
pub const PATIENCE: Duration = Duration::from_secs(20);

struct Clock;

impl WallClock for Clock {
    fn now_ms(&self) -> u64 {
        #[expect(clippy::disallowed_methods, reason = "a real clock, at the edge")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        u64::try_from(now.as_millis()).expect("before the end of time")
    }
}

struct Plenty;

impl FreeSpace for Plenty {
    fn free_bytes(&self) -> std::io::Result<u64> {
        Ok(1 << 40)
    }
    fn total_bytes(&self) -> std::io::Result<u64> {
        Ok(1 << 41)
    }
}

struct Loud;

impl FatalHook for Loud {
    fn stop(&self, reason: &str) {
        eprintln!("a replica stopped: {reason}");
    }
}

pub struct Node {
    pub replica: Replica,
    pub address: SocketAddr,
    stop: CancellationToken,
    server: Option<JoinHandle<()>>,
}

pub struct Cluster {
    pub nodes: Vec<Node>,
    pub network: LocalNetwork,
    pub urls: Vec<String>,
}

impl Cluster {
    pub async fn start(size: usize) -> Self {
        Self::start_with(size, ServerOptions::default()).await
    }

    pub async fn start_with(size: usize, options: ServerOptions) -> Self {
        let network = LocalNetwork::new();
        let urls: Vec<String> = (0..size).map(|n| format!("http://replica-{n}:2380")).collect();
        let named: Vec<(String, Vec<String>)> =
            urls.iter().enumerate().map(|(n, url)| (format!("m{n}"), vec![url.clone()])).collect();
        let (cluster_id, members) = initial_cluster(&named, "test");
        let mut nodes = Vec::new();
        for (name, peer_urls) in &named {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("bound");
            let mut member = members.iter().find(|m| m.name == *name).expect("listed").clone();
            member.client_urls = vec![format!("http://{address}")];
            let identity = Identity { cluster_id, member_id: member.id };
            let url = &peer_urls[0];
            let replica = start_replica(&network, url, identity, member, Some(members.clone()));
            nodes.push(serve(replica.await, listener, &options));
        }
        let cluster = Self { nodes, network, urls };
        cluster.wait_ready().await;
        cluster
    }

    async fn wait_ready(&self) {
        for node in &self.nodes {
            eventually(async || node.replica.read_index().await.ok()).await;
        }
    }

    pub async fn leader(&self) -> usize {
        eventually(async || {
            let leader = self.nodes[0].replica.status().leader?;
            self.nodes.iter().position(|n| n.replica.status().member_id == leader)
        })
        .await
    }

    pub async fn follower(&self) -> usize {
        (self.leader().await + 1) % self.nodes.len()
    }

    pub fn endpoint(&self, node: usize) -> String {
        format!("http://{}", self.nodes[node].address)
    }

    pub fn endpoints(&self) -> String {
        let all: Vec<String> = (0..self.nodes.len()).map(|n| self.endpoint(n)).collect();
        all.join(",")
    }

    pub async fn client(&self, node: usize) -> Client {
        Client::connect(&self.endpoint(node)).await
    }

    pub async fn compact(&self, revision: i64) {
        let replica = &self.nodes[0].replica;
        let outcome = replica.propose(Body::Compact(Compact { revision })).await.expect("ordered");
        outcome.result.expect("compacted");
    }

    /// Ends the servers, then the replicas.
    pub async fn stop(self) {
        for mut node in self.nodes {
            node.stop.cancel();
            if let Some(server) = node.server.take() {
                server.await.expect("the server does not panic");
            }
            node.replica.abort().await;
        }
    }

    /// Ends one server; its replica goes on.
    pub async fn stop_server(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        node.stop.cancel();
        if let Some(server) = node.server.take() {
            server.await.expect("the server does not panic");
        }
    }
}

async fn start_replica(
    network: &LocalNetwork,
    url: &str,
    identity: Identity,
    member: xebec_raft::Member,
    bootstrap: Option<Vec<xebec_raft::Member>>,
) -> Replica {
    let store_home: Arc<dyn EngineHome> =
        Arc::new(MemHome::new(xebec_store::disk::SPACES, Durability::Unlogged));
    let log_home: Arc<dyn EngineHome> = Arc::new(MemHome::new(LOG_SPACES, Durability::Logged));
    let options = xebec_store::Options { load_threads: 1, ..xebec_store::Options::new(member.id) };
    let store = Arc::new(Store::open(store_home, options).expect("an empty store opens"));
    let options = Options {
        identity,
        member,
        bootstrap,
        timing: Timing {
            heartbeat: Duration::from_millis(50),
            election_min: Duration::from_millis(400),
            election_max: Duration::from_millis(600),
            request_timeout: Duration::from_millis(1_500),
        },
        environment: Environment {
            clock: Arc::new(Clock),
            disk: Arc::new(Plenty),
            fatal: Arc::new(Loud),
        },
        upkeep: Upkeep::default(),
        threads: Threads::Current,
    };
    let transport = Arc::new(network.transport(url));
    let replica = Replica::start(options, log_home, store, transport).await.expect("starts");
    network.listen(url, replica.peer_service());
    replica
}

fn serve(replica: Replica, listener: TcpListener, options: &ServerOptions) -> Node {
    let address = listener.local_addr().expect("bound");
    let stop = CancellationToken::new();
    let server = EtcdServer::new(options, replica.clone()).expect("valid options");
    let server = tokio::spawn(server.run(listener, stop.clone()));
    Node { replica, address, stop, server: Some(server) }
}

/// Tries until there is a result.
pub async fn eventually<T>(mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "nothing came of it in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn patiently<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("an answer in time")
}

/// A certificate authority of a test.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).expect("made");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("made");
        Self(CertifiedIssuer::self_signed(params, key).expect("made"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key.
    pub fn issue(&self) -> (String, String) {
        self.issue_to("somebody", "")
    }

    /// Certificate and key of a user in a group.
    pub fn issue_to(&self, user: &str, group: &str) -> (String, String) {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().expect("made");
        let mut params = CertificateParams::new(names).expect("made");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, user);
        if !group.is_empty() {
            params.distinguished_name.push(rcgen::DnType::OrganizationName, group);
        }
        let certificate = params.signed_by(&key, &self.0).expect("made");
        (certificate.pem(), key.serialize_pem())
    }
}

impl Authority {
    /// What a server needs that asks its clients for certificates.
    pub fn server(&self) -> TlsOptions {
        let (certificate, key) = self.issue();
        TlsOptions {
            certificate_pem: certificate.into_bytes(),
            key_pem: key.into_bytes(),
            client_ca_pem: Some(self.pem().into_bytes()),
        }
    }
}

/// Clients of all services on one connection.
#[derive(Clone)]
pub struct Client {
    pub channel: Channel,
    pub kv: pb::kv_client::KvClient<Channel>,
    pub watch: pb::watch_client::WatchClient<Channel>,
    pub lease: pb::lease_client::LeaseClient<Channel>,
    pub cluster: pb::cluster_client::ClusterClient<Channel>,
    pub maintenance: pb::maintenance_client::MaintenanceClient<Channel>,
    pub auth: pb::auth_client::AuthClient<Channel>,
    pub lock: LockClient<Channel>,
    pub election: ElectionClient<Channel>,
}

impl Client {
    pub async fn connect(endpoint: &str) -> Self {
        let endpoint = Endpoint::from_shared(endpoint.to_owned()).expect("a URL");
        Self::over(endpoint.connect().await.expect("the server listens"))
    }

    pub fn over(channel: Channel) -> Self {
        let max = 64 << 20;
        Self {
            kv: pb::kv_client::KvClient::new(channel.clone())
                .max_decoding_message_size(max)
                .max_encoding_message_size(max),
            watch: pb::watch_client::WatchClient::new(channel.clone())
                .max_decoding_message_size(max),
            lease: pb::lease_client::LeaseClient::new(channel.clone()),
            cluster: pb::cluster_client::ClusterClient::new(channel.clone()),
            maintenance: pb::maintenance_client::MaintenanceClient::new(channel.clone()),
            auth: pb::auth_client::AuthClient::new(channel.clone()),
            lock: LockClient::new(channel.clone()),
            election: ElectionClient::new(channel.clone()),
            channel,
        }
    }

    pub async fn put(&mut self, key: &str, value: &str) -> i64 {
        let (key, value) = (key.to_owned().into(), value.to_owned().into());
        let request = pb::PutRequest { key, value, ..Default::default() };
        let response = patiently(self.kv.put(request)).await.expect("put");
        response.into_inner().header.expect("a header").revision
    }

    pub async fn delete(&mut self, key: &str, end: &str) -> pb::DeleteRangeResponse {
        let (key, range_end) = (key.to_owned().into(), end.to_owned().into());
        let request = pb::DeleteRangeRequest { key, range_end, prev_kv: false };
        patiently(self.kv.delete_range(request)).await.expect("delete").into_inner()
    }

    pub async fn compact(&mut self, revision: i64) {
        let request = pb::CompactionRequest { revision, physical: true };
        patiently(self.kv.compact(request)).await.expect("compact");
    }
}
