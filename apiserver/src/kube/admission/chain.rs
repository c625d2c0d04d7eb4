//! [`Chain`]: the plug-ins in their order.

use super::certificates::{
    CertificateApproval, CertificateSigning, CertificateSubjectRestriction,
    ClusterTrustBundleAttest,
};
use super::claim_resize::PersistentVolumeClaimResize;
use super::default_class::{DefaultIngressClass, DefaultStorageClass};
use super::default_toleration_seconds::DefaultTolerationSeconds;
use super::deny_external_ips::DenyServiceExternalIPs;
use super::limit_ranger::LimitRanger;
use super::namespace_lifecycle::NamespaceLifecycle;
use super::pod_resize::{NodeDeclaredFeatureValidator, PodResizeValidator};
use super::pod_security::PodSecurity;
use super::priority::Priority;
use super::resource_quota::ResourceQuota;
use super::runtime_class::RuntimeClass;
use super::service_account::ServiceAccount;
use super::service_allocation::ServiceAllocation;
use super::storage_object_in_use_protection::StorageObjectInUseProtection;
use super::taint_nodes_by_condition::TaintNodesByCondition;
use super::topology_labels::PodTopologyLabels;
use super::{Plugin, Review};
use crate::kube::api::Settings;
use xebec_core::status::Status;
use xebec_core::value::Object;

/// All plug-ins; each half of admission goes through them in this order, which is upstream's.
pub struct Chain {
    plugins: Vec<Box<dyn Plugin>>,
}

impl Chain {
    pub fn new(settings: &Settings) -> Self {
        let mut plugins: Vec<Box<dyn Plugin>> = vec![
            Box::new(NamespaceLifecycle),
            Box::new(LimitRanger),
            Box::new(ServiceAccount),
            Box::new(TaintNodesByCondition),
            Box::new(PodSecurity),
            Box::new(Priority),
            Box::new(DefaultTolerationSeconds),
            Box::new(DefaultStorageClass),
            Box::new(StorageObjectInUseProtection),
            Box::new(PersistentVolumeClaimResize),
            Box::new(RuntimeClass),
            Box::new(CertificateApproval),
            Box::new(CertificateSigning),
            Box::new(ClusterTrustBundleAttest),
            Box::new(CertificateSubjectRestriction),
            Box::new(DefaultIngressClass),
        ];
        if settings.deny_external_ips {
            plugins.push(Box::new(DenyServiceExternalIPs));
        }
        let rest: [Box<dyn Plugin>; 5] = [
            Box::new(PodTopologyLabels),
            Box::new(NodeDeclaredFeatureValidator),
            Box::new(PodResizeValidator),
            Box::new(ServiceAllocation { ranges: settings.service_ranges.clone() }),
            // Last: what others refuse is not counted.
            Box::new(ResourceQuota),
        ];
        plugins.extend(rest);
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
