//! [`Selection`]: what a list or a watch is about: a range of keys, and selectors of labels and
//! fields.

use super::call::Call;
use super::facts::{Facts, Plan};
use super::found::Found;
use std::sync::Arc;
use xebec_core::field_error::quoted;
use xebec_core::names::{dns_1123_label, path_segment};
use xebec_core::registry::{Resource, SelectableField};
use xebec_core::selector::{FieldSelector, LabelSelector};
use xebec_core::status::Status;
use xebec_core::value::Value;
use xebec_store::command::KeyRange;

const NAME: &str = "metadata.name";
const NAMESPACE: &str = "metadata.namespace";

/// What is selected. Two of the same texts select the same.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    pub labels: LabelSelector,
    pub fields: FieldSelector,
}

impl Selection {
    /// Reads a request's selectors; 400 for malformed ones and for fields that the resource does
    /// not have.
    pub fn parse(call: &Call, found: &Found) -> Result<Self, Status> {
        let text = |name| call.query.get(name).unwrap_or_default();
        let bad =
            |error: xebec_core::selector::SelectorError| Status::bad_request(error.to_string());
        let labels = LabelSelector::parse(text("labelSelector")).map_err(bad)?;
        let fields = FieldSelector::parse(text("fieldSelector")).map_err(bad)?;
        Ok(Self { labels, fields: checked(fields, found)? })
    }

    /// Limits a selection to the one object that a path names.
    pub fn with_name(self, name: &str) -> Result<Self, Status> {
        if name.is_empty() {
            return Ok(self);
        }
        if self.fields.is_empty() {
            return Ok(Self { fields: FieldSelector::exactly(NAME, name), ..self });
        }
        if self.fields.required(NAME) == Some(name) {
            return Ok(self);
        }
        Err(Status::bad_request("fieldSelector metadata.name doesn't match requested name"))
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }
}

/// Refuses fields that a version does not select by.
fn checked(fields: FieldSelector, found: &Found) -> Result<FieldSelector, Status> {
    let selectable = &found.version().selectable;
    for one in fields.requirements() {
        let field = one.field.as_str();
        let known = matches!(field, NAME | NAMESPACE)
            || selectable.iter().any(|known| *known.name == *field);
        if known {
            continue;
        }
        return Err(Status::bad_request(if selectable.is_empty() && !found.resource.custom {
            let field = quoted(field);
            format!("{field} is not a known field selector: only \"{NAME}\", \"{NAMESPACE}\"")
        } else {
            format!("field label not supported: {field}")
        }));
    }
    Ok(fields)
}

/// The keys that a list or watch has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// What keys begin with; tokens of pages are relative to it.
    pub prefix: String,
    /// The one key, if only one object is meant.
    pub single: Option<String>,
}

impl Scope {
    /// The narrowest range for a request in a namespace (empty: in all). A page that goes on
    /// (`continues`) is of a whole collection.
    pub fn of(
        resource: &Resource,
        namespace: &str,
        selection: &Selection,
        continues: bool,
    ) -> Self {
        let mut namespace = if resource.namespaced { namespace } else { "" };
        if resource.namespaced
            && namespace.is_empty()
            && let Some(selected) = selection.fields.required(NAMESPACE)
            && dns_1123_label(selected).is_empty()
        {
            namespace = selected;
        }
        let inside = Some(namespace).filter(|namespace| !namespace.is_empty());
        let name = selection
            .fields
            .required(NAME)
            .filter(|name| !name.is_empty() && path_segment(name).is_empty());
        let located = !resource.namespaced || inside.is_some();
        let single = name.filter(|_| located && !continues).map(|name| resource.key(inside, name));
        Self { prefix: resource.key_range(inside), single }
    }

    pub fn range(&self) -> KeyRange {
        match &self.single {
            Some(key) => KeyRange { key: key.clone().into(), end: bytes::Bytes::new() },
            None => self.range_from(self.prefix.clone()),
        }
    }

    /// The rest of the collection, from a key on.
    pub fn range_from(&self, key: String) -> KeyRange {
        let mut end = self.prefix.clone().into_bytes();
        if let Some(last) = end.last_mut() {
            // The prefix ends in a slash, which is not the last byte there is.
            *last += 1;
        }
        KeyRange { key: key.into(), end: end.into() }
    }
}

/// A selection made ready for the objects of one resource.
#[derive(Debug)]
pub struct Matcher {
    selection: Selection,
    resource: Arc<Resource>,
    /// The version that clients speak, by whose fields they select.
    version: usize,
    /// For each requirement on a field, where its value comes from.
    sources: Vec<Source>,
    /// How the bytes of an object begin that is stored in the version that `plan` reads.
    at_rest: Box<[u8]>,
    plan: Arc<Plan>,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    Name,
    Namespace,
    /// A field of the plan.
    Planned(usize),
    /// A field of the client's version alone: the stored one has it elsewhere, or the definition
    /// of a custom resource may have it otherwise than the bytes.
    Converted,
}

impl Matcher {
    /// A matcher that reads only what the selection asks for.
    pub fn new(found: &Found, selection: Selection) -> Self {
        let stored = found.resource.stored_version();
        let wanted: Vec<&SelectableField> = stored
            .selectable
            .iter()
            .filter(|field| {
                selection.fields.requirements().iter().any(|one| *one.field == *field.name)
            })
            .collect();
        let plan = Arc::new(Plan::new(wanted.iter().copied(), !selection.labels.is_empty()));
        Self::with_plan(found, selection, &wanted, plan)
    }

    /// A matcher for facts that are shared: of all selectable fields, see [`shared_plan`].
    pub fn sharing(found: &Found, selection: Selection, plan: Arc<Plan>) -> Self {
        let all: Vec<&SelectableField> =
            found.resource.stored_version().selectable.iter().collect();
        Self::with_plan(found, selection, &all, plan)
    }

    fn with_plan(
        found: &Found,
        selection: Selection,
        planned: &[&SelectableField],
        plan: Arc<Plan>,
    ) -> Self {
        let version = found.version();
        let of = |name: &str| match name {
            NAME => Source::Name,
            NAMESPACE => Source::Namespace,
            _ if found.resource.custom => Source::Converted,
            _ => {
                let at = version.selectable.iter().position(|field| *field.name == *name);
                let at = at.expect("the fields of a selection have been checked");
                let same = planned.iter().position(|field| **field == version.selectable[at]);
                same.map_or(Source::Converted, Source::Planned)
            }
        };
        let sources = selection.fields.requirements().iter().map(|one| of(&one.field)).collect();
        Self {
            sources,
            at_rest: at_rest(&found.resource),
            resource: found.resource.clone(),
            version: found.version_index(),
            selection,
            plan,
        }
    }

    /// One that admits everything of the same resource.
    pub fn of_all(&self) -> Self {
        Self {
            selection: Selection::default(),
            resource: self.resource.clone(),
            version: self.version,
            sources: Vec::new(),
            at_rest: self.at_rest.clone(),
            plan: self.plan.clone(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.selection.is_empty()
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// True if an object at rest is selected. `facts` is room to work in.
    pub fn admits(&self, key: &[u8], json: &[u8], facts: &mut Facts) -> Result<bool, Status> {
        if self.is_empty() {
            return Ok(true);
        }
        let readable = self.is_readable() && json.starts_with(&self.at_rest);
        if readable && facts.read(&self.plan, json).is_some() {
            return Ok(self.admits_facts(key, facts));
        }
        self.admits_slowly(key, json)
    }

    /// True if what the plan reads is all that the selection asks for.
    pub fn is_readable(&self) -> bool {
        !self.sources.iter().any(|source| matches!(source, Source::Converted))
    }

    /// How the bytes of an object begin that the plan reads.
    pub fn at_rest(&self) -> &[u8] {
        &self.at_rest
    }

    /// A field of the plan that must have one value.
    pub fn required(&self) -> Option<(usize, &str)> {
        let mut requirements = self.selection.fields.requirements().iter().zip(&self.sources);
        requirements.find_map(|(one, source)| match source {
            Source::Planned(field) if !one.negated => Some((*field, one.value.as_str())),
            _ => None,
        })
    }

    /// True if an object is selected by what was read of it with [`Self::plan`].
    pub fn admits_facts(&self, key: &[u8], facts: &Facts) -> bool {
        if !self.selection.labels.matches(|label| facts.label(label)) {
            return false;
        }
        let mut requirements = self.selection.fields.requirements().iter().zip(&self.sources);
        requirements.all(|(one, source)| {
            let value = match source {
                Source::Name => self.place(key).1,
                Source::Namespace => self.place(key).0,
                Source::Planned(field) => facts.field(&self.plan, *field),
                Source::Converted => "",
            };
            (value == one.value) != one.negated
        })
    }

    /// Namespace and name, from a key.
    fn place<'k>(&self, key: &'k [u8]) -> (&'k str, &'k str) {
        let rest = key.strip_prefix(self.resource.key_prefix.as_bytes()).unwrap_or_default();
        let rest = std::str::from_utf8(rest).unwrap_or_default();
        match rest.split_once('/') {
            Some(place) if self.resource.namespaced => place,
            _ => ("", rest),
        }
    }

    /// The same by the whole object, in the version that the client speaks.
    fn admits_slowly(&self, key: &[u8], json: &[u8]) -> Result<bool, Status> {
        let version = &self.resource.versions[self.version];
        let object = super::shape::in_version(&self.resource, version, json)?;
        let object = Value::Object(object);
        let labels = object.get("metadata").and_then(|metadata| metadata.get("labels"));
        let label = |name: &str| labels?.get(name)?.as_str();
        if !self.selection.labels.matches(label) {
            return Ok(false);
        }
        let field = |field: &str| match field {
            NAME => self.place(key).1.into(),
            NAMESPACE => self.place(key).0.into(),
            _ => {
                let mut known = version.selectable.iter();
                let found = known.find(|known| *known.name == *field);
                found.map(|found| found.value(&object)).unwrap_or_default()
            }
        };
        let mut requirements = self.selection.fields.requirements().iter();
        Ok(requirements.all(|one| (field(&one.field) == one.value) != one.negated))
    }
}

/// Reads all that selectors of a resource can look at.
pub fn shared_plan(resource: &Resource) -> Plan {
    Plan::new(&resource.stored_version().selectable, true)
}

/// How the bytes of a resource's objects at rest begin.
pub fn at_rest(resource: &Resource) -> Box<[u8]> {
    let stored = resource.stored();
    let kind = Value::from(&*stored.kind);
    let api_version = Value::from(stored.api_version(stored.stored_version()));
    let text = |value: &Value| serde_json::to_string(value).expect("a string serializes");
    format!("{{\"kind\":{},\"apiVersion\":{},", text(&kind), text(&api_version)).into_bytes().into()
}
