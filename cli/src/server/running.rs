//! [`Running`]: a replica with everything that serves it, and the two ways in which it ends.

use super::environment::FatalSignal;
use super::kubernetes::Kubernetes;
use super::{errors, peers, retention};
use crate::config::{Peer, Retention};
use crate::failure::Failure;
use crate::signals::{Signals, Stop};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use xebec_apiserver::kube::api::Api;
use xebec_apiserver::{EtcdServer, TlsOptions};
use xebec_raft::Replica;

/// From the signal to the end of the process: what is not drained by then is cut off.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(12);

/// The same for a replica that has stopped by itself: its clients can only be told so.
const FATAL_DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Between two attempts to find the cluster.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

pub struct Running {
    replica: Replica,
    /// Ends the servers.
    stop: CancellationToken,
    clients: JoinSet<()>,
    /// Streams of peers last as long as their consensus: these servers are not drained.
    peers: JoinSet<()>,
    kubernetes: Option<Arc<Api>>,
}

impl Running {
    pub fn new(replica: Replica) -> Self {
        let stop = CancellationToken::new();
        Self { replica, stop, clients: JoinSet::new(), peers: JoinSet::new(), kubernetes: None }
    }

    pub fn serve_peers(&mut self, peer: &Peer, listeners: Vec<TcpListener>) -> Result<(), Failure> {
        peers::serve(peer, listeners, &self.replica, &self.stop, &mut self.peers)
    }

    pub fn serve_clients(
        &mut self,
        tls: Option<TlsOptions>,
        listeners: Vec<TcpListener>,
    ) -> Result<(), Failure> {
        let options = xebec_apiserver::Options { tls, ..Default::default() };
        for listener in listeners {
            let server = EtcdServer::new(&options, self.replica.clone());
            let server = server.map_err(|error| errors::tls_failure("client", &error))?;
            self.clients.spawn(server.run(listener, self.stop.clone()));
        }
        Ok(())
    }

    pub fn serve_kubernetes(&mut self, kubernetes: Kubernetes) -> Result<(), Failure> {
        self.kubernetes = Some(kubernetes.serve(&self.replica, &self.stop, &mut self.clients)?);
        Ok(())
    }

    /// Waits for the cluster as long as it takes: the other replicas may start later.
    pub async fn ready(&self) {
        while let Err(error) = self.replica.wait_ready().await {
            tracing::info!(%error, "waiting for the cluster");
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Compacts as configured; never returns.
    pub async fn retain(&self, retention: Retention) {
        retention::run(self.replica.clone(), retention).await;
    }

    /// Hands leadership over while clients are still served, drains them, and stops consensus.
    /// When all stop together, consensus stops as in a crash, which loses nothing either.
    pub async fn drain(
        mut self,
        stop: Stop,
        signals: &mut Signals,
        fatal: &mut FatalSignal,
    ) -> Result<(), Failure> {
        tracing::info!("stopping");
        if let Some(api) = self.kubernetes.take() {
            api.health.stopping();
        }
        let drain = async {
            match stop {
                Stop::Alone => {
                    self.replica.shutdown().await;
                    self.stop.cancel();
                    while self.clients.join_next().await.is_some() {}
                }
                Stop::WithAll => {
                    self.stop.cancel();
                    while self.clients.join_next().await.is_some() {}
                    self.replica.abort().await;
                }
            }
            self.peers.shutdown().await;
        };
        tokio::select! {
            () = drain => tracing::info!("stopped"),
            _ = signals.stop() => tracing::warn!("told twice: stopping at once"),
            reason = fatal.reason() => return Err(errors::fatal_failure(&reason)),
            () = tokio::time::sleep(DRAIN_TIMEOUT) => {
                tracing::warn!("not everything was drained in time");
            }
        }
        Ok(())
    }

    /// Ends a replica that cannot go on.
    pub async fn fail(mut self, reason: &str) -> Result<(), Failure> {
        self.stop.cancel();
        let drained = async { while self.clients.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FATAL_DRAIN_TIMEOUT, drained).await;
        self.clients.shutdown().await;
        // The databases must be closed before the process ends: their threads are running.
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, self.replica.abort()).await;
        self.peers.shutdown().await;
        Err(errors::fatal_failure(reason))
    }
}
