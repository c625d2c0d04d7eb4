//! [`Registry`]: which resources the API serves, one [`Resource`] each.
//!
//! The built-in ones come from `core/schema/resources.txt` (the schema's README describes the
//! form); custom ones are added and removed at run time. A registry never changes: adding gives a
//! new one, and [`SharedRegistry`] swaps it in, so that a reader holds one consistent snapshot
//! without a lock.

mod parse;
mod resource;
mod shared;

pub use resource::{
    CustomColumn, GroupVersionKind, MessageRef, Resource, ScalePaths, SelectableField, Subresource,
    Verb, Verbs, Version, api_version,
};
pub use shared::SharedRegistry;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

/// Which built-in versions are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// What upstream serves without flags: every stable version.
    Default,
    /// Alpha and beta versions too.
    All,
}

/// Upstream's priority of a group that custom resources bring.
const CUSTOM_GROUP_PRIORITY: u32 = 1_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    #[error("{plural}.{group} is a built-in resource")]
    BuiltIn { group: String, plural: String },
}

/// A set of resources.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    resources: Vec<Arc<Resource>>,
    groups: Vec<Group>,
    by_plural: HashMap<Box<str>, Vec<u32>>,
    by_kind: HashMap<Box<str>, Vec<u32>>,
}

/// A group, with its versions in the order of preference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Empty for the core group.
    pub name: Box<str>,
    /// Where the group stands among others: higher is earlier.
    pub priority: u32,
    pub versions: Vec<Box<str>>,
}

impl Registry {
    /// The built-in resources of v1.36.
    pub fn built_in(selection: Selection) -> Self {
        let (groups, resources) =
            parse::built_in(selection).expect("a test parses the compiled-in resources");
        Self::build(groups, resources)
    }

    /// Built-in groups keep what the table says of them; others follow from the resources.
    fn build(mut groups: Vec<Group>, resources: Vec<Arc<Resource>>) -> Self {
        for resource in resources.iter().filter(|resource| resource.custom) {
            let at = groups.iter().position(|group| group.name == resource.group);
            let at = at.unwrap_or_else(|| {
                let name = resource.group.clone();
                groups.push(Group { name, priority: CUSTOM_GROUP_PRIORITY, versions: Vec::new() });
                groups.len() - 1
            });
            for version in resource.versions.iter().map(|version| &version.name) {
                if !groups[at].versions.contains(version) {
                    groups[at].versions.push(version.clone());
                }
            }
            groups[at].versions.sort_by_cached_key(|version| Reverse(version_order(version)));
        }
        groups.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.name.cmp(&b.name)));
        let (mut by_plural, mut by_kind) = (HashMap::new(), HashMap::new());
        for (at, resource) in resources.iter().enumerate() {
            let slot: &mut Vec<u32> = by_plural.entry(resource.plural.clone()).or_default();
            slot.push(at as u32);
            let slot: &mut Vec<u32> = by_kind.entry(resource.kind.clone()).or_default();
            slot.push(at as u32);
        }
        Self { resources, groups, by_plural, by_kind }
    }

    /// A registry with one custom resource more; it replaces one of the same name.
    pub fn with(&self, resource: Resource) -> Result<Self, RegistryError> {
        debug_assert!(resource.custom, "only custom resources come at run time");
        let same = |one: &Resource| one.group == resource.group && one.plural == resource.plural;
        if self.resources.iter().any(|one| same(one) && !one.custom) {
            let (group, plural) = (resource.group.to_string(), resource.plural.to_string());
            return Err(RegistryError::BuiltIn { group, plural });
        }
        let mut resources = self.resources.clone();
        resources.retain(|one| !same(one));
        resources.push(Arc::new(resource));
        Ok(Self::build(self.built_in_groups(), resources))
    }

    /// A registry without one custom resource.
    pub fn without(&self, group: &str, plural: &str) -> Self {
        let mut resources = self.resources.clone();
        resources.retain(|one| !(one.custom && *one.group == *group && *one.plural == *plural));
        Self::build(self.built_in_groups(), resources)
    }

    fn built_in_groups(&self) -> Vec<Group> {
        let built_in = |name| self.resources.iter().any(|one| !one.custom && one.group == name);
        self.groups.iter().filter(|group| built_in(group.name.clone())).cloned().collect()
    }

    /// The resource that a path names.
    pub fn find(
        &self,
        group: &str,
        version: &str,
        plural: &str,
    ) -> Option<(&Arc<Resource>, &Version)> {
        self.pick(self.by_plural.get(plural)?, group, version)
    }

    /// The resource of a kind.
    pub fn find_kind(
        &self,
        group: &str,
        version: &str,
        kind: &str,
    ) -> Option<(&Arc<Resource>, &Version)> {
        self.pick(self.by_kind.get(kind)?, group, version)
    }

    fn pick(
        &self,
        among: &[u32],
        group: &str,
        version: &str,
    ) -> Option<(&Arc<Resource>, &Version)> {
        among.iter().map(|at| &self.resources[*at as usize]).find_map(|resource| {
            let version = (*resource.group == *group).then(|| resource.version(version))?;
            version.map(|version| (resource, version))
        })
    }

    /// The resource of a group, whatever its versions.
    pub fn find_resource(&self, group: &str, plural: &str) -> Option<&Arc<Resource>> {
        let mut among = self.by_plural.get(plural)?.iter().map(|at| &self.resources[*at as usize]);
        among.find(|resource| *resource.group == *group)
    }

    /// In the order of the table, custom ones last.
    pub fn resources(&self) -> impl ExactSizeIterator<Item = &Arc<Resource>> {
        self.resources.iter()
    }

    /// What one group version serves, in the order of names.
    pub fn in_version(&self, group: &str, version: &str) -> Vec<(&Arc<Resource>, &Version)> {
        let of_group = self.resources.iter().filter(|resource| *resource.group == *group);
        let mut found: Vec<_> = of_group
            .filter_map(|resource| resource.version(version).map(|version| (resource, version)))
            .collect();
        found.sort_by(|a, b| a.0.plural.cmp(&b.0.plural));
        found
    }

    /// In the order in which discovery shows them; the core group is among them.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| *group.name == *name)
    }
}

/// Orders versions as Kubernetes does: stable before beta before alpha, higher numbers first,
/// anything else after them by name (the greatest key comes first).
pub(crate) fn version_order(version: &str) -> (u8, u64, u64, Reverse<String>) {
    let parsed = (|| {
        let rest = version.strip_prefix('v')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let major: u64 = rest[..end].parse().ok()?;
        let (stage, minor) = match &rest[end..] {
            "" => (3, 0),
            tail => match (tail.strip_prefix("beta"), tail.strip_prefix("alpha")) {
                (Some(minor), _) => (2, minor.parse().ok()?),
                (_, Some(minor)) => (1, minor.parse().ok()?),
                _ => return None,
            },
        };
        Some((stage, major, minor))
    })();
    match parsed {
        Some((stage, major, minor)) => (stage, major, minor, Reverse(String::new())),
        None => (0, 0, 0, Reverse(version.to_owned())),
    }
}

#[cfg(test)]
mod tests;
