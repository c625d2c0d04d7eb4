//! Resumable: a watch from a revision begins with the first event at or after it, at whichever
//! replica it is opened, or is refused because that revision was compacted.

use crate::check::{Truth, Violation};
use crate::history::{History, Nanos, Outcome, Request, Revision, Watch, WatchBody};

pub const NAME: &str = "watch: resumable";

pub fn check(history: &History, truth: &Truth) -> Vec<Violation> {
    let compactions = compactions(history);
    let mut violations = Vec::new();
    for watch in &history.watches {
        violations.extend(start_error(watch, truth));
        violations.extend(cancel_error(watch, &compactions));
    }
    violations
}

fn start_error(watch: &Watch, truth: &Truth) -> Option<Violation> {
    let from = watch.first_owed()?;
    let first = watch.events().next()?;
    if first.revision() < from {
        let message = format!("a watch from {from} begins with revision {}", first.revision());
        return Some(Violation::new(message, [watch.id]));
    }
    let (expected, _) = truth
        .events_between(from, first.revision())
        .find(|(_, event)| watch.request.wants(&event.key, event.put.is_none()))?;
    (expected != first.revision()).then(|| {
        let message = format!(
            "a watch from {from} begins with revision {}, not with {expected}",
            first.revision()
        );
        Violation::new(message, [watch.id])
    })
}

/// Every compaction that may have happened: when it was asked for, and its revision.
fn compactions(history: &History) -> Vec<(Nanos, Revision)> {
    let operations = history.operations.iter();
    let asked = operations.filter(|operation| !matches!(operation.outcome, Outcome::Failed(_)));
    asked
        .filter_map(|operation| match operation.request {
            Request::Compact { revision } => Some((operation.call_ns, revision)),
            _ => None,
        })
        .collect()
}

/// A watch may be cancelled as compacted only if what it still owes was compacted.
fn cancel_error(watch: &Watch, compactions: &[(Nanos, Revision)]) -> Option<Violation> {
    let response = watch.responses.last()?;
    let WatchBody::Canceled { compact_revision, .. } = &response.body else { return None };
    let compact_revision = *compact_revision;
    if compact_revision == 0 {
        return None;
    }
    let owed = watch.first_owed().unwrap_or(0).max(watch.complete_to() + 1);
    let asked_for = compactions
        .iter()
        .any(|(at_ns, revision)| *revision == compact_revision && *at_ns <= response.at_ns);
    let wrong = if !asked_for {
        format!("cancelled for a compaction to {compact_revision} that nobody asked for")
    } else if owed >= compact_revision {
        format!("cancelled for a compaction to {compact_revision}, but waits for {owed}")
    } else {
        return None;
    };
    Some(Violation::new(wrong, [watch.id]))
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::catches;
    use crate::history::{WatchBody, WatchResponse};

    #[test]
    fn catches_a_gap_at_the_start() {
        catches(NAME, |fixture| drop(fixture.history.watches[2].responses.remove(1)));
    }

    #[test]
    fn catches_an_event_from_before_the_start() {
        catches(NAME, |fixture| {
            let early = fixture.history.watches[0].responses[1].clone();
            fixture.history.watches[2].responses.insert(1, early);
        });
    }

    #[test]
    fn catches_a_refusal_without_a_compaction() {
        catches(NAME, |fixture| {
            let body = WatchBody::Canceled { compact_revision: 900, reason: String::new() };
            let refusal = WatchResponse { at_ns: fixture.now_ns, revision: 0, body };
            fixture.history.watches[2].responses.push(refusal);
        });
    }
}
