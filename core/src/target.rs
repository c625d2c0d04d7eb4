//! [`Target`]: what a request works on: a resource in one of its versions, and a subresource of it.

use crate::registry::{Resource, Version};
use crate::schema::{BUILT_IN, MessageId, Schema};
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
    /// The resource itself as which, and in the version in which, its objects are stored.
    pub fn stored(resource: &'t Resource) -> Self {
        let resource = resource.stored();
        Self { resource, version: resource.stored_version(), subresource: "" }
    }

    /// The resource that a client asked for, in the version in which its objects are stored: what
    /// validation looks at, as one kind served by two groups has rules for each.
    pub fn asked(resource: &'t Resource, subresource: &'t str) -> Self {
        Self { resource, version: resource.stored().stored_version(), subresource }
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

    /// The message of what a client sends: a subresource may have a kind of its own (`Scale`).
    pub fn body(&self) -> Option<MessageId> {
        let resource = self.resource;
        let Some(subresource) = resource.subresource(self.subresource) else {
            return Some(self.message());
        };
        match &subresource.foreign {
            Some((group, version)) => {
                let group = group.split('.').next().unwrap_or_default();
                BUILT_IN.find(&format!("k8s.io.api.{group}.{version}.{}", subresource.kind))
            }
            None if subresource.kind == resource.kind => Some(self.message()),
            None => {
                let own = &self.schema().message(self.message()).name;
                let package = own.strip_suffix(&*resource.kind)?;
                self.schema().find(&format!("{package}{}", subresource.kind))
            }
        }
    }

    /// Group and kind, for rules of one kind.
    pub fn kind(&self) -> (&'t str, &'t str) {
        (&self.resource.group, &self.resource.kind)
    }
}
