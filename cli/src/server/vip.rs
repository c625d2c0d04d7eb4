//! [`Vip`]: the one address at which the leader serves the Kubernetes API, whichever replica that
//! is.
//!
//! Invariant: a replica that does not lead any more, or that no quorum has answered for
//! [`DOUBT_MAX`], gives the address up, so that another can have it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use xebec_apiserver::KubeServer;
use xebec_raft::Replica;

/// Between two attempts to bind while the leader before still holds the address.
const BIND_PAUSE: Duration = Duration::from_millis(20);
/// How often a failed attempt is told of.
const BIND_REPORT: Duration = Duration::from_secs(10);
/// How often a leader makes sure that it still leads, and how long that may take.
const CONFIRM_INTERVAL: Duration = Duration::from_millis(250);
/// A leader without confirmation for so long gives the address up: several election timeouts, so
/// that a pause of the machine does not matter.
const DOUBT_MAX: Duration = Duration::from_secs(1);
/// How long requests may go on when the address goes elsewhere.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

pub struct Vip {
    address: SocketAddr,
    replica: Replica,
    server: KubeServer,
}

impl Vip {
    pub fn new(address: SocketAddr, replica: Replica, server: KubeServer) -> Self {
        Self { address, replica, server: server.for_virtual_address(DRAIN_TIMEOUT) }
    }

    /// Holds the address whenever this replica leads, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        while stop.run_until_cancelled(self.until_leading(true)).await.is_some() {
            let end = stop.child_token();
            let lost = async {
                tokio::select! {
                    () = self.until_leading(false) => {}
                    () = self.until_in_doubt() => tracing::warn!("no quorum answers this leader"),
                }
            };
            let watch = async {
                end.run_until_cancelled(lost).await;
                end.cancel();
            };
            tokio::join!(watch, self.serve(&end));
        }
    }

    async fn serve(&self, end: &CancellationToken) {
        let Some(listener) = end.run_until_cancelled(self.bind()).await else { return };
        tracing::info!(address = %self.address, "serving the virtual address");
        self.server.clone().run(listener, end.clone()).await;
        tracing::info!(address = %self.address, "gave up the virtual address");
    }

    /// Returns when this replica leads, or when it does not.
    async fn until_leading(&self, wanted: bool) {
        let mut leadership = self.replica.leadership();
        while leadership.own_term().is_some() != wanted {
            leadership = self.replica.leadership_other_than(leadership).await;
        }
    }

    /// Returns when no quorum has confirmed for long that this replica leads.
    async fn until_in_doubt(&self) {
        let mut confirmed = Instant::now();
        while confirmed.elapsed() <= DOUBT_MAX {
            sleep(CONFIRM_INTERVAL).await;
            let asked = Instant::now();
            let answer = timeout(CONFIRM_INTERVAL, self.replica.read_index()).await;
            if answer.is_ok_and(|answer| answer.is_ok()) {
                confirmed = asked;
            }
        }
    }

    /// Binds the address as soon as the leader before has let go of it.
    async fn bind(&self) -> TcpListener {
        let mut reported: Option<Instant> = None;
        loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => return listener,
                Err(error) if reported.is_none_or(|at| at.elapsed() >= BIND_REPORT) => {
                    // The first failure is usual: the leader before is just letting go.
                    if reported.is_some() || error.kind() != io::ErrorKind::AddrInUse {
                        tracing::warn!(address = %self.address, %error, "the virtual address");
                    }
                    reported = Some(Instant::now());
                }
                Err(_) => {}
            }
            sleep(BIND_PAUSE).await;
        }
    }
}
