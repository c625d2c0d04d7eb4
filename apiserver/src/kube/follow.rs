//! [`Follower`]: keeps something in step with parts of the keyspace, through one watch.
//!
//! [`Settled`] is the other end: a write that such a part depends on is acknowledged only when it
//! shows there, so that whoever writes through a replica sees the effect in its next request.

use super::limits::{FOLLOW_EVENTS_PER_TURN, FOLLOW_PAUSE, SETTLE_TIMEOUT};
use super::storage::Storage;
use std::future::poll_fn;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use xebec_store::View;
use xebec_store::command::KeyRange;
use xebec_store::kv::{Event, Revision};
use xebec_store::watch::{Delivery, WatchSpec, WatchStream};

/// What follows the keyspace.
pub trait Follow: Send + Sync {
    /// The prefixes of the keys of interest; each ends in a slash.
    fn prefixes(&self) -> &'static [&'static str];

    /// Starts anew from everything that is there.
    fn reset(&self, view: &View);

    /// Changes of one or more revisions, in order.
    fn apply(&self, events: &[Event]);
}

/// Runs a [`Follow`].
pub struct Follower<F> {
    following: Arc<F>,
    reached: watch::Sender<Revision>,
}

/// Tells when a write shows in what follows.
#[derive(Debug, Clone)]
pub struct Settled {
    prefixes: &'static [&'static str],
    /// 0 while nothing follows.
    reached: watch::Receiver<Revision>,
}

/// Why following stopped.
enum Lost {
    /// What comes next has been compacted away.
    Compacted,
    /// The history on disk cannot be read.
    Disk,
}

impl<F: Follow> Follower<F> {
    pub fn new(following: Arc<F>) -> Self {
        Self { following, reached: watch::Sender::new(0) }
    }

    pub fn settled(&self) -> Settled {
        Settled { prefixes: self.following.prefixes(), reached: self.reached.subscribe() }
    }

    /// Follows until `stop`.
    pub async fn run(&self, storage: &Storage, stop: &CancellationToken) {
        loop {
            let lost = tokio::select! {
                () = stop.cancelled() => break,
                lost = self.follow(storage) => lost,
            };
            if let Lost::Disk = lost {
                tracing::warn!(prefixes = ?self.following.prefixes(), "history cannot be read");
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(FOLLOW_PAUSE) => {}
                }
            }
        }
        self.reached.send_replace(0);
    }

    async fn follow(&self, storage: &Storage) -> Lost {
        let store = storage.replica().store();
        let mut stream = store.watches().open();
        let view = storage.local_view();
        for (id, prefix) in (0..).zip(self.following.prefixes()) {
            let range = range_of(prefix);
            let start_revision = view.revision() + 1;
            let (no_put, no_delete, prev_kv) = (false, false, false);
            stream.watch(id, WatchSpec { range, start_revision, no_put, no_delete, prev_kv });
        }
        self.following.reset(&view);
        self.reached.send_replace(view.revision());
        drop(view);
        loop {
            poll_fn(|cx| stream.poll_ready(cx)).await;
            if let Err(lost) = self.take(&mut stream).await {
                return lost;
            }
            if let Some(synced) = stream.synced_revision_of_all() {
                self.reached.send_replace(synced);
            }
        }
    }

    async fn take(&self, stream: &mut WatchStream) -> Result<(), Lost> {
        while let Some(delivery) = stream.next(FOLLOW_EVENTS_PER_TURN) {
            match delivery {
                Delivery::Events { batches, .. } => {
                    batches.iter().for_each(|batch| self.following.apply(batch.events()));
                }
                Delivery::Behind(catch_up) => {
                    let read = tokio::task::spawn_blocking(|| catch_up.read()).await;
                    let read = read.map_err(|_| Lost::Disk)?;
                    if read.error().is_some() {
                        return Err(Lost::Disk);
                    }
                    stream.resume(read);
                }
                Delivery::Compacted { .. } => return Err(Lost::Compacted),
            }
        }
        Ok(())
    }
}

impl Settled {
    /// True if the write of a key may show.
    pub fn concerns(&self, key: &str) -> bool {
        self.prefixes.iter().any(|prefix| key.starts_with(prefix))
    }

    /// Waits until something follows.
    pub async fn begun(&self) {
        // Whoever follows no more never begins; the caller has a limit.
        if self.reached.clone().wait_for(|reached| *reached > 0).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the next change of what follows. False if nothing follows any more.
    pub async fn changed(&mut self) -> bool {
        self.reached.changed().await.is_ok()
    }

    /// Waits until a revision shows, if it ever will; never for long.
    pub async fn wait(&self, revision: Revision) {
        let mut reached = self.reached.clone();
        let shows = reached.wait_for(|reached| *reached == 0 || *reached >= revision);
        if tokio::time::timeout(SETTLE_TIMEOUT, shows).await.is_err() {
            tracing::warn!(revision, "a write does not show in time");
        }
    }
}

/// All keys that begin with a prefix.
fn range_of(prefix: &'static str) -> KeyRange {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        // A slash: there is a byte after it.
        *last += 1;
    }
    KeyRange { key: prefix.into(), end: end.into() }
}
