//! [`Peer`]: the other end of a connection, as TLS and TCP know it.

use rustls_pki_types::CertificateDer;
use std::net::SocketAddr;

/// Who is connected. Shared by all requests of a connection.
#[derive(Debug)]
pub struct Peer {
    /// What the client showed, its own first. It has the key of that one.
    pub certificates: Vec<CertificateDer<'static>>,
    /// Those certificates are of a known authority, and were valid when the connection began.
    pub trusted: bool,
    pub address: SocketAddr,
}
