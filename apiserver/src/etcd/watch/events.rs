//! From the hub's deliveries to responses.

use super::super::errors;
use super::super::limits::{
    MESSAGE_BYTES_MAX, WATCH_DELIVERIES_PER_TURN, WATCH_EVENTS_PER_TURN, WATCH_TURN_BYTES,
};
use super::super::wire::EventRun;
use super::fragment::fragments;
use super::session::Session;
use futures::Stream;
use futures::stream::FuturesUnordered;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use tokio::task::JoinHandle;
use tonic::Status;
use xebec_store::kv::Revision;
use xebec_store::watch::{Batches, CatchUp, CaughtUp, Delivery};

/// Reads of history under way on other threads; the hub limits how many.
pub(super) type CatchUps = FuturesUnordered<JoinHandle<CaughtUp>>;

impl Session {
    /// Takes deliveries, up to a turn's worth. True if there may be more.
    pub(super) fn poll_events(&mut self, cx: &mut Context<'_>) -> bool {
        if self.hub.poll_ready(cx).is_pending() {
            return false;
        }
        let mut bytes = 0;
        for _ in 0..WATCH_DELIVERIES_PER_TURN {
            let Some(delivery) = self.hub.next(WATCH_EVENTS_PER_TURN) else { return true };
            bytes += self.deliver(delivery);
            if bytes >= WATCH_TURN_BYTES {
                break;
            }
        }
        true
    }

    /// Returns the size of the events.
    fn deliver(&mut self, delivery: Delivery) -> usize {
        match delivery {
            Delivery::Events { id, prev_kv, batches } => self.send(id, prev_kv, batches),
            Delivery::Behind(catch_up) => self.catch_up(catch_up),
            Delivery::Compacted { id, compact_revision } => {
                self.end_compacted(id, compact_revision);
                0
            }
        }
    }

    fn send(&mut self, id: i64, prev_kv: bool, batches: Batches) -> usize {
        let Some(watched) = self.watches.get_mut(&id) else { return 0 };
        watched.quiet = false;
        let fragment = watched.fragment;
        let Some(last) = batches.last() else { return 0 };
        let head = self.head(id, last.revision());
        let events: usize = batches.iter().map(|batch| batch.events().len()).sum();
        self.context.watch_counts.events.fetch_add(events as u64, Ordering::Relaxed);
        let run = EventRun::Shared { batches, prev_kv };
        let len = run.len();
        if fragment && len >= MESSAGE_BYTES_MAX {
            for (head, run) in fragments(head, &run) {
                self.reply_with(head, run);
            }
        } else {
            self.reply_with(head, run);
        }
        len
    }

    fn catch_up(&mut self, catch_up: CatchUp) -> usize {
        self.catch_ups.push(self.context.tasks.spawn_blocking(move || catch_up.read()));
        0
    }

    fn end_compacted(&mut self, id: i64, compact_revision: Revision) {
        if !self.remove_watch(id) {
            return;
        }
        let mut head = self.head(id, self.current_revision());
        head.canceled = true;
        head.compact_revision = compact_revision;
        self.reply(head);
    }

    /// Gives what was read back to the hub. A disk that does not read ends the session: the client
    /// goes to another member.
    pub(super) fn poll_catch_ups(&mut self, cx: &mut Context<'_>) -> Result<bool, Status> {
        let mut busy = false;
        while let Poll::Ready(Some(read)) = Pin::new(&mut self.catch_ups).poll_next(cx) {
            let Ok(caught_up) = read else { return Err(errors::STOPPED.into()) };
            if let Some(error) = caught_up.error() {
                tracing::error!(%error, "history of a watch does not read");
                return Err(Status::unavailable(format!("etcdserver: {error}")));
            }
            self.hub.resume(caught_up);
            busy = true;
        }
        Ok(busy)
    }
}
