//! DenyServiceExternalIPs: no Service gets an external address that it did not have.

use super::{Operation, Plugin, Review};
use xebec_core::edit;
use xebec_core::status::Status;
use xebec_core::value::Object;

pub struct DenyServiceExternalIPs;

impl Plugin for DenyServiceExternalIPs {
    fn name(&self) -> &'static str {
        "DenyServiceExternalIPs"
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        let applies = review.operation != Operation::Delete && review.is_of("", "Service");
        let Some(service) = object.filter(|_| applies) else { return Ok(()) };
        let path = ["spec", "externalIPs"];
        let held = review.old.map(|old| edit::items(old, &path)).unwrap_or_default();
        if edit::items(service, &path).iter().all(|address| held.contains(address)) {
            return Ok(());
        }
        Err(review.forbidden("Use of external IPs is denied by admission control"))
    }
}
