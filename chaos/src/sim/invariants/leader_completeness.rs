//! Leader completeness: whoever leads a term has every entry committed in an earlier one
//! (Raft §5.4).

use super::committed_immutable::CommittedImmutable;
use super::{Finding, Sample};
use crate::sim::logbook::LogBook;
use std::collections::BTreeMap;

#[derive(Default)]
pub struct LeaderCompleteness {
    judged: BTreeMap<u64, u64>,
}

impl LeaderCompleteness {
    pub fn observe(
        &mut self,
        sample: &Sample<'_>,
        logs: &LogBook,
        committed: &CommittedImmutable,
    ) -> Finding {
        let status = sample.status;
        if status.leader != Some(status.member_id) || self.judged.contains_key(&status.term) {
            return None;
        }
        // What a leader took over may wait for its disk yet. It is all there when the first entry
        // of its own is: entries are written in their order.
        if logs.last_term(sample.host) != Some(status.term) {
            return None;
        }
        self.judged.insert(status.term, status.member_id);
        let first = logs.first(sample.host);
        let mut older = committed.entries().filter(|(index, entry)| {
            entry.by_term < status.term && first.is_some_and(|first| *index >= first)
        });
        let (index, entry) =
            older.find(|(index, entry)| logs.record(sample.host, *index) != Some(entry.record))?;
        let detail = format!(
            "host {} leads term {} with {:?} at {index}, where {entry:?} was committed",
            sample.host,
            status.term,
            logs.record(sample.host, index),
        );
        Some(("leader completeness", detail))
    }
}
