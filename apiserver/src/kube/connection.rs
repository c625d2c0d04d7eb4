//! One connection of the Kubernetes API: TLS, then HTTP/2 or HTTP/1.1, then requests.
//!
//! Invariant: a connection without a request under way ends after the idle timeout, whatever its
//! client sends in the meantime.

use super::api::Api;
use super::body::{Body, BodyError};
use super::limits::{
    CONNECTION_STREAMS_MAX, CONNECTION_WINDOW_BYTES, HEADER_BYTES_MAX, HTTP1_BUFFER_BYTES,
    IDLE_TIMEOUT, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT, PENDING_RESETS_MAX, REBALANCE_DRAIN,
    STREAM_SEND_BUFFER_BYTES, STREAM_WINDOW_BYTES, URI_BYTES_MAX,
};
use super::metrics::Measured;
use super::peer::Peer;
use super::rebalance::Rebalance;
use super::server::Timeouts;
use crate::coalesce::Coalescing;
use crate::http_connection::{ConnectionError, Http, within};
use crate::tls::ALPN_H2;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, interval_at};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

/// What a connection works with.
pub struct Connection {
    pub api: Arc<Api>,
    pub timeouts: Timeouts,
    /// Where HTTP/2 requests run.
    pub requests: TaskTracker,
    pub stop: CancellationToken,
    pub rebalance: Option<Arc<Rebalance>>,
}

/// Serves a connection until the client closes it, it is idle for long or, after the stop, its
/// requests are answered.
pub async fn serve(
    connection: Connection,
    tls: TlsAcceptor,
    stream: TcpStream,
    address: SocketAddr,
) -> Result<(), ConnectionError> {
    stream.set_nodelay(true)?;
    let Connection { api, timeouts, requests, stop, rebalance } = connection;
    let stream = within(timeouts.handshake, tls.accept(stream), &stop).await??;
    let session = stream.get_ref().1;
    let http2 = session.alpn_protocol() == Some(ALPN_H2);
    let certificates = session.peer_certificates().unwrap_or_default();
    let certificates = certificates.iter().map(|one| one.clone().into_owned()).collect();
    let shared = Arc::new(Shared {
        api,
        peer: Peer { certificates, address },
        stop,
        open: AtomicUsize::new(0),
        begun: AtomicU64::new(0),
    });
    let answering = shared.clone();
    let answer = move |request| answering.clone().answer(request);
    let end = shared.end(timeouts);
    let http = http(timeouts);
    if http2 {
        let chosen = rebalance.map(|rebalance| rebalance.chosen(timeouts.spread));
        let end = async {
            tokio::select! {
                patience = end => patience,
                () = moved(chosen) => REBALANCE_DRAIN,
            }
        };
        return http.serve_http2(Coalescing::new(stream), requests, answer, end).await;
    }
    http.serve_http1(stream, answer, end).await
}

async fn moved(chosen: Option<impl Future<Output = ()>>) {
    match chosen {
        Some(chosen) => chosen.await,
        None => std::future::pending().await,
    }
}

fn http(timeouts: Timeouts) -> Http {
    Http {
        streams_max: CONNECTION_STREAMS_MAX,
        stream_window_bytes: STREAM_WINDOW_BYTES,
        connection_window_bytes: CONNECTION_WINDOW_BYTES,
        header_bytes_max: HEADER_BYTES_MAX,
        send_buffer_bytes: STREAM_SEND_BUFFER_BYTES,
        pending_resets_max: PENDING_RESETS_MAX,
        keepalive_interval: KEEPALIVE_INTERVAL,
        keepalive_timeout: KEEPALIVE_TIMEOUT,
        head_timeout: timeouts.idle,
        http1_buffer_bytes: HTTP1_BUFFER_BYTES,
    }
}

/// What the requests of a connection share.
struct Shared {
    api: Arc<Api>,
    peer: Peer,
    stop: CancellationToken,
    /// Requests whose answers have not been read to the end.
    open: AtomicUsize,
    /// Requests so far.
    begun: AtomicU64,
}

impl Shared {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Answer>, Infallible> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        let open = Open(self);
        let shared = &open.0;
        let endless = is_watch(&request);
        let upgrade = request.version() < Version::HTTP_2
            && (request.headers().contains_key(UPGRADE) || request.method() == Method::CONNECT);
        let mut response = match refusal(&request) {
            Some(response) => response,
            None => shared.api.serve(&shared.peer, request).await,
        };
        if upgrade {
            // No request is upgraded, so what the client sends from here on is no HTTP: it must
            // not be taken for further requests (CVE-2018-1002105).
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let stop = endless.then(|| Box::pin(shared.stop.clone().cancelled_owned()));
        let measured = response.extensions_mut().remove::<Arc<Measured>>();
        Ok(response.map(|body| Answer { body, stop, _measured: measured, _open: open }))
    }

    /// Completes when the connection should take no more requests, with the time that those under
    /// way have.
    async fn end(&self, timeouts: Timeouts) -> Duration {
        tokio::select! {
            () = self.stop.cancelled() => timeouts.drain,
            () = self.idle(timeouts.idle) => timeouts.close,
        }
    }

    /// Completes when there was no request for `span`, or half as long again.
    async fn idle(&self, span: Duration) {
        let half = span / 2;
        let mut ticks = interval_at(Instant::now() + half, half);
        let mut quiet_ticks = 0;
        let mut known = 0;
        while quiet_ticks < 2 {
            ticks.tick().await;
            let begun = self.begun.load(Ordering::Relaxed);
            let quiet = begun == known && self.open.load(Ordering::Relaxed) == 0;
            quiet_ticks = if quiet { quiet_ticks + 1 } else { 0 };
            known = begun;
        }
    }
}

const _: () = assert!(IDLE_TIMEOUT.as_millis() >= 2, "it is watched in halves");

/// Counts a request for as long as its answer is being sent.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// True of a request whose answer has no end of its own.
fn is_watch<B>(request: &Request<B>) -> bool {
    let uri = request.uri();
    let query = uri.query().unwrap_or_default();
    query.split('&').any(|pair| pair == "watch" || pair.starts_with("watch="))
        || uri.path().contains("/watch/")
}

/// The answer to what is no proper request.
fn refusal<B>(request: &Request<B>) -> Option<Response<Body>> {
    let uri = request.uri();
    if request.method() == Method::CONNECT || !uri.path().starts_with('/') {
        return Some(plain(StatusCode::BAD_REQUEST, "400 Bad Request"));
    }
    let len = uri.path_and_query().map_or(0, |all| all.as_str().len());
    if len > URI_BYTES_MAX {
        return Some(plain(StatusCode::URI_TOO_LONG, "414 URI Too Long"));
    }
    // HTTP/2 counts by itself; HTTP/1.1 reads on while its buffer is not full.
    let headers = request.headers().iter();
    let len: usize = headers.map(|(name, value)| name.as_str().len() + value.len()).sum();
    (len > HEADER_BYTES_MAX as usize).then(|| {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        plain(status, "431 Request Header Fields Too Large")
    })
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The body of an answer while it is sent.
struct Answer {
    body: Body,
    /// Ends a watch that has nothing more to say.
    stop: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// Counts a watch for as long as it lasts.
    _measured: Option<Arc<Measured>>,
    _open: Open,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let next = Pin::new(&mut self.body).poll_frame(cx);
        if next.is_pending()
            && let Some(stop) = &mut self.stop
            && stop.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(None);
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
