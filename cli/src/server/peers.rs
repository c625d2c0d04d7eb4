//! Connections of the replica: the transport to its peers, their server, and everybody's TLS.

use super::errors::tls_failure;
use crate::config::{ClientTls, Peer};
use crate::failure::{Failure, Kind};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use xebec_apiserver::TlsOptions;
use xebec_raft::Replica;
use xebec_raft::transport::Transport;
use xebec_raft::transport::tonic::{self, PeerTls, TonicTransport};

pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::io(path.display(), &error))
}

/// The files of the client API's TLS.
pub fn client_tls(files: &ClientTls) -> Result<TlsOptions, Failure> {
    Ok(TlsOptions {
        certificate_pem: read(&files.cert)?,
        key_pem: read(&files.key)?,
        client_ca_pem: files.client_ca.as_deref().map(read).transpose()?,
    })
}

/// The files of the TLS between replicas; None for plain HTTP on loopback.
fn peer_tls(peer: &Peer) -> Result<Option<PeerTls>, Failure> {
    let Some(files) = &peer.tls else { return Ok(None) };
    Ok(Some(PeerTls {
        ca_pem: read(&files.ca)?,
        certificate_pem: read(&files.cert)?,
        key_pem: read(&files.key)?,
    }))
}

pub fn transport(peer: &Peer) -> Result<Arc<dyn Transport>, Failure> {
    Ok(Arc::new(TonicTransport::new(peer_tls(peer)?)))
}

/// Serves the other replicas, on the runtime of consensus, until `stop`.
pub fn serve(
    peer: &Peer,
    listeners: Vec<TcpListener>,
    replica: &Replica,
    stop: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> Result<(), Failure> {
    let tls = peer_tls(peer)?;
    let runtime = replica
        .runtime()
        .ok_or_else(|| Failure::new(Kind::Failed, "consensus has no runtime of its own"))?;
    for listener in listeners {
        let listener = listener.into_std().map_err(|error| Failure::io("peers", &error))?;
        let stop = stop.clone().cancelled_owned();
        let serving = tonic::serve(listener, replica.peer_service(), tls.clone(), stop);
        let report = async move {
            if let Err(error) = serving.await {
                tracing::error!(error = %tls_failure("peer", &error), "peers are not served");
            }
        };
        tasks.spawn_on(report, &runtime);
    }
    Ok(())
}
