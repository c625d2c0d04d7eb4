//! `prev_kv` is right: an event shows the version before it if the watch asked for that, the key
//! existed, and that version is not compacted; otherwise none.

use crate::check::{Truth, Violation};
use crate::history::{History, Outcome, Request, Revision};

pub const NAME: &str = "watch: prev_kv right";

pub fn check(history: &History, truth: &Truth) -> Vec<Violation> {
    let compacted = compacted_at_most(history);
    let mut violations = Vec::new();
    for watch in &history.watches {
        for event in watch.events().filter(|event| event.revision() <= truth.complete_to()) {
            let before = truth.at(&event.kv.key, event.revision() - 1);
            let expected = before.filter(|_| watch.request.prev_kv);
            // What was compacted away before a late watcher came by can no longer be shown.
            let excused = event.prev.is_none() && event.revision() - 1 <= compacted;
            if event.prev.as_ref() != expected && !excused {
                let message = format!(
                    "{} at {} shows prev {:?}, not {expected:?}",
                    event.kv.key,
                    event.revision(),
                    event.prev
                );
                violations.push(Violation::new(message, [watch.id]));
            }
        }
    }
    violations
}

/// The highest revision that may have been compacted in the run.
fn compacted_at_most(history: &History) -> Revision {
    let operations = history.operations.iter();
    let asked = operations.filter(|operation| !matches!(operation.outcome, Outcome::Failed(_)));
    let revisions = asked.filter_map(|operation| match operation.request {
        Request::Compact { revision } => Some(revision),
        _ => None,
    });
    revisions.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::{catches, events_of};

    #[test]
    fn catches_a_missing_previous_version() {
        catches(NAME, |fixture| {
            let mut events = events_of(&mut fixture.history.watches[0]).flatten();
            events.find(|event| event.prev.is_some()).expect("an update").prev = None;
        });
    }

    #[test]
    fn catches_a_previous_version_from_after_the_event() {
        catches(NAME, |fixture| {
            let mut events = events_of(&mut fixture.history.watches[0]).flatten();
            let event = events.find(|event| event.prev.is_some()).expect("an update");
            event.prev = Some(event.kv.clone());
        });
    }
}
