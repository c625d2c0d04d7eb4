//! Every limit at its edge, and every kind of hostile request: errors, never a panic or a stuck
//! connection.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod support;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use prost::Message;
use std::net::SocketAddr;
use support::{Cluster, patiently};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;
use xebec_apiserver::etcd::limits::*;
use xebec_apiserver::etcd::proto::etcdserverpb as pb;

/// A connection below tonic.
struct Raw {
    sender: http2::SendRequest<Full<Bytes>>,
    address: SocketAddr,
}

impl Raw {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, address }
    }

    async fn send(&mut self, path: &str, body: Bytes) -> Response<Incoming> {
        let request = Request::post(format!("http://{}{path}", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(body))
            .unwrap();
        patiently(self.sender.send_request(request)).await.unwrap()
    }

    /// The status of a call, wherever it stands.
    async fn status(&mut self, path: &str, body: Bytes) -> (i32, String) {
        let response = self.send(path, body).await;
        let headers = response.headers().clone();
        if headers.contains_key("grpc-status") {
            return status(&headers);
        }
        let collected = patiently(response.into_body().collect()).await.unwrap();
        status(collected.trailers().expect("trailers"))
    }
}

fn status(headers: &HeaderMap) -> (i32, String) {
    let text = |name: &str| {
        headers.get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    };
    (text("grpc-status").parse().unwrap(), text("grpc-message"))
}

fn frame(message: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(0);
    out.put_u32(u32::try_from(message.len()).unwrap());
    out.put_slice(message);
    out.freeze()
}

fn put(value: usize) -> pb::PutRequest {
    pb::PutRequest { key: "k".into(), value: vec![b'v'; value].into(), ..Default::default() }
}

#[tokio::test]
async fn a_write_has_its_largest_size() {
    let cluster = Cluster::start(1).await;
    let mut client = cluster.client(0).await;
    let overhead = put(REQUEST_BYTES_MAX - 100).encoded_len() - (REQUEST_BYTES_MAX - 100);
    let largest = REQUEST_BYTES_MAX - overhead;
    patiently(client.kv.put(put(largest))).await.expect("the largest write");
    let error = patiently(client.kv.put(put(largest + 1))).await.unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (Code::InvalidArgument, "etcdserver: request is too large")
    );
    let error = patiently(client.kv.put(put(MESSAGE_BYTES_MAX))).await.unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (Code::ResourceExhausted, "grpc: received message larger than max")
    );
    client.put("k", "the connection is still good").await;
    cluster.stop().await;
}

#[tokio::test]
async fn frames_that_lie_get_errors() {
    let cluster = Cluster::start(1).await;
    let mut raw = Raw::connect(cluster.nodes[0].address).await;
    let path = "/etcdserverpb.KV/Put";
    let good = put(3).encode_to_vec();
    // The length announces 4 GiB.
    let mut huge = BytesMut::from(&frame(&good)[..]);
    huge[1..5].copy_from_slice(&[0xff; 4]);
    assert_eq!(raw.status(path, huge.freeze()).await.0, Code::ResourceExhausted as i32);
    // Compressed, with no word of how.
    let mut compressed = BytesMut::from(&frame(&good)[..]);
    compressed[0] = 1;
    assert_ne!(raw.status(path, compressed.freeze()).await.0, 0);
    // An unknown flag, a short frame, no frame, bytes after the frame, no method, no service.
    let mut flag = BytesMut::from(&frame(&good)[..]);
    flag[0] = 9;
    assert_ne!(raw.status(path, flag.freeze()).await.0, 0);
    assert_ne!(raw.status(path, frame(&good).slice(..6)).await.0, 0);
    assert_ne!(raw.status(path, Bytes::new()).await.0, 0);
    assert_ne!(raw.status(path, frame(b"\xff\xff\xff")).await.0, 0);
    let unimplemented = Code::Unimplemented as i32;
    assert_eq!(raw.status("/etcdserverpb.KV/No", frame(&good)).await.0, unimplemented);
    assert_eq!(raw.status("/no.Service/No", frame(&good)).await.0, unimplemented);
    assert_eq!(raw.status("//", frame(&good)).await.0, unimplemented);
    assert_eq!(raw.status(path, frame(&good)).await, (0, String::new()), "still good");
    cluster.stop().await;
}

/// A transaction in a transaction, `levels` deep, as bytes: deeper than any message type allows.
fn nested(levels: usize) -> Vec<u8> {
    let mut inner = Vec::new();
    for _ in 0..levels {
        // RequestOp.request_txn = 4, TxnRequest.success = 2.
        let mut op = vec![4 << 3 | 2];
        prost::encoding::encode_varint(inner.len() as u64, &mut op);
        op.extend(inner);
        let mut txn = vec![2 << 3 | 2];
        prost::encoding::encode_varint(op.len() as u64, &mut txn);
        txn.extend(op);
        inner = txn;
    }
    inner
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    let cluster = Cluster::start(1).await;
    let mut raw = Raw::connect(cluster.nodes[0].address).await;
    let path = "/etcdserverpb.KV/Txn";
    assert_eq!(raw.status(path, frame(&nested(TXN_DEPTH_MAX - 1))).await.0, 0);
    let (code, _) = raw.status(path, frame(&nested(TXN_DEPTH_MAX))).await;
    assert_eq!(code, Code::InvalidArgument as i32);
    for levels in [60, 1_000, 20_000] {
        assert_ne!(raw.status(path, frame(&nested(levels))).await.0, 0, "{levels} levels");
    }
    cluster.stop().await;
}

/// Valid requests, to be mutated.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    use pb::request_op::Request;
    let op = |request| pb::RequestOp { request: Some(request) };
    let txn = pb::TxnRequest {
        compare: vec![pb::Compare { key: "a".into(), range_end: "b".into(), ..Default::default() }],
        success: vec![op(Request::RequestPut(put(9)))],
        failure: vec![op(Request::RequestTxn(pb::TxnRequest::default()))],
    };
    let range =
        pb::RangeRequest { key: "a".into(), range_end: "z".into(), limit: 3, ..Default::default() };
    let watch = pb::WatchRequest {
        request_union: Some(pb::watch_request::RequestUnion::CreateRequest(
            pb::WatchCreateRequest { key: "a".into(), filters: vec![1], ..Default::default() },
        )),
    };
    let member = pb::MemberUpdateRequest { id: 7, peer_urls: vec!["http://a:1".into()] };
    vec![
        ("/etcdserverpb.KV/Put", put(9).encode_to_vec()),
        ("/etcdserverpb.KV/Txn", txn.encode_to_vec()),
        ("/etcdserverpb.KV/Range", range.encode_to_vec()),
        ("/etcdserverpb.KV/DeleteRange", range.encode_to_vec()),
        ("/etcdserverpb.Watch/Watch", watch.encode_to_vec()),
        ("/etcdserverpb.Lease/LeaseGrant", vec![8, 60, 16, 5]),
        ("/etcdserverpb.Lease/LeaseTimeToLive", vec![8, 5, 16, 1]),
        ("/etcdserverpb.Lease/LeaseKeepAlive", vec![8, 5]),
        ("/etcdserverpb.Cluster/MemberUpdate", member.encode_to_vec()),
        ("/etcdserverpb.Maintenance/HashKV", vec![8, 1]),
        ("/etcdserverpb.Maintenance/Downgrade", vec![8, 1, 18, 1, 51]),
        ("/v3electionpb.Election/Proclaim", vec![10, 3, 18, 1, 97]),
        ("/v3lockpb.Lock/Unlock", vec![10, 1, 97]),
        ("/grpc.health.v1.Health/Check", vec![10, 1, 97]),
    ]
}

fn mutated() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let count = seeds().len();
    let edits = prop::collection::vec((any::<u16>(), any::<u8>(), 0..3_u8), 0..6);
    (0..count, edits, any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(
        |(seed, edits, arbitrary, bytes)| {
            let mut message = seeds()[seed].1.clone();
            if arbitrary {
                return (seed, bytes);
            }
            for (at, byte, kind) in edits {
                let at = usize::from(at) % (message.len() + 1);
                match kind {
                    0 if at < message.len() => message[at] = byte,
                    1 if at < message.len() => drop(message.remove(at)),
                    _ => message.insert(at, byte),
                }
            }
            (seed, message)
        },
    )
}

/// Every decoder of outside bytes, with mutated and arbitrary messages: an answer each time, and a
/// server that still works afterwards.
#[test]
fn no_bytes_break_the_server() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let cluster = runtime.block_on(Cluster::start(1));
    let raw = tokio::sync::Mutex::new(runtime.block_on(Raw::connect(cluster.nodes[0].address)));
    let mut runner = TestRunner::new(Config { cases: 400, ..Config::default() });
    runner
        .run(&mutated(), |(seed, message)| {
            runtime.block_on(async {
                let path = seeds()[seed].0;
                let mut raw = raw.lock().await;
                let response = raw.send(path, frame(&message)).await;
                // A watch that was accepted goes on; dropping the response cancels it.
                if !path.ends_with("/Watch") && !response.headers().contains_key("grpc-status") {
                    patiently(response.into_body().collect()).await.unwrap();
                }
            });
            Ok(())
        })
        .unwrap();
    runtime.block_on(async {
        let mut client = cluster.client(0).await;
        client.put("k", "v").await;
        cluster.stop().await;
    });
}

#[tokio::test]
async fn connections_that_speak_no_http_harm_nobody() {
    let cluster = Cluster::start(1).await;
    let address = cluster.nodes[0].address;
    let silent = TcpStream::connect(address).await.unwrap();
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"PR").await.unwrap();
    for bytes in [&b"\x16\x03\x01\x02\x00"[..], b"PRI * HTTP/9.9\r\n\r\n", b"GET\0\0\r\n\r\n"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // Closed or reset, perhaps with an error page: all the same.
        let _ = patiently(stream.read_to_end(&mut answer)).await;
    }
    let mut client = cluster.client(0).await;
    client.put("k", "v").await;
    half.write_all(b"I * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut first = [0; 9];
    patiently(half.read_exact(&mut first)).await.expect("a preface in two parts is a preface");
    drop((silent, half));
    cluster.stop().await;
}

#[tokio::test]
async fn headers_are_bounded() {
    let cluster = Cluster::start(1).await;
    let mut raw = Raw::connect(cluster.nodes[0].address).await;
    let request = Request::post(format!("http://{}/etcdserverpb.KV/Put", raw.address))
        .header("content-type", "application/grpc")
        .header("x-large", "x".repeat(HEADER_LIST_BYTES_MAX as usize))
        .body(Full::new(frame(&put(1).encode_to_vec())))
        .unwrap();
    let answer = patiently(raw.sender.send_request(request)).await;
    assert!(answer.is_err() || answer.unwrap().status() == 431);
    let mut client = cluster.client(0).await;
    client.put("k", "v").await;
    cluster.stop().await;
}

#[tokio::test]
async fn deadlines_of_clients_are_kept() {
    let cluster = Cluster::start(1).await;
    let raw = Raw::connect(cluster.nodes[0].address).await;
    let mut client = cluster.client(0).await;
    client.put("lock/1", "someone else").await;
    let lock =
        xebec_apiserver::etcd::proto::v3lockpb::LockRequest { name: "lock".into(), lease: 0 };
    let request = Request::post(format!("http://{}/v3lockpb.Lock/Lock", raw.address))
        .header("content-type", "application/grpc")
        .header("grpc-timeout", "100m")
        .body(Full::new(frame(&lock.encode_to_vec())))
        .unwrap();
    let mut sender = raw.sender.clone();
    let response = patiently(sender.send_request(request)).await.unwrap();
    let expected = (Code::DeadlineExceeded as i32, "context%20deadline%20exceeded".to_owned());
    assert_eq!(status(response.headers()), expected);
    cluster.stop().await;
}

/// What the server announces when a connection begins.
#[tokio::test]
async fn limits_of_a_connection_are_announced() {
    let cluster = Cluster::start(1).await;
    let mut stream = TcpStream::connect(cluster.nodes[0].address).await.unwrap();
    let empty_settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&empty_settings).await.unwrap();
    let mut header = [0; 9];
    patiently(stream.read_exact(&mut header)).await.unwrap();
    assert_eq!(header[3], 4, "SETTINGS come first");
    let mut payload = vec![0; usize::from(header[1]) << 8 | usize::from(header[2])];
    patiently(stream.read_exact(&mut payload)).await.unwrap();
    let settings: Vec<(u16, u32)> = payload
        .chunks(6)
        .map(|one| {
            let id = u16::from_be_bytes([one[0], one[1]]);
            (id, u32::from_be_bytes([one[2], one[3], one[4], one[5]]))
        })
        .collect();
    let (max_streams, window, header_list) = (3, 4, 6);
    for expected in [
        (max_streams, CONNECTION_STREAMS_MAX),
        (window, STREAM_WINDOW_BYTES),
        (header_list, HEADER_LIST_BYTES_MAX),
    ] {
        assert!(settings.contains(&expected), "{expected:?} in {settings:?}");
    }
    drop(stream);
    cluster.stop().await;
}

#[tokio::test]
async fn messages_of_streams_are_small() {
    let cluster = Cluster::start(1).await;
    let mut raw = Raw::connect(cluster.nodes[0].address).await;
    let watch = |key: usize| {
        let create = pb::WatchCreateRequest { key: vec![b'k'; key].into(), ..Default::default() };
        let request_union = Some(pb::watch_request::RequestUnion::CreateRequest(create));
        frame(&pb::WatchRequest { request_union }.encode_to_vec())
    };
    let accepted = raw.send("/etcdserverpb.Watch/Watch", watch(STREAM_MESSAGE_BYTES_MAX - 20));
    let mut accepted = accepted.await.into_body();
    assert!(patiently(accepted.frame()).await.unwrap().unwrap().is_data(), "a response");
    let refused = raw.status("/etcdserverpb.Watch/Watch", watch(STREAM_MESSAGE_BYTES_MAX)).await;
    assert_ne!(refused.0, 0);
    cluster.stop().await;
}

#[tokio::test]
async fn watches_of_a_stream_are_limited() {
    let cluster = Cluster::start(1).await;
    let client = cluster.client(0).await;
    let create = pb::WatchCreateRequest { key: "k".into(), ..Default::default() };
    let request_union = Some(pb::watch_request::RequestUnion::CreateRequest(create));
    let request = pb::WatchRequest { request_union };
    let requests = futures::stream::iter(std::iter::repeat_n(request, WATCHES_PER_STREAM_MAX + 1));
    let mut watch = client.watch.clone();
    let mut responses = patiently(watch.watch(requests)).await.unwrap().into_inner();
    for _ in 0..WATCHES_PER_STREAM_MAX {
        let response = patiently(responses.message()).await.unwrap().unwrap();
        assert!(response.created && !response.canceled);
    }
    let last = patiently(responses.message()).await.unwrap().unwrap();
    assert!(last.canceled);
    assert_eq!(last.cancel_reason, "etcdserver: too many requests");
    cluster.stop().await;
}

#[tokio::test]
async fn progress_may_not_be_notified_too_often() {
    let cluster = Cluster::start(1).await;
    let options = xebec_apiserver::Options {
        progress_interval: PROGRESS_INTERVAL_MIN / 2,
        ..Default::default()
    };
    let made = xebec_apiserver::EtcdServer::new(&options, cluster.nodes[0].replica.clone());
    assert!(matches!(made, Err(xebec_apiserver::OptionsError::ProgressInterval { .. })));
    cluster.stop().await;
}
