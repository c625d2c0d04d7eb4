//! The group `storage.k8s.io`.

mod capacity;
mod class;
mod csi_driver;
mod csi_node;
mod volume_attachment;
mod volume_attributes_class;

use super::Rules;

pub(super) fn rules(kind: &str) -> Option<Rules> {
    Some(match kind {
        "CSIDriver" => csi_driver::RULES,
        "CSINode" => csi_node::RULES,
        "CSIStorageCapacity" => capacity::RULES,
        "StorageClass" => class::RULES,
        "VolumeAttachment" => volume_attachment::RULES,
        "VolumeAttributesClass" => volume_attributes_class::RULES,
        _ => return None,
    })
}
