//! The client side of the etcd API, for the commands that ask a running cluster, and a probe of
//! the Kubernetes API.

mod connection;
mod probe;

pub use connection::{Connection, Endpoints};
pub use probe::Probe;

use crate::failure::{Failure, Kind};
use std::time::Duration;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Status};
use xebec_apiserver::etcd::proto::etcdserverpb as pb;

/// TLS material, read.
#[derive(Clone, Default)]
pub struct Tls {
    pub ca: Option<Vec<u8>>,
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// A connection to one replica. It connects when first used, and again when it breaks.
#[derive(Clone)]
pub struct Client {
    pub url: String,
    channel: Channel,
    /// The same, for answers that take long.
    patient: Channel,
}

impl Client {
    pub fn new(url: &str, tls: &Tls, timeout: Duration) -> Result<Self, Failure> {
        let refused = |error: tonic::transport::Error| {
            let reason = std::error::Error::source(&error).map(ToString::to_string);
            let reason = reason.unwrap_or_else(|| error.to_string());
            Failure::new(Kind::Configuration, format!("{url}: {reason}"))
        };
        let mut endpoint =
            Endpoint::from_shared(url.to_owned()).map_err(refused)?.connect_timeout(timeout);
        if url.starts_with("https://") {
            let mut config = ClientTlsConfig::new();
            if let Some(ca) = &tls.ca {
                config = config.ca_certificate(Certificate::from_pem(ca));
            }
            if let Some((cert, key)) = &tls.identity {
                config = config.identity(Identity::from_pem(cert, key));
            }
            endpoint = endpoint.tls_config(config).map_err(refused)?;
        }
        let patient = endpoint.connect_lazy();
        let channel = endpoint.timeout(timeout).connect_lazy();
        Ok(Self { url: url.to_owned(), channel, patient })
    }

    fn maintenance(&self) -> pb::maintenance_client::MaintenanceClient<Channel> {
        pb::maintenance_client::MaintenanceClient::new(self.channel.clone())
    }

    pub fn cluster(&self) -> pb::cluster_client::ClusterClient<Channel> {
        pb::cluster_client::ClusterClient::new(self.channel.clone())
    }

    /// For streams of whatever length.
    pub fn without_deadline(&self) -> pb::maintenance_client::MaintenanceClient<Channel> {
        pb::maintenance_client::MaintenanceClient::new(self.patient.clone())
    }

    pub async fn status(&self) -> Result<pb::StatusResponse, Status> {
        Ok(self.maintenance().status(pb::StatusRequest {}).await?.into_inner())
    }

    /// The hash of the keyspace as of `revision`.
    pub async fn hash_kv(&self, revision: i64) -> Result<pb::HashKvResponse, Status> {
        let request = pb::HashKvRequest { revision };
        Ok(self.maintenance().hash_kv(request).await?.into_inner())
    }

    /// The members as the cluster has agreed on them.
    pub async fn members(&self) -> Result<pb::MemberListResponse, Status> {
        let request = pb::MemberListRequest { linearizable: true };
        Ok(self.cluster().member_list(request).await?.into_inner())
    }
}

/// What a refused or failed call means to the one who asked.
pub fn failure(url: &str, status: &Status) -> Failure {
    let mut message = status.message().to_owned();
    // tonic's own message says only that the transport failed; its causes say why.
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    let unavailable = matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded);
    let kind = if unavailable { Kind::Unavailable } else { Kind::Failed };
    Failure::new(kind, format!("{url}: {message}"))
}
