//! What claims of volumes use.

use crate::kube::admission::resource_list::{ResourceList, exceeds};
use xebec_core::edit;
use xebec_core::lifecycle;
use xebec_core::quantity::Quantity;
use xebec_core::value::{Object, Value};

const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";
const CLASS_SUFFIX: &str = ".storageclass.storage.k8s.io/";
const NAMES: [&str; 2] = ["persistentvolumeclaims", "requests.storage"];

pub fn covers(name: &str) -> bool {
    let bare = name.find(CLASS_SUFFIX).map_or(name, |at| &name[at + CLASS_SUFFIX.len()..]);
    NAMES.contains(&bare)
}

/// The storage class that a claim names; the annotation counts first.
pub fn storage_class(claim: &Object) -> &str {
    let annotations = edit::object(lifecycle::metadata(claim), &["annotations"]);
    let annotated = annotations.and_then(|all| all.get(CLASS_ANNOTATION)).and_then(Value::as_str);
    annotated.unwrap_or_else(|| edit::text(claim, &["spec", "storageClassName"]))
}

pub fn usage(claim: &Object) -> ResourceList {
    let mut used = ResourceList::default();
    used.set("persistentvolumeclaims", Quantity::whole(1));
    if let Some(storage) = storage(claim) {
        used.set("requests.storage", storage);
    }
    let class = storage_class(claim);
    if !class.is_empty() {
        let of_class: Vec<(String, Quantity)> = used
            .iter()
            .map(|(name, amount)| (format!("{class}{CLASS_SUFFIX}{name}"), amount))
            .collect();
        for (name, amount) in of_class {
            used.set(name, amount);
        }
    }
    used
}

/// In whole bytes: what is asked for, or what was allocated where that is more.
fn storage(claim: &Object) -> Option<Quantity> {
    let amount = |path: &[&str]| Quantity::parse(edit::text(claim, path)).ok();
    let asked = amount(&["spec", "resources", "requests", "storage"])?;
    let allocated = amount(&["status", "allocatedResources", "storage"]);
    let most = allocated.filter(|allocated| exceeds(*allocated, asked)).unwrap_or(asked);
    Some(most.round_up_to_whole())
}

/// The VolumeAttributesClasses that a claim has, wants or is moving to.
pub fn classes(claim: &Object) -> Vec<&str> {
    let paths: [&[&str]; 3] = [
        &["spec", "volumeAttributesClassName"],
        &["status", "currentVolumeAttributesClassName"],
        &["status", "modifyVolumeStatus", "targetVolumeAttributesClassName"],
    ];
    let mut all: Vec<&str> = paths.iter().map(|path| edit::text(claim, path)).collect();
    all.retain(|class| !class.is_empty());
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::object::object;

    #[test]
    fn claims_use_storage_of_their_class() {
        let claim = object(
            r#"{"spec":{"storageClassName":"gold","resources":{"requests":{"storage":"1.5"}}},
            "status":{"allocatedResources":{"storage":"3Gi"}}}"#,
        );
        assert_eq!(
            usage(&claim).to_string(),
            "gold.storageclass.storage.k8s.io/persistentvolumeclaims=1,\
             gold.storageclass.storage.k8s.io/requests.storage=3Gi,persistentvolumeclaims=1,\
             requests.storage=3Gi"
        );
        let plain = object(r#"{"spec":{"resources":{"requests":{"storage":"1.5"}}}}"#);
        assert_eq!(usage(&plain).to_string(), "persistentvolumeclaims=1,requests.storage=2");
    }

    #[test]
    fn names_may_be_those_of_a_class() {
        assert!(covers("requests.storage") && covers("persistentvolumeclaims"));
        assert!(covers("gold.storageclass.storage.k8s.io/requests.storage"));
        assert!(!covers("gold.storageclass.storage.k8s.io/pods") && !covers("storage"));
    }

    #[test]
    fn every_class_of_a_claim_counts_once() {
        let claim = object(
            r#"{"spec":{"volumeAttributesClassName":"b"},"status":{
            "currentVolumeAttributesClassName":"a","modifyVolumeStatus":
            {"targetVolumeAttributesClassName":"b"}}}"#,
        );
        assert_eq!(classes(&claim), ["a", "b"]);
    }
}
