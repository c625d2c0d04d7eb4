//! [`Replica`]: the handle to one running replica.

use crate::core::Core;
use crate::errors::{
    LeaseError, MemberError, ProposeError, ReadIndexError, StartError, TransferError,
};
use crate::histogram::Histogram;
use crate::identity::fresh_id;
use crate::leadership::Leadership;
use crate::leases::{self, Request};
use crate::log::WriterThread;
use crate::member::Member;
use crate::options::{Options, Threads};
use crate::peer::Peer;
use crate::runtime::blocking;
use crate::start::{Started, start};
use crate::status::{LeaseTtl, Status};
use crate::transport::{PeerService, Transport};
use crate::wire::MemberChange;
use crate::{handover, integrity, membership};
use openraft::async_runtime::WatchReceiver;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use xebec_store::command::Body;
use xebec_store::engine::EngineHome;
use xebec_store::{Outcome, Store};

/// How long a stopping replica waits for outcomes that clients still wait for.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a stopping replica waits for the thread of its log.
const LOG_END_TIMEOUT: Duration = Duration::from_secs(5);

/// A cheap handle to a running replica. The replica runs until [`Replica::shutdown`].
#[derive(Clone)]
pub struct Replica {
    core: Arc<Core>,
    holder: Arc<Holder>,
}

/// What ends with the last handle.
struct Holder {
    log_thread: Mutex<Option<WriterThread>>,
    runtime: Mutex<Option<Runtime>>,
}

impl Drop for Holder {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.lock().take() {
            // Dropping it would block, which an async caller must not.
            runtime.shutdown_background();
        }
    }
}

impl Replica {
    /// Starts the replica and returns when it has recovered its log, not when it has a leader.
    pub async fn start(
        options: Options,
        log_home: Arc<dyn EngineHome>,
        store: Arc<Store>,
        transport: Arc<dyn Transport>,
    ) -> Result<Self, StartError> {
        let (started, runtime) = match options.threads {
            Threads::Current => (start(options, log_home, store, transport).await?, None),
            Threads::Own { workers } => {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(workers)
                    .thread_name("raft")
                    .enable_all()
                    .build()
                    .map_err(StartError::Runtime)?;
                let starting = runtime.spawn(start(options, log_home, store, transport));
                let started = starting.await.unwrap_or_else(|error| {
                    Err(StartError::Consensus { message: error.to_string() })
                });
                match started {
                    Ok(started) => (started, Some(runtime)),
                    Err(error) => {
                        runtime.shutdown_background();
                        return Err(error);
                    }
                }
            }
        };
        let Started { core, log_thread } = started;
        let holder = Holder { log_thread: Mutex::new(log_thread), runtime: Mutex::new(runtime) };
        Ok(Self { core, holder: Arc::new(holder) })
    }

    /// What a server of peer messages hands them to. They are best served on
    /// [`Self::runtime`], away from clients.
    pub fn peer_service(&self) -> PeerService {
        Arc::new(Peer::new(self.core.clone()))
    }

    /// The runtime that consensus runs on, if it has one of its own.
    pub fn runtime(&self) -> Option<tokio::runtime::Handle> {
        self.holder.runtime.lock().as_ref().map(|runtime| runtime.handle().clone())
    }

    /// Has `body` ordered and applied, and returns its outcome here. Waits at most the request
    /// timeout.
    pub async fn propose(&self, body: Body) -> Result<Outcome, ProposeError> {
        self.core.proposals.propose(&body).await
    }

    /// After it, [`Self::store`]'s view has everything that was acknowledged before the call.
    pub async fn read_index(&self) -> Result<(), ReadIndexError> {
        self.core.reads.read_index().await
    }

    /// Returns when this replica has caught up with the cluster after its start. It should not
    /// serve before.
    pub async fn wait_ready(&self) -> Result<(), ReadIndexError> {
        let timeout = self.core.options.timing.request_timeout;
        match self.core.raft.wait_for_recovery(Some(timeout)).await {
            Ok(_) => Ok(()),
            Err(_) if self.core.health.is_stopped() => Err(ReadIndexError::Stopped),
            Err(_) if self.core.leadership().leader.is_none() => Err(ReadIndexError::NoLeader),
            Err(_) => Err(ReadIndexError::Timeout),
        }
    }

    pub fn store(&self) -> &Arc<Store> {
        &self.core.store
    }

    /// Who leads, as far as this replica knows. Costs next to nothing: for every request.
    pub fn leadership(&self) -> Leadership {
        self.core.leadership()
    }

    /// Waits until [`Self::leadership`] is another than `seen`.
    pub async fn leadership_other_than(&self, seen: Leadership) -> Leadership {
        self.core.leadership_other_than(seen).await
    }

    /// Why this replica serves nobody, if that is so.
    pub fn failure(&self) -> Option<String> {
        let corrupt = || "this keyspace differs from that of the other members".to_string();
        self.core.health.reason().or_else(|| self.core.health.is_corrupt().then(corrupt))
    }

    pub fn status(&self) -> Status {
        let metrics = self.core.raft.metrics();
        let metrics = metrics.borrow_watched().clone();
        let leadership = self.core.leadership();
        let view = self.core.store.view();
        let own = self.core.options.identity;
        let is_voter = metrics.membership_config.voter_ids().any(|id| id == own.member_id);
        let applied_index = self.core.applied.position().index;
        // After a start, openraft does not know yet what is committed, but what is applied is.
        let committed_index = metrics.cluster_committed.map_or(0, |id| id.index);
        let mut errors: Vec<String> = self.failure().into_iter().collect();
        if leadership.leader.is_none() {
            errors.push("etcdserver: no leader".to_string());
        }
        Status {
            cluster_id: own.cluster_id,
            member_id: own.member_id,
            leader: leadership.leader,
            term: metrics.current_term,
            last_log_index: metrics.last_log_index.unwrap_or(0),
            committed_index: committed_index.max(applied_index),
            applied_index,
            is_learner: !is_voter,
            db_size_bytes: self.core.store.engine().size_bytes(),
            db_size_in_use_bytes: view.data_bytes(),
            errors,
        }
    }

    /// How long the syncs of the log take.
    pub fn log_syncs(&self) -> &Histogram {
        &self.core.log_syncs
    }

    /// The members as this replica has applied them, by id.
    pub fn members(&self) -> Vec<Member> {
        membership::list(&self.core.membership.borrow())
    }

    /// Adds a member under a fresh id; it starts as a learner if `learner`, else as a voter.
    pub async fn add_member(
        &self,
        name: String,
        peer_urls: Vec<String>,
        learner: bool,
    ) -> Result<(Member, Vec<Member>), MemberError> {
        let member =
            Member { id: fresh_id(), name, peer_urls, is_learner: learner, ..Member::default() };
        let members = self.change(MemberChange::Add(member.clone())).await?;
        Ok((member, members))
    }

    pub async fn remove_member(&self, id: u64) -> Result<Vec<Member>, MemberError> {
        self.change(MemberChange::Remove(id)).await
    }

    pub async fn promote_member(&self, id: u64) -> Result<Vec<Member>, MemberError> {
        self.change(MemberChange::Promote(id)).await
    }

    pub async fn update_member(
        &self,
        id: u64,
        peer_urls: Vec<String>,
    ) -> Result<Vec<Member>, MemberError> {
        self.change(MemberChange::Update(Member { id, peer_urls, ..Member::default() })).await
    }

    async fn change(&self, change: MemberChange) -> Result<Vec<Member>, MemberError> {
        membership::change(&self.core, change).await
    }

    /// Makes another voter the leader; only the leader can.
    pub async fn transfer_leadership(&self, to: u64) -> Result<(), TransferError> {
        handover::transfer(&self.core, to).await
    }

    /// Renews a lease at the leader; returns its time to live in seconds.
    pub async fn lease_keep_alive(&self, id: i64) -> Result<i64, LeaseError> {
        Ok(leases::ask(&self.core, Request::Renew, id).await?.remaining_ttl_s)
    }

    pub async fn lease_time_to_live(&self, id: i64) -> Result<LeaseTtl, LeaseError> {
        leases::ask(&self.core, Request::TimeToLive, id).await
    }

    /// Compares the keyspaces of all replicas now, if this one leads; returns the members that
    /// differ from the quorum.
    pub async fn hash_check(&self) -> BTreeSet<u64> {
        integrity::compare(&self.core).await
    }

    /// Makes the keyspace durable, so that the next start has little to replay.
    pub async fn persist(&self) {
        let store = self.core.store.clone();
        if let Err(error) = blocking(move || store.persist()).await {
            self.core.health.fail(&format!("the keyspace: {error}"));
        }
    }

    /// Hands leadership over if it has it, then stops. Returns when everything has ended.
    pub async fn shutdown(self) {
        handover::before_stop(&self.core).await;
        let drained = async {
            while self.core.proposals.pending() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // What is left gets an error below.
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, drained).await;
        self.persist().await;
        self.stop().await;
    }

    /// Stops without handing over and without making anything durable: what a crash leaves.
    pub async fn abort(self) {
        self.stop().await;
    }

    async fn stop(&self) {
        self.core.health.mark_stopping();
        self.core.proposals.stop();
        self.core.reads.stop();
        if let Err(error) = self.core.raft.shutdown().await {
            tracing::warn!(%error, "consensus did not end cleanly");
        }
        self.core.tasks.stop().await;
        let log_thread = self.holder.log_thread.lock().take();
        if let Some(thread) = log_thread {
            // So that the log can be opened again when this returns.
            let joined = blocking(move || thread.join());
            if tokio::time::timeout(LOG_END_TIMEOUT, joined).await.is_err() {
                tracing::warn!("the log is still in use");
            }
        }
        let runtime = self.holder.runtime.lock().take();
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }
}
