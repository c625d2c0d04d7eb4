//! What all services share: the replica, and the few things done with it everywhere.

use super::errors::{self, EtcdError};
use super::limits::{LEADER_ANSWER_TIMEOUT, LEADER_CHECK_INTERVAL, LEADER_LOSS_MAX};
use super::methods::MethodCounters;
use super::proto::etcdserverpb::ResponseHeader;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::task::TaskTracker;
use tonic::Status;
use xebec_raft::Replica;
use xebec_store::command::Body;
use xebec_store::kv::Revision;
use xebec_store::watch::WatchStream;
use xebec_store::{Response, View};

/// What long-lived streams are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Serving,
    /// There has been no leader for too long: streams that require one end.
    Leaderless,
    Stopping,
}

/// Shared by all requests of a server.
pub struct Context {
    pub replica: Replica,
    pub cluster_id: u64,
    pub member_id: u64,
    pub methods: MethodCounters,
    pub proposals: Proposals,
    pub watch_counts: WatchCounts,
    /// As seen every [`LEADER_CHECK_INTERVAL`].
    pub leader_changes: AtomicU64,
    /// Work that outlives its request: clean-up of abandoned locks, reads from disk.
    pub tasks: TaskTracker,
    pub progress_interval: Duration,
    signal: watch::Sender<Signal>,
    /// The leader confirmed the last read index that [`Self::monitor`] asked for.
    reachable: AtomicBool,
    /// False once this member is known to have a vote.
    learner: AtomicBool,
}

/// Counts of proposals, for the metrics.
#[derive(Debug, Default)]
pub struct Proposals {
    pub pending: AtomicU64,
    pub failed: AtomicU64,
}

/// What the sessions of the Watch service hold and have sent.
#[derive(Debug, Default)]
pub struct WatchCounts {
    pub streams: AtomicU64,
    pub watches: AtomicU64,
    pub events: AtomicU64,
}

/// Counts a proposal as pending until dropped, however its request ends.
struct Pending<'a>(&'a AtomicU64);

impl<'a> Pending<'a> {
    fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Context {
    pub fn new(replica: Replica, progress_interval: Duration) -> Self {
        let status = replica.status();
        Self {
            cluster_id: status.cluster_id,
            member_id: status.member_id,
            replica,
            methods: MethodCounters::default(),
            proposals: Proposals::default(),
            watch_counts: WatchCounts::default(),
            leader_changes: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            progress_interval,
            signal: watch::Sender::new(Signal::Serving),
            reachable: AtomicBool::new(true),
            learner: AtomicBool::new(true),
        }
    }

    pub fn view(&self) -> Arc<View> {
        self.replica.store().view()
    }

    pub fn watches(&self) -> WatchStream {
        self.replica.store().watches().open()
    }

    pub fn header(&self, revision: Revision) -> ResponseHeader {
        ResponseHeader {
            cluster_id: self.cluster_id,
            member_id: self.member_id,
            revision,
            raft_term: self.replica.leadership().term,
        }
    }

    pub fn current_header(&self) -> ResponseHeader {
        self.header(self.view().revision())
    }

    /// False also while a known leader does not answer for the cluster: one of the two is cut off.
    pub fn has_leader(&self) -> bool {
        self.reachable.load(Ordering::Relaxed) && self.replica.leadership().leader.is_some()
    }

    /// Once a voter, a member is never a learner again: what costs something is asked of learners
    /// alone.
    pub fn is_learner(&self) -> bool {
        if !self.learner.load(Ordering::Relaxed) {
            return false;
        }
        let members = self.replica.members();
        let own = members.iter().find(|member| member.id == self.member_id);
        if own.is_some_and(|own| !own.is_learner) {
            self.learner.store(false, Ordering::Relaxed);
        }
        own.is_some_and(|own| own.is_learner)
    }

    /// Has a change ordered and applied; returns the revision for the header with the answer.
    pub async fn propose(&self, body: Body) -> Result<(Revision, Response), Status> {
        let pending = Pending::new(&self.proposals.pending);
        let outcome = self.replica.propose(body).await;
        drop(pending);
        let outcome = outcome.map_err(|error| {
            self.proposals.failed.fetch_add(1, Ordering::Relaxed);
            errors::propose(&error)
        })?;
        Ok((outcome.revision, outcome.result.map_err(errors::apply)?))
    }

    /// After it, [`Self::view`] has everything acknowledged before the call.
    pub async fn read_index(&self) -> Result<(), Status> {
        self.replica.read_index().await.map_err(|error| errors::read_index(&error))
    }

    pub async fn consistent_view(&self) -> Result<Arc<View>, Status> {
        self.read_index().await?;
        Ok(self.view())
    }

    /// Runs what blocks on disk or takes long on a thread for that.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Status> {
        let task = self.tasks.spawn_blocking(work);
        task.await.map_err(|error| Status::internal(format!("etcdserver: {error}")))
    }

    pub fn stop(&self) {
        self.signal.send_replace(Signal::Stopping);
    }

    /// Completes when a long-lived stream has to end, and says why.
    pub fn ending(&self, requires_leader: bool) -> impl Future<Output = EtcdError> + use<> {
        let mut signal = self.signal.subscribe();
        async move {
            loop {
                match *signal.borrow_and_update() {
                    Signal::Stopping => return errors::STOPPED,
                    Signal::Leaderless if requires_leader => return errors::NO_LEADER,
                    Signal::Serving | Signal::Leaderless => {}
                }
                if signal.changed().await.is_err() {
                    return errors::STOPPED;
                }
            }
        }
    }

    /// Looks after the cluster on behalf of all requests and streams, until the server stops.
    pub async fn monitor(&self) {
        let mut lost_at = None;
        let mut known = None;
        let mut ticks = tokio::time::interval(LEADER_CHECK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let leader = self.replica.leadership().leader;
            if leader.is_some() && leader != known {
                self.leader_changes.fetch_add(1, Ordering::Relaxed);
                known = leader;
            }
            let answers = timeout(LEADER_ANSWER_TIMEOUT, self.replica.read_index()).await;
            let reachable = answers.is_ok_and(|answer| answer.is_ok());
            self.reachable.store(reachable, Ordering::Relaxed);
            lost_at = if reachable { None } else { lost_at.or(Some(Instant::now())) };
            let lost = lost_at.is_some_and(|at: Instant| at.elapsed() >= LEADER_LOSS_MAX);
            self.tell(if lost { Signal::Leaderless } else { Signal::Serving });
        }
    }

    /// Nothing is told after the stop.
    fn tell(&self, now: Signal) {
        self.signal.send_if_modified(|signal| {
            let change = *signal != Signal::Stopping && *signal != now;
            if change {
                *signal = now;
            }
            change
        });
    }
}
