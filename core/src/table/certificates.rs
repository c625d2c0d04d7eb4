//! Tables of `certificates.k8s.io`.

use super::format::{NONE, condition};
use super::kinds::{AGE, Doc, Kind, NAME, Row, string};
use crate::human;

const SPEC: &str = "k8s.io.api.certificates.v1.CertificateSigningRequestSpec";
const STATUS: &str = "k8s.io.api.certificates.v1.CertificateSigningRequestStatus";
const BUNDLE: &str = "k8s.io.api.certificates.v1beta1.ClusterTrustBundleSpec";

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    Some(match kind {
        "CertificateSigningRequest" => &SIGNING_REQUEST,
        "ClusterTrustBundle" => &TRUST_BUNDLE,
        _ => return None,
    })
}

const SIGNING_REQUEST: Kind = Kind::new(
    &[
        NAME,
        AGE,
        string("SignerName", Doc::Field(SPEC, "signerName")),
        string("Requestor", Doc::Field(SPEC, "request")),
        string("RequestedDuration", Doc::Field(SPEC, "expirationSeconds")),
        string("Condition", Doc::Field(STATUS, "conditions")),
    ],
    |row, cells| {
        let expiration = row.at("spec.expirationSeconds");
        let duration = match expiration.is_set() {
            true => human::duration(i128::from(expiration.int()) * 1_000_000_000),
            false => NONE.to_owned(),
        };
        cells
            .push(row.name())
            .push(row.age())
            .push(row.text_or("spec.signerName", NONE))
            .push(row.text("spec.username"))
            .push(duration)
            .push(signing_status(row));
    },
);

fn signing_status(row: &Row<'_>) -> String {
    let has = |kind: &str| condition(row.at("status.conditions"), kind).is_some();
    let mut status = match (has("Denied"), has("Approved")) {
        (true, _) => "Denied",
        (false, true) => "Approved",
        (false, false) => "Pending",
    }
    .to_owned();
    if has("Failed") {
        status.push_str(",Failed");
    }
    if !row.text("status.certificate").is_empty() {
        status.push_str(",Issued");
    }
    status
}

const TRUST_BUNDLE: Kind =
    Kind::new(&[NAME, string("SignerName", Doc::Field(BUNDLE, "signerName"))], |row, cells| {
        cells.push(row.name()).push(row.text_or("spec.signerName", NONE));
    });
