//! [`Access`]: where the servers are, what they are trusted by, and who asks.

use crate::BenchError;
use http::HeaderValue;
use http::uri::Authority;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const PORT: u16 = 443;

/// What a kubeconfig or the command line says, not yet looked at.
#[derive(Default)]
pub struct Credentials {
    /// `https://host:port`
    pub servers: Vec<String>,
    /// The name to look for in the servers' certificates, if not that of the address.
    pub server_name: Option<String>,
    pub ca_pem: Option<Vec<u8>>,
    /// Certificate and key.
    pub identity_pem: Option<(Vec<u8>, Vec<u8>)>,
    pub token: Option<String>,
}

/// One server.
#[derive(Debug, Clone)]
pub struct Server {
    pub authority: Authority,
    name: ServerName<'static>,
}

#[derive(Clone)]
pub struct Access {
    pub servers: Vec<Server>,
    pub authorization: Option<HeaderValue>,
    tls: Arc<ClientConfig>,
}

impl Access {
    pub fn new(credentials: &Credentials) -> Result<Self, BenchError> {
        let name = credentials.server_name.as_deref();
        let servers = credentials.servers.iter().map(|url| Server::parse(url, name));
        let authorization = match &credentials.token {
            None => None,
            Some(token) => {
                let value = HeaderValue::from_str(&format!("Bearer {}", token.trim()));
                let mut value = value.map_err(|_| invalid("the token is no header's value"))?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self {
            servers: servers.collect::<Result<_, _>>()?,
            authorization,
            tls: Arc::new(tls(credentials)?),
        })
    }

    /// A TLS connection that speaks HTTP/2, to the server at a position in turn.
    pub async fn connect(&self, at: usize) -> Result<(TlsStream<TcpStream>, &Server), BenchError> {
        let server = &self.servers[at % self.servers.len()];
        let unreachable = |reason: String| BenchError::Unreachable {
            server: server.authority.to_string(),
            reason,
        };
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, self.handshake(server)).await;
        let stream = connected
            .map_err(|_| unreachable(format!("no answer within {CONNECT_TIMEOUT:?}")))?
            .map_err(|error| unreachable(error.to_string()))?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(unreachable("it does not speak HTTP/2".into()));
        }
        Ok((stream, server))
    }

    async fn handshake(&self, server: &Server) -> std::io::Result<TlsStream<TcpStream>> {
        let host = server.authority.host().trim_matches(['[', ']']);
        let tcp = TcpStream::connect((host, server.authority.port_u16().unwrap_or(PORT))).await?;
        tcp.set_nodelay(true)?;
        TlsConnector::from(self.tls.clone()).connect(server.name.clone(), tcp).await
    }

    /// The servers' addresses, for people.
    pub fn describe(&self) -> String {
        let servers: Vec<&str> = self.servers.iter().map(|s| s.authority.as_str()).collect();
        servers.join(", ")
    }
}

impl Server {
    fn parse(url: &str, name: Option<&str>) -> Result<Self, BenchError> {
        let wrong = || invalid(&format!("server {url:?}: write https://host:port"));
        let uri: http::Uri = url.parse().map_err(|_| wrong())?;
        if uri.scheme_str() != Some("https") || uri.path().len() > 1 {
            return Err(wrong());
        }
        let authority = uri.authority().ok_or_else(wrong)?.clone();
        let host = name.unwrap_or_else(|| authority.host().trim_matches(['[', ']'])).to_owned();
        let name = ServerName::try_from(host).map_err(|_| wrong())?;
        Ok(Self { authority, name })
    }
}

fn invalid(message: &str) -> BenchError {
    BenchError::Invalid(message.into())
}

fn tls(credentials: &Credentials) -> Result<ClientConfig, BenchError> {
    let ca = credentials.ca_pem.as_deref();
    let ca = ca.ok_or_else(|| invalid("no certificate authority is given: see --ca"))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates("the authority", ca)? {
        roots.add(certificate).map_err(|error| invalid(&format!("the authority: {error}")))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(&error.to_string()))?
        .with_root_certificates(roots);
    let mut config = match &credentials.identity_pem {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            let chain = certificates("the client's certificate", cert)?;
            let key = PrivateKeyDer::from_pem_slice(key)
                .map_err(|error| invalid(&format!("the client's key: {error}")))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| invalid(&format!("the client's certificate: {error}")))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BenchError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(invalid(&format!("{what}: no certificate in PEM form"))),
        Err(error) => Err(invalid(&format!("{what}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_https_addresses() {
        let server = Server::parse("https://[::1]:6443", None).expect("an address");
        assert_eq!(server.authority.port_u16(), Some(6443));
        let named = Server::parse("https://10.0.0.1/", Some("kubernetes")).expect("an address");
        assert_eq!(named.name, ServerName::try_from("kubernetes").expect("a name"));
        for wrong in ["http://127.0.0.1:8080", "127.0.0.1:6443", "https://h/path", ""] {
            assert!(Server::parse(wrong, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let none = Access::new(&Credentials::default()).err().expect("no authority");
        assert!(none.to_string().contains("--ca"), "{none}");
        let empty = Credentials { ca_pem: Some(b"x".to_vec()), ..Credentials::default() };
        let empty = Access::new(&empty).err().expect("no certificate");
        assert!(empty.to_string().contains("no certificate"), "{empty}");
    }
}
