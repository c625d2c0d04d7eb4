//! Aggregated discovery (KEP-3352): all groups with their resources in one document.

use super::{verbs, verbs_of};
use crate::document::{object, push_strings};
use crate::registry::{Group, Registry, Resource, Subresource, Version};
use crate::value::{Object, Value};

/// Versions of the document's form; they differ in `apiVersion` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    V2,
    V2Beta1,
}

/// `APIGroupDiscoveryList` of the core group, or of all others.
pub(super) fn list(registry: &Registry, core: bool, stage: Stage) -> Value {
    let groups = registry.groups().iter().filter(|group| group.name.is_empty() == core);
    let api_version = match stage {
        Stage::V2 => "apidiscovery.k8s.io/v2",
        Stage::V2Beta1 => "apidiscovery.k8s.io/v2beta1",
    };
    object([
        ("kind", Value::from("APIGroupDiscoveryList")),
        ("apiVersion", Value::from(api_version)),
        ("metadata", Value::Object(Object::new())),
        ("items", Value::Array(groups.map(|one| group(registry, one)).collect())),
    ])
}

fn group(registry: &Registry, group: &Group) -> Value {
    let mut metadata = Object::new();
    if !group.name.is_empty() {
        metadata.push("name", Value::from(&*group.name));
    }
    let versions = group.versions.iter().map(|version| {
        let resources = registry.in_version(&group.name, version);
        let resources = resources.into_iter().map(|(one, version)| resource(one, version));
        object([
            ("version", Value::from(&**version)),
            ("resources", Value::Array(resources.collect())),
            ("freshness", Value::from("Current")),
        ])
    });
    object([("metadata", Value::Object(metadata)), ("versions", Value::Array(versions.collect()))])
}

/// Built-in kinds leave group and version empty where they are the document's own, as upstream.
fn response_kind(resource: &Resource, group: &str, version: &str, kind: &str) -> Value {
    let of = |text| if resource.custom { Value::from(text) } else { Value::from("") };
    object([("group", of(group)), ("version", of(version)), ("kind", Value::from(kind))])
}

fn resource(resource: &Resource, version: &Version) -> Value {
    let mut entry = Object::new();
    entry.push("resource", Value::from(&*resource.plural));
    let kind = response_kind(resource, &resource.group, &version.name, &resource.kind);
    entry.push("responseKind", kind);
    let scope = if resource.namespaced { "Namespaced" } else { "Cluster" };
    entry.push("scope", Value::from(scope));
    entry.push("singularResource", Value::from(&*resource.singular));
    entry.push("verbs", verbs_of(resource));
    push_strings(&mut entry, "shortNames", &resource.short_names);
    push_strings(&mut entry, "categories", &resource.categories);
    let subresources: Vec<Value> =
        resource.subresources_in(version).map(|sub| subresource(resource, version, sub)).collect();
    if !subresources.is_empty() {
        entry.push("subresources", Value::Array(subresources));
    }
    Value::Object(entry)
}

fn subresource(resource: &Resource, version: &Version, subresource: &Subresource) -> Value {
    let kind = match &subresource.foreign {
        Some((group, version)) => object([
            ("group", Value::from(&**group)),
            ("version", Value::from(&**version)),
            ("kind", Value::from(&*subresource.kind)),
        ]),
        None => response_kind(resource, &resource.group, &version.name, &subresource.kind),
    };
    object([
        ("subresource", Value::from(&*subresource.name)),
        ("responseKind", kind),
        ("verbs", verbs(subresource.verbs)),
    ])
}
