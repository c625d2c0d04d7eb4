//! [`Http`]: HTTP on one connection, within its limits, until it is over.

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::rt::bounds::Http2ServerConnExec;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    #[error("no TLS or HTTP in time")]
    Handshake,
    #[error("requests did not end in time")]
    Drain,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

/// A connection has little time to begin, and none when the server stops.
pub async fn within<T>(
    patience: Duration,
    work: impl Future<Output = T>,
    stop: &CancellationToken,
) -> Result<T, ConnectionError> {
    let work = stop.run_until_cancelled(work);
    let done = timeout(patience, work).await.ok().flatten();
    done.ok_or(ConnectionError::Handshake)
}

/// What one connection may take.
#[derive(Debug, Clone)]
pub struct Http {
    /// Requests under way at once.
    pub streams_max: u32,
    pub stream_window_bytes: u32,
    pub connection_window_bytes: u32,
    /// All headers of a request.
    pub header_bytes_max: u32,
    /// Encoded ahead of a slow reader, for each stream.
    pub send_buffer_bytes: usize,
    /// Streams opened and reset before they were taken up.
    pub pending_resets_max: usize,
    pub keepalive_interval: Duration,
    pub keepalive_timeout: Duration,
    /// HTTP/1.1: from the end of a request to the end of the next one's head.
    pub head_timeout: Duration,
    /// HTTP/1.1: a request's head.
    pub http1_buffer_bytes: usize,
}

impl Http {
    /// Serves HTTP/2 until the client closes the connection, or until `end`: then no new requests
    /// are taken, and those under way have as long as it says. They run in `requests`.
    pub async fn serve_http2<S, A, F, B>(
        &self,
        stream: S,
        requests: TaskTracker,
        answer: A,
        end: impl Future<Output = Duration>,
    ) -> Result<(), ConnectionError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        A: Fn(Request<Incoming>) -> F,
        F: Future<Output = Result<Response<B>, Infallible>> + 'static,
        B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
        Requests: Http2ServerConnExec<F, B>,
    {
        let builder = self.http2_builder(Requests(requests));
        let mut connection =
            pin!(builder.serve_connection(TokioIo::new(stream), service_fn(answer)));
        let patience = tokio::select! {
            result = connection.as_mut() => return Ok(result?),
            patience = end => patience,
        };
        connection.as_mut().graceful_shutdown();
        let drained = timeout(patience, connection).await;
        Ok(drained.map_err(|_| ConnectionError::Drain)??)
    }

    /// The same for HTTP/1.1, whose requests run in the task of the connection.
    pub async fn serve_http1<S, A, F, B>(
        &self,
        stream: S,
        answer: A,
        end: impl Future<Output = Duration>,
    ) -> Result<(), ConnectionError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        A: Fn(Request<Incoming>) -> F,
        F: Future<Output = Result<Response<B>, Infallible>> + 'static,
        B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
    {
        let builder = self.http1_builder();
        let mut connection =
            pin!(builder.serve_connection(TokioIo::new(stream), service_fn(answer)));
        let patience = tokio::select! {
            result = connection.as_mut() => return Ok(result?),
            patience = end => patience,
        };
        connection.as_mut().graceful_shutdown();
        let drained = timeout(patience, connection).await;
        Ok(drained.map_err(|_| ConnectionError::Drain)??)
    }

    fn http2_builder(&self, requests: Requests) -> http2::Builder<Requests> {
        let mut builder = http2::Builder::new(requests);
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.streams_max)
            .initial_stream_window_size(self.stream_window_bytes)
            .initial_connection_window_size(self.connection_window_bytes)
            .max_header_list_size(self.header_bytes_max)
            .max_send_buf_size(self.send_buffer_bytes)
            .max_pending_accept_reset_streams(self.pending_resets_max)
            .keep_alive_interval(self.keepalive_interval)
            .keep_alive_timeout(self.keepalive_timeout)
            .auto_date_header(false);
        builder
    }

    fn http1_builder(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout)
            .max_buf_size(self.http1_buffer_bytes);
        builder
    }
}

/// Runs the requests of HTTP/2 connections where the server can wait for them.
#[derive(Clone)]
pub struct Requests(TaskTracker);

impl<F> Executor<F> for Requests
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, request: F) {
        self.0.spawn(request);
    }
}
