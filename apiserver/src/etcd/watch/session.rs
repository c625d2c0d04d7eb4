//! One client's stream of watches, as a stream of responses.
//!
//! There is no task and no channel: when the connection has room, it polls the session, which
//! takes requests and deliveries in turns and makes responses of them. What a slow reader makes
//! the session hold is one turn's responses, which mostly point into memory shared by all.

use super::super::context::Context;
use super::super::errors::EtcdError;
use super::super::limits::WATCH_REQUESTS_PER_TURN;
use super::super::proto::etcdserverpb::{ResponseHeader, WatchRequest, WatchResponse};
use super::super::wire::{EventRun, WatchReply};
use super::events::CatchUps;
use super::progress::Progress;
use futures::Stream;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{self, Poll};
use tonic::{Status, Streaming};
use xebec_store::kv::Revision;
use xebec_store::watch::WatchStream;

type Ending = Pin<Box<dyn Future<Output = EtcdError> + Send>>;

/// One watch of the session, beside what the hub knows of it.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// Wants to hear of progress when there are no events.
    pub progress_notify: bool,
    /// Nothing was sent since the last round of progress notifications.
    pub quiet: bool,
    /// Takes large responses in fragments.
    pub fragment: bool,
}

pub struct Session {
    pub(super) context: Arc<Context>,
    /// `None` after the client has closed its side.
    requests: Option<Streaming<WatchRequest>>,
    pub(super) hub: WatchStream,
    pub(super) watches: HashMap<i64, Watched>,
    pub(super) next_id: i64,
    pub(super) catch_ups: CatchUps,
    pub(super) progress: Progress,
    replies: VecDeque<WatchReply>,
    ending: Ending,
    ended: bool,
}

impl Session {
    pub(super) fn new(
        context: Arc<Context>,
        requests: Streaming<WatchRequest>,
        requires_leader: bool,
    ) -> Self {
        context.watch_counts.streams.fetch_add(1, Ordering::Relaxed);
        Self {
            requests: Some(requests),
            hub: context.watches(),
            watches: HashMap::new(),
            next_id: 0,
            catch_ups: CatchUps::default(),
            progress: Progress::default(),
            replies: VecDeque::new(),
            ending: Box::pin(context.ending(requires_leader)),
            ended: false,
            context,
        }
    }

    pub(super) fn add_watch(&mut self, id: i64, watched: Watched) {
        self.watches.insert(id, watched);
        self.context.watch_counts.watches.fetch_add(1, Ordering::Relaxed);
    }

    /// False if there is none of this id.
    pub(super) fn remove_watch(&mut self, id: i64) -> bool {
        let found = self.watches.remove(&id).is_some();
        if found {
            self.context.watch_counts.watches.fetch_sub(1, Ordering::Relaxed);
        }
        found
    }

    /// A response of this watch without events, to be changed as needed.
    pub(super) fn head(&self, watch_id: i64, revision: Revision) -> WatchResponse {
        let header: ResponseHeader = self.context.header(revision);
        WatchResponse { header: Some(header), watch_id, ..WatchResponse::default() }
    }

    pub(super) fn current_revision(&self) -> Revision {
        self.context.view().revision()
    }

    pub(super) fn reply(&mut self, head: WatchResponse) {
        self.reply_with(head, EventRun::None);
    }

    pub(super) fn reply_with(&mut self, head: WatchResponse, events: EventRun) {
        self.replies.push_back(WatchReply { head, events });
    }

    /// Handles what the client has sent, up to a turn's worth. True if there was something.
    fn poll_requests(&mut self, cx: &mut task::Context<'_>) -> Result<bool, Status> {
        for turn in 0..WATCH_REQUESTS_PER_TURN {
            let Some(requests) = &mut self.requests else { return Ok(turn > 0) };
            match Pin::new(requests).poll_next(cx) {
                Poll::Pending => return Ok(turn > 0),
                Poll::Ready(None) => self.requests = None,
                Poll::Ready(Some(request)) => self.handle(request?),
            }
        }
        Ok(true)
    }

    /// One turn. False if there is nothing to do, and a waker is set for everything that may come.
    fn turn(&mut self, cx: &mut task::Context<'_>) -> Result<bool, Status> {
        if let Poll::Ready(error) = self.ending.as_mut().poll(cx) {
            return Err(error.into());
        }
        let mut busy = self.poll_requests(cx)?;
        busy |= self.poll_catch_ups(cx)?;
        busy |= self.poll_events(cx);
        busy |= self.poll_progress(cx);
        Ok(busy)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let counts = &self.context.watch_counts;
        counts.streams.fetch_sub(1, Ordering::Relaxed);
        counts.watches.fetch_sub(self.watches.len() as u64, Ordering::Relaxed);
    }
}

impl Stream for Session {
    type Item = Result<WatchReply, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        let session = self.get_mut();
        loop {
            if let Some(reply) = session.replies.pop_front() {
                return Poll::Ready(Some(Ok(reply)));
            }
            if session.ended {
                return Poll::Ready(None);
            }
            match session.turn(cx) {
                Ok(true) => {}
                Ok(false) if session.replies.is_empty() => return Poll::Pending,
                Ok(false) => {}
                Err(status) => {
                    session.ended = true;
                    return Poll::Ready(Some(Err(status)));
                }
            }
        }
    }
}
