//! State machine safety, at the log: once an index is committed anywhere, its entry never changes.

use super::{Finding, Sample};
use crate::sim::logbook::{LogBook, Record};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct CommittedImmutable {
    committed: BTreeMap<u64, (Record, usize)>,
    looked_to: BTreeMap<(usize, u64), u64>,
}

impl CommittedImmutable {
    pub fn observe(&mut self, sample: &Sample<'_>, logs: &LogBook) -> Finding {
        // What is applied is committed, and is what this replica's log has there.
        let committed = sample.status.applied_index;
        let looked_to = self.looked_to.entry((sample.host, sample.life)).or_default();
        let mut finding = None;
        for index in *looked_to + 1..=committed {
            // What a snapshot brought, or a purge took, cannot be looked at.
            let Some(record) = logs.record(sample.host, index) else { continue };
            let (first, by) = *self.committed.entry(index).or_insert((record, sample.host));
            if first != record {
                let detail = format!(
                    "index {index}: host {by} committed term {}, host {} term {}",
                    first.term, sample.host, record.term
                );
                finding = finding.or(Some(("a committed entry never changes", detail)));
            }
        }
        *looked_to = committed.max(*looked_to);
        finding
    }

    /// The committed entries that are known.
    pub fn entries(&self) -> impl Iterator<Item = (u64, Record)> + '_ {
        self.committed.iter().map(|(index, (record, _))| (*index, *record))
    }
}
