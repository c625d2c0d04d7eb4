//! [`Peer`]: the other end of a connection, as TLS and TCP know it.

use rustls_pki_types::CertificateDer;
use std::net::SocketAddr;

/// Who is connected. Shared by all requests of a connection.
#[derive(Debug)]
pub struct Peer {
    /// What the client showed, its own first. It has the key of that one; nothing else about them
    /// has been checked.
    pub certificates: Vec<CertificateDer<'static>>,
    pub address: SocketAddr,
}
