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
        self.judged.insert(status.term, status.member_id);
        let first = logs.first(sample.host);
        let mut older = committed.entries().filter(|(index, record)| {
            record.term < status.term && first.is_some_and(|first| *index >= first)
        });
        let (index, record) =
            older.find(|(index, record)| logs.record(sample.host, *index) != Some(*record))?;
        let detail = format!(
            "host {} leads term {} without entry {index} of term {}",
            sample.host, status.term, record.term
        );
        Some(("leader completeness", detail))
    }
}
