//! ClusterTrustBundles.

use super::pem;
use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::{Fields, metadata, same};
use crate::validation::formats;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::Object;

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

const BUNDLE_MAX_BYTES: usize = 1024 * 1024;
const OMITTED: &str = "<value omitted>";

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    judge(target, object, true, errors);
}

fn judge(target: Target<'_>, object: &Object, read_bundle: bool, errors: &mut Errors) {
    meta::on_create(target, object, meta::path_segment, errors);
    let spec = object.part("spec");
    let signer = spec.text("signerName");
    let name = metadata(object).text("name");
    if !name.is_empty() && names::path_segment(name).is_empty() {
        check::each(errors, "metadata.name", name, name_messages(name, signer));
    }
    let path = Path::root("spec");
    if !signer.is_empty() {
        formats::signer_name(signer, &path.child("signerName"), errors);
    }
    if read_bundle {
        bundle(spec.text("trustBundle"), &path.child("trustBundle"), errors);
    }
}

/// A bundle of a signer is named for it.
fn name_messages(name: &str, signer: &str) -> Vec<String> {
    if signer.is_empty() {
        if name.contains(':') {
            let message = "ClusterTrustBundle without signer name must not have \":\" in its name";
            return vec![message.to_owned()];
        }
        return names::dns_1123_subdomain(name);
    }
    let prefix = format!("{}:", signer.replace('/', ":"));
    match name.strip_prefix(&prefix) {
        Some(rest) => names::dns_1123_subdomain(rest),
        None => vec![format!(
            "ClusterTrustBundle for signerName {signer} must be named with prefix {prefix}"
        )],
    }
}

fn bundle(text: &str, path: &Path<'_>, errors: &mut Errors) {
    if text.len() > BUNDLE_MAX_BYTES {
        errors.push(FieldError::too_long(path, BUNDLE_MAX_BYTES));
        return;
    }
    let found = errors.len();
    let mut anchors: Vec<Vec<u8>> = Vec::new();
    for (at, block) in pem::blocks(text).enumerate() {
        let detail = if block.label != "CERTIFICATE" {
            format!("entry {at} has bad block type: {}", block.label)
        } else if block.headers {
            format!("entry {at} has PEM block headers")
        } else if !pem::is_signed(&block.der) {
            format!("entry {at} does not parse as X.509")
        } else if !pem::is_authority(&block.der) {
            format!("entry {at} does not have the CA bit set")
        } else {
            anchors.push(block.der);
            continue;
        };
        errors.push(FieldError::invalid(path, OMITTED, &detail));
    }
    if errors.len() > found {
        return;
    }
    if anchors.is_empty() {
        let detail = "at least one trust anchor must be provided";
        errors.push(FieldError::invalid(path, OMITTED, detail));
    }
    for (at, anchor) in anchors.iter().enumerate() {
        let places: Vec<usize> =
            (0..anchors.len()).filter(|other| anchors[*other] == *anchor).collect();
        if places.len() > 1 && places[0] == at {
            let places: Vec<String> = places.iter().map(usize::to_string).collect();
            let detail = format!("duplicate trust anchor (indices [{}])", places.join(" "));
            errors.push(FieldError::invalid(path, OMITTED, &detail));
        }
    }
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    let value = |object: &'_ Object, name: &str| object.part("spec").value(name).cloned();
    let (after, before) = (value(new, "trustBundle"), value(old, "trustBundle"));
    judge(target, new, !same(after.as_ref(), before.as_ref()), errors);
    meta::on_update(new, old, errors);
    let (after, before) = (value(new, "signerName"), value(old, "signerName"));
    let path = Path::root("spec.signerName");
    check::immutable(errors, &path, after.as_ref(), before.as_ref(), "\"\"");
}
