//! The one place that starts tasks. Each has a kind, which says what its failure means; all end
//! when the replica stops.

use crate::health::Health;
use futures::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Writes the log, where it has no thread of its own.
    Log,
    /// Puts commands into entries.
    Proposals,
    /// The stream of commands to the leader.
    Forward,
    /// Confirms read indexes.
    Reads,
    /// Expires leases.
    Leases,
    /// Follows openraft's metrics.
    Observer,
    /// Makes the keyspace durable and purges the log.
    Persister,
    /// Watches the free space.
    Disk,
    /// Compares hashes.
    Integrity,
    /// Compacts.
    Compaction,
    /// Publishes this member's name and greets peers.
    Greeter,
}

impl Kind {
    /// True if the replica cannot work without it: its panic stops the replica.
    fn is_vital(self) -> bool {
        !matches!(self, Self::Greeter)
    }
}

/// All tasks of one replica.
#[derive(Clone)]
pub struct Tasks {
    runtime: Handle,
    tracker: TaskTracker,
    cancel: CancellationToken,
    health: Arc<Health>,
}

impl Tasks {
    pub fn new(runtime: Handle, health: Arc<Health>) -> Self {
        Self { runtime, tracker: TaskTracker::new(), cancel: CancellationToken::new(), health }
    }

    /// Starts a task. It is dropped at its next await when the replica stops.
    pub fn spawn(&self, kind: Kind, work: impl Future<Output = ()> + Send + 'static) {
        let cancel = self.cancel.clone();
        let health = self.health.clone();
        let guarded = async move {
            let work = AssertUnwindSafe(work).catch_unwind();
            tokio::select! {
                biased;
                () = cancel.cancelled() => {}
                result = work => if result.is_err() {
                    if kind.is_vital() {
                        health.fail(&format!("the task {kind:?} panicked"));
                    } else {
                        tracing::error!(?kind, "task panicked");
                    }
                },
            }
        };
        self.tracker.spawn_on(guarded, &self.runtime);
    }

    /// Resolves when the replica begins to stop.
    pub async fn stopping(&self) {
        self.cancel.cancelled().await;
    }

    /// Ends all tasks and waits for their end.
    pub async fn stop(&self) {
        self.cancel.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
