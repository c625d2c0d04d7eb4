//! TLS of both APIs.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use std::sync::Arc;

/// HTTP/2 first: gRPC needs it; browsers and probes may take the other.
pub const ALPN_H2: &[u8] = b"h2";
const ALPN_HTTP1: &[u8] = b"http/1.1";

/// Certificates as PEM.
#[derive(Clone)]
pub struct TlsOptions {
    /// The server's certificate, followed by those between it and its authority.
    pub certificate_pem: Vec<u8>,
    pub key_pem: Vec<u8>,
    /// Authorities whose certificates clients must show; `None` asks for none.
    pub client_ca_pem: Option<Vec<u8>>,
}

/// Why the settings do not make a server.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("no certificate in {what}")]
    Missing { what: &'static str },
    #[error("{what} is not PEM: {message}")]
    Pem { what: &'static str, message: String },
    #[error("certificate and key do not make a TLS server")]
    Config(#[from] rustls::Error),
    #[error("the client authorities are not usable: {message}")]
    ClientCa { message: String },
}

impl TlsOptions {
    /// Clients need a certificate of the authorities, if there are any.
    pub(crate) fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let Some(pem) = &self.client_ca_pem else { return self.with_verifier(None) };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = Arc::new(roots(pem)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
        let client_ca = |error| TlsError::ClientCa { message: format!("{error}") };
        self.with_verifier(Some(verifier.map_err(client_ca)?))
    }

    /// Clients may show any certificate, or none: whoever serves the request judges it.
    pub(crate) fn requesting_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let Some(pem) = &self.client_ca_pem else { return self.with_verifier(None) };
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        let subjects = roots(pem)?.subjects();
        self.with_verifier(Some(Arc::new(AnyCertificate { subjects, algorithms })))
    }

    fn with_verifier(
        &self,
        verifier: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let builder = match verifier {
            None => builder.with_no_client_auth(),
            Some(verifier) => builder.with_client_cert_verifier(verifier),
        };
        let chain = certificates(&self.certificate_pem, "the server certificate")?;
        let key = PrivateKeyDer::from_pem_slice(&self.key_pem)
            .map_err(|error| pem_error("the server key", &error))?;
        let mut config = builder.with_single_cert(chain, key)?;
        config.alpn_protocols = vec![ALPN_H2.to_vec(), ALPN_HTTP1.to_vec()];
        Ok(Arc::new(config))
    }
}

/// Asks for a certificate and makes sure that the client has its key, nothing else: a client with
/// an unknown certificate has to hear 401, which a failed handshake could not tell it.
#[derive(Debug)]
struct AnyCertificate {
    /// Names of the authorities, from which clients choose what to show.
    subjects: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn roots(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, "the client authorities")? {
        roots.add(certificate)?;
    }
    Ok(roots)
}

fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|error| pem_error(what, &error))?;
    if all.is_empty() { Err(TlsError::Missing { what }) } else { Ok(all) }
}

fn pem_error(what: &'static str, error: &rustls_pki_types::pem::Error) -> TlsError {
    TlsError::Pem { what, message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let mut options =
            TlsOptions { certificate_pem: vec![], key_pem: vec![], client_ca_pem: None };
        let text = options.server_config().unwrap_err().to_string();
        assert_eq!(text, "no certificate in the server certificate");
        options.client_ca_pem = Some(b"nothing".to_vec());
        let text = options.server_config().unwrap_err().to_string();
        assert_eq!(text, "no certificate in the client authorities");
        options.client_ca_pem = None;
        options.certificate_pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n".to_vec();
        assert!(matches!(options.server_config(), Err(TlsError::Pem { .. })));
    }

    #[test]
    fn a_certificate_with_its_key_makes_a_server() {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let certificate_pem = made.cert.pem().into_bytes();
        let options = TlsOptions {
            client_ca_pem: Some(certificate_pem.clone()),
            certificate_pem,
            key_pem: made.signing_key.serialize_pem().into_bytes(),
        };
        let config = options.server_config().unwrap();
        assert_eq!(config.alpn_protocols, [ALPN_H2, ALPN_HTTP1]);
    }
}
