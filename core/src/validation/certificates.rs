//! The group `certificates.k8s.io`.

mod pem;
mod request;
mod trust_bundle;

use super::Rules;

pub(super) fn rules(kind: &str) -> Option<Rules> {
    Some(match kind {
        "CertificateSigningRequest" => request::RULES,
        "ClusterTrustBundle" => trust_bundle::RULES,
        _ => return None,
    })
}
