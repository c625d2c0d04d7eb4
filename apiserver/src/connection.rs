//! One connection: TLS, then HTTP/2 or HTTP/1.1, then requests.

use crate::authority::LenientAuthority;
use crate::coalesce::Coalescing;
use crate::endpoints::Endpoints;
use crate::etcd::Api;
use crate::etcd::limits::{
    CONNECTION_STREAMS_MAX, CONNECTION_WINDOW_BYTES, HANDSHAKE_TIMEOUT, HEADER_LIST_BYTES_MAX,
    KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT, PENDING_RESETS_MAX, STREAM_SEND_BUFFER_BYTES,
    STREAM_WINDOW_BYTES,
};
use crate::tls::ALPN_H2;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;

/// What an HTTP/2 client says first; no HTTP/1.1 request begins so.
const HTTP2_PREFACE: &[u8] = b"PRI";
/// While a client has sent one or two bytes only.
const PREFACE_POLL: Duration = Duration::from_millis(5);
/// HTTP/1.1 carries probes only: request heads are small.
const HTTP1_BUFFER_BYTES: usize = 32_768;

/// What all connections share.
pub struct Connections {
    pub api: Api,
    pub endpoints: Endpoints,
    /// Where the requests of a connection run.
    pub requests: TaskTracker,
}

impl Connections {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        Ok(if Api::takes(request.headers()) {
            self.api.call(request).await
        } else {
            self.endpoints.call(&request).await
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    #[error("no TLS or HTTP within {HANDSHAKE_TIMEOUT:?}")]
    Handshake,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

/// Serves a connection until the client closes it or, after `stop`, its requests are answered.
pub async fn serve(
    shared: Arc<Connections>,
    tls: Option<TlsAcceptor>,
    stream: TcpStream,
    stop: CancellationToken,
) -> Result<(), ConnectionError> {
    stream.set_nodelay(true)?;
    let Some(tls) = tls else {
        let http2 = within(speaks_http2(&stream), &stop).await??;
        return serve_http(shared, stream, http2, stop).await;
    };
    let stream = within(tls.accept(stream), &stop).await??;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(ALPN_H2);
    serve_http(shared, stream, http2, stop).await
}

/// A connection has little time to begin, and none when the server stops.
async fn within<T>(
    work: impl Future<Output = T>,
    stop: &CancellationToken,
) -> Result<T, ConnectionError> {
    let work = stop.run_until_cancelled(work);
    let done = timeout(HANDSHAKE_TIMEOUT, work).await.ok().flatten();
    done.ok_or(ConnectionError::Handshake)
}

/// Looks at the first bytes and leaves them where they are.
async fn speaks_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0; HTTP2_PREFACE.len()];
    loop {
        let len = stream.peek(&mut first).await?;
        let begins = HTTP2_PREFACE.starts_with(&first[..len]);
        if len == 0 || !begins || len == first.len() {
            return Ok(len == first.len() && begins);
        }
        sleep(PREFACE_POLL).await;
    }
}

async fn serve_http<S>(
    shared: Arc<Connections>,
    stream: S,
    http2: bool,
    stop: CancellationToken,
) -> Result<(), ConnectionError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let requests = Requests(shared.requests.clone());
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { shared.answer(request).await }
    });
    if http2 {
        let io = TokioIo::new(Coalescing::new(LenientAuthority::new(stream)));
        let mut connection = pin!(http2_builder(requests).serve_connection(io, service));
        tokio::select! {
            result = connection.as_mut() => return Ok(result?),
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        return Ok(connection.await?);
    }
    let mut connection = pin!(http1_builder().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        result = connection.as_mut() => return Ok(result?),
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    Ok(connection.await?)
}

fn http2_builder(requests: Requests) -> http2::Builder<Requests> {
    let mut builder = http2::Builder::new(requests);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(CONNECTION_STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_send_buf_size(STREAM_SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .auto_date_header(false);
    builder
}

fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE_TIMEOUT)
        .max_buf_size(HTTP1_BUFFER_BYTES);
    builder
}

/// Runs the requests of HTTP/2 connections where the server can wait for them.
#[derive(Clone)]
struct Requests(TaskTracker);

impl<F> Executor<F> for Requests
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, request: F) {
        self.0.spawn(request);
    }
}
