//! [`Target`]: what a request works on: a resource in one of its versions, and a subresource of it.

use crate::registry::{Resource, Version};
use crate::schema::{MessageId, Schema};
use crate::status::GroupName;

/// The same type says what a client asked for (its version) and what rules look at (the version in
/// which objects are stored).
#[derive(Debug, Clone, Copy)]
pub struct Target<'t> {
    pub resource: &'t Resource,
    pub version: &'t Version,
    /// Empty for the resource itself.
    pub subresource: &'t str,
}

impl<'t> Target<'t> {
    /// The resource itself in the version in which its objects are stored.
    pub fn stored(resource: &'t Resource) -> Self {
        Self { resource, version: resource.stored_version(), subresource: "" }
    }

    /// `pods`, `deployments.apps`: how errors about an object name its resource.
    pub fn group_resource(&self) -> GroupName<'t> {
        GroupName { group: &self.resource.group, name: &self.resource.plural }
    }

    /// `Deployment.apps`: how errors of validation name the kind.
    pub fn group_kind(&self) -> GroupName<'t> {
        GroupName { group: &self.resource.group, name: &self.resource.kind }
    }

    pub fn schema(&self) -> &'t Schema {
        self.version.message.schema()
    }

    pub fn message(&self) -> MessageId {
        self.version.message.id()
    }

    /// Group and kind, for rules of one kind.
    pub fn kind(&self) -> (&'t str, &'t str) {
        (&self.resource.group, &self.resource.kind)
    }
}
