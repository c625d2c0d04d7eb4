//! One connection of the etcd port: TLS, then HTTP/2 or HTTP/1.1, then requests.

use crate::authority::LenientAuthority;
use crate::coalesce::Coalescing;
use crate::endpoints::Endpoints;
use crate::etcd::Api;
use crate::etcd::limits::{
    CONNECTION_STREAMS_MAX, CONNECTION_WINDOW_BYTES, DRAIN_TIMEOUT, HANDSHAKE_TIMEOUT,
    HEADER_LIST_BYTES_MAX, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT, PENDING_RESETS_MAX,
    STREAM_SEND_BUFFER_BYTES, STREAM_WINDOW_BYTES,
};
use crate::http_connection::{ConnectionError, Http, within};
use crate::tls::ALPN_H2;
use http::{Request, Response};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::sleep;
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

/// Serves a connection until the client closes it or, after `stop`, its requests are answered.
pub async fn serve(
    shared: Arc<Connections>,
    tls: Option<TlsAcceptor>,
    stream: TcpStream,
    stop: CancellationToken,
) -> Result<(), ConnectionError> {
    stream.set_nodelay(true)?;
    let Some(tls) = tls else {
        let http2 = within(HANDSHAKE_TIMEOUT, speaks_http2(&stream), &stop).await??;
        return serve_http(shared, stream, http2, stop).await;
    };
    let stream = within(HANDSHAKE_TIMEOUT, tls.accept(stream), &stop).await??;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(ALPN_H2);
    serve_http(shared, stream, http2, stop).await
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
    let requests = shared.requests.clone();
    let answer = move |request| {
        let shared = shared.clone();
        async move { shared.answer(request).await }
    };
    let end = async {
        stop.cancelled().await;
        DRAIN_TIMEOUT
    };
    if http2 {
        let stream = Coalescing::new(LenientAuthority::new(stream));
        return HTTP.serve_http2(stream, requests, answer, end).await;
    }
    HTTP.serve_http1(stream, answer, end).await
}

const HTTP: Http = Http {
    streams_max: CONNECTION_STREAMS_MAX,
    stream_window_bytes: STREAM_WINDOW_BYTES,
    connection_window_bytes: CONNECTION_WINDOW_BYTES,
    header_bytes_max: HEADER_LIST_BYTES_MAX,
    send_buffer_bytes: STREAM_SEND_BUFFER_BYTES,
    pending_resets_max: PENDING_RESETS_MAX,
    keepalive_interval: KEEPALIVE_INTERVAL,
    keepalive_timeout: KEEPALIVE_TIMEOUT,
    head_timeout: HANDSHAKE_TIMEOUT,
    http1_buffer_bytes: HTTP1_BUFFER_BYTES,
};
