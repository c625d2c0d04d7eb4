//! [`KubeServer`]: serves the Kubernetes API on listeners, each until it is told to stop.

use super::api::Api;
use super::connection::{Connection, serve};
use super::limits::{
    CLOSE_TIMEOUT, CONNECTIONS_MAX, DRAIN_TIMEOUT, HANDSHAKE_TIMEOUT, IDLE_TIMEOUT,
};
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
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: HANDSHAKE_TIMEOUT,
            idle: IDLE_TIMEOUT,
            close: CLOSE_TIMEOUT,
            drain: DRAIN_TIMEOUT,
        }
    }
}

/// The Kubernetes API of one replica. A cheap handle: one for each listener.
#[derive(Clone)]
pub struct KubeServer {
    tls: TlsAcceptor,
    timeouts: Timeouts,
    api: Arc<Api>,
}

impl KubeServer {
    pub fn new(options: &Options, api: Arc<Api>) -> Result<Self, TlsError> {
        let tls = options.tls.requesting_config()?.into();
        Ok(Self { tls, timeouts: options.timeouts, api })
    }

    /// For a listener that must end sooner than others.
    #[must_use]
    pub fn with_drain_timeout(mut self, drain: Duration) -> Self {
        self.timeouts.drain = drain;
        self
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
