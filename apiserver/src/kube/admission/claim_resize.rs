//! PersistentVolumeClaimResize: a claim grows only if its storage class lets volumes grow.

use super::resource_list::exceeds;
use super::resource_quota::storage_class;
use super::{Operation, Plugin, Review};
use xebec_core::edit;
use xebec_core::quantity::Quantity;
use xebec_core::status::{GroupName, Status};
use xebec_core::value::Object;

const CLASSES: GroupName<'static> = GroupName { group: "storage.k8s.io", name: "storageclasses" };

pub struct PersistentVolumeClaimResize;

impl Plugin for PersistentVolumeClaimResize {
    fn name(&self) -> &'static str {
        "PersistentVolumeClaimResize"
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        let applies =
            review.operation == Operation::Update && review.is_of("", "PersistentVolumeClaim");
        let (Some(new), Some(old)) = (object.filter(|_| applies), review.old) else {
            return Ok(());
        };
        let size = |claim| {
            let size = edit::text(claim, &["spec", "resources", "requests", "storage"]);
            Quantity::parse(size).unwrap_or_default()
        };
        if !exceeds(size(new), size(old)) {
            return Ok(());
        }
        if edit::text(old, &["status", "phase"]) != "Bound" {
            let why = "Only bound persistent volume claims can be expanded";
            return Err(review.forbidden(why));
        }
        if !may_grow(review, new, old)? {
            let why = "only dynamically provisioned pvc can be resized and the storageclass that \
                       provisions the pvc must support resize";
            return Err(review.forbidden(why));
        }
        Ok(())
    }
}

fn may_grow(review: &Review<'_>, new: &Object, old: &Object) -> Result<bool, Status> {
    let class = storage_class(new);
    if class.is_empty() || class != storage_class(old) {
        return Ok(false);
    }
    let class = review.object(CLASSES, "", class)?;
    Ok(class.is_some_and(|class| edit::flag(&class, &["allowVolumeExpansion"])))
}
