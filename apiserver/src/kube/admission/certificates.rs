//! CertificateApproval, CertificateSigning, ClusterTrustBundleAttest and
//! CertificateSubjectRestriction: for whom a signer signs is up to those who may speak for it.

use super::{Operation, Plugin, Review};
use crate::kube::authz::Attributes;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509CertificationRequest};
use xebec_core::edit;
use xebec_core::lifecycle;
use xebec_core::status::Status;
use xebec_core::value::Object;

const GROUP: &str = "certificates.k8s.io";
const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";
const MASTERS: &str = "system:masters";

/// Approval is judged by the signer that is stored, whatever the request says of it.
pub struct CertificateApproval;

impl Plugin for CertificateApproval {
    fn name(&self) -> &'static str {
        "CertificateApproval"
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        let applies = is_request(review, Operation::Update, "approval") && object.is_some();
        let Some(old) = review.old.filter(|_| applies) else { return Ok(()) };
        let signer = signer(old);
        if may(review, "approve", signer) {
            return Ok(());
        }
        let why = format!("user not permitted to approve requests with signerName {signer:?}");
        Err(review.forbidden(why))
    }
}

pub struct CertificateSigning;

impl Plugin for CertificateSigning {
    fn name(&self) -> &'static str {
        "CertificateSigning"
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        let applies = is_request(review, Operation::Update, "status");
        let Some((new, old)) = object.filter(|_| applies).zip(review.old) else { return Ok(()) };
        let is_same = |name| edit::at(new, &["status", name]) == edit::at(old, &["status", name]);
        let signer = signer(old);
        if (is_same("certificate") && is_same("conditions")) || may(review, "sign", signer) {
            return Ok(());
        }
        let why = format!("user not permitted to sign requests with signerName {signer:?}");
        Err(review.forbidden(why))
    }
}

pub struct ClusterTrustBundleAttest;

impl Plugin for ClusterTrustBundleAttest {
    fn name(&self) -> &'static str {
        "ClusterTrustBundleAttest"
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        let applies = review.target.kind() == (GROUP, "ClusterTrustBundle");
        let Some(bundle) = object.filter(|_| applies) else { return Ok(()) };
        let signer = signer(bundle);
        if signer.is_empty() || review.old.is_some_and(|old| says_the_same(bundle, old)) {
            return Ok(());
        }
        if may(review, "attest", signer) {
            return Ok(());
        }
        let why = format!("user not permitted to attest for signerName {signer:?}");
        Err(review.forbidden(why))
    }
}

/// Nobody becomes a master by a certificate of the signer for clients.
pub struct CertificateSubjectRestriction;

impl Plugin for CertificateSubjectRestriction {
    fn name(&self) -> &'static str {
        "CertificateSubjectRestriction"
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        let applies = is_request(review, Operation::Create, "");
        let request = object.filter(|_| applies);
        let Some(request) = request.filter(|one| signer(one) == CLIENT_SIGNER) else {
            return Ok(());
        };
        let organizations = organizations(edit::text(request, &["spec", "request"]))
            .map_err(|why| review.forbidden(format!("failed to parse CSR: {why}")))?;
        if organizations.iter().any(|one| one == MASTERS) {
            return Err(review.forbidden(format!(
                "use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed"
            )));
        }
        Ok(())
    }
}

fn is_request(review: &Review<'_>, operation: Operation, subresource: &str) -> bool {
    review.operation == operation
        && review.target.kind() == (GROUP, "CertificateSigningRequest")
        && review.target.subresource == subresource
}

fn signer(object: &Object) -> &str {
    edit::text(object, &["spec", "signerName"])
}

/// Whether the user may do this for a signer, by its whole name or by that of its domain.
fn may(review: &Review<'_>, verb: &str, signer: &str) -> bool {
    let domain = signer.split('/').next().unwrap_or_default();
    [signer, &format!("{domain}/*")].into_iter().any(|name| {
        let signers = Attributes::resource(review.user, verb, GROUP, "signers");
        review.authorization.allows(&Attributes { name, ..signers })
    })
}

/// Whether nothing changes but what a garbage collector may change.
fn says_the_same(new: &Object, old: &Object) -> bool {
    let without = |object: &Object| {
        let mut object = object.clone();
        for name in ["ownerReferences", "finalizers", "managedFields"] {
            lifecycle::set_metadata(&mut object, name, None);
        }
        object
    };
    without(new) == without(old)
}

/// The organizations of the subject of a request, which is PEM in base64.
fn organizations(request: &str) -> Result<Vec<String>, String> {
    let pem = BASE64_STANDARD.decode(request).map_err(|error| error.to_string())?;
    let der = CertificateSigningRequestDer::from_pem_slice(&pem)
        .map_err(|_| "PEM block type must be CERTIFICATE REQUEST".to_owned())?;
    let (_, request) =
        X509CertificationRequest::from_der(&der).map_err(|error| error.to_string())?;
    let subject = &request.certification_request_info.subject;
    let organizations = subject.iter_organization();
    Ok(organizations.filter_map(|one| one.as_str().ok()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    fn request(organization: &str) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, organization);
        let key = KeyPair::generate().expect("made");
        let request = params.serialize_request(&key).expect("made");
        BASE64_STANDARD.encode(request.pem().expect("written"))
    }

    #[test]
    fn organizations_are_read() {
        assert_eq!(organizations(&request(MASTERS)).expect("a request"), [MASTERS]);
        assert_eq!(organizations(&request("devs")).expect("a request"), ["devs"]);
        let text = BASE64_STANDARD.encode("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----");
        assert_eq!(
            organizations(&text).expect_err("no request"),
            "PEM block type must be CERTIFICATE REQUEST"
        );
        assert!(organizations("no base64").is_err());
    }

    #[test]
    fn owners_of_a_bundle_may_change_without_a_word_of_its_signer() {
        let object = |owners: &str, bundle: &str| {
            let text = format!(
                r#"{{"metadata":{{"name":"a"{owners}}},"spec":{{"trustBundle":"{bundle}"}}}}"#
            );
            match serde_json::from_str(&text).expect("valid JSON") {
                xebec_core::value::Value::Object(object) => object,
                _ => Object::new(),
            }
        };
        let owned = r#","ownerReferences":[{"name":"o"}]"#;
        assert!(says_the_same(&object(owned, "x"), &object("", "x")));
        assert!(!says_the_same(&object("", "y"), &object("", "x")));
    }
}
