//! Terms never go back, not even over a crash (the vote is durable before it is sent); positions
//! never go back within a life. (The committed index may: it is what the leader says, and a new
//! leader knows less at first.)

use super::{Finding, Sample};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Monotonic {
    members: BTreeMap<u64, Seen>,
}

#[derive(Default, Clone, Copy)]
struct Seen {
    life: u64,
    term: u64,
    applied: u64,
    revision: i64,
}

impl Monotonic {
    pub fn observe(&mut self, sample: &Sample<'_>) -> Finding {
        let status = sample.status;
        let seen = self.members.entry(status.member_id).or_default();
        if seen.life != sample.life {
            *seen = Seen { life: sample.life, term: seen.term, ..Seen::default() };
        }
        let now = Seen {
            life: sample.life,
            term: status.term,
            applied: status.applied_index,
            revision: sample.view.revision(),
        };
        let before = std::mem::replace(seen, now);
        let pairs = [
            ("term", before.term, now.term),
            ("applied index", before.applied, now.applied),
            ("revision", before.revision as u64, now.revision as u64),
        ];
        let (what, from, to) = pairs.into_iter().find(|(_, before, now)| now < before)?;
        let detail = format!("host {}: {what} went from {from} to {to}", sample.host);
        Some(("nothing goes back", detail))
    }
}
