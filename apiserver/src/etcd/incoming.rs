//! Memory of requests that have not arrived whole.

use super::errors;
use super::limits::INCOMING_BYTES_MAX;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tonic::Status;

/// Bytes held for incomplete requests of all connections.
#[derive(Debug, Clone, Default)]
pub struct Incoming(Arc<AtomicUsize>);

impl Incoming {
    pub fn meter<B>(&self, body: B) -> Metered<B> {
        Metered { body, pool: self.clone(), held: 0 }
    }
}

/// A request body that counts what it has let through until it is dropped, which is when the
/// message has been decoded.
#[derive(Debug)]
pub struct Metered<B> {
    body: B,
    pool: Incoming,
    held: usize,
}

impl<B> Metered<B> {
    fn take(&mut self, len: usize) -> Result<(), Status> {
        self.held += len;
        let held = self.pool.0.fetch_add(len, Ordering::Relaxed) + len;
        if held > INCOMING_BYTES_MAX { Err(errors::TOO_MANY_REQUESTS.into()) } else { Ok(()) }
    }
}

impl<B> Drop for Metered<B> {
    fn drop(&mut self) {
        self.pool.0.fetch_sub(self.held, Ordering::Relaxed);
    }
}

impl<B> Body for Metered<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(Status::from_error(error.into())))),
            Some(Ok(frame)) => frame,
        };
        let len = frame.data_ref().map_or(0, Bytes::len);
        Poll::Ready(Some(self.take(len).map(|()| frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Full};
    use tonic::Code;

    #[tokio::test]
    async fn what_is_held_is_given_back() {
        let incoming = Incoming::default();
        let mut body = incoming.meter(Full::new(Bytes::from_static(b"12345")));
        body.frame().await.unwrap().unwrap();
        assert_eq!(incoming.0.load(Ordering::Relaxed), 5);
        drop(body);
        assert_eq!(incoming.0.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn beyond_the_limit_requests_are_refused() {
        let incoming = Incoming::default();
        incoming.0.store(INCOMING_BYTES_MAX - 4, Ordering::Relaxed);
        let mut body = incoming.meter(Full::new(Bytes::from_static(b"12345")));
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.code(), Code::ResourceExhausted);
        assert_eq!(error.message(), "etcdserver: too many requests");
    }
}
