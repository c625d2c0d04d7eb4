//! Clients that put a URL where a host belongs.
//!
//! etcd's Go client dials some calls (`etcdctl endpoint status`, `snapshot save`, …) so that the
//! `:authority` of its requests is `http://127.0.0.1:2379`. grpc-go does not mind; HTTP/2 as
//! specified, and the `h2` crate, refuse such a request. [`LenientAuthority`] stands below HTTP/2
//! on a connection and takes the scheme away.
//!
//! A connection has one authority: if the first request's is in order, the rest of the connection
//! is passed through untouched, so that only the clients concerned pay. Where it is not, every
//! header block is looked at, since the field is sent anew whenever it has left the table of known
//! fields. The shortened field makes the reader's table keep its entries a little longer than the
//! writer's, never shorter, so that every reference means the same to both.

mod hpack;
mod huffman;

use bytes::{Buf, BytesMut};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a client sends first.
const PREFACE_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 9;
const TYPE_HEADERS: u8 = 1;
const FLAG_PADDED: u8 = 0x8;
const FLAG_PRIORITY: u8 = 0x20;
const PRIORITY_BYTES: usize = 5;
/// HTTP/2's initial limit of a frame, which we do not raise; `h2` answers a larger one.
const FRAME_BYTES_MAX: usize = 16_384;
const READ_BYTES: usize = 4_096;

/// A connection whose requests may have a URL for an authority.
#[derive(Debug)]
pub struct LenientAuthority<S> {
    inner: S,
    frames: Frames,
    /// Read and not yet given on.
    ready: BytesMut,
}

/// Where the reading of frames stands.
#[derive(Debug)]
struct Frames {
    /// Read and not yet looked at: less than a frame.
    raw: BytesMut,
    /// Bytes to be passed on unseen: the preface, or the payload of an uninteresting frame.
    unseen: usize,
    /// False from when it is clear that nothing needs to be changed.
    watching: bool,
    /// The client is one of those concerned.
    concerned: bool,
}

impl<S> LenientAuthority<S> {
    pub fn new(inner: S) -> Self {
        let frames = Frames {
            raw: BytesMut::new(),
            unseen: PREFACE_BYTES,
            watching: true,
            concerned: false,
        };
        Self { inner, frames, ready: BytesMut::new() }
    }
}

impl Frames {
    /// Moves what is complete from `raw` to `out`.
    fn advance(&mut self, out: &mut BytesMut) {
        while self.watching && self.step(out) {}
        if !self.watching {
            out.unsplit(self.raw.split());
        }
    }

    /// False if more has to be read first.
    fn step(&mut self, out: &mut BytesMut) -> bool {
        if self.unseen > 0 {
            let len = self.unseen.min(self.raw.len());
            out.unsplit(self.raw.split_to(len));
            self.unseen -= len;
            return self.unseen == 0;
        }
        let Some(header) = self.raw.first_chunk::<FRAME_HEADER_BYTES>() else { return false };
        let len =
            usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        if header[3] != TYPE_HEADERS || len > FRAME_BYTES_MAX {
            self.unseen = FRAME_HEADER_BYTES + len;
            return true;
        }
        if self.raw.len() < FRAME_HEADER_BYTES + len {
            return false;
        }
        let frame = self.raw.split_to(FRAME_HEADER_BYTES + len);
        match corrected(&frame) {
            Some(corrected) => {
                self.concerned = true;
                out.extend_from_slice(&corrected);
            }
            None => {
                self.watching = self.concerned;
                out.unsplit(frame);
            }
        }
        true
    }
}

/// A HEADERS frame with its authority put in order, or `None` if it is.
fn corrected(frame: &[u8]) -> Option<Vec<u8>> {
    let (header, payload) = frame.split_at(FRAME_HEADER_BYTES);
    let padded = header[4] & FLAG_PADDED != 0;
    let mut start = usize::from(padded);
    if header[4] & FLAG_PRIORITY != 0 {
        start += PRIORITY_BYTES;
    }
    let padding = if padded { usize::from(*payload.first()?) } else { 0 };
    let end = payload.len().checked_sub(padding)?;
    let block = payload.get(start..end)?;
    let change = hpack::find_authority(block)?;
    let host = host_of(&change.value)?;
    let mut out = header.to_vec();
    out.extend_from_slice(&payload[..start]);
    out.extend_from_slice(&block[..change.at.start]);
    hpack::put_string(host.as_bytes(), &mut out);
    out.extend_from_slice(&block[change.at.end..]);
    out.extend_from_slice(&payload[end..]);
    let len = u32::try_from(out.len() - FRAME_HEADER_BYTES).ok()?;
    out[..3].copy_from_slice(&len.to_be_bytes()[1..]);
    (out.len() <= FRAME_HEADER_BYTES + FRAME_BYTES_MAX).then_some(out)
}

/// The host and port of a URL; `None` for what is no URL.
fn host_of(authority: &str) -> Option<&str> {
    let rest = authority.strip_prefix("http://").or_else(|| authority.strip_prefix("https://"))?;
    rest.split('/').next()
}

impl<S: AsyncRead + Unpin> AsyncRead for LenientAuthority<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.ready.is_empty() {
            if !this.frames.watching {
                return Pin::new(&mut this.inner).poll_read(cx, out);
            }
            let mut space = [0; READ_BYTES];
            let mut space = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut space))?;
            if space.filled().is_empty() {
                this.frames.watching = false;
            }
            this.frames.raw.extend_from_slice(space.filled());
            this.frames.advance(&mut this.ready);
            if space.filled().is_empty() && this.ready.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
        let len = this.ready.len().min(out.remaining());
        out.put_slice(&this.ready[..len]);
        this.ready.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LenientAuthority<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
