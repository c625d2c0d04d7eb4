//! [`Resource`]: what the API knows of one resource, built in or custom.

use crate::document::Packed;
use crate::schema::{BUILT_IN, MessageId, Schema};
use crate::strategy::scale::Paths;
use crate::value::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// One resource, in all its versions.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Empty for the core group.
    pub group: Box<str>,
    pub kind: Box<str>,
    pub list_kind: Box<str>,
    pub plural: Box<str>,
    pub singular: Box<str>,
    pub short_names: Vec<Box<str>>,
    pub categories: Vec<Box<str>>,
    pub namespaced: bool,
    pub verbs: Verbs,
    /// Served versions, in the order of preference.
    pub versions: Vec<Version>,
    /// The version in which objects are stored; `None` for what is never stored (reviews).
    pub storage_version: Option<Box<str>>,
    /// The resource as which objects are stored, where that is another one: events of
    /// `events.k8s.io` are those of the core group.
    pub stored_as: Option<Arc<Resource>>,
    /// What discovery's `storageVersionHash` speaks of: upstream's choice, which may be older.
    pub hashed: Option<GroupVersionKind>,
    /// `/registry/pods/`: what the keys of all objects begin with.
    pub key_prefix: Box<str>,
    pub subresources: Vec<Subresource>,
    /// `metadata.generation` counts changes of the specification.
    pub generation: bool,
    /// Deleting answers with the object, not with a Status.
    pub deletes_object: bool,
    /// Made by a CustomResourceDefinition.
    pub custom: bool,
    /// The definition is being deleted: nothing new is made.
    pub terminating: bool,
    /// Versions that are not served, but in which objects may be stored.
    pub unserved: Vec<Version>,
    /// How a definition has objects converted between versions: `spec.conversion.webhook`. Without
    /// it versions differ in what their schemas keep.
    pub conversion: Option<Arc<Value>>,
}

/// A served version of a resource.
#[derive(Debug, Clone)]
pub struct Version {
    pub name: Box<str>,
    pub message: MessageRef,
    /// Beside `metadata.name` and `metadata.namespace`, which every resource has.
    pub selectable: Vec<SelectableField>,
    /// `additionalPrinterColumns`; built-in kinds have theirs in [`crate::table`].
    pub columns: Vec<CustomColumn>,
    /// The structural schema of a custom resource, as its definition states it.
    pub openapi: Option<Arc<Packed>>,
    /// What a request for a deprecated version is told in a warning.
    pub deprecation: Option<Box<str>>,
    /// Which of the resource's subresources this version has; without it, all.
    pub subresources: Option<Vec<Box<str>>>,
    /// Where `scale` finds its numbers in a custom resource.
    pub scale: Option<ScalePaths>,
}

/// Paths as a definition states them: `.spec.replicas`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalePaths {
    pub replicas: Box<str>,
    pub status_replicas: Box<str>,
    pub selector: Option<Box<str>>,
}

impl ScalePaths {
    /// As the strategy of `scale` takes them.
    pub fn paths(&self) -> Paths<'_> {
        Paths {
            spec_replicas: &self.replicas,
            status_replicas: &self.status_replicas,
            selector: self.selector.as_deref(),
        }
    }
}

/// The schema of a version's objects.
#[derive(Debug, Clone)]
pub enum MessageRef {
    BuiltIn(MessageId),
    Custom(Arc<Schema>, MessageId),
}

impl MessageRef {
    pub fn schema(&self) -> &Schema {
        match self {
            Self::BuiltIn(_) => &BUILT_IN,
            Self::Custom(schema, _) => schema,
        }
    }

    pub fn id(&self) -> MessageId {
        match self {
            Self::BuiltIn(id) | Self::Custom(_, id) => *id,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupVersionKind {
    pub group: Box<str>,
    pub version: Box<str>,
    pub kind: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subresource {
    pub name: Box<str>,
    pub kind: Box<str>,
    /// Group and version of the kind, where they are not the resource's.
    pub foreign: Option<(Box<str>, Box<str>)>,
    pub verbs: Verbs,
}

/// A column of a custom resource's table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomColumn {
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: String,
    pub format: String,
    pub description: String,
    pub priority: i32,
    pub json_path: String,
}

/// A field that a field selector may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectableField {
    pub name: Box<str>,
    /// Where its value stands; of several the first that is not empty counts.
    pub paths: Vec<Vec<Box<str>>>,
    /// The value where the object has none: the zero of the field's type.
    pub absent: &'static str,
}

impl SelectableField {
    /// The field as selectors compare it.
    pub fn value<'o>(&self, object: &'o Value) -> Cow<'o, str> {
        let mut values = self.paths.iter().filter_map(|path| {
            path.iter().try_fold(object, |value, step| value.get(step)).and_then(text_of)
        });
        values.find(|text| !text.is_empty()).unwrap_or(Cow::Borrowed(self.absent))
    }
}

fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    Some(match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(flag) => Cow::Borrowed(if *flag { "true" } else { "false" }),
        Value::Int(number) => Cow::Owned(number.to_string()),
        Value::Float(number) => Cow::Owned(number.to_string()),
        _ => return None,
    })
}

impl Resource {
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| *version.name == *name)
    }

    /// A version, served or not.
    pub fn any_version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().chain(&self.unserved).find(|version| *version.name == *name)
    }

    /// The resource as which objects are stored, and as which rules look at them.
    pub fn stored(&self) -> &Resource {
        self.stored_as.as_deref().unwrap_or(self)
    }

    /// The version in which objects are stored, and in which rules look at them. It is a version
    /// of [`Self::stored`].
    pub fn stored_version(&self) -> &Version {
        if let Some(other) = &self.stored_as {
            return other.stored_version();
        }
        let stored = self.storage_version.as_deref().and_then(|name| self.any_version(name));
        stored.unwrap_or(&self.versions[0])
    }

    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|one| *one.name == *name)
    }

    /// The subresources that a version has.
    pub fn subresources_in<'r>(
        &'r self,
        version: &'r Version,
    ) -> impl Iterator<Item = &'r Subresource> {
        self.subresources.iter().filter(|one| {
            version.subresources.as_ref().is_none_or(|names| names.contains(&one.name))
        })
    }

    /// A subresource, if the version has it.
    pub fn subresource_in(&self, version: &Version, name: &str) -> Option<&Subresource> {
        let has =
            version.subresources.as_ref().is_none_or(|names| names.iter().any(|n| **n == *name));
        self.subresource(name).filter(|_| has)
    }

    pub fn has_status(&self) -> bool {
        self.subresource("status").is_some()
    }

    pub fn has_scale(&self) -> bool {
        self.subresource("scale").is_some()
    }

    /// The key of an object.
    pub fn key(&self, namespace: Option<&str>, name: &str) -> String {
        match namespace {
            Some(namespace) => format!("{}{namespace}/{name}", self.key_prefix),
            None => format!("{}{name}", self.key_prefix),
        }
    }

    /// What the keys of a namespace's objects, or of all, begin with. It ends in a slash, so that
    /// it never reaches into another resource or namespace.
    pub fn key_range(&self, namespace: Option<&str>) -> String {
        match namespace {
            Some(namespace) => format!("{}{namespace}/", self.key_prefix),
            None => self.key_prefix.to_string(),
        }
    }

    /// `apps/v1`, or `v1` in the core group.
    pub fn api_version(&self, version: &Version) -> String {
        api_version(&self.group, &version.name)
    }

    /// `deployments.apps`, as errors name a resource.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_string()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }
}

/// `group/version`, or the version alone in the core group.
pub fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Verb {
    Create,
    Delete,
    DeleteCollection,
    Get,
    List,
    Patch,
    Update,
    Watch,
}

impl Verb {
    /// In the order of their names.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Delete,
        Self::DeleteCollection,
        Self::Get,
        Self::List,
        Self::Patch,
        Self::Update,
        Self::Watch,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Get => "get",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Update => "update",
            Self::Watch => "watch",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == name)
    }
}

/// A set of verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verbs(u8);

impl Verbs {
    pub const ALL: Self = Self(u8::MAX);

    pub fn has(self, verb: Verb) -> bool {
        self.0 & (1 << verb as u8) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Verb> {
        Verb::ALL.into_iter().filter(move |verb| self.has(*verb))
    }
}

impl FromIterator<Verb> for Verbs {
    fn from_iter<I: IntoIterator<Item = Verb>>(verbs: I) -> Self {
        Self(verbs.into_iter().fold(0, |set, verb| set | 1 << verb as u8))
    }
}
