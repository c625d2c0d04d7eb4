//! From a CustomResourceDefinition to the [`Resource`] that it makes the API serve.

use super::conditions;
use super::structural::{LoadError, Structural};
use crate::document::Packed;
use crate::edit;
use crate::registry::{
    CustomColumn, GroupVersionKind, MessageRef, Resource, ScalePaths, SelectableField, Subresource,
    Verb, Verbs, Version,
};
use crate::schema::Schema;
use crate::value::{Object, Value};
use std::cmp::Reverse;
use std::sync::Arc;

/// Why a definition cannot be served. A stored one was validated: this is a definition that some
/// other server let pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    #[error("version {version}: {error}")]
    Schema { version: String, error: LoadError },
    #[error("no version is stored")]
    NoStoredVersion,
    #[error("no version is served")]
    NotServed,
    #[error("status.acceptedNames.{0} is empty")]
    NoName(&'static str),
}

/// The resource of a definition in normal form, under the names that were accepted.
pub fn resource(definition: &Object) -> Result<Resource, DefinitionError> {
    let name = |field: &'static str| {
        let name = edit::text(definition, &["status", "acceptedNames", field]);
        if name.is_empty() { Err(DefinitionError::NoName(field)) } else { Ok(Box::from(name)) }
    };
    let group = edit::text(definition, &["spec", "group"]);
    let (plural, kind): (Box<str>, Box<str>) = (name("plural")?, name("kind")?);
    let stored = versions(definition).find(|version| edit::flag(version, &["storage"]));
    let stored = stored.map(|version| edit::text(version, &["name"]));
    let stored = stored.ok_or(DefinitionError::NoStoredVersion)?;
    let (versions, unserved) = load_versions(definition, group, &kind)?;
    if versions.is_empty() {
        return Err(DefinitionError::NotServed);
    }
    let texts = |field| -> Vec<Box<str>> {
        let items = edit::items(definition, &["status", "acceptedNames", field]).iter();
        items.filter_map(Value::as_str).map(Box::from).collect()
    };
    let webhook = edit::text(definition, &["spec", "conversion", "strategy"]) == "Webhook";
    let webhook = edit::at(definition, &["spec", "conversion", "webhook"]).filter(|_| webhook);
    Ok(Resource {
        group: group.into(),
        list_kind: name("listKind")?,
        singular: name("singular")?,
        short_names: texts("shortNames"),
        categories: texts("categories"),
        namespaced: edit::text(definition, &["spec", "scope"]) == "Namespaced",
        verbs: Verbs::ALL,
        terminating: conditions::is_true(definition, "Terminating"),
        versions,
        unserved,
        storage_version: Some(stored.into()),
        hashed: Some(GroupVersionKind {
            group: group.into(),
            version: stored.into(),
            kind: edit::text(definition, &["spec", "names", "kind"]).into(),
        }),
        key_prefix: format!("/registry/{group}/{plural}/").into(),
        subresources: subresources(&kind),
        generation: true,
        deletes_object: false,
        custom: true,
        stored_as: None,
        conversion: webhook.map(|webhook| Arc::new(webhook.clone())),
        plural,
        kind,
    })
}

fn versions(definition: &Object) -> impl Iterator<Item = &Object> {
    edit::items(definition, &["spec", "versions"]).iter().filter_map(Value::as_object)
}

/// Served versions in the order of preference, and the others.
fn load_versions(
    definition: &Object,
    group: &str,
    kind: &str,
) -> Result<(Vec<Version>, Vec<Version>), DefinitionError> {
    let mut schemas = Vec::new();
    for version in versions(definition) {
        let name = edit::text(version, &["name"]);
        let schema = edit::at(version, &["schema", "openAPIV3Schema"]);
        let loaded = schema.map_or_else(|| Ok(Structural::default()), Structural::load);
        let mut structural =
            loaded.map_err(|error| DefinitionError::Schema { version: name.to_owned(), error })?;
        structural.preserve |= edit::flag(definition, &["spec", "preserveUnknownFields"]);
        schemas.push((format!("{group}/{name}.{kind}"), structural));
    }
    let (schema, ids) = Schema::custom(schemas);
    let schema = Arc::new(schema);
    let (mut served, mut unserved) = (Vec::new(), Vec::new());
    for (version, id) in versions(definition).zip(ids) {
        let message = MessageRef::Custom(Arc::clone(&schema), id);
        let loaded = load_version(definition, version, message);
        if edit::flag(version, &["served"]) { &mut served } else { &mut unserved }.push(loaded);
    }
    served.sort_by_cached_key(|version| Reverse(crate::registry::version_order(&version.name)));
    Ok((served, unserved))
}

fn load_version(definition: &Object, version: &Object, message: MessageRef) -> Version {
    let selectable = edit::items(version, &["selectableFields"]).iter();
    let paths = selectable.filter_map(|field| field.get("jsonPath")?.as_str());
    let has = |name| edit::object(version, &["subresources", name]).is_some();
    let subresources = ["status", "scale"].into_iter().filter(|name| has(name));
    Version {
        name: edit::text(version, &["name"]).into(),
        message,
        selectable: paths.map(selectable_field).collect(),
        columns: edit::items(version, &["additionalPrinterColumns"]).iter().map(column).collect(),
        openapi: edit::at(version, &["schema", "openAPIV3Schema"]).map(Packed::new).map(Arc::new),
        deprecation: deprecation(definition, version).map(Box::from),
        subresources: Some(subresources.map(Box::from).collect()),
        scale: edit::object(version, &["subresources", "scale"]).map(scale_paths),
    }
}

/// `.spec.size` is selected as `spec.size`.
fn selectable_field(path: &str) -> SelectableField {
    let name = path.strip_prefix('.').unwrap_or(path);
    SelectableField {
        name: name.into(),
        paths: vec![name.split('.').map(Box::from).collect()],
        absent: "",
    }
}

fn column(of: &Value) -> CustomColumn {
    let text = |name| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let priority = of.get("priority").and_then(Value::as_i64).unwrap_or(0);
    CustomColumn {
        name: text("name"),
        kind: text("type"),
        format: text("format"),
        description: text("description"),
        priority: i32::try_from(priority).unwrap_or(i32::MAX),
        json_path: text("jsonPath"),
    }
}

fn scale_paths(scale: &Object) -> ScalePaths {
    let path = |name| edit::text(scale, &[name]);
    ScalePaths {
        replicas: path("specReplicasPath").into(),
        status_replicas: path("statusReplicasPath").into(),
        selector: Some(path("labelSelectorPath")).filter(|p| !p.is_empty()).map(Box::from),
    }
}

/// Every subresource that some version may have.
fn subresources(kind: &str) -> Vec<Subresource> {
    let verbs = [Verb::Get, Verb::Patch, Verb::Update];
    let one = |name: &str, kind: &str, foreign: Option<(&str, &str)>| Subresource {
        name: name.into(),
        kind: kind.into(),
        foreign: foreign.map(|(group, version)| (group.into(), version.into())),
        verbs: verbs.into_iter().collect(),
    };
    vec![one("status", kind, None), one("scale", "Scale", Some(("autoscaling", "v1")))]
}

/// What clients of a deprecated version are told: the definition's own words, or the best version
/// that is not deprecated.
fn deprecation(definition: &Object, version: &Object) -> Option<String> {
    if !edit::flag(version, &["deprecated"]) {
        return None;
    }
    if let Some(words) = edit::at(version, &["deprecationWarning"]).and_then(Value::as_str) {
        return Some(words.to_owned());
    }
    let group = edit::text(definition, &["spec", "group"]);
    let kind = edit::text(definition, &["spec", "names", "kind"]);
    let name = edit::text(version, &["name"]);
    let order = crate::registry::version_order;
    let better = versions(definition)
        .filter(|other| edit::flag(other, &["served"]) && !edit::flag(other, &["deprecated"]))
        .map(|other| edit::text(other, &["name"]))
        .filter(|other| order(other) > order(name))
        .max_by_key(|other| order(other));
    let message = format!("{group}/{name} {kind} is deprecated");
    Some(match better {
        Some(better) => format!("{message}; use {group}/{better} {kind}"),
        None => message,
    })
}
