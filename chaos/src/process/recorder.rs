//! The watches that see everything: each follows all keys from the first revision of the round,
//! and resumes at another replica whenever its stream breaks, stalls, or for a change.

use super::load::{Clients, PREFIX};
use super::watcher::{Session, Step, resumed};
use crate::history::{Revision, WatchRequest, prefix_end};
use rand::RngExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// A stream that brings nothing for so long, though there is something, is left.
const STALL: Duration = Duration::from_secs(4);

/// How far each recorder has seen.
pub struct Positions {
    positions: Vec<AtomicI64>,
}

impl Positions {
    pub fn new(recorders: usize, base: Revision) -> Self {
        Self { positions: (0..recorders).map(|_| AtomicI64::new(base)).collect() }
    }

    pub fn least(&self) -> Revision {
        let positions = self.positions.iter().map(|position| position.load(Ordering::Relaxed));
        positions.min().unwrap_or(0)
    }

    fn set(&self, recorder: usize, revision: Revision) {
        self.positions[recorder].fetch_max(revision, Ordering::Relaxed);
    }

    fn of(&self, recorder: usize) -> Revision {
        self.positions[recorder].load(Ordering::Relaxed)
    }
}

/// Follows everything until `last` is known and seen.
pub async fn recorder(
    clients: Arc<Clients>,
    id: u32,
    recorder: usize,
    base: Revision,
    last: watch::Receiver<Option<Revision>>,
) {
    let mut rng = clients.rng(id);
    let mut request = WatchRequest {
        key: PREFIX.to_owned(),
        end: prefix_end(PREFIX),
        start_revision: base + 1,
        prev_kv: true,
        ..WatchRequest::default()
    };
    let mut home = recorder;
    let is_done = || last.borrow().is_some_and(|last| clients.compactable.of(recorder) >= last);
    while !is_done() {
        let endpoint = clients.endpoints.at(home);
        let progress_every = Duration::from_millis(200);
        let asked = vec![request.clone()];
        let Some(mut session) = Session::open(&clients, id, &endpoint, asked, progress_every).await
        else {
            home = rng.random_range(0..16);
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let until = tokio::time::Instant::now() + Duration::from_secs(rng.random_range(3..20));
        while tokio::time::Instant::now() < until && !is_done() {
            match tokio::time::timeout(STALL, session.step(&clients)).await {
                Ok(Step::Response) => {
                    clients.compactable.set(recorder, session.first().complete_to());
                }
                Ok(Step::Canceled | Step::Ended) | Err(_) => break,
            }
        }
        // A watch that saw nothing at all is asked for again as it was.
        request = resumed(session.first()).unwrap_or(request);
        session.close(&clients);
        home = rng.random_range(0..16);
    }
}
