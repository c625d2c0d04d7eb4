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
        // A client may ask for what it has seen already.
        let asked_again = |shown: &Revision| *shown < watch.request.start_revision;
        let shown_before = before.map(|before| before.complete_to()).filter(asked_again);
        let shown_before = shown_before.unwrap_or(0);
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

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::catches;

    #[test]
    fn catches_an_event_that_comes_twice() {
        catches(NAME, |fixture| {
            let responses = &mut fixture.history.watches[0].responses;
            responses.insert(2, responses[1].clone());
        });
    }

    #[test]
    fn catches_an_event_that_comes_again_after_a_resume() {
        catches(NAME, |fixture| {
            let again = fixture.history.watches[1].responses.iter().rev().nth(1);
            let again = again.expect("the last events").clone();
            fixture.history.watches[2].responses.insert(1, again);
        });
    }
}
