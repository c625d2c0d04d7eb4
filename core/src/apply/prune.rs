//! Removes what a manager applied last time, does not apply now, and nobody else owns.

use super::extract;
use super::fieldset::Set;
use super::managed::{ManagerId, Managers, Record};
use super::types::Type;
use super::walk::TypeErrors;
use super::{Manager, remove};
use crate::schema::MessageId;
use crate::value::Object;
use std::borrow::Cow;

impl Manager<'_> {
    /// What remains of the merged object; `None` where that is the live one.
    pub(super) fn prune<'a>(
        &self,
        live: &Object,
        merged: Option<Object>,
        managers: &Managers<'a>,
        id: &ManagerId<'a>,
        last: &Record<'a>,
    ) -> Result<Option<Object>, TypeErrors> {
        let applied = managers.find(id).map(|at| &managers.records[at]);
        let kept = applied.is_some_and(|record| {
            record.api_version == last.api_version && last.set.is_subset(&record.set)
        });
        // What is applied again is not removed.
        if last.set.is_empty() || kept {
            return Ok(merged);
        }
        self.prune_always(live, merged, managers, last)
    }

    /// The same without the short cut.
    pub(super) fn prune_always<'a>(
        &self,
        live: &Object,
        merged: Option<Object>,
        managers: &Managers<'a>,
        last: &Record<'a>,
    ) -> Result<Option<Object>, TypeErrors> {
        let before = merged.as_ref().unwrap_or(live);
        let version = &*last.api_version;
        let Some((message, merged_then)) = self.convert(before, self.api_version, version) else {
            return Ok(merged);
        };
        let kind = Type::root(message);
        let last = remove::ensure_named(self.schema, kind, last.set.clone());
        let mut pruned = merged_then.clone().into_owned();
        remove::remove(self.schema, message, &mut pruned, &last);
        let Some(pruned) = self.add_back_owned(&merged_then, pruned, version, managers)? else {
            return Ok(merged);
        };
        // Only what this manager had applied goes; what else was lost on the way comes back.
        let gone = {
            let held = self.named(message, &merged_then)?;
            let left = self.named(message, &pruned)?;
            last.intersection(&held.difference(&left), super::fieldset::MEMBER)
        };
        if gone.is_empty() {
            return Ok(merged);
        }
        let mut object = merged_then.into_owned();
        remove::remove(self.schema, message, &mut object, &gone);
        let back = self.convert(&object, version, self.api_version);
        Ok(back.map(|(_, object)| object.into_owned()))
    }

    /// Adds back what others own, or the manager itself now. The result is in `version` again;
    /// `None` where it cannot be brought there.
    fn add_back_owned<'a>(
        &self,
        merged: &Object,
        pruned: Object,
        version: &str,
        managers: &Managers<'a>,
    ) -> Result<Option<Object>, TypeErrors> {
        let mut versions = vec![version];
        for record in &managers.records {
            if !versions.contains(&&*record.api_version) {
                versions.push(&record.api_version);
            }
        }
        let (mut pruned, mut at) = (pruned, version);
        for target in versions {
            let Some((message, then)) = self.convert(merged, version, target) else { continue };
            let Some((_, converted)) = self.convert(&pruned, at, target) else { continue };
            let gone = {
                let mut owned = Set::new();
                for record in managers.records.iter().filter(|r| r.api_version == target) {
                    owned = owned.union(record.set.clone());
                }
                let owned = remove::ensure_named(self.schema, Type::root(message), owned);
                let left = self.named(message, &converted)?;
                self.named(message, &then)?.difference(&left).difference(&owned)
            };
            let mut next = then.clone().into_owned();
            remove::remove(self.schema, message, &mut next, &gone);
            (pruned, at) = (next, target);
        }
        let back = self.convert(&pruned, at, version);
        Ok(back.map(|(_, object)| object.into_owned()))
    }

    fn named<'a>(&'a self, id: MessageId, object: &'a Object) -> Result<Set<'a>, TypeErrors> {
        let set = extract::extract(self.schema, id, object)?;
        Ok(remove::ensure_named(self.schema, Type::root(id), set))
    }

    fn convert<'o>(
        &self,
        object: &'o Object,
        from: &str,
        to: &str,
    ) -> Option<(MessageId, Cow<'o, Object>)> {
        let id = self.message_of(to)?;
        if from == to {
            return Some((id, Cow::Borrowed(object)));
        }
        Some((id, self.versions.convert(object, from, to)?))
    }
}
