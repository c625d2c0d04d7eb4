//! Managed fields after a create, update or patch.

use super::compare;
use super::conflict::Conflicts;
use super::element::Element;
use super::fieldset::{CHANGED, Set};
use super::managed::{self, ManagerId, Managers, Operation, Record, Source};
use super::types::Type;
use super::walk::TypeErrors;
use super::{Manager, Writer, remove};
use crate::schema::MessageId;
use crate::value::{Object, Value};
use std::borrow::Cow;

/// The objects of a write in a version in which somebody owns fields.
struct Versioned<'v> {
    api_version: &'v str,
    changes: Set<'v>,
}

/// A write: the object before and after it, and what differs in the manager's version.
pub(super) struct Change<'c> {
    pub(super) live: &'c Object,
    pub(super) new: &'c Object,
    pub(super) fields: Set<'c>,
}

/// The name upstream gives to fields that were there before anybody applied.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

impl Manager<'_> {
    /// Sets `metadata.managedFields` of an object about to be stored after a create, update or
    /// patch (not an apply). `live` is what is stored, `None` for a create; both objects are in
    /// normal form and in the manager's version. `reset` says that the client gave an empty list,
    /// by which it asks to forget all owners ([`crate::codec::json::Decoded`]).
    ///
    /// An object of which nothing is tracked stays so. Where the fields of the objects cannot be
    /// told, the result has no managed fields, as upstream leaves it.
    pub fn on_update(
        &self,
        live: Option<&Object>,
        new: &mut Object,
        reset: bool,
        writer: Writer<'_>,
    ) {
        let given = self.given(take_entries(new), reset);
        let held = live.map(managed::entries_of).unwrap_or_default();
        let now = writer.now.to_seconds_text();
        // The list given counts, unless the client does not know of managed fields.
        let (source, managers) = match given.as_deref().map(Managers::decode) {
            Some(Ok(managers)) if given.as_ref().is_some_and(Vec::is_empty) => (None, managers),
            Some(Ok(managers)) if !managers.records.is_empty() => (None, managers),
            _ => (Some(held), Managers::decode(held).unwrap_or_default()),
        };
        let entries = self.after_update(live, new, managers, writer.manager, &now);
        let source = match source {
            Some(held) => Source::Borrowed(held),
            None => Source::Owned(given.unwrap_or_default()),
        };
        if let Ok(entries) = entries {
            managed::set_entries(new, source.assemble(entries));
        }
    }

    /// The list given with the object: empty to forget all owners, `None` where it does not count.
    fn given(&self, entries: Option<Value>, reset: bool) -> Option<Vec<Value>> {
        if !self.subresource.is_empty() {
            return None;
        }
        match entries {
            Some(Value::Array(entries)) if !entries.is_empty() => {
                let nothing = entries[0].as_object().is_some_and(Object::is_empty);
                Some(if nothing && entries.len() == 1 { Vec::new() } else { entries })
            }
            _ => reset.then(Vec::new),
        }
    }

    fn after_update<'a>(
        &self,
        live: Option<&'a Object>,
        new: &'a Object,
        mut managers: Managers<'a>,
        manager: &'a str,
        now: &'a str,
    ) -> Result<Vec<managed::Entry>, TypeErrors>
    where
        Self: 'a,
    {
        match live {
            // Nothing was tracked before, and an update is no reason to begin.
            Some(_) if managers.records.is_empty() => {}
            Some(live) => self.update(live, new, &mut managers, manager, now)?,
            None => {
                let empty = self.empty();
                let mut managers = managers;
                self.update(&empty, new, &mut managers, manager, now)?;
                return Ok(managers.encode());
            }
        }
        Ok(managers.encode())
    }

    /// Gives the fields that differ to the manager, and takes them from everybody else.
    pub(super) fn update<'a>(
        &self,
        live: &'a Object,
        new: &'a Object,
        managers: &mut Managers<'a>,
        manager: &'a str,
        now: &'a str,
    ) -> Result<(), TypeErrors>
    where
        Self: 'a,
    {
        self.reconcile(managers);
        let changes = compare::compare(self.schema, self.id, live, new)?;
        let change = Change { live, new, fields: self.filter.apply(changes) };
        let others: Vec<usize> = (0..managers.records.len()).collect();
        self.release(&change, managers, &others, true)?;
        let mut own = change.fields.select(CHANGED);
        strip_meta(&mut own);
        if !own.is_empty() {
            let id = ManagerId::new(manager, Operation::Update, self.api_version, self.subresource);
            managers.extend(Record::new(id, self.api_version, own), now);
        }
        managers.cap();
        Ok(())
    }

    /// Before a first apply: whatever is there belongs to nobody by name.
    pub(super) fn track<'a>(
        &self,
        empty: &'a Object,
        live: &'a Object,
        managers: &mut Managers<'a>,
        now: &'a str,
    ) -> Result<(), TypeErrors>
    where
        Self: 'a,
    {
        self.update(empty, live, managers, BEFORE_FIRST_APPLY, now)
    }

    /// Drops entries of versions that are gone and brings the others in step with the schema.
    pub(super) fn reconcile<'a>(&self, managers: &mut Managers<'a>)
    where
        Self: 'a,
    {
        managers.records.retain(|record| self.message_of(&record.api_version).is_some());
        for record in &mut managers.records {
            let Some(id) = self.message_of(&record.api_version) else { continue };
            if remove::reconcile(self.schema, Type::root(id), &mut record.set) {
                record.change(|set| set);
            }
        }
    }

    pub(super) fn message_of(&self, api_version: &str) -> Option<MessageId> {
        if api_version == self.api_version {
            return Some(self.id);
        }
        self.versions.message(api_version)
    }

    /// Takes what was changed or removed from these entries. Without force, an entry that would
    /// lose a field it owns is a conflict, and nothing is taken.
    pub(super) fn release<'a>(
        &self,
        change: &Change<'_>,
        managers: &mut Managers<'a>,
        others: &[usize],
        force: bool,
    ) -> Result<Option<Conflicts<'a>>, TypeErrors> {
        if change.fields.is_empty() && self.is_single_version(managers) {
            drop_empty(managers);
            return Ok(None);
        }
        let objects = self.other_versions(change.live, change.new, managers);
        let mut versions = Vec::with_capacity(objects.len());
        for (api_version, id, live, new) in &objects {
            let changes = compare::compare(self.schema, *id, live, new)?;
            versions.push(Versioned { api_version, changes: self.filter.apply(changes) });
        }
        let changes_in = |api_version: &str| {
            let other = versions.iter().find(|version| version.api_version == api_version);
            other.map_or(&change.fields, |version| &version.changes)
        };
        if !force {
            let conflicts = Conflicts::find(managers, others, changes_in);
            if !conflicts.is_empty() {
                return Ok(Some(conflicts));
            }
        }
        for at in others {
            let record = &mut managers.records[*at];
            let changes = changes_in(&record.api_version);
            if record.set.intersects(changes) {
                record.change(|set| set.difference(changes));
            }
        }
        drop_empty(managers);
        Ok(None)
    }

    fn is_single_version(&self, managers: &Managers<'_>) -> bool {
        managers.records.iter().all(|record| record.api_version == self.api_version)
    }

    /// The two objects in every other version in which somebody owns something. Entries of
    /// versions into which they cannot be converted are dropped.
    fn other_versions<'o>(
        &self,
        live: &'o Object,
        new: &'o Object,
        managers: &mut Managers<'_>,
    ) -> Vec<(String, MessageId, Cow<'o, Object>, Cow<'o, Object>)> {
        let mut found: Vec<(String, _, _, _)> = Vec::new();
        for record in &mut managers.records {
            let version = &*record.api_version;
            if version == self.api_version || found.iter().any(|(known, ..)| known == version) {
                continue;
            }
            let converted = self.message_of(version).and_then(|id| {
                let live = self.versions.convert(live, self.api_version, version)?;
                let new = self.versions.convert(new, self.api_version, version)?;
                Some((version.to_owned(), id, live, new))
            });
            match converted {
                Some(converted) => found.push(converted),
                None => record.change(|_| Set::new()),
            }
        }
        found
    }
}

fn drop_empty(managers: &mut Managers<'_>) {
    managers.records.retain(|record| !record.set.is_empty());
}

fn take_entries(object: &mut Object) -> Option<Value> {
    object.get_mut("metadata")?.as_object_mut()?.remove("managedFields")
}

/// Fields of metadata that no manager ever owns.
const META: [&str; 9] = [
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
];

/// Takes what identifies an object and what the server sets out of a manager's fields.
pub(super) fn strip_meta(set: &mut Set<'_>) {
    set.retain(|node| match &node.element {
        Element::Field("apiVersion" | "kind") => node.marks = 0,
        Element::Field("metadata") => {
            node.marks = 0;
            node.children.retain(|node| {
                if matches!(node.element, Element::Field(name) if META.contains(&name)) {
                    node.marks = 0;
                }
            });
        }
        _ => {}
    });
}
