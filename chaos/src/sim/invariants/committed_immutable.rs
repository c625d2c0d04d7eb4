//! State machine safety, at the log: once an index is committed anywhere, its entry never changes.

use super::{Finding, Sample};
use crate::sim::logbook::{LogBook, Record};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct CommittedImmutable {
    committed: BTreeMap<u64, Committed>,
    looked_to: BTreeMap<(usize, u64), u64>,
}

/// An entry that somebody has applied.
#[derive(Debug, Clone, Copy)]
pub struct Committed {
    pub record: Record,
    pub host: usize,
    /// It was committed in this term at the latest; its own may be older.
    pub by_term: u64,
}

impl CommittedImmutable {
    pub fn observe(&mut self, sample: &Sample<'_>, logs: &LogBook) -> Finding {
        // What is applied is committed. It may be applied before this replica's own disk has it,
        // over what the disk still holds from a deposed leader: wait until the disk is that far.
        let applied = sample.view.applied()?;
        let on_disk = logs.record(sample.host, applied.index);
        if on_disk.map(|record| record.term) != Some(applied.term) {
            return None;
        }
        let committed = applied.index;
        let looked_to = self.looked_to.entry((sample.host, sample.life)).or_default();
        let mut finding = None;
        for index in *looked_to + 1..=committed {
            // What a snapshot brought, or a purge took, cannot be looked at.
            let Some(record) = logs.record(sample.host, index) else { continue };
            let (host, by_term) = (sample.host, sample.status.term);
            let first = self.committed.entry(index).or_insert(Committed { record, host, by_term });
            first.by_term = first.by_term.min(by_term);
            if first.record != record {
                let detail = format!(
                    "index {index}: host {} committed term {}, host {host} term {}",
                    first.host, first.record.term, record.term
                );
                finding = finding.or(Some(("a committed entry never changes", detail)));
            }
        }
        *looked_to = committed.max(*looked_to);
        finding
    }

    /// The committed entries that are known.
    pub fn entries(&self) -> impl Iterator<Item = (u64, Committed)> + '_ {
        self.committed.iter().map(|(index, committed)| (*index, *committed))
    }
}
