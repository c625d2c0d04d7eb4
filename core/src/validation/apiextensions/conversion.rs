//! How objects get from one version into another.

use crate::field_error::FieldError;
use crate::names;
use crate::validation::Errors;
use crate::validation::certificates;
use crate::validation::fields::{Fields, Seen};
use crate::validation::formats;
use crate::validation::path::Path;
use crate::value::{Object, Value};

const REVIEW_VERSIONS: [&str; 2] = ["v1", "v1beta1"];

/// What was let pass before, and may stay.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lenient {
    pub review_versions: bool,
    pub ca_bundle: bool,
}

impl Lenient {
    pub fn of_new() -> Self {
        Self { review_versions: false, ca_bundle: true }
    }

    /// After a definition, which may be in force or not.
    pub fn after(old: &Object, established: bool) -> Self {
        let webhook = old.part("conversion").part("webhook");
        let mut known = webhook.texts("conversionReviewVersions");
        let any = !webhook.list("conversionReviewVersions").is_empty();
        let bundle = webhook.part("clientConfig").text("caBundle");
        let bad_bundle = !bundle.is_empty() && !certificates::is_bundle(bundle);
        Self {
            review_versions: any && !known.any(|one| REVIEW_VERSIONS.contains(&one)),
            ca_bundle: !established || bad_bundle,
        }
    }
}

pub fn check(spec: &Object, lenient: Lenient, path: &Path<'_>, errors: &mut Errors) {
    let Some(conversion) = spec.object("conversion") else { return };
    let strategy = conversion.text("strategy");
    if spec.flag("preserveUnknownFields") && strategy != "None" {
        let detail = "must be None if spec.preserveUnknownFields is true";
        errors.push(FieldError::invalid(path.child("strategy"), strategy, detail));
    }
    match strategy {
        "" => errors.push(FieldError::required(path.child("strategy"), "")),
        "None" | "Webhook" => {}
        other => {
            let path = path.child("strategy");
            errors.push(FieldError::not_supported(path, other, &["None", "Webhook"]));
        }
    }
    let webhook = conversion.part("webhook");
    if strategy == "Webhook" {
        client(webhook, lenient, &path.child("webhookClientConfig"), errors);
        review_versions(webhook, lenient, &path.child("conversionReviewVersions"), errors);
        return;
    }
    let detail = "should not be set when strategy is not set to Webhook";
    if webhook.has("clientConfig") {
        errors.push(FieldError::forbidden(path.child("webhookClientConfig"), detail));
    }
    if !webhook.list("conversionReviewVersions").is_empty() {
        errors.push(FieldError::forbidden(path.child("conversionReviewVersions"), detail));
    }
}

fn client(webhook: &Object, lenient: Lenient, path: &Path<'_>, errors: &mut Errors) {
    let Some(config) = webhook.object("clientConfig") else {
        errors.push(FieldError::required(path, "required when strategy is set to Webhook"));
        return;
    };
    formats::webhook_client(config, path, errors);
    let bundle = config.text("caBundle");
    if !bundle.is_empty() && !lenient.ca_bundle && !certificates::is_bundle(bundle) {
        let detail = "unable to load root certificates: data does not contain any valid RSA or \
                      ECDSA certificates";
        errors.push(FieldError::invalid(path.child("caBundle"), bundle, detail));
    }
}

fn review_versions(webhook: &Object, lenient: Lenient, path: &Path<'_>, errors: &mut Errors) {
    let versions = webhook.list("conversionReviewVersions");
    if versions.is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    let mut seen = Seen::default();
    let mut recognized = false;
    for (at, version) in webhook.texts("conversionReviewVersions").enumerate() {
        let path = path.index(at);
        if seen.again(version) {
            errors.push(FieldError::invalid(path, version, "duplicate version"));
            continue;
        }
        for message in names::dns_1035_label(version) {
            errors.push(FieldError::invalid(path, version, &message));
        }
        recognized |= REVIEW_VERSIONS.contains(&version);
    }
    if !recognized && !lenient.review_versions {
        let shown = Value::Array(versions.to_vec());
        let detail = "must include at least one of v1, v1beta1";
        errors.push(FieldError::invalid(path, &shown, detail));
    }
}
