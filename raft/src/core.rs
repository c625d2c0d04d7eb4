//! The parts of one replica, as its tasks and its handle share them.

use crate::applied::Applied;
use crate::health::Health;
use crate::histogram::Histogram;
use crate::leadership::Leadership;
use crate::leases::Leases;
use crate::network::Network;
use crate::options::Options;
use crate::proposals::Proposals;
use crate::reads::Reads;
use crate::state_machine::Raft;
use crate::tasks::Tasks;
use crate::transport::{Lane, Method, Target, TransportError};
use crate::types::StoredMembership;
use crate::watch_channel as watch;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use xebec_store::Store;

/// Shared by everything that runs for one replica.
pub struct Core {
    pub options: Options,
    pub store: Arc<Store>,
    pub raft: Raft,
    pub network: Network,
    pub health: Arc<Health>,
    pub applied: Arc<Applied>,
    pub proposals: Arc<Proposals>,
    pub reads: Arc<Reads>,
    pub leases: Leases,
    /// How long the log's syncs take.
    pub log_syncs: Arc<Histogram>,
    pub leadership: watch::Receiver<Leadership>,
    /// As applied.
    pub membership: watch::Receiver<StoredMembership>,
    /// One membership change at a time goes through this replica.
    pub changing: tokio::sync::Mutex<()>,
    pub tasks: Tasks,
}

impl Core {
    pub fn id(&self) -> u64 {
        self.options.identity.member_id
    }

    pub fn leadership(&self) -> Leadership {
        *self.leadership.borrow()
    }

    /// Where a member is reached.
    pub fn target(&self, id: u64) -> Option<Target> {
        find_target(&self.raft, id)
    }

    pub async fn call(
        &self,
        target: &Target,
        method: Method,
        request: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, TransportError> {
        self.network.transport.call(target, Lane::Control, method, request, timeout).await
    }

    /// When a request that starts now is to give up.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.options.timing.request_timeout
    }

    /// Waits for another leader or term than `seen`: for ever, if the replica stops.
    pub async fn leadership_other_than(&self, seen: Leadership) -> Leadership {
        let mut leadership = self.leadership.clone();
        loop {
            let current = *leadership.borrow_and_update();
            if current != seen {
                return current;
            }
            if leadership.changed().await.is_err() {
                // Whoever tries again until a deadline must not spin.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits for another leader or term than `seen`, or for the pause between two attempts.
    pub async fn pause(&self, seen: Leadership) {
        let changed = self.leadership_other_than(seen);
        let _ = tokio::time::timeout(crate::limits::RETRY_PAUSE, changed).await;
    }
}

/// Where a member of the effective membership is reached.
pub fn find_target(raft: &Raft, id: u64) -> Option<Target> {
    use openraft::async_runtime::WatchReceiver;
    let metrics = raft.server_metrics();
    let membership = metrics.borrow_watched().membership_config.clone();
    let member = membership.membership().get_node(&id)?;
    Some(Target { member_id: id, peer_urls: member.peer_urls.clone() })
}
