//! The group `certificates.k8s.io`.

mod pem;
mod request;
mod trust_bundle;

use super::Rules;
use base64::Engine as _;

pub(super) fn rules(kind: &str) -> Option<Rules> {
    Some(match kind {
        "CertificateSigningRequest" => request::RULES,
        "ClusterTrustBundle" => trust_bundle::RULES,
        _ => return None,
    })
}

/// Whether a bundle of authorities (PEM in base64) has a certificate.
pub(super) fn is_bundle(encoded: &str) -> bool {
    let text = base64::engine::general_purpose::STANDARD.decode(encoded).ok();
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    text.is_some_and(|text| pem::blocks(&text).any(|block| block.label == "CERTIFICATE"))
}
