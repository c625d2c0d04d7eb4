//! Applies a configuration: merges it, settles ownership, removes what nobody applies any more.

use super::conflict::Conflicts;
use super::fieldset::Set;
use super::managed::{self, ManagerId, Managers, Operation, Record, Source};
use super::update::Change;
use super::walk::{self, TypeErrors};
use super::{Manager, Writer, compare, extract, last_applied, merge, update};
use crate::codec::json;
use crate::status::Status;
use crate::value::{Lookup, Object, Value};

/// What an apply makes of an object.
#[derive(Debug)]
pub struct Applied {
    /// The object in normal form with its managed fields; not yet defaulted.
    pub object: Object,
    /// Something other than ownership differs from the live object.
    pub changed: bool,
}

/// How an attempt ends, short of failing.
enum Attempt<'a> {
    Done(Option<Object>),
    Conflicts(Conflicts<'a>),
}

/// What is applied, and by whom.
#[derive(Clone, Copy)]
struct Config<'c> {
    patch: &'c Object,
    manager: &'c str,
    force: bool,
}

/// The manager for which kubectl's own record of its last configuration counts.
pub(super) const KUBECTL: &str = "kubectl";

impl Manager<'_> {
    /// Applies a configuration (as decoded from YAML or JSON, without the schema) to the live
    /// object in normal form; `None` for one that is not there, which a create then makes.
    ///
    /// Errors are those of upstream: 400 for another kind or managed fields in the configuration,
    /// 409 with causes for conflicts, 500 without a reason for a configuration that does not fit
    /// the schema.
    pub fn on_apply(
        &self,
        live: Option<&Object>,
        patch: &Object,
        force: bool,
        writer: Writer<'_>,
    ) -> Result<Applied, Status> {
        let made;
        let live = match live {
            Some(live) => live,
            None => {
                made = self.empty();
                &made
            }
        };
        let held = managed::entries_of(live);
        let managers = Managers::decode(held).map_err(|error| {
            Status::unclassified(format!("failed to decode managed fields: {error}"))
        })?;
        self.check(patch)?;
        let now = writer.now.to_seconds_text();
        let config = Config { patch, manager: writer.manager, force };
        let (merged, entries) = self.settle(live, config, managers, &now)?;
        let changed = merged.is_some();
        let mut object = match merged {
            Some(merged) => self.decode(merged, patch)?,
            None => live.clone(),
        };
        let source = Source::Borrowed(held);
        // What was merged still has the live object's list, unless the configuration has a null.
        let has_list = managed::entries_of(&object).len() == held.len();
        if !has_list || !source.stays(&entries) {
            managed::set_entries(&mut object, source.assemble(entries));
        }
        if writer.manager == KUBECTL {
            last_applied::refresh(&mut object, patch);
        }
        Ok(Applied { object, changed })
    }

    /// What is wrong with a configuration whatever the live object.
    fn check(&self, patch: &Object) -> Result<(), Status> {
        let text = |name| patch.get(name).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        if api_version != self.api_version || kind != self.kind {
            let given = group_version_kind(api_version, kind);
            return Err(Status::bad_request(format!("invalid object type: {given}")));
        }
        let metadata = patch.get("metadata");
        let given = metadata.and_then(|metadata| metadata.get("managedFields"));
        if given.is_some_and(|given| given.as_array().is_some()) {
            return Err(Status::bad_request("metadata.managedFields must be nil"));
        }
        extract::validate(self.schema, self.id, patch).map_err(|errors| {
            let described = self.described(patch);
            Status::unclassified(format!(
                "failed to create typed patch object ({described}): {errors}"
            ))
        })
    }

    /// `namespace/name; apps/v1, Kind=Deployment`, as far as the configuration tells.
    fn described(&self, patch: &Object) -> String {
        let text = |field| {
            let metadata = patch.get("metadata").and_then(|metadata| metadata.get(field));
            metadata.and_then(Value::as_str).unwrap_or_default()
        };
        let kind = group_version_kind(self.api_version, self.kind);
        format!("{}/{}; {kind}", text("namespace"), text("name"))
    }

    /// Brings what was merged into normal form. The configuration fits the types, but numbers may
    /// be out of range and quantities malformed.
    fn decode(&self, merged: Object, patch: &Object) -> Result<Object, Status> {
        let decoded = json::decode_tree(self.schema, self.id, &Value::Object(merged));
        decoded.map(|decoded| decoded.object).map_err(|error| {
            let why = error.message.split_once(": ").map_or(&*error.message, |(_, why)| why);
            let kind = group_version_kind(self.api_version, self.kind);
            let described = self.described(patch);
            Status::unclassified(format!(
                "failed to convert new object ({described}) to proper version: unable to convert \
                 unstructured object to {kind}: {why}"
            ))
        })
    }
    fn settle(
        &self,
        live: &Object,
        config: Config<'_>,
        managers: Managers<'_>,
        now: &str,
    ) -> Result<(Option<Object>, Vec<managed::Entry>), Status> {
        let Config { patch, manager, force } = config;
        let broken = |errors: TypeErrors| Status::unclassified(errors.to_string());
        let empty;
        let mut managers = managers;
        if managers.records.is_empty() {
            empty = self.empty();
            self.track(&empty, live, &mut managers, now).map_err(broken)?;
        }
        let id = ManagerId::new(manager, Operation::Apply, self.api_version, self.subresource);
        let recorded = last_applied::allowed(self, live, manager);
        let before = recorded.as_ref().map(|_| managers.clone());
        let mut attempt = self.attempt(live, patch, &mut managers, &id, force)?;
        if let (Attempt::Conflicts(_), Some(recorded), Some(before)) = (&attempt, &recorded, before)
        {
            let allowed = last_applied::owned(self, live, recorded);
            attempt = match attempt {
                Attempt::Conflicts(conflicts) => Attempt::Conflicts(conflicts.except(&allowed)),
                done => done,
            };
            if matches!(&attempt, Attempt::Conflicts(conflicts) if conflicts.is_empty()) {
                managers = before;
                attempt = self.attempt(live, patch, &mut managers, &id, true)?;
            }
        }
        let merged = match attempt {
            Attempt::Done(merged) => merged,
            Attempt::Conflicts(conflicts) => return Err(conflicts.into_status()),
        };
        // An apply that changes nothing keeps its time.
        if merged.is_some()
            && let Some(at) = managers.find(&id)
        {
            managers.records[at].stamp(Some(now.into()));
        }
        Ok((merged, managers.encode()))
    }

    /// Merges and settles ownership once. `Done(None)`: the object stays as it is.
    fn attempt<'a>(
        &self,
        live: &'a Object,
        patch: &'a Object,
        managers: &mut Managers<'a>,
        id: &ManagerId<'a>,
        force: bool,
    ) -> Result<Attempt<'a>, Status>
    where
        Self: 'a,
    {
        let failed = |what: &str, errors: TypeErrors| {
            Status::unclassified(format!("failed to {what}: {errors}"))
        };
        self.reconcile(managers);
        let merged = merge::merge(self.schema, self.id, live, patch)
            .map_err(|errors| failed("merge config", errors))?;
        let set = extract::extract(self.schema, self.id, patch)
            .map_err(|errors| failed("get field set", errors))?;
        let set = self.filter.apply(set);
        let last = self.own(managers, id, set);
        let merged = match &last {
            Some(last) => self
                .prune(live, merged, managers, id, last)
                .map_err(|errors| failed("prune fields", errors))?,
            None => merged,
        };
        let conflicts = self
            .contend(live, merged.as_ref(), managers, id, force)
            .map_err(|errors| failed("compare objects", errors))?;
        if let Some(conflicts) = conflicts {
            return Ok(Attempt::Conflicts(conflicts));
        }
        if let Some(at) = managers.find(id) {
            self.strip(managers, at, last);
        }
        Ok(Attempt::Done(merged.filter(|merged| !same(live, merged))))
    }

    /// Gives the applied fields to the manager; returns what it had applied before.
    fn own<'a>(
        &self,
        managers: &mut Managers<'a>,
        id: &ManagerId<'a>,
        set: Set<'a>,
    ) -> Option<Record<'a>>
    where
        Self: 'a,
    {
        let mut record = Record::new(id.clone(), self.api_version, set);
        let Some(at) = managers.find(id) else {
            managers.put(record);
            return None;
        };
        record.stamp(managers.records[at].time.clone());
        Some(std::mem::replace(&mut managers.records[at], record))
    }

    /// Takes what the apply changes from the others, or tells the conflicts.
    fn contend<'a>(
        &self,
        live: &Object,
        merged: Option<&Object>,
        managers: &mut Managers<'a>,
        id: &ManagerId<'a>,
        force: bool,
    ) -> Result<Option<Conflicts<'a>>, TypeErrors> {
        let new = merged.unwrap_or(live);
        let changes = match merged {
            Some(merged) => compare::compare(self.schema, self.id, live, merged)?,
            None => Set::new(),
        };
        let change = Change { live, new, fields: self.filter.apply(changes) };
        let others: Vec<usize> =
            (0..managers.records.len()).filter(|at| managers.records[*at].id != *id).collect();
        self.release(&change, managers, &others, force)
    }

    /// Takes out what nobody owns. An entry that comes out as it was is the one that was read.
    fn strip<'a>(&self, managers: &mut Managers<'a>, at: usize, last: Option<Record<'a>>) {
        managers.records[at].change(|mut set| {
            update::strip_meta(&mut set);
            set
        });
        let record = &mut managers.records[at];
        if record.set.is_empty() {
            managers.records.remove(at);
        } else if let Some(last) = last
            && last.set == record.set
            && last.api_version == record.api_version
        {
            *record = last;
        }
    }
}

/// `apps/v1, Kind=Deployment`; the core group is empty.
fn group_version_kind(api_version: &str, kind: &str) -> String {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    format!("{group}/{version}, Kind={kind}")
}

fn same(lhs: &Object, rhs: &Object) -> bool {
    let mut other = Lookup::new(rhs);
    lhs.len() == rhs.len()
        && lhs.iter().all(|(name, a)| other.get(name).is_some_and(|b| walk::same(a, b)))
}
