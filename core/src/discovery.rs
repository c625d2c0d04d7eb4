//! Discovery: the documents under `/api` and `/apis`, made from the [`Registry`].

mod aggregated;

use crate::document::{Document, object, push_strings, strings};
use crate::registry::{
    Group, GroupVersionKind, Registry, Resource, Subresource, Verb, Verbs, api_version,
};
use crate::value::{Object, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

pub use aggregated::Stage;

/// Every discovery document of one registry, ready to be sent.
#[derive(Debug)]
pub struct Discovery {
    /// By path: `/api/v1`, `/apis`, `/apis/apps`, `/apis/apps/v1`. `/api` differs by server address.
    pub plain: HashMap<String, Document>,
    /// The aggregated form (KEP-3352) of `/api` and `/apis`.
    pub aggregated_core: [Document; 2],
    pub aggregated_groups: [Document; 2],
}

impl Discovery {
    pub fn new(registry: &Registry) -> Self {
        let mut plain = HashMap::new();
        plain.insert("/apis".to_owned(), Document::json(&group_list(registry)));
        for group in registry.groups() {
            let root = if group.name.is_empty() { "/api" } else { "/apis/" };
            let path = format!("{root}{}", group.name);
            for version in &group.versions {
                let document = Document::json(&resource_list(registry, &group.name, version));
                plain.insert(format!("{path}/{version}"), document);
            }
            if !group.name.is_empty() {
                plain.insert(path, Document::json(&api_group(group, true)));
            }
        }
        let of = |core, stage| Document::json(&aggregated::list(registry, core, stage));
        Self {
            plain,
            aggregated_core: [of(true, Stage::V2), of(true, Stage::V2Beta1)],
            aggregated_groups: [of(false, Stage::V2), of(false, Stage::V2Beta1)],
        }
    }

    /// The aggregated document of `/api` (`core`) or `/apis`.
    pub fn aggregated(&self, core: bool, stage: Stage) -> &Document {
        let pair = if core { &self.aggregated_core } else { &self.aggregated_groups };
        match stage {
            Stage::V2 => &pair[0],
            Stage::V2Beta1 => &pair[1],
        }
    }
}

/// `/api`: `address` is where the client reaches the server (`10.0.0.1:6443`).
pub fn api_versions(registry: &Registry, address: &str) -> Value {
    let versions = registry.group("").map_or(&[][..], |group| &group.versions);
    let server =
        object([("clientCIDR", Value::from("0.0.0.0/0")), ("serverAddress", Value::from(address))]);
    object([
        ("kind", Value::from("APIVersions")),
        ("versions", strings(versions.iter().map(AsRef::as_ref))),
        ("serverAddressByClientCIDRs", Value::Array(vec![server])),
    ])
}

/// `/apis`.
fn group_list(registry: &Registry) -> Value {
    let groups = registry.groups().iter().filter(|group| !group.name.is_empty());
    object([
        ("kind", Value::from("APIGroupList")),
        ("apiVersion", Value::from("v1")),
        ("groups", Value::Array(groups.map(|group| api_group(group, false)).collect())),
    ])
}

/// `/apis/<group>`, and an entry of `/apis`.
fn api_group(group: &Group, typed: bool) -> Value {
    let version = |version: &str| {
        object([
            ("groupVersion", Value::from(api_version(&group.name, version))),
            ("version", Value::from(version)),
        ])
    };
    let mut document = Object::new();
    if typed {
        document.push("kind", Value::from("APIGroup"));
        document.push("apiVersion", Value::from("v1"));
    }
    document.push("name", Value::from(&*group.name));
    let versions = group.versions.iter().map(|name| version(name)).collect();
    document.push("versions", Value::Array(versions));
    if let Some(first) = group.versions.first() {
        document.push("preferredVersion", version(first));
    }
    Value::Object(document)
}

/// `/api/v1` and `/apis/<group>/<version>`. The core group's has no `apiVersion`, as upstream's.
fn resource_list(registry: &Registry, group: &str, version: &str) -> Value {
    let mut document = Object::new();
    document.push("kind", Value::from("APIResourceList"));
    if !group.is_empty() {
        document.push("apiVersion", Value::from("v1"));
    }
    document.push("groupVersion", Value::from(api_version(group, version)));
    let mut entries = Vec::new();
    for (resource, version) in registry.in_version(group, version) {
        entries.push(resource_entry(resource));
        let subresources = resource.subresources_in(version);
        entries.extend(subresources.map(|sub| subresource_entry(resource, sub)));
    }
    document.push("resources", Value::Array(entries));
    Value::Object(document)
}

fn resource_entry(resource: &Resource) -> Value {
    let mut entry = Object::new();
    entry.push("name", Value::from(&*resource.plural));
    entry.push("singularName", Value::from(&*resource.singular));
    entry.push("namespaced", Value::Bool(resource.namespaced));
    entry.push("kind", Value::from(&*resource.kind));
    entry.push("verbs", verbs_of(resource));
    push_strings(&mut entry, "shortNames", &resource.short_names);
    push_strings(&mut entry, "categories", &resource.categories);
    if let Some(hashed) = hashed(resource) {
        entry.push("storageVersionHash", Value::from(storage_version_hash(hashed)));
    }
    Value::Object(entry)
}

fn subresource_entry(resource: &Resource, subresource: &Subresource) -> Value {
    let mut entry = Object::new();
    entry.push("name", Value::from(format!("{}/{}", resource.plural, subresource.name)));
    entry.push("singularName", Value::from(""));
    entry.push("namespaced", Value::Bool(resource.namespaced));
    if let Some((group, version)) = &subresource.foreign {
        entry.push("group", Value::from(&**group));
        entry.push("version", Value::from(&**version));
    }
    entry.push("kind", Value::from(&*subresource.kind));
    entry.push("verbs", verbs(subresource.verbs));
    Value::Object(entry)
}

/// Custom resources show the hash in every version once their stored version is served.
fn hashed(resource: &Resource) -> Option<&GroupVersionKind> {
    let hashed = resource.hashed.as_ref()?;
    (!resource.custom || resource.version(&hashed.version).is_some()).then_some(hashed)
}

/// Sorted, but for custom resources in the order in which upstream lists theirs. Nothing is written
/// any more while a definition goes.
fn verbs_of(resource: &Resource) -> Value {
    const CUSTOM: [Verb; 8] = [
        Verb::Delete,
        Verb::DeleteCollection,
        Verb::Get,
        Verb::List,
        Verb::Patch,
        Verb::Create,
        Verb::Update,
        Verb::Watch,
    ];
    if !resource.custom {
        return verbs(resource.verbs);
    }
    let writes = |verb| matches!(verb, Verb::Create | Verb::Patch | Verb::Update);
    let shown = CUSTOM
        .into_iter()
        .filter(|verb| resource.verbs.has(*verb) && !(resource.terminating && writes(*verb)));
    strings(shown.map(Verb::name))
}

fn verbs(verbs: Verbs) -> Value {
    strings(verbs.iter().map(Verb::name))
}

/// The first eight bytes of the SHA-256 of `group/version/kind`.
pub fn storage_version_hash(of: &GroupVersionKind) -> String {
    let digest = Sha256::digest(format!("{}/{}/{}", of.group, of.version, of.kind));
    STANDARD.encode(&digest[..8])
}
