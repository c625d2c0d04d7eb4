//! Election safety: at most one replica leads in a term (Raft §5.2).

use super::{Finding, Sample};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct OneLeaderPerTerm {
    leaders: BTreeMap<u64, u64>,
}

impl OneLeaderPerTerm {
    pub fn observe(&mut self, sample: &Sample<'_>) -> Finding {
        let status = sample.status;
        if status.leader != Some(status.member_id) {
            return None;
        }
        let first = *self.leaders.entry(status.term).or_insert(status.member_id);
        (first != status.member_id).then(|| {
            let detail =
                format!("{first:x} and {:x} both lead in term {}", status.member_id, status.term);
            ("one leader per term", detail)
        })
    }

    pub fn leaders(&self) -> usize {
        self.leaders.len()
    }
}
