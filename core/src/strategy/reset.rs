//! Which fields a write through a resource or subresource resets, and so lets nobody own.

use super::status::{self, Metadata};
use crate::apply::Filter;
use crate::target::Target;
use std::sync::LazyLock;

static NOTHING: Filter = Filter::All;
static STATUS: LazyLock<Filter> = LazyLock::new(|| Filter::except(&[&["status"]]));
static SPEC: LazyLock<Filter> = LazyLock::new(|| Filter::except(&[&["spec"]]));
static SPEC_AND_STATUS: LazyLock<Filter> =
    LazyLock::new(|| Filter::except(&[&["spec"], &["status"]]));
static SPEC_AND_METADATA: LazyLock<Filter> =
    LazyLock::new(|| Filter::except(&[&["spec"], &["metadata"]]));
static SPEC_AND_LABELS: LazyLock<Filter> =
    LazyLock::new(|| Filter::except(&[&["spec"], &["metadata", "labels"]]));
static POD_STATUS: LazyLock<Filter> = LazyLock::new(|| {
    Filter::except(&[
        &["spec"],
        &["metadata", "deletionTimestamp"],
        &["metadata", "ownerReferences"],
    ])
});
static REQUEST_STATUS: LazyLock<Filter> =
    LazyLock::new(|| Filter::except(&[&["spec"], &["status", "conditions"]]));
static REQUEST_APPROVAL: LazyLock<Filter> =
    LazyLock::new(|| Filter::except(&[&["spec"], &["status", "certificate"]]));
static EPHEMERAL: Filter = Filter::Only(&[&["spec", "ephemeralContainers"]]);
static RESIZE: Filter = Filter::Only(&[
    &["spec", "containers", "*", "resources"],
    &["spec", "containers", "*", "resizePolicy"],
    &["spec", "initContainers", "*", "resources"],
    &["spec", "initContainers", "*", "resizePolicy"],
]);

/// The filter of the field manager for a target.
pub fn reset_fields(target: Target<'_>) -> &'static Filter {
    let is_request = target.kind() == ("certificates.k8s.io", "CertificateSigningRequest");
    match target.subresource {
        "" if is_request => &SPEC_AND_STATUS,
        "" if keeps_status_apart(target) => &STATUS,
        "status" if is_request => &REQUEST_STATUS,
        "status" if target.resource.custom => &SPEC_AND_METADATA,
        "status" => match status::metadata(target) {
            Metadata::Written => &SPEC,
            Metadata::LabelsKept => &SPEC_AND_LABELS,
            Metadata::OwnersKept => &POD_STATUS,
            Metadata::Kept => &SPEC_AND_METADATA,
        },
        "approval" => &REQUEST_APPROVAL,
        "finalize" => &STATUS,
        "ephemeralcontainers" => &EPHEMERAL,
        "resize" => &RESIZE,
        _ => &NOTHING,
    }
}

fn keeps_status_apart(target: Target<'_>) -> bool {
    let mut subresources = target.resource.subresources_in(target.version);
    subresources.any(|one| &*one.name == "status")
}
