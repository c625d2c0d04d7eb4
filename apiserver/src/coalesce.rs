//! Fewer, larger writes.
//!
//! Many streams of one connection become ready together: a change that all watch, answers of one
//! round of consensus. Each wakes the connection, which the runtime then runs before the next
//! stream, so that every frame would cost a system call (and under TLS a record). Below HTTP/2,
//! [`Coalescing`] answers the first flush with a wake-up of its own task: the connection goes to
//! the end of the queue, the other streams add their frames, and the next flush writes all.

use bytes::{Buf, BytesMut};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Gathered before a write does not wait for a flush.
const GATHERED_BYTES_MAX: usize = 65_536;
/// Kept by an idle connection.
const KEPT_BYTES_MAX: usize = 16_384;

#[derive(Debug)]
pub struct Coalescing<S> {
    inner: S,
    gathered: BytesMut,
    flush: Flush,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flush {
    /// Nobody has asked.
    Idle,
    /// Asked for in this poll of the connection, which is woken again.
    Deferred,
    /// A later poll has begun (a connection reads whenever it is polled): flush when asked.
    Due,
}

impl<S> Coalescing<S> {
    pub fn new(inner: S) -> Self {
        Self { inner, gathered: BytesMut::new(), flush: Flush::Idle }
    }
}

impl<S: AsyncWrite + Unpin> Coalescing<S> {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.gathered.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.gathered))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.gathered.advance(written);
        }
        if self.gathered.capacity() > KEPT_BYTES_MAX {
            self.gathered = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }

    /// True if `len` more bytes are to be gathered, with room for them made; false if they are to
    /// be written at once.
    fn poll_room(&mut self, cx: &mut Context<'_>, len: usize) -> Poll<io::Result<bool>> {
        if self.gathered.len() + len > GATHERED_BYTES_MAX {
            ready!(self.poll_drain(cx))?;
        }
        Poll::Ready(Ok(len <= GATHERED_BYTES_MAX))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Coalescing<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.flush == Flush::Deferred {
            self.flush = Flush::Due;
        }
        Pin::new(&mut self.inner).poll_read(cx, out)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Coalescing<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if ready!(self.poll_room(cx, bytes.len()))? {
            self.gathered.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = parts.iter().map(|part| part.len()).sum();
        if ready!(self.poll_room(cx, len))? {
            self.gathered.reserve(len);
            parts.iter().for_each(|part| self.gathered.extend_from_slice(part));
            return Poll::Ready(Ok(len));
        }
        Pin::new(&mut self.inner).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.gathered.is_empty() {
            match self.flush {
                Flush::Idle => {
                    self.flush = Flush::Deferred;
                    cx.waker().wake_by_ref();
                    return Poll::Ready(Ok(()));
                }
                Flush::Deferred => return Poll::Ready(Ok(())),
                Flush::Due => ready!(self.poll_drain(cx))?,
            }
        }
        self.flush = Flush::Idle;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::task::noop_waker_ref;
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    fn flush(stream: &mut Coalescing<DuplexStream>) -> bool {
        let mut cx = Context::from_waker(noop_waker_ref());
        Pin::new(stream).poll_flush(&mut cx).is_ready()
    }

    fn write(stream: &mut Coalescing<DuplexStream>, bytes: &[u8]) -> Option<usize> {
        let mut cx = Context::from_waker(noop_waker_ref());
        match Pin::new(stream).poll_write(&mut cx, bytes) {
            Poll::Ready(written) => Some(written.unwrap()),
            Poll::Pending => None,
        }
    }

    /// What a poll of a connection begins with.
    fn read(stream: &mut Coalescing<DuplexStream>) {
        let mut space = [0; 8];
        let mut cx = Context::from_waker(noop_waker_ref());
        let poll = Pin::new(stream).poll_read(&mut cx, &mut ReadBuf::new(&mut space));
        assert!(poll.is_pending());
    }

    async fn received(far: &mut DuplexStream, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        far.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    #[tokio::test]
    async fn one_write_for_the_frames_of_several_polls() {
        let (near, mut far) = duplex(1_000);
        let mut stream = Coalescing::new(near);
        assert_eq!(write(&mut stream, b"one "), Some(4));
        assert!(flush(&mut stream) && flush(&mut stream));
        let mut space = [0; 1];
        let early = Pin::new(&mut far)
            .poll_read(&mut Context::from_waker(noop_waker_ref()), &mut ReadBuf::new(&mut space));
        assert!(early.is_pending(), "nothing is written in the poll that wrote it");
        assert_eq!(write(&mut stream, b"two"), Some(3));
        read(&mut stream);
        assert!(flush(&mut stream));
        assert_eq!(received(&mut far, 7).await, b"one two");
        assert_eq!(stream.flush, Flush::Idle);
    }

    #[tokio::test]
    async fn a_blocked_connection_gathers_no_more_than_its_limit() {
        let (near, mut far) = duplex(100);
        let mut stream = Coalescing::new(near);
        let part = [7; 10_000];
        let mut accepted = 0;
        while let Some(len) = write(&mut stream, &part) {
            accepted += len;
            assert!(accepted <= GATHERED_BYTES_MAX + 100);
        }
        read(&mut stream);
        let all = received(&mut far, accepted);
        let drain = std::future::poll_fn(|cx| stream.poll_drain(cx));
        let (bytes, drained) = tokio::join!(all, drain);
        drained.unwrap();
        assert_eq!(bytes, vec![7; accepted]);
        assert!(stream.gathered.capacity() <= KEPT_BYTES_MAX);
    }

    #[tokio::test]
    async fn a_shutdown_writes_what_is_left() {
        let (near, mut far) = duplex(100);
        let mut stream = Coalescing::new(near);
        write(&mut stream, b"left");
        std::future::poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx)).await.unwrap();
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"left");
    }
}
