//! The server side of the gRPC transport.

use super::codec::BytesCodec;
use super::{
    CONNECTION_WINDOW_BYTES, MESSAGE_BYTES_MAX, Method, PING_INTERVAL, PING_TIMEOUT, PeerTls,
    SERVICE, STREAM_WINDOW_BYTES, from_status, to_status,
};
use crate::limits::STREAM_BUFFER_MESSAGES;
use crate::transport::{BoxFuture, Duplex, PeerService};
use bytes::Bytes;
use std::convert::Infallible;
use std::future::Future;
use std::net::TcpListener;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::codegen::tokio_stream::adapters::Map;
use tonic::server::{Grpc, NamedService, StreamingService, UnaryService};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// After the end was asked for, open streams get so long.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Streams that one peer may have open at a time on a connection: a few are in use.
const STREAMS_MAX: u32 = 256;

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the peer listener")]
    Listen(#[source] std::io::Error),
    #[error("the peer server")]
    Serve(#[source] tonic::transport::Error),
}

/// Serves peers on `listener` until `shutdown`. To be run on the replica's runtime; the listener
/// is taken over by whichever runtime this runs on.
pub async fn serve(
    listener: TcpListener,
    service: PeerService,
    tls: Option<PeerTls>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    listener.set_nonblocking(true).map_err(ServeError::Listen)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(ServeError::Listen)?;
    let incoming = TcpListenerStream::new(listener).map(|accepted| {
        let stream = accepted?;
        stream.set_nodelay(true)?;
        Ok::<_, std::io::Error>(stream)
    });
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(PING_INTERVAL))
        .http2_keepalive_timeout(Some(PING_TIMEOUT))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(STREAMS_MAX);
    if let Some(tls) = tls {
        server = server.tls_config(tls.server()).map_err(ServeError::Serve)?;
    }
    let streams = TaskTracker::new();
    let peer = PeerServer { service, streams: streams.clone() };
    let (asked, ended) = tokio::sync::oneshot::channel();
    let shutdown = async move {
        shutdown.await;
        // The receiver waits for this, or is gone with the server.
        let _ = asked.send(());
    };
    let serving = server.add_service(peer).serve_with_incoming_shutdown(incoming, shutdown);
    tokio::select! {
        served = serving => served.map_err(ServeError::Serve)?,
        () = async {
            let _ = ended.await;
            tokio::time::sleep(DRAIN_TIMEOUT).await;
        } => {}
    }
    streams.close();
    // A stream whose connection is gone ends by itself.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, streams.wait()).await;
    Ok(())
}

#[derive(Clone)]
struct PeerServer {
    service: PeerService,
    streams: TaskTracker,
}

impl NamedService for PeerServer {
    const NAME: &'static str = SERVICE;
}

impl tower::Service<http::Request<Body>> for PeerServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let Some(method) = Method::ALL.into_iter().find(|method| method.path() == path) else {
            let unknown = Status::unimplemented("no such method").into_http();
            return Box::pin(std::future::ready(Ok(unknown)));
        };
        let handler = Handler { server: self.clone(), method };
        Box::pin(async move {
            let mut grpc = Grpc::new(BytesCodec)
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX);
            Ok(if method.is_stream() {
                grpc.streaming(handler, request).await
            } else {
                grpc.unary(handler, request).await
            })
        })
    }
}

/// One method of the service.
struct Handler {
    server: PeerServer,
    method: Method,
}

impl UnaryService<Bytes> for Handler {
    type Response = Bytes;
    type Future = BoxFuture<'static, Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (service, method) = (self.server.service.clone(), self.method);
        Box::pin(async move {
            let answer = service.call(method, request.into_inner()).await;
            answer.map(Response::new).map_err(|error| to_status(&error))
        })
    }
}

impl StreamingService<Bytes> for Handler {
    type Response = Bytes;
    type ResponseStream = Map<ReceiverStream<Bytes>, fn(Bytes) -> Result<Bytes, Status>>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let (tx, answers) = mpsc::channel(STREAM_BUFFER_MESSAGES);
        let (requests, rx) = mpsc::channel(STREAM_BUFFER_MESSAGES);
        let (service, method) = (self.server.service.clone(), self.method);
        let mut incoming = request.into_inner();
        let carry = async move {
            loop {
                let message = match incoming.message().await {
                    Ok(Some(message)) => Ok(message),
                    Ok(None) => return,
                    Err(status) => Err(from_status(0, &status)),
                };
                let is_last = message.is_err();
                if requests.send(message).await.is_err() || is_last {
                    return;
                }
            }
        };
        let handle = async move { service.stream(method, Duplex { tx, rx }).await };
        self.server.streams.spawn(async move {
            // The handler sees the end of `carry` as the end of its receiver.
            tokio::pin!(handle);
            tokio::select! {
                biased;
                () = &mut handle => return,
                () = carry => {}
            }
            handle.await;
        });
        let answers: Self::ResponseStream = ReceiverStream::new(answers).map(Ok as fn(_) -> _);
        Box::pin(std::future::ready(Ok(Response::new(answers))))
    }
}
