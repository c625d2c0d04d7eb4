//! [`KubeServer`]: serves the Kubernetes API on listeners, each until it is told to stop.

use super::api::Api;
use super::connection::{Connection, serve};
use super::limits::{
    CLOSE_TIMEOUT, CONNECTIONS_MAX, DRAIN_TIMEOUT, HANDSHAKE_TIMEOUT, IDLE_TIMEOUT,
    REBALANCE_SPREAD,
};
use super::rebalance::Rebalance;
use crate::accept::Accepted;
use crate::tls::{TlsError, TlsOptions};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Settings of a [`KubeServer`].
#[derive(Clone)]
pub struct Options {
    /// The authorities only tell clients what to show: certificates are judged by authentication.
    pub tls: TlsOptions,
    pub timeouts: Timeouts,
}

/// How long things may take; the defaults stand in [`super::limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub handshake: Duration,
    pub idle: Duration,
    pub close: Duration,
    pub drain: Duration,
    /// In which connections are moved to a replica that has come.
    pub spread: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: HANDSHAKE_TIMEOUT,
            idle: IDLE_TIMEOUT,
            close: CLOSE_TIMEOUT,
            drain: DRAIN_TIMEOUT,
            spread: REBALANCE_SPREAD,
        }
    }
}

/// The Kubernetes API of one replica. A cheap handle: one for each listener.
#[derive(Clone)]
pub struct KubeServer {
    tls: TlsAcceptor,
    timeouts: Timeouts,
    api: Arc<Api>,
    /// `None`: connections stay.
    rebalance: Option<Arc<Rebalance>>,
}

impl KubeServer {
    pub fn new(options: &Options, api: Arc<Api>) -> Result<Self, TlsError> {
        let tls = options.tls.requesting_config()?.into();
        let rebalance = Some(Arc::default());
        Ok(Self { tls, timeouts: options.timeouts, api, rebalance })
    }

    /// For the one address of many replicas: its connections cannot be moved, and requests on them
    /// have `drain` when the address goes elsewhere.
    #[must_use]
    pub fn for_virtual_address(mut self, drain: Duration) -> Self {
        self.timeouts.drain = drain;
        self.rebalance = None;
        self
    }

    /// Moves connections when other replicas join or return, until `stop`.
    pub async fn run_rebalance(self, stop: CancellationToken) {
        if let Some(rebalance) = &self.rebalance {
            rebalance.run(&self.api.storage, &stop).await;
        }
    }

    /// Serves until `stop`, then ends watches, lets requests finish for a bounded time, and
    /// returns.
    pub async fn run(self, listener: TcpListener, stop: CancellationToken) {
        let mut accepted = Accepted::new(CONNECTIONS_MAX);
        let requests = TaskTracker::new();
        let begin = |stream, address| {
            let connection = Connection {
                api: self.api.clone(),
                timeouts: self.timeouts,
                requests: requests.clone(),
                stop: stop.clone(),
                rebalance: self.rebalance.clone(),
            };
            let tls = self.tls.clone();
            async move {
                if let Err(error) = serve(connection, tls, stream, address).await {
                    tracing::debug!(%error, %address, "connection");
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = accepted.take(&listener, begin) => {}
        }
        drop(listener);
        accepted.drain(self.timeouts.drain).await;
        requests.close();
        if timeout(self.timeouts.drain, requests.wait()).await.is_err() {
            tracing::warn!(left = requests.len(), "requests did not end");
        }
    }
}
