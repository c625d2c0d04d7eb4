//! What is served besides gRPC, and TLS.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod support;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use support::{Authority, Client, Cluster, eventually, patiently};
use tokio::net::TcpStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use xebec_apiserver::Options;
use xebec_apiserver::etcd::proto::etcdserverpb as pb;

async fn ask(address: SocketAddr, method: Method, path: &str, http2: bool) -> (StatusCode, String) {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let uri = format!("http://{address}{path}");
    let request = Request::builder()
        .method(method)
        .uri(if http2 { uri.as_str() } else { path })
        .header("host", address.to_string())
        .body(Empty::<Bytes>::new())
        .unwrap();
    let response = if http2 {
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        patiently(sender.send_request(request)).await.unwrap()
    } else {
        let (mut sender, connection) = http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        patiently(sender.send_request(request)).await.unwrap()
    };
    let status = response.status();
    let body = patiently(response.into_body().collect()).await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn health_version_and_metrics_over_both_protocols() {
    let cluster = Cluster::start(1).await;
    let address = cluster.nodes[0].address;
    let mut client = cluster.client(0).await;
    client.put("k", "v").await;
    for http2 in [false, true] {
        let get = async |path: &str| ask(address, Method::GET, path, http2).await;
        let (status, body) = get("/health").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains(r#""health":"true""#) && body.contains(r#""reason":"""#), "{body}");
        let (status, body) = get("/version").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains(r#""etcdserver":"3.6.0""#), "{body}");
        let (status, body) = get("/metrics").await;
        assert_eq!(status, StatusCode::OK);
        for line in [
            "etcd_server_has_leader 1",
            "etcd_debugging_mvcc_keys_total 1",
            "grpc_server_handled_total{grpc_type=\"unary\",grpc_service=\"etcdserverpb.KV\",\
             grpc_method=\"Put\",grpc_code=\"OK\"} 1",
        ] {
            assert!(body.lines().any(|found| found == line), "{line} in {body}");
        }
        assert!(body.contains("\nprocess_resident_memory_bytes "), "{body}");
        assert_eq!(get("/livez").await, (StatusCode::OK, "ok\n".to_owned()));
        let (status, body) = get("/readyz?verbose&exclude=non_learner").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("[+]linearizable_read ok") && !body.contains("non_learner"));
        assert_eq!(get("/readyz/data_corruption").await.0, StatusCode::OK);
        assert_eq!(get("/readyz/nothing").await.0, StatusCode::NOT_FOUND);
        assert_eq!(get("/v2/keys").await.0, StatusCode::NOT_FOUND);
        let posted = ask(address, Method::POST, "/health", http2).await;
        assert_eq!(posted.0, StatusCode::METHOD_NOT_ALLOWED);
    }
    cluster.stop().await;
}

#[tokio::test]
async fn health_says_what_is_wrong() {
    let cluster = Cluster::start(3).await;
    let node = cluster.follower().await;
    let address = cluster.nodes[node].address;
    cluster.network.isolate(&cluster.urls[node]);
    let get = async |path: &str| ask(address, Method::GET, path, false).await;
    let body = eventually(async || {
        let (status, body) = get("/health").await;
        (status == StatusCode::SERVICE_UNAVAILABLE).then_some(body)
    })
    .await;
    assert!(body.contains(r#""health":"false""#), "{body}");
    assert!(body.contains("RAFT NO LEADER") || body.contains("RANGE ERROR"), "{body}");
    assert_eq!(get("/health?serializable=true").await.0, StatusCode::OK);
    assert_eq!(get("/livez").await.0, StatusCode::OK, "it lives, though alone");
    cluster.network.heal();
    eventually(async || (get("/health").await.0 == StatusCode::OK).then_some(())).await;
    cluster.stop().await;
}

fn endpoint(cluster: &Cluster, tls: ClientTlsConfig) -> Endpoint {
    let url = format!("https://{}", cluster.nodes[0].address);
    Endpoint::from_shared(url).unwrap().tls_config(tls.domain_name("localhost")).unwrap()
}

#[tokio::test]
async fn clients_show_certificates() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let options = Options { tls: Some(ours.server()), ..Options::default() };
    let cluster = Cluster::start_with(1, options).await;
    let trust = || ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ours.pem()));
    let with = |(certificate, key): (String, String)| {
        trust().identity(Identity::from_pem(certificate, key))
    };
    let channel: Channel = endpoint(&cluster, with(ours.issue())).connect().await.unwrap();
    Client::over(channel).put("k", "v").await;
    // Refused either at once or, TLS 1.3 being what it is, on first use.
    for stranger in [trust(), with(theirs.issue())] {
        if let Ok(channel) = endpoint(&cluster, stranger).connect().await {
            let mut client = Client::over(channel);
            let range = pb::RangeRequest { key: "k".into(), ..Default::default() };
            assert!(patiently(client.kv.range(range)).await.is_err());
        }
    }
    let plain = TcpStream::connect(cluster.nodes[0].address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(plain)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("/health").body(Empty::<Bytes>::new()).unwrap();
    assert!(patiently(sender.send_request(request)).await.is_err(), "no plain text");
    cluster.stop().await;
}
