//! Unique: no event comes twice, neither on one watch nor on one that resumed it.

use crate::check::{Truth, Violation};
use crate::history::{History, Revision, Watch};
use std::collections::{HashMap, HashSet};

pub const NAME: &str = "watch: unique";

pub fn check(history: &History, _: &Truth) -> Vec<Violation> {
    let mut violations = Vec::new();
    let by_id: HashMap<u64, &Watch> = history.watches.iter().map(|w| (w.id, w)).collect();
    for watch in &history.watches {
        let mut seen: HashSet<(Revision, &str)> = HashSet::new();
        let before = watch.request.resumes.and_then(|id| by_id.get(&id));
        let shown_before = before.map_or(0, |before| before.complete_to());
        for event in watch.events() {
            let key = (event.revision(), event.kv.key.as_str());
            if event.revision() <= shown_before || !seen.insert(key) {
                let message = format!("{} at {} came twice", key.1, key.0);
                violations.push(Violation::new(message, [watch.id]));
            }
        }
    }
    violations
}
