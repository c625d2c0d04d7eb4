//! The server of the client port: takes connections until it is told to stop, then drains them.

use crate::accept::Accepted;
use crate::connection::{Connections, serve};
use crate::endpoints::Endpoints;
use crate::etcd::limits::{
    CONNECTIONS_MAX, DRAIN_TIMEOUT, PROGRESS_INTERVAL, PROGRESS_INTERVAL_MIN,
};
use crate::etcd::{Api, Context};
use crate::tls::{TlsError, TlsOptions};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use xebec_raft::Replica;

/// Settings of an [`EtcdServer`].
#[derive(Clone)]
pub struct Options {
    /// `None` serves in plain text, for loopback.
    pub tls: Option<TlsOptions>,
    /// How often a quiet watch that asked for it hears how far it has seen everything.
    pub progress_interval: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { tls: None, progress_interval: PROGRESS_INTERVAL }
    }
}

/// Why an [`EtcdServer`] cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    #[error("the TLS settings of the client API are not usable")]
    Tls(#[from] TlsError),
    #[error(
        "the interval of progress notifications is {given:?}; at least {PROGRESS_INTERVAL_MIN:?} is needed"
    )]
    ProgressInterval { given: Duration },
}

/// etcd's v3 API, health and metrics of one replica, on one port.
pub struct EtcdServer {
    tls: Option<TlsAcceptor>,
    context: Arc<Context>,
    shared: Arc<Connections>,
}

impl EtcdServer {
    pub fn new(options: &Options, replica: Replica) -> Result<Self, OptionsError> {
        let given = options.progress_interval;
        if given < PROGRESS_INTERVAL_MIN {
            return Err(OptionsError::ProgressInterval { given });
        }
        let tls = options.tls.as_ref().map(TlsOptions::server_config).transpose()?;
        let context = Arc::new(Context::new(replica, given));
        let shared = Arc::new(Connections {
            api: Api::new(context.clone()),
            endpoints: Endpoints::new(context.clone()),
            requests: context.tasks.clone(),
        });
        Ok(Self { tls: tls.map(TlsAcceptor::from), context, shared })
    }

    /// Serves until `stop`, then ends streams, lets requests finish for a bounded time, and
    /// returns.
    pub async fn run(self, listener: TcpListener, stop: CancellationToken) {
        let mut accepted = Accepted::new(CONNECTIONS_MAX);
        let monitor = self.context.monitor();
        let begin = |stream, _| {
            let (shared, tls, stop) = (self.shared.clone(), self.tls.clone(), stop.clone());
            async move {
                if let Err(error) = serve(shared, tls, stream, stop).await {
                    tracing::debug!(%error, "connection");
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = accepted.take(&listener, begin) => {}
            () = monitor => {}
        }
        drop(listener);
        self.drain(accepted).await;
    }

    async fn drain(&self, accepted: Accepted) {
        self.context.stop();
        accepted.drain(DRAIN_TIMEOUT).await;
        self.context.tasks.close();
        if timeout(DRAIN_TIMEOUT, self.context.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.context.tasks.len(), "requests did not end");
        }
    }
}
