//! Reliable: between the revision asked for and the last one shown, no event is missing, and each
//! has the content that everybody else saw.

use crate::check::{Truth, TruthEvent, Violation};
use crate::history::{History, Revision, Watch, WatchEvent};
use std::collections::HashSet;

pub const NAME: &str = "watch: reliable (no gap)";

pub fn check(history: &History, truth: &Truth) -> Vec<Violation> {
    history.watches.iter().flat_map(|watch| judge(watch, truth)).collect()
}

fn judge(watch: &Watch, truth: &Truth) -> Vec<Violation> {
    let Some(from) = watch.first_owed() else { return Vec::new() };
    let to = watch.complete_to();
    let shown: HashSet<(Revision, &str)> =
        watch.events().map(|event| (event.revision(), event.kv.key.as_str())).collect();
    let mut violations = Vec::new();
    for (revision, event) in truth.events_between(from, to) {
        let wanted = watch.request.wants(&event.key, event.put.is_none());
        if wanted && !shown.contains(&(revision, event.key.as_str())) {
            let message =
                format!("{} at {revision} is missing from a watch of {from}..={to}", event.key);
            violations.push(Violation::new(message, [watch.id, event.witness]));
        }
    }
    let wrong = watch.events().filter(|event| {
        truth.event(&event.kv.key, event.revision()).is_none_or(|there| !agrees(there, event))
    });
    violations.extend(wrong.map(|event| {
        let message = format!("{} at {} shows other content", event.kv.key, event.revision());
        Violation::new(message, [watch.id])
    }));
    violations
}

fn agrees(there: &TruthEvent, event: &WatchEvent) -> bool {
    match &there.put {
        Some((value, lease)) => {
            !event.delete && *value == event.kv.value && *lease == event.kv.lease
        }
        None => event.delete,
    }
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::{catches, events_of};

    #[test]
    fn catches_a_missing_event() {
        catches(NAME, |fixture| drop(fixture.history.watches[0].responses.remove(3)));
    }

    #[test]
    fn catches_a_missing_event_at_another_replica_after_a_resume() {
        catches(NAME, |fixture| drop(fixture.history.watches[2].responses.remove(1)));
    }

    #[test]
    fn catches_a_missing_key_of_a_txn() {
        catches(NAME, |fixture| {
            let watch = &mut fixture.history.watches[0];
            let events = events_of(watch).find(|events| events.len() > 1).expect("a txn");
            events.pop();
        });
    }

    #[test]
    fn catches_an_event_with_other_content() {
        catches(NAME, |fixture| {
            let watch = &mut fixture.history.watches[1];
            let events = events_of(watch).find(|events| !events[0].delete).expect("a put");
            events[0].kv.value = "other".into();
        });
    }
}
