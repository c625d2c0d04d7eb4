//! Progress: telling a client how far it has seen everything.
//!
//! Invariant: a progress response names a revision up to which every event of the watches meant
//! stands in front of it in the stream.

use super::super::limits::PROGRESS_RETRY;
use super::requests::NO_ID;
use super::session::Session;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};
use xebec_raft::runtime::random_u64;
use xebec_store::kv::Revision;

type Timer = Pin<Box<Sleep>>;

/// What a session owes its client.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Progress of all watches, to this revision at least, was asked for.
    wanted: Option<Revision>,
    /// Set while the hub lags behind what is wanted.
    retry: Option<Timer>,
    /// The next round of notifications; set from the first watch on that wants them.
    tick: Option<Timer>,
}

impl Progress {
    pub fn start_ticking(&mut self, interval: Duration) {
        self.tick.get_or_insert_with(|| Box::pin(sleep(jittered(interval))));
    }
}

/// Up to a tenth more, so that clients that came together are not notified together.
fn jittered(interval: Duration) -> Duration {
    let thousandths = u32::try_from(random_u64() % 1_000).unwrap_or(0);
    interval + interval / 10_000 * thousandths
}

impl Session {
    /// Without watches there is nothing to tell, as in etcd.
    pub(super) fn request_progress(&mut self) {
        if !self.watches.is_empty() {
            let wanted = self.current_revision();
            self.progress.wanted = self.progress.wanted.max(Some(wanted));
        }
    }

    pub(super) fn poll_progress(&mut self, cx: &mut Context<'_>) -> bool {
        let ticked = self.poll_tick(cx);
        self.poll_wanted(cx) | ticked
    }

    /// Answers a request for progress once all watches are synced that far.
    fn poll_wanted(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(wanted) = self.progress.wanted else { return false };
        match self.synced() {
            // No watches are left, or one begins in the future: etcd does not answer either.
            None => {
                self.progress.wanted = None;
                false
            }
            Some(synced) if synced >= wanted => {
                self.progress.wanted = None;
                self.progress.retry = None;
                self.reply(self.head(NO_ID, synced));
                true
            }
            Some(_) => self.poll_retry(cx),
        }
    }

    /// The hub follows the store within moments, but does not wake those whom no event concerns.
    fn poll_retry(&mut self, cx: &mut Context<'_>) -> bool {
        let retry = &mut self.progress.retry;
        let timer = retry.get_or_insert_with(|| Box::pin(sleep(PROGRESS_RETRY)));
        let due = timer.as_mut().poll(cx).is_ready();
        if due {
            *retry = None;
        }
        due
    }

    /// How far all watches are synced.
    fn synced(&self) -> Option<Revision> {
        let mut synced = None;
        for id in self.watches.keys() {
            let own = self.hub.synced_revision(*id)?;
            synced = Some(synced.map_or(own, |all: Revision| all.min(own)));
        }
        synced
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(tick) = &mut self.progress.tick else { return false };
        if tick.as_mut().poll(cx) == Poll::Pending {
            return false;
        }
        tick.as_mut().reset(Instant::now() + jittered(self.context.progress_interval));
        self.notify_quiet();
        true
    }

    /// A watch that had events since the last round knows from them how far it is.
    fn notify_quiet(&mut self) {
        let mut notes = Vec::new();
        for (id, watched) in self.watches.iter_mut().filter(|(_, w)| w.progress_notify) {
            let synced = self.hub.synced_revision(*id);
            if let Some(revision) = synced.filter(|_| watched.quiet) {
                notes.push((*id, revision));
            }
            watched.quiet = true;
        }
        for (id, revision) in notes {
            self.reply(self.head(id, revision));
        }
    }
}
