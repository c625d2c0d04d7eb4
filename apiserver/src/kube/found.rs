//! [`Found`]: the resource that a request is for.

use super::request::RequestInfo;
use std::sync::Arc;
use xebec_core::registry::{Registry, Resource, Subresource, Version};
use xebec_core::status::{GroupName, Status};
use xebec_core::target::Target;

/// A resource in the version that the client speaks, and a subresource of it.
#[derive(Debug, Clone)]
pub struct Found {
    pub resource: Arc<Resource>,
    version: usize,
    /// Empty for the resource itself.
    pub subresource: Box<str>,
}

impl Found {
    /// Looks a request's resource up: 404 where there is none.
    pub fn of(info: &RequestInfo, registry: &Registry) -> Result<Self, Status> {
        let found = registry.find(&info.group, &info.version, &info.resource);
        let (resource, version) = found.ok_or_else(Status::no_such_resource)?;
        let served = info.subresource.is_empty()
            || resource.subresources_in(version).any(|one| *one.name == *info.subresource);
        // A cluster-wide resource has no place in a namespace, and no object of a namespaced one
        // lies outside.
        let inside = !info.namespace.is_empty() && info.resource != "namespaces";
        let within = info.is_object()
            || info.verb == "create"
            || resource.custom && !matches!(info.verb, "list" | "watch");
        let misplaced = inside && !resource.namespaced || resource.namespaced && !inside && within;
        if misplaced || !served && !resource.custom {
            return Err(Status::no_such_resource());
        }
        if !served {
            let of = GroupName { group: &info.group, name: &info.resource };
            return Err(Status::not_found(of, &info.name));
        }
        let name = version.name.clone();
        let at = resource.versions.iter().position(|one| one.name == name);
        Ok(Self {
            resource: resource.clone(),
            version: at.expect("the version is one of the resource's"),
            subresource: info.subresource.as_str().into(),
        })
    }

    /// All of a resource, in the version in which it is stored, if that is served.
    pub fn whole(resource: &Arc<Resource>) -> Self {
        let stored = &resource.stored_version().name;
        let version = resource.versions.iter().position(|one| one.name == *stored);
        Self {
            resource: resource.clone(),
            version: version.unwrap_or_default(),
            subresource: Box::default(),
        }
    }

    /// The same resource by another of its parts; empty for all of it.
    #[must_use]
    pub fn part(&self, subresource: &str) -> Self {
        Self { subresource: subresource.into(), ..self.clone() }
    }

    /// The version that the client speaks.
    pub fn version(&self) -> &Version {
        &self.resource.versions[self.version]
    }

    /// The place of [`Self::version`] among the resource's.
    pub fn version_index(&self) -> usize {
        self.version
    }

    /// What the client speaks of.
    pub fn target(&self) -> Target<'_> {
        Target { resource: &self.resource, version: self.version(), subresource: &self.subresource }
    }

    /// The same in the version in which objects are stored: what rules look at. Versions of custom
    /// resources have rules of their own, and rules look at the client's.
    pub fn stored(&self) -> Target<'_> {
        if self.resource.custom {
            return self.target();
        }
        Target { subresource: &self.subresource, ..Target::stored(&self.resource) }
    }

    pub fn group_resource(&self) -> GroupName<'_> {
        self.target().group_resource()
    }

    pub fn api_version(&self) -> String {
        self.resource.api_version(self.version())
    }

    pub fn subresource_entry(&self) -> Option<&Subresource> {
        self.resource.subresource(&self.subresource)
    }
}
