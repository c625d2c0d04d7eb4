//! Storage classes and drivers.

use super::Rule;
use super::draft::Draft;
use crate::value::Value;

pub(super) const RULES: &[(&str, Rule)] =
    &[("CSIDriver", csi_driver), ("StorageClass", storage_class)];

fn storage_class(class: &mut Draft<'_>) {
    class.default("reclaimPolicy", "Delete");
    class.default("volumeBindingMode", "Immediate");
}

fn csi_driver(driver: &mut Draft<'_>) {
    let mut spec = driver.child("spec");
    spec.default("attachRequired", true);
    spec.default("podInfoOnMount", false);
    spec.default("storageCapacity", false);
    spec.default("fsGroupPolicy", "ReadWriteOnceWithFSType");
    if spec.is_empty("volumeLifecycleModes") {
        spec.put("volumeLifecycleModes", vec![Value::from("Persistent")]);
    }
    spec.default("requiresRepublish", false);
    spec.default("seLinuxMount", false);
}
