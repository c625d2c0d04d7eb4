//! [`Conflicts`]: fields that an apply would take from other managers.

use super::fieldset::{CHANGED, Set};
use super::managed::Managers;
use crate::status::{Cause, Status};

/// For every manager, in the order of their identities, the fields in dispute.
#[derive(Debug, Default)]
pub(crate) struct Conflicts<'a> {
    managers: Vec<Disputed<'a>>,
}

#[derive(Debug)]
struct Disputed<'a> {
    identity: String,
    /// As a person is shown the manager.
    shown: String,
    fields: Set<'a>,
}

impl<'a> Conflicts<'a> {
    /// What those of these entries own that the write changes.
    pub(crate) fn find<'s: 's>(
        managers: &Managers<'a>,
        others: &[usize],
        changes_in: impl Fn(&str) -> &'s Set<'s>,
    ) -> Self {
        let mut found = Vec::new();
        for at in others {
            let record = &managers.records[*at];
            let fields = record.set.intersection(changes_in(&record.api_version), CHANGED);
            if !fields.is_empty() {
                let (identity, shown) = (record.id.text(), record.id.shown());
                found.push(Disputed { identity, shown, fields });
            }
        }
        found.sort_by(|a, b| a.identity.cmp(&b.identity));
        Self { managers: found }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.managers.is_empty()
    }

    /// What remains in dispute when these fields are not.
    #[must_use]
    pub(crate) fn except(mut self, allowed: &Set<'_>) -> Self {
        self.managers.retain_mut(|manager| {
            manager.fields = std::mem::take(&mut manager.fields).difference(allowed);
            !manager.fields.is_empty()
        });
        self
    }

    /// The status a client receives.
    pub(crate) fn into_status(self) -> Status {
        let mut causes = Vec::new();
        let mut lines = Vec::new();
        for manager in &self.managers {
            lines.push(format!("conflicts with {}:", manager.shown));
            manager.fields.visit(&mut Vec::new(), &mut |path| {
                let field: String = path.iter().map(|element| element.to_string()).collect();
                lines.push(format!("- {field}"));
                causes.push(Cause {
                    reason: "FieldManagerConflict".to_owned(),
                    message: format!("conflict with {}", manager.shown),
                    field,
                });
            });
        }
        let message = match causes.as_slice() {
            [only] => format!("Apply failed with 1 conflict: {}: {}", only.message, only.field),
            many => format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n")),
        };
        Status::apply_conflict(causes, message)
    }
}
