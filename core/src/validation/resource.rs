//! The group `resource.k8s.io`: dynamic allocation of devices (KEP-4381).

mod admin_access;
mod claim;
mod claim_status;
mod class;
mod device;
mod policy;
mod request;
mod shared;
mod slice;

pub use admin_access::{ADMIN_ACCESS, admin_access};

use super::Rules;

pub(super) fn rules(kind: &str) -> Option<Rules> {
    Some(match kind {
        "DeviceClass" => class::RULES,
        "ResourceClaim" => claim::RULES,
        "ResourceClaimTemplate" => claim::TEMPLATE_RULES,
        "ResourceSlice" => slice::RULES,
        _ => return None,
    })
}
