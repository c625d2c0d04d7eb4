//! Three replicas as in production: gRPC with mutual TLS, RocksDB, runtimes of their own.

#![expect(clippy::disallowed_methods, reason = "certificates are valid now, by the real clock")]

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;
use xebec_raft::identity::{initial_cluster, join};
use xebec_raft::options::{FatalHook, FreeSpace, WallClock};
use xebec_raft::transport::tonic::{PeerTls, TonicTransport, serve};
use xebec_raft::{Environment, Identity, Options, Replica, Threads, Timing, Upkeep};
use xebec_store::Store;
use xebec_store::command::{Body, KeyRange, Put, Range};
use xebec_store::engine::rocks::RocksHome;

struct Surroundings;

impl WallClock for Surroundings {
    fn now_ms(&self) -> u64 {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        u64::try_from(elapsed.as_millis()).expect("before the year 500,000,000")
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

/// An authority, and a certificate from it for every address of this machine.
fn certificates() -> PeerTls {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().expect("a key");
    let ca = authority.self_signed(&authority_key).expect("a certificate");
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_string()]).expect("a name");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    PeerTls {
        ca_pem: ca.pem().into_bytes(),
        certificate_pem: certificate.pem().into_bytes(),
        key_pem: key.serialize_pem().into_bytes(),
    }
}

fn open_store(directory: &Path, member: u64) -> Arc<Store> {
    let home = RocksHome::new(directory.join("state"), xebec_store::disk::ROCKS);
    let store = Store::open(Arc::new(home), xebec_store::Options::new(member));
    Arc::new(store.expect("the store opens"))
}

async fn put(replica: &Replica, key: &'static str, value: Vec<u8>) {
    let body = Body::Put(Put {
        key: Bytes::from_static(key.as_bytes()),
        value: value.into(),
        ..Put::default()
    });
    replica.propose(body).await.expect("it is ordered").result.expect("it is applied");
}

fn size(replica: &Replica, key: &'static str) -> Option<usize> {
    let key = Bytes::from_static(key.as_bytes());
    let range = Range { range: KeyRange { key, end: Bytes::new() }, ..Range::default() };
    let found = replica.store().view().range(&range).expect("it is readable");
    found.kvs.first().map(|kv| kv.value.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_replicas_over_mutual_tls() {
    let tls = certificates();
    let directory = tempfile::tempdir().expect("a directory");
    let listeners: Vec<TcpListener> =
        (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let urls: Vec<String> = listeners
        .iter()
        .map(|listener| format!("https://{}", listener.local_addr().expect("bound")))
        .collect();
    let named: Vec<(String, Vec<String>)> =
        urls.iter().map(|url| (url.clone(), vec![url.clone()])).collect();
    let (cluster_id, members) = initial_cluster(&named, "tls");
    let mut running = Vec::new();
    for listener in listeners {
        let url = format!("https://{}", listener.local_addr().expect("bound"));
        let member = members.iter().find(|member| member.peer_urls[0] == url).expect("initial");
        let place = directory.path().join(format!("{:x}", member.id));
        let store = open_store(&place, member.id);
        let log = RocksHome::new(place.join("log"), xebec_raft::log::ROCKS);
        let options = Options {
            identity: Identity { cluster_id, member_id: member.id },
            member: member.clone(),
            bootstrap: Some(members.clone()),
            // The build machine may be busy: elections are not what is tested here.
            timing: Timing {
                heartbeat: Duration::from_millis(100),
                election_min: Duration::from_millis(500),
                election_max: Duration::from_millis(1000),
                ..Timing::default()
            },
            upkeep: Upkeep::default(),
            environment: Environment {
                clock: Arc::new(Surroundings),
                disk: Arc::new(Surroundings),
                fatal: Arc::new(Surroundings),
            },
            threads: Threads::Own { workers: 2 },
        };
        let transport = Arc::new(TonicTransport::new(Some(tls.clone())));
        let replica =
            Replica::start(options, Arc::new(log), store, transport).await.expect("it starts");
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = replica.runtime().expect("of its own");
        let shutdown = async {
            let _ = stopped.await;
        };
        let server =
            runtime.spawn(serve(listener, replica.peer_service(), Some(tls.clone()), shutdown));
        running.push((replica, stop, server));
    }
    for (index, (replica, ..)) in running.iter().enumerate() {
        replica.wait_ready().await.expect("a leader is elected");
        let key = ["one", "two", "three"][index];
        put(replica, key, vec![7; 1_000_000]).await;
        assert_eq!(size(replica, key), Some(1_000_000));
    }
    for (replica, ..) in &running {
        replica.read_index().await.expect("a quorum is there");
        for key in ["one", "two", "three"] {
            assert_eq!(size(replica, key), Some(1_000_000));
        }
    }
    refuse_strangers(&urls).await;
    for (replica, stop, server) in running {
        replica.shutdown().await;
        drop(stop);
        drop(server);
    }
}

/// Neither a peer in the clear nor one of another authority gets an answer.
async fn refuse_strangers(urls: &[String]) {
    let peers = vec![vec![urls[0].clone()]];
    let other = TonicTransport::new(Some(certificates()));
    assert!(join(&other, &peers, &peers[0]).await.is_err());
    let clear = vec![vec![urls[0].replace("https", "http")]];
    assert!(join(&TonicTransport::new(None), &clear, &clear[0]).await.is_err());
}
