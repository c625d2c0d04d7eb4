//! [`Chain`]: the plug-ins in their order.

use super::default_class::{DefaultIngressClass, DefaultStorageClass};
use super::default_toleration_seconds::DefaultTolerationSeconds;
use super::namespace_lifecycle::NamespaceLifecycle;
use super::priority::Priority;
use super::runtime_class::RuntimeClass;
use super::service_account::ServiceAccount;
use super::storage_object_in_use_protection::StorageObjectInUseProtection;
use super::taint_nodes_by_condition::TaintNodesByCondition;
use super::{Plugin, Review};
use xebec_core::status::Status;
use xebec_core::value::Object;

/// All plug-ins; each half of admission goes through them in this order, which is upstream's.
pub struct Chain {
    plugins: Vec<Box<dyn Plugin>>,
}

impl Default for Chain {
    fn default() -> Self {
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
        ];
        Self { plugins }
    }
}

impl Chain {
    /// The half that changes objects.
    pub fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        self.plugins.iter().try_for_each(|plugin| plugin.admit(review, object))
    }

    /// The half that only judges.
    pub fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        self.plugins.iter().try_for_each(|plugin| plugin.validate(review, object))
    }

    /// The names of the plug-ins, in their order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.plugins.iter().map(|plugin| plugin.name())
    }
}
