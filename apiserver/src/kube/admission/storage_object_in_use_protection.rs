//! StorageObjectInUseProtection: volumes and claims carry a finalizer until nobody uses them.

use super::{Operation, Plugin, Review};
use xebec_core::edit;
use xebec_core::lifecycle;
use xebec_core::status::Status;
use xebec_core::value::{Object, Value};

pub struct StorageObjectInUseProtection;

impl Plugin for StorageObjectInUseProtection {
    fn name(&self) -> &'static str {
        "StorageObjectInUseProtection"
    }

    fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        if review.operation != Operation::Create || !review.target.subresource.is_empty() {
            return Ok(());
        }
        let finalizer = match review.target.kind() {
            ("", "PersistentVolumeClaim") => "kubernetes.io/pvc-protection",
            ("", "PersistentVolume") => "kubernetes.io/pv-protection",
            ("storage.k8s.io", "VolumeAttributesClass") => "kubernetes.io/vac-protection",
            _ => return Ok(()),
        };
        let mut all = edit::items(object, &["metadata", "finalizers"]).to_vec();
        if !all.iter().any(|one| one.as_str() == Some(finalizer)) {
            all.push(finalizer.into());
            lifecycle::set_metadata(object, "finalizers", Some(Value::Array(all)));
        }
        Ok(())
    }
}
