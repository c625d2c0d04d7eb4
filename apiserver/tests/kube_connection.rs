//! Connections of the Kubernetes API: TLS, certificates, and every limit of a connection.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod support;

use bytes::{BufMut, Bytes};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use support::{Authority, Cluster, patiently};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use xebec_apiserver::KubeServer;
use xebec_apiserver::kube::access::Options as AccessOptions;
use xebec_apiserver::kube::api::{Api, Settings};
use xebec_apiserver::kube::authn::Options as AuthenticationOptions;
use xebec_apiserver::kube::limits::{
    CONNECTION_STREAMS_MAX, HEADER_BYTES_MAX, PENDING_RESETS_MAX, URI_BYTES_MAX,
};
use xebec_apiserver::kube::server::{Options, Timeouts};

/// Short enough for a test, long enough for a busy machine to send a request in.
const IDLE: Duration = Duration::from_millis(600);

struct Server {
    cluster: Cluster,
    api: Arc<Api>,
    authority: Authority,
    address: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Server {
    async fn start(idle: Duration) -> Self {
        let cluster = Cluster::start(1).await;
        let authority = Authority::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let authentication = AuthenticationOptions {
            client_ca_pem: Some(authority.pem().into_bytes()),
            ..AuthenticationOptions::default()
        };
        let settings = Settings {
            address: address.to_string(),
            access: AccessOptions { authentication, ..AccessOptions::default() },
            ..Settings::default()
        };
        let api = Api::new(cluster.nodes[0].replica.clone(), settings);
        let api = Arc::new(api.ok().unwrap());
        let spread = Duration::ZERO;
        let timeouts =
            Timeouts { handshake: idle, idle, close: idle, spread, ..Timeouts::default() };
        let options = Options { tls: authority.server(), timeouts };
        let server = KubeServer::new(&options, api.clone()).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(server.clone().run_rebalance(stop.clone()));
        let running = tokio::spawn(server.run(listener, stop.clone()));
        Self { cluster, api, authority, address, stop, running }
    }

    /// A connection that speaks `protocol`, with a certificate of `signer`.
    async fn connect(&self, protocol: &str, signer: Option<&Authority>) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap())
            .unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match signer {
            None => builder.with_no_client_auth(),
            Some(signer) => {
                let (certificate, key) = signer.issue_to("admin", "system:masters");
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(self.address).await.unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        patiently(connector.connect("localhost".try_into().unwrap(), stream)).await.unwrap()
    }

    async fn trusted(&self, protocol: &str) -> TlsStream<TcpStream> {
        self.connect(protocol, Some(&self.authority)).await
    }

    /// One request on a connection of its own.
    async fn ask(&self, stream: TlsStream<TcpStream>, request: Request<Full<Bytes>>) -> StatusCode {
        let response = exchange(stream, request).await.unwrap();
        let status = response.status();
        patiently(response.into_body().collect()).await.unwrap();
        status
    }

    async fn still_serves(&self) {
        let stream = self.trusted("h2").await;
        assert_eq!(self.ask(stream, get("/version")).await, 200);
    }

    async fn stop(self) {
        self.stop.cancel();
        patiently(self.running).await.unwrap();
        drop(self.api);
        self.cluster.stop().await;
    }
}

fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).header("host", "localhost").body(Full::default()).unwrap()
}

/// Speaks what TLS agreed on.
async fn exchange(
    stream: TlsStream<TcpStream>,
    mut request: Request<Full<Bytes>>,
) -> hyper::Result<Response<Incoming>> {
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let stream = TokioIo::new(stream);
    if http2 {
        let uri = format!("https://localhost{}", request.uri());
        *request.uri_mut() = uri.parse().unwrap();
        request.headers_mut().remove("host");
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
        tokio::spawn(connection);
        return patiently(sender.send_request(request)).await;
    }
    let (mut sender, connection) = http1::handshake(stream).await?;
    tokio::spawn(connection);
    patiently(sender.send_request(request)).await
}

/// Reads until the server ends the connection.
async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    // Closed or reset: all the same.
    let _ = patiently(stream.read_to_end(&mut all)).await;
    all
}

#[tokio::test]
async fn both_protocols_are_spoken_over_tls_alone() {
    let server = Server::start(Duration::from_secs(60)).await;
    for protocol in ["h2", "http/1.1"] {
        let stream = server.trusted(protocol).await;
        assert_eq!(server.ask(stream, get("/api")).await, 200, "{protocol}");
    }
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain.write_all(b"GET /version HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let answer = read_to_end(&mut plain).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
    server.stop().await;
}

/// A failed handshake could not tell a client what is wrong with its certificate.
#[tokio::test]
async fn strangers_hear_that_they_are_not_known() {
    let server = Server::start(Duration::from_secs(60)).await;
    let stranger = Authority::new();
    for (signer, expected) in [(Some(&stranger), 401), (None, 403)] {
        let stream = server.connect("h2", signer).await;
        assert_eq!(server.ask(stream, get("/api/v1/namespaces")).await, expected);
    }
    server.stop().await;
}

#[tokio::test]
async fn headers_and_uris_are_bounded() {
    let server = Server::start(Duration::from_secs(60)).await;
    for protocol in ["h2", "http/1.1"] {
        let mut request = get("/version");
        // Many, so that no bound on one header is what refuses them.
        let large = "x".repeat(8_192).parse::<http::HeaderValue>().unwrap();
        for _ in 0..=HEADER_BYTES_MAX / 8_192 + 8 {
            request.headers_mut().append("x-large", large.clone());
        }
        let answer = exchange(server.trusted(protocol).await, request).await;
        assert!(answer.is_err() || answer.unwrap().status() == 431, "{protocol}");
        for (len, expected) in [(URI_BYTES_MAX, 200), (URI_BYTES_MAX + 1, 414)] {
            let uri = format!("/version?{}", "x".repeat(len - "/version?".len()));
            let stream = server.trusted(protocol).await;
            assert_eq!(server.ask(stream, get(&uri)).await, expected, "{protocol}");
        }
    }
    server.still_serves().await;
    server.stop().await;
}

#[tokio::test]
async fn requests_are_measured() {
    let server = Server::start(Duration::from_secs(60)).await;
    server.still_serves().await;
    let response = exchange(server.trusted("h2").await, get("/metrics")).await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let body = patiently(response.into_body().collect()).await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    for line in [
        "apiserver_request_total{code=\"200\",component=\"apiserver\",dry_run=\"\",group=\"\",\
         resource=\"\",scope=\"\",subresource=\"/version\",verb=\"GET\",version=\"\"} 1",
        "apiserver_current_inflight_requests{request_kind=\"readOnly\"} 1",
        "apiserver_storage_objects{resource=\"deployments.apps\"} 0",
        "etcd_server_has_leader 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    assert!(text.contains("\netcd_disk_wal_fsync_duration_seconds_count "), "{text}");
    server.stop().await;
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(9 + payload.len());
    frame.put_uint(payload.len() as u64, 3);
    frame.extend([kind, flags]);
    frame.put_u32(stream);
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn concurrent_streams_are_bounded() {
    let server = Server::start(Duration::from_secs(60)).await;
    let mut stream = server.trusted("h2").await;
    stream.write_all(&[PREFACE, &frame(4, 0, 0, &[])].concat()).await.unwrap();
    let mut head = [0; 9];
    patiently(stream.read_exact(&mut head)).await.unwrap();
    assert_eq!(head[3], 4, "the settings come first");
    let mut settings = vec![0; usize::from(head[2])];
    patiently(stream.read_exact(&mut settings)).await.unwrap();
    let streams = settings.chunks(6).find(|setting| setting[..2] == [0, 3]).unwrap();
    assert_eq!(streams[2..], CONNECTION_STREAMS_MAX.to_be_bytes());
    server.stop().await;
}

#[tokio::test]
async fn cve_2023_44487_a_rapid_reset_ends_the_connection() {
    let server = Server::start(Duration::from_secs(60)).await;
    let mut stream = server.trusted("h2").await;
    let mut attack = [PREFACE, &frame(4, 0, 0, &[])].concat();
    // `:method: GET`, `:scheme: https`, `:path: /`, `:authority: a`.
    let headers = [0x82, 0x87, 0x84, 0x41, 0x01, b'a'];
    for number in 0..u32::try_from(PENDING_RESETS_MAX * 8).unwrap() {
        let id = 2 * number + 1;
        attack.extend(frame(1, 0x5, id, &headers));
        attack.extend(frame(3, 0, id, &8_u32.to_be_bytes()));
    }
    let written = patiently(stream.write_all(&attack)).await;
    let answer = read_to_end(&mut stream).await;
    let enhance_your_calm = 11_u32.to_be_bytes();
    let told = answer.windows(4).any(|bytes| bytes == enhance_your_calm);
    assert!(told || written.is_err(), "{} bytes", answer.len());
    server.still_serves().await;
    server.stop().await;
}

#[tokio::test]
async fn slow_and_silent_clients_are_let_go() {
    let server = Server::start(IDLE).await;
    // No TLS at all.
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    // TLS, and then nothing.
    let mut idle = server.trusted("http/1.1").await;
    let mut idle2 = server.trusted("h2").await;
    // A head that never ends, byte by byte.
    let slow = server.trusted("http/1.1").await;
    let (mut slow_read, mut slow_write) = tokio::io::split(slow);
    let dribble = tokio::spawn(async move {
        let mut head =
            b"GET /version HTTP/1.1\r\nx: ".iter().copied().chain(std::iter::repeat(b'y'));
        while slow_write.write_all(&[head.next().unwrap()]).await.is_ok() {
            let _ = slow_write.flush().await;
            tokio::time::sleep(IDLE / 20).await;
        }
    });
    read_to_end(&mut silent).await;
    read_to_end(&mut idle).await;
    read_to_end(&mut idle2).await;
    read_to_end(&mut slow_read).await;
    patiently(dribble).await.unwrap();
    server.still_serves().await;
    server.stop().await;
}

#[tokio::test]
async fn a_connection_is_not_idle_while_a_request_is_under_way() {
    let server = Server::start(IDLE).await;
    let mut stream = server.trusted("http/1.1").await;
    let head = b"PUT /version HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{";
    stream.write_all(head).await.unwrap();
    tokio::time::sleep(4 * IDLE).await;
    stream.write_all(b"}").await.unwrap();
    let mut answer = [0; 9];
    patiently(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 ");
    server.stop().await;
}

#[tokio::test]
async fn a_request_ends_when_its_client_wants_it_to() {
    let server = Server::start(Duration::from_secs(60)).await;
    let mut stream = server.trusted("http/1.1").await;
    let head = b"POST /api/v1/namespaces?timeout=20ms HTTP/1.1\r\nhost: a\r\n\
                 content-type: application/json\r\ncontent-length: 2\r\n\r\n{";
    stream.write_all(head).await.unwrap();
    let mut answer = [0; 12];
    patiently(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 504");
    server.stop().await;
}

/// What follows a refused upgrade is not taken for requests.
#[tokio::test]
async fn cve_2018_1002105_a_refused_upgrade_ends_the_connection() {
    let server = Server::start(Duration::from_secs(60)).await;
    let mut stream = server.trusted("http/1.1").await;
    let upgrade = "POST /api/v1/namespaces/a/pods/b/exec?command=sh HTTP/1.1\r\nhost: a\r\n\
                   connection: Upgrade\r\nupgrade: SPDY/3.1\r\ncontent-length: 0\r\n\r\n";
    let smuggled = "GET /version HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(format!("{upgrade}{smuggled}").as_bytes()).await.unwrap();
    let answer = String::from_utf8_lossy(&read_to_end(&mut stream).await).into_owned();
    assert!(answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 5"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    server.stop().await;
}

/// Clients that stay connected for days find a replica that has come.
#[tokio::test]
async fn a_share_of_the_connections_moves_to_a_new_replica() {
    let server = Server::start(Duration::from_secs(60)).await;
    let mut streams = Vec::new();
    for _ in 0..32 {
        let mut stream = server.trusted("h2").await;
        stream.write_all(&[PREFACE, &frame(4, 0, 0, &[])].concat()).await.unwrap();
        streams.push(stream);
    }
    let goaway = async |stream: &mut TlsStream<TcpStream>| {
        let mut head = [0; 9];
        loop {
            stream.read_exact(&mut head).await.unwrap();
            let mut payload = vec![0; usize::from(head[2])];
            stream.read_exact(&mut payload).await.unwrap();
            if head[3] == 7 {
                return;
            }
        }
    };
    let mut client = server.cluster.client(0).await;
    // What was there before the server began to look is nothing new: leave the mark anew.
    let marks = async {
        loop {
            client.put("/xebec/serving/another", "").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let all = futures::future::join_all(streams.iter_mut().map(goaway));
    // There is one replica: its share is everything.
    patiently(async {
        tokio::select! { _ = all => {}, () = marks => {} }
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn connections_end_with_the_server() {
    let server = Server::start(Duration::from_secs(60)).await;
    let mut idle = server.trusted("h2").await;
    idle.write_all(&[PREFACE, &frame(4, 0, 0, &[])].concat()).await.unwrap();
    server.stop().await;
    read_to_end(&mut idle).await;
}
