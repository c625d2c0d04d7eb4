//! [`Chain`]: the plug-ins in their order.

use super::default_class::{DefaultIngressClass, DefaultStorageClass};
use super::default_toleration_seconds::DefaultTolerationSeconds;
use super::namespace_lifecycle::NamespaceLifecycle;
use super::priority::Priority;
use super::runtime_class::RuntimeClass;
use super::service_account::ServiceAccount;
use super::service_allocation::ServiceAllocation;
use super::storage_object_in_use_protection::StorageObjectInUseProtection;
use super::taint_nodes_by_condition::TaintNodesByCondition;
use super::{Plugin, Review};
use ipnet::IpNet;
use xebec_core::status::Status;
use xebec_core::value::Object;

/// All plug-ins; each half of admission goes through them in this order, which is upstream's.
pub struct Chain {
    plugins: Vec<Box<dyn Plugin>>,
}

impl Chain {
    /// `service_ranges` are those of the cluster's first ServiceCIDR.
    pub fn new(service_ranges: Vec<IpNet>) -> Self {
        let plugins: Vec<Box<dyn Plugin>> = vec![
            Box::new(NamespaceLifecycle),
            Box::new(ServiceAccount),
            Box::new(TaintNodesByCondition),
            Box::new(Priority),
            Box::new(DefaultTolerationSeconds),
            Box::new(DefaultStorageClass),
            Box::new(StorageObjectInUseProtection),
            Box::new(RuntimeClass),
            Box::new(DefaultIngressClass),
            Box::new(ServiceAllocation { ranges: service_ranges }),
        ];
        Self { plugins }
    }

    /// The half that changes objects.
    pub fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        self.plugins.iter().try_for_each(|plugin| plugin.admit(review, object))
    }

    /// The half that only judges.
    pub fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        self.plugins.iter().try_for_each(|plugin| plugin.validate(review, object))
    }

    /// After both halves, where the write removes the object.
    pub fn removed(&self, review: &mut Review<'_>, object: &Object) -> Result<(), Status> {
        self.plugins.iter().try_for_each(|plugin| plugin.removed(review, object))
    }

    /// The names of the plug-ins, in their order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.plugins.iter().map(|plugin| plugin.name())
    }
}
