//! Admission: plug-ins that complete an object, then plug-ins that judge it, in a fixed order.
//!
//! A plug-in is one file here. It reads the keyspace as of one revision and may
//! ask for more keys to be changed, or to stay as they are, in the transaction that stores the
//! object: so a quota is never exceeded and an address never given twice, however many replicas
//! write at once. Webhooks and policies, which wait for others, will be stages of their own after
//! the plug-ins of each half.

mod certificates;
mod chain;
mod claim_resize;
mod default_class;
mod default_toleration_seconds;
mod deny_external_ips;
mod limit_ranger;
mod lookup;
mod namespace_lifecycle;
mod pod_resize;
mod pod_resources;
mod pod_security;
mod priority;
mod resource_list;
mod resource_quota;
mod runtime_class;
mod service_account;
mod service_allocation;
mod storage_object_in_use_protection;
mod taint_nodes_by_condition;
mod topology_labels;

pub use chain::Chain;
pub use topology_labels::copy_topology_labels;

use super::authz::Authorization;
use super::recent::Recent;
use super::storage::Change;
use super::user::User;
use xebec_core::registry::Registry;
use xebec_core::status::Status;
use xebec_core::target::Target;
use xebec_core::time::Timestamp;
use xebec_core::value::Object;
use xebec_store::View;
use xebec_store::kv::Revision;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Create,
    Update,
    Delete,
}

/// One write on its way through admission. Objects are in the version in which they are stored.
pub struct Review<'r> {
    pub view: &'r View,
    pub registry: &'r Registry,
    pub operation: Operation,
    pub target: Target<'r>,
    /// Empty outside of namespaces. For a Namespace its own name.
    pub namespace: &'r str,
    /// Empty where it is still to be generated.
    pub name: &'r str,
    /// What the name will begin with where it is generated, else empty.
    pub generate_name: &'r str,
    pub user: &'r User,
    pub authorization: &'r Authorization,
    pub recent: &'r Recent,
    pub dry_run: bool,
    pub now: Timestamp,
    /// What is stored; absent for a create.
    pub old: Option<&'r Object>,
    pub effects: &'r mut Effects,
}

/// What is to happen with the write, or not at all.
#[derive(Debug, Default)]
pub struct Effects {
    /// Other keys that change in the same transaction.
    pub changes: Vec<Change>,
    /// Keys that must still stand at these revisions (0: must not exist).
    pub guards: Vec<(String, Revision)>,
    /// For the client.
    pub warnings: Vec<String>,
    /// Many write the same key as this write does: those of this server take turns by this name.
    pub queue: Option<String>,
}

/// One rule of admission.
pub trait Plugin: Send + Sync {
    /// As upstream names it.
    fn name(&self) -> &'static str;

    /// Completes the object that is to be stored.
    fn admit(&self, _review: &mut Review<'_>, _object: &mut Object) -> Result<(), Status> {
        Ok(())
    }

    /// The object, as it last was, is removed by this write.
    fn removed(&self, _review: &mut Review<'_>, _object: &Object) -> Result<(), Status> {
        Ok(())
    }

    /// Judges the object that is to be stored; there is none in a deletion.
    fn validate(&self, _review: &mut Review<'_>, _object: Option<&Object>) -> Result<(), Status> {
        Ok(())
    }
}
