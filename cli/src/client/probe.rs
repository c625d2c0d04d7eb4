//! [`Probe`]: asks a Kubernetes API server whether it is ready.

use crate::failure::{Failure, Kind};
use crate::pki::Pair;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

const PATIENCE: Duration = Duration::from_secs(2);
/// More than a status line has.
const HEAD_BYTES: usize = 64;

/// One request per connection, which is all that a probe needs.
pub struct Probe {
    tls: TlsConnector,
}

impl Probe {
    /// Trusts the servers of `ca` and shows them the certificate `identity`.
    pub fn new(ca: &Path, identity: &Pair) -> Result<Self, Failure> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(ca).map_err(|e| unusable(ca, &e))?)
            .map_err(|error| unusable(ca, &error))?;
        let cert = CertificateDer::from_pem_file(&identity.cert);
        let cert = cert.map_err(|error| unusable(&identity.cert, &error))?;
        let key = PrivateKeyDer::from_pem_file(&identity.key);
        let key = key.map_err(|error| unusable(&identity.key, &error))?;
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder.with_root_certificates(roots).with_client_auth_cert(vec![cert], key)
            });
        let config = config.map_err(|error| unusable(&identity.cert, &error))?;
        Ok(Self { tls: Arc::new(config).into() })
    }

    /// True if the server answers `/readyz` with 200.
    pub async fn is_ready(&self, address: SocketAddr) -> bool {
        let asked = timeout(PATIENCE, self.ask(address, "/readyz")).await;
        asked.is_ok_and(|answer| answer.is_ok_and(|head| head.starts_with(b"HTTP/1.1 200 ")))
    }

    /// The first bytes of the answer.
    async fn ask(&self, address: SocketAddr, path: &str) -> std::io::Result<Vec<u8>> {
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::IpAddress(address.ip().into());
        let mut stream = self.tls.connect(name, stream).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut head = vec![0; HEAD_BYTES];
        let mut len = 0;
        while len < head.len() {
            match stream.read(&mut head[len..]).await? {
                0 => break,
                more => len += more,
            }
        }
        head.truncate(len);
        Ok(head)
    }
}

fn unusable(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::new(Kind::Configuration, format!("{}: {error}", path.display()))
}
