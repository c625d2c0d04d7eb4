//! [`WatchBody`]: one watch on its way to its client.
//!
//! There is no task and no queue: the connection polls, and gets what the store's hub has for the
//! watch, mostly in bytes that all watches of its kind share. A slow client is not polled, holds one
//! chunk at most, and finds the rest in the hub, or on disk.

use super::change::Change;
use super::kind::Kind;
use super::shared::{ShowError, chunk, chunk_with_headers};
use crate::kube::body::BodyError;
use crate::kube::limits::{
    BOOKMARK_PERIOD, LIST_CHUNK_BYTES, LIST_CHUNKS_PER_TURN, LIST_EXAMINED_PER_TURN,
    WATCH_EVENTS_PER_CHUNK, WATCH_STEPS_PER_TURN,
};
use crate::kube::list::source::Items;
use crate::kube::shape::AtRest;
use bytes::Bytes;
use http_body::Frame;
use std::future::Future as _;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use xebec_core::status::Status;
use xebec_store::kv::Revision;
use xebec_store::watch::{Batches, CaughtUp, Delivery, WatchStream};

/// The only watch of its stream.
pub const ID: i64 = 0;

/// Where a watch begins.
#[derive(Debug)]
pub enum Beginning {
    /// With the objects that there are, and then, if wanted, the bookmark that says so.
    Objects { items: Box<Items>, bookmark: bool },
    /// With the next change.
    Changes,
    /// With the end.
    Error(Status),
}

/// What a watch is to be told of, and until when.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// It has seen everything up to here.
    pub position: Revision,
    pub bookmarks: bool,
    pub deadline: Instant,
}

pub struct WatchBody {
    kind: Arc<Kind>,
    hub: WatchStream,
    stage: Stage,
    terms: Terms,
    /// The next table is the first.
    headers: bool,
    timer: Pin<Box<Sleep>>,
    /// The resource is no longer what it was: it ends without a word, and its client begins anew.
    until: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// Steps since others had a turn.
    burst: usize,
    /// Events sent to all watches of the resource.
    sent: Arc<AtomicU64>,
}

enum Stage {
    Objects {
        items: Box<Items>,
        bookmark: bool,
    },
    Changes,
    /// History is read from disk.
    Reading(JoinHandle<CaughtUp>),
    Failed(Box<Status>),
    Ended,
}

impl WatchBody {
    pub fn new(kind: Arc<Kind>, hub: WatchStream, beginning: Beginning, terms: Terms) -> Self {
        let stage = match beginning {
            Beginning::Objects { items, bookmark } => Stage::Objects { items, bookmark },
            Beginning::Changes => Stage::Changes,
            Beginning::Error(status) => Stage::Failed(Box::new(status)),
        };
        let headers = kind.framer.has_headers();
        let timer = Box::pin(sleep_until(next_alarm(terms.deadline)));
        let (until, sent) = (None, Arc::default());
        Self { kind, hub, stage, terms, headers, timer, until, burst: 0, sent }
    }

    /// Counts the events that it sends.
    #[must_use]
    pub fn counting(mut self, sent: Arc<AtomicU64>) -> Self {
        self.sent = sent;
        self
    }

    /// Ends the watch when `until` does.
    #[must_use]
    pub fn until(mut self, until: CancellationToken) -> Self {
        self.until = Some(Box::pin(until.cancelled_owned()));
        self
    }

    /// One step; `None` if it made nothing to send.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match &mut self.stage {
            Stage::Objects { .. } => self.poll_objects(cx),
            Stage::Changes => self.poll_changes(cx),
            Stage::Reading(reading) => {
                let read = ready!(Pin::new(reading).poll(cx));
                self.stage = Stage::Changes;
                match read {
                    Ok(read) => match read.error() {
                        None => self.hub.resume(read),
                        Some(error) => self.fail(Status::internal(error)),
                    },
                    // The runtime ends, and the watch with it.
                    Err(_) => self.stage = Stage::Ended,
                }
                Poll::Ready(None)
            }
            Stage::Failed(status) => {
                let mut out = Vec::new();
                // A status can always be written; if not, the watch just ends.
                let _ = self.kind.framer.push_error(&mut out, status);
                self.stage = Stage::Ended;
                Poll::Ready(Some(out.into()))
            }
            Stage::Ended => Poll::Ready(None),
        }
    }

    fn fail(&mut self, status: Status) {
        self.stage = Stage::Failed(Box::new(status));
    }

    /// Sends the objects that there are.
    fn poll_objects(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Self { kind, headers, stage: Stage::Objects { items, bookmark }, .. } = self else {
            return Poll::Ready(None);
        };
        let mut out = Vec::new();
        let more = items.poll_each(cx, LIST_EXAMINED_PER_TURN, |kv| {
            let headers = std::mem::take(headers);
            kind.framer.push(&mut out, Change::Added, AtRest::from(kv), headers)?;
            let full = out.len() >= LIST_CHUNK_BYTES;
            Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        let bookmark = *bookmark;
        match ready!(more) {
            Ok(true) => {}
            Ok(false) => {
                self.stage = Stage::Changes;
                if bookmark {
                    self.push_bookmark(&mut out, self.terms.position, true);
                }
            }
            Err(status) => self.fail(status),
        }
        Poll::Ready(filled(out.into()))
    }

    fn poll_changes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(self.alarm());
        }
        // Asked before the hub: what happened until then is still told.
        let until = self.until.as_mut().map(|until| until.as_mut().poll(cx));
        let ends = until.is_some_and(|until| until.is_ready());
        match self.hub.next(WATCH_EVENTS_PER_CHUNK) {
            Some(Delivery::Events { batches, .. }) => return Poll::Ready(self.show(&batches)),
            Some(Delivery::Behind(catch_up)) => {
                let reading = tokio::task::spawn_blocking(move || catch_up.read());
                self.stage = Stage::Reading(reading);
            }
            Some(Delivery::Compacted { compact_revision, .. }) => {
                self.fail(too_old(self.terms.position, compact_revision));
            }
            None if ends => self.stage = Stage::Ended,
            None => ready!(self.hub.poll_ready(cx)),
        }
        Poll::Ready(None)
    }

    fn show(&mut self, batches: &Batches) -> Option<Bytes> {
        let made = if self.headers {
            chunk_with_headers(&self.kind, batches)
        } else {
            chunk(&self.kind, batches)
        };
        let through = batches.last().map_or(self.terms.position, |batch| batch.revision());
        match made {
            Ok(chunk) => {
                self.terms.position = through;
                self.headers &= chunk.bytes.is_empty();
                if chunk.events > 0 {
                    self.sent.fetch_add(chunk.events, Ordering::Relaxed);
                }
                return filled(chunk.bytes);
            }
            Err(ShowError::Compacted) => self.fail(too_old(self.terms.position, through)),
            Err(ShowError::Status(status)) => self.fail(status),
        }
        None
    }

    /// Tells the client how far it is, from time to time and at the end.
    fn alarm(&mut self) -> Option<Bytes> {
        if Instant::now() >= self.terms.deadline {
            self.stage = Stage::Ended;
        } else {
            self.timer.as_mut().reset(next_alarm(self.terms.deadline));
        }
        let synced = self.hub.synced_revision(ID).filter(|_| self.terms.bookmarks)?;
        let mut out = Vec::new();
        self.push_bookmark(&mut out, synced, false);
        filled(out.into())
    }

    fn push_bookmark(&mut self, out: &mut Vec<u8>, revision: Revision, initial_end: bool) {
        let headers = std::mem::take(&mut self.headers);
        let pushed = self.kind.framer.push_bookmark(out, revision, (initial_end, headers));
        if let Err(status) = pushed {
            self.fail(status);
        }
    }
}

fn filled(chunk: Bytes) -> Option<Bytes> {
    Some(chunk).filter(|chunk| !chunk.is_empty())
}

fn next_alarm(deadline: Instant) -> Instant {
    deadline.min(Instant::now() + BOOKMARK_PERIOD)
}

/// 410: the client has to list anew.
pub fn too_old(revision: Revision, oldest: Revision) -> Status {
    Status::expired(format!("too old resource version: {revision} ({oldest})"))
}

impl http_body::Body for WatchBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let body = &mut *self;
        while !matches!(body.stage, Stage::Ended) {
            let limit = match body.stage {
                Stage::Objects { .. } => LIST_CHUNKS_PER_TURN,
                _ => WATCH_STEPS_PER_TURN,
            };
            if body.burst >= limit {
                body.burst = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            body.burst += 1;
            match body.poll_step(cx) {
                Poll::Ready(Some(chunk)) => return Poll::Ready(Some(Ok(Frame::data(chunk)))),
                Poll::Ready(None) => {}
                Poll::Pending => {
                    body.burst = 0;
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.stage, Stage::Ended)
    }
}
