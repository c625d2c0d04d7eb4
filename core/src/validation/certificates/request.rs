//! CertificateSigningRequests.

use super::pem;
use crate::field_error::{FieldError, quoted};
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::{Fields, Seen, same_objects};
use crate::validation::formats;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};
use base64::Engine as _;

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

const LEGACY_SIGNER: &str = "kubernetes.io/legacy-unknown";
const EXPIRATION_MIN_S: i64 = 600;
const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

/// What was stored before it was checked, and may stay.
#[derive(Clone, Copy, Default)]
struct Held {
    legacy_signer: bool,
    both_verdicts: bool,
    repeated_conditions: bool,
    untyped_conditions: bool,
    certificate: bool,
    repeated_usages: bool,
    unknown_usages: bool,
}

impl Held {
    fn of(new: &Object, old: &Object) -> Self {
        let (spec, status) = (old.part("spec"), old.part("status"));
        let kinds = || status.objects("conditions").map(|(_, one)| one.text("type"));
        let certificate = status.text("certificate");
        Self {
            legacy_signer: spec.text("signerName") == LEGACY_SIGNER,
            both_verdicts: kinds().any(|kind| kind == "Approved")
                && kinds().any(|kind| kind == "Denied"),
            repeated_conditions: repeats(kinds()),
            untyped_conditions: kinds().any(str::is_empty),
            certificate: certificate == new.part("status").text("certificate")
                || bad_certificate(certificate).is_some(),
            repeated_usages: repeats(spec.texts("usages")),
            unknown_usages: !spec.texts("usages").all(|usage| USAGES.contains(&usage)),
        }
    }
}

fn repeats<'t>(mut texts: impl Iterator<Item = &'t str>) -> bool {
    let mut seen = Seen::default();
    texts.any(|text| seen.again(text))
}

fn any_name(_: &str, _: bool) -> Vec<String> {
    Vec::new()
}

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    judge(target, object, Held::default(), errors);
}

fn judge(target: Target<'_>, object: &Object, held: Held, errors: &mut Errors) {
    meta::on_create(target, object, any_name, errors);
    let spec = object.part("spec");
    let path = Path::root("spec");
    if let Some(detail) = bad_request(spec.text("request")) {
        // Bytes that are not there show as none.
        let request = spec.value("request").filter(|_| !spec.text("request").is_empty());
        let request = request.unwrap_or(&Value::Null);
        errors.push(FieldError::invalid(path.child("request"), request, detail));
    }
    usages(spec, held, &path.child("usages"), errors);
    let signer = spec.text("signerName");
    if !held.legacy_signer && signer == LEGACY_SIGNER {
        let detail = "the legacy signerName is not allowed via this API version";
        errors.push(FieldError::invalid(path.child("signerName"), signer, detail));
    } else {
        formats::signer_name(signer, &path.child("signerName"), errors);
    }
    if let Some(seconds) =
        spec.int("expirationSeconds").filter(|seconds| *seconds < EXPIRATION_MIN_S)
    {
        let detail = "may not specify a duration less than 600 seconds (10 minutes)";
        let path = path.child("expirationSeconds");
        errors.push(FieldError::invalid(path, &Value::Int(seconds), detail));
    }
    conditions(object.part("status"), held, errors);
    if !held.certificate
        && let Some(detail) = bad_certificate(object.part("status").text("certificate"))
    {
        let shown = "<certificate data>";
        errors.push(FieldError::invalid("status.certificate", shown, &detail));
    }
}

/// What is wrong with an encoded request. Its signature is not verified here.
fn bad_request(encoded: &str) -> Option<&'static str> {
    let text = decoded(encoded);
    let block = pem::blocks(&text).next().filter(|block| block.label == "CERTIFICATE REQUEST");
    match block {
        None => Some("PEM block type must be CERTIFICATE REQUEST"),
        Some(block) if !pem::is_signed(&block.der) => {
            Some("asn1: structure error: not a certificate request")
        }
        Some(_) => None,
    }
}

fn decoded(encoded: &str) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn bad_certificate(encoded: &str) -> Option<String> {
    if encoded.is_empty() {
        return None;
    }
    let text = decoded(encoded);
    let mut count = 0;
    for block in pem::blocks(&text) {
        if block.label != "CERTIFICATE" {
            let found = quoted(block.label);
            return Some(format!("only CERTIFICATE PEM blocks are allowed, found {found}"));
        }
        if block.headers {
            return Some("no PEM block headers are permitted".to_owned());
        }
        if block.der.is_empty() {
            return Some("found CERTIFICATE PEM block containing 0 certificates".to_owned());
        }
        if !pem::is_signed(&block.der) {
            return Some("x509: malformed certificate".to_owned());
        }
        count += 1;
    }
    (count == 0).then(|| "must contain at least one CERTIFICATE PEM block".to_owned())
}

fn usages(spec: &Object, held: Held, path: &Path<'_>, errors: &mut Errors) {
    if spec.list("usages").is_empty() {
        errors.push(FieldError::required(path, ""));
    }
    if !held.unknown_usages {
        for (at, usage) in spec.texts("usages").enumerate() {
            check::one_of(errors, path.index(at), usage, &USAGES);
        }
    }
    if held.repeated_usages {
        return;
    }
    let mut seen = Seen::default();
    for (at, usage) in spec.texts("usages").enumerate() {
        if seen.again(usage) {
            errors.push(FieldError::duplicate(path.index(at), usage));
        }
    }
}

fn conditions(status: &Object, held: Held, errors: &mut Errors) {
    let path = Path::root("status.conditions");
    let mut seen = Seen::default();
    for (at, condition) in status.objects("conditions") {
        let path = path.index(at);
        let kind = condition.text("type");
        if kind.is_empty() && !held.untyped_conditions {
            errors.push(FieldError::required(path.child("type"), ""));
        }
        let terminal = matches!(kind, "Approved" | "Denied" | "Failed");
        let allowed: &[&str] = if terminal { &["True"] } else { &["False", "True", "Unknown"] };
        match condition.text("status") {
            "" => errors.push(FieldError::required(path.child("status"), "")),
            status => check::one_of(errors, path.child("status"), status, allowed),
        }
        let opposite = match kind {
            "Approved" => "Denied",
            "Denied" => "Approved",
            _ => "\0",
        };
        if !held.both_verdicts && seen.has(opposite) {
            let detail = "Approved and Denied conditions are mutually exclusive";
            errors.push(FieldError::invalid(path.child("type"), kind, detail));
        }
        if seen.again(kind) && !held.repeated_conditions {
            errors.push(FieldError::duplicate(path.child("type"), kind));
        }
    }
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    judge(target, new, Held::of(new, old), errors);
    for kind in ["Approved", "Denied", "Failed"] {
        if of_kind(new, kind).count() < of_kind(old, kind).count() {
            let detail = format!("updates may not remove a condition of type \"{kind}\"");
            errors.push(FieldError::forbidden("status.conditions", &detail));
        }
    }
    if target.subresource != "approval" {
        for kind in ["Approved", "Denied"] {
            verdict_stays(new, old, kind, errors);
        }
    }
    let certificate = |object: &Object| object.part("status").text("certificate").to_owned();
    if certificate(new) != certificate(old) {
        let detail = if target.subresource != "status" {
            "updates may not set certificate content"
        } else {
            "updates may not modify existing certificate content"
        };
        if target.subresource != "status" || !certificate(old).is_empty() {
            errors.push(FieldError::forbidden("status.certificate", detail));
        }
    }
    meta::on_update(new, old, errors);
}

fn of_kind<'o>(object: &'o Object, kind: &'o str) -> impl Iterator<Item = &'o Object> {
    let conditions = object.part("status").objects("conditions");
    conditions.filter(move |(_, one)| one.text("type") == kind).map(|(_, one)| one)
}

/// Only through the subresource for it is a request approved or denied.
fn verdict_stays(new: &Object, old: &Object, kind: &str, errors: &mut Errors) {
    let (after, before) = (of_kind(new, kind).count(), of_kind(old, kind).count());
    let detail = if after > before {
        format!("updates may not add a condition of type \"{kind}\"")
    } else if after == before
        && of_kind(new, kind).zip(of_kind(old, kind)).any(|(new, old)| !same_objects(new, old))
    {
        format!("updates may not modify a condition of type \"{kind}\"")
    } else {
        return;
    };
    errors.push(FieldError::forbidden("status.conditions", &detail));
}
