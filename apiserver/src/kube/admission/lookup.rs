//! Other objects that plug-ins look at.

use super::Review;
use crate::kube::object::Stored;
use crate::kube::storage::Storage;
use std::sync::Arc;
use xebec_core::status::{GroupName, Status};
use xebec_core::value::Object;

impl Review<'_> {
    /// The key of an object; `None` if there is no such resource.
    pub fn key(&self, of: GroupName<'_>, namespace: &str, name: &str) -> Option<String> {
        let resource = self.registry.find_resource(of.group, of.name)?;
        Some(resource.key(resource.namespaced.then_some(namespace), name))
    }

    /// An object as stored.
    pub fn stored(
        &self,
        of: GroupName<'_>,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Stored>, Status> {
        let key = self.key(of, namespace, name);
        key.map_or(Ok(None), |key| Storage::read(self.view, &key))
    }

    pub fn object(
        &self,
        of: GroupName<'_>,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<Object>>, Status> {
        let stored = self.stored(of, namespace, name)?;
        stored.map(|stored| self.recent.object(&stored)).transpose()
    }

    /// All objects of a resource, in a namespace if it has those.
    pub fn all(&self, of: GroupName<'_>, namespace: &str) -> Result<Vec<Arc<Object>>, Status> {
        let Some(resource) = self.registry.find_resource(of.group, of.name) else {
            return Ok(Vec::new());
        };
        let range = resource.key_range(resource.namespaced.then_some(namespace));
        Storage::under(self.view, &range).map(|stored| self.recent.object(&stored)).collect()
    }

    /// 403 for the object under review.
    pub fn forbidden(&self, why: impl std::fmt::Display) -> Status {
        let names = [self.name, self.generate_name, "Unknown"];
        let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        Status::forbidden(self.target.group_resource(), name, why)
    }

    /// True for a write of the resource itself.
    pub fn is_of(&self, group: &str, kind: &str) -> bool {
        self.target.subresource.is_empty() && self.target.kind() == (group, kind)
    }
}
