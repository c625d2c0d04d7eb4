//! [`ListBody`]: a list on its way out, made as it is sent.
//!
//! Invariant: what it holds does not grow with the list.

use super::indent::Indenter;
use super::source::Items;
use super::writer::Writer;
use crate::kube::body::BodyError;
use crate::kube::limits::{LIST_CHUNK_BYTES, LIST_CHUNKS_PER_TURN, LIST_EXAMINED_PER_TURN};
use crate::kube::shape::AtRest;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::Frame;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use xebec_core::status::Status;

/// Room made for an item: objects mostly have one to two KB.
const ITEM_BYTES_GUESS: usize = 1_536;

/// Writes pieces of a list.
#[derive(Debug)]
pub struct ListBody {
    items: Items,
    writer: Writer,
    indenter: Option<Indenter>,
    gzip: Option<GzEncoder<Vec<u8>>>,
    stage: Stage,
    /// Made before the answer began, and not sent yet.
    ready: Bytes,
    /// Pieces since others had a turn.
    burst: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Head,
    Items,
    Ended,
}

/// A list, or its beginning.
#[derive(Debug)]
pub enum Begun {
    Whole(Vec<u8>),
    /// More follows; nothing is compressed so far.
    Part(Vec<u8>),
}

impl ListBody {
    pub fn new(items: Items, writer: Writer, pretty: bool) -> Self {
        Self {
            items,
            writer,
            indenter: pretty.then(Indenter::default),
            gzip: None,
            stage: Stage::Head,
            ready: Bytes::new(),
            burst: 0,
        }
    }

    /// Makes the first piece, of more than `len` bytes if the list has them: what fails before
    /// anything is sent can be told properly.
    pub async fn begin(&mut self, len: usize) -> Result<Begun, Status> {
        let mut begun = Vec::with_capacity(LIST_CHUNK_BYTES);
        while begun.len() <= len {
            let piece = std::future::poll_fn(|cx| self.poll_piece(cx)).await?;
            begun.extend_from_slice(&piece);
            if self.stage == Stage::Ended {
                return Ok(Begun::Whole(begun));
            }
            tokio::task::yield_now().await;
        }
        Ok(Begun::Part(begun))
    }

    /// What goes out after the head of the answer: what was begun, then the rest.
    pub fn go_on(mut self, begun: Vec<u8>, gzip: bool) -> Self {
        if gzip {
            self.gzip = Some(GzEncoder::new(Vec::new(), Compression::fast()));
        }
        self.ready = self.compressed(begun).into();
        self
    }

    /// The next piece, not compressed. May be empty when much was looked at and little selected.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<u8>, Status>> {
        let Self { items, writer, stage, .. } = self;
        let mut out = Vec::new();
        if *stage == Stage::Head {
            *stage = Stage::Items;
            writer.head(&mut out);
        }
        let room = items.count_max().saturating_mul(ITEM_BYTES_GUESS);
        out.reserve(room.min(LIST_CHUNK_BYTES + LIST_CHUNK_BYTES / 8));
        let more = items.poll_each(cx, LIST_EXAMINED_PER_TURN, |kv| {
            writer.item(&mut out, AtRest::from(kv))?;
            let full = out.len() >= LIST_CHUNK_BYTES;
            Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        match more {
            Poll::Pending if out.is_empty() => return Poll::Pending,
            Poll::Pending => {}
            Poll::Ready(more) => {
                if !more? {
                    writer.tail(&mut out);
                    *stage = Stage::Ended;
                }
            }
        }
        if let Some(indenter) = &mut self.indenter {
            let compact = std::mem::take(&mut out);
            out.reserve(compact.len() * 2);
            indenter.push(&compact, &mut out);
        }
        Poll::Ready(Ok(out))
    }

    fn compressed(&mut self, piece: Vec<u8>) -> Vec<u8> {
        let Some(gzip) = &mut self.gzip else { return piece };
        gzip.write_all(&piece).expect("memory takes every write");
        if self.stage == Stage::Ended
            && let Some(gzip) = self.gzip.take()
        {
            return gzip.finish().expect("memory takes every write");
        }
        let Some(gzip) = &mut self.gzip else { return Vec::new() };
        std::mem::take(gzip.get_mut())
    }
}

impl http_body::Body for ListBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let body = &mut *self;
        if !body.ready.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut body.ready)))));
        }
        while body.stage != Stage::Ended {
            if body.burst >= LIST_CHUNKS_PER_TURN {
                body.burst = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            body.burst += 1;
            match ready!(body.poll_piece(cx)) {
                Ok(piece) => {
                    let piece = body.compressed(piece);
                    if !piece.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(piece.into()))));
                    }
                }
                Err(status) => {
                    // Too late to say so: the client sees that the answer has no end.
                    tracing::warn!(%status, "a list ended early");
                    body.stage = Stage::Ended;
                    return Poll::Ready(Some(Err(status.into())));
                }
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.stage == Stage::Ended && self.ready.is_empty()
    }
}
