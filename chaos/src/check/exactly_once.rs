//! Every effect has one cause, and every cause at most one effect.
//!
//! A request whose outcome the client never learnt may have happened, once, wholly, and not
//! before it was sent; a refused one may not have happened at all. A deletion that nobody asked
//! for is the expiry of a lease, or a fault.

use crate::check::real_time::changes;
use crate::check::{Truth, TruthEvent, Violation};
use crate::history::{History, Nanos, Operation, Outcome, Request, Revision, Txn, in_range};
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub const NAME: &str = "every effect has one cause, every request one effect at most";

pub fn check(history: &History, truth: &Truth) -> Vec<Violation> {
    let mut violations = Vec::new();
    let puts = puts_by_value(history);
    let mut effects: BTreeMap<u64, BTreeSet<Revision>> = BTreeMap::new();
    for (revision, event) in truth.events() {
        let Some((value, _)) = &event.put else { continue };
        let Some((operation, key)) = puts.get(value.as_str()) else {
            let message = format!("{} = {value} at {revision} was written by nobody", event.key);
            violations.push(Violation::new(message, [event.witness]));
            continue;
        };
        effects.entry(operation.id).or_default().insert(revision);
        violations.extend(cause_error(operation, key, revision, event, truth));
    }
    for operation in &history.operations {
        if let Some(revisions) = effects.get(&operation.id) {
            violations.extend(effect_error(operation, revisions, truth));
        }
    }
    violations.extend(deletions(history, truth));
    violations
}

/// The operation and key that each value belongs to.
fn puts_by_value(history: &History) -> HashMap<&str, (&Operation, &str)> {
    let mut puts = HashMap::new();
    for operation in &history.operations {
        for_each_put(&operation.request, &mut |key, value| {
            puts.insert(value, (operation, key));
        });
    }
    puts
}

pub(super) fn for_each_put<'a>(request: &'a Request, visit: &mut impl FnMut(&'a str, &'a str)) {
    match request {
        Request::Put(put) => visit(&put.key, &put.value),
        Request::Txn(txn) => {
            for request in txn.success.iter().chain(&txn.failure) {
                if let Request::Put(put) = request {
                    visit(&put.key, &put.value);
                }
            }
        }
        _ => {}
    }
}

fn cause_error(
    operation: &Operation,
    key: &str,
    revision: Revision,
    event: &TruthEvent,
    truth: &Truth,
) -> Option<Violation> {
    let wrong = if key != event.key {
        format!("a value written to {key} stands at {}", event.key)
    } else if matches!(operation.outcome, Outcome::Failed(_)) {
        format!("a refused write of {key} happened at revision {revision}")
    } else if operation.done().is_some_and(|(acknowledged, _)| acknowledged != revision) {
        format!("a write of {key} happened at revision {revision}, not at that acknowledged")
    } else if truth.known_ns(revision).is_some_and(|known_ns| known_ns < operation.call_ns) {
        format!("revision {revision} of {key} was there before its write was called")
    } else {
        return None;
    };
    Some(Violation::new(wrong, [operation.id, event.witness]))
}

fn effect_error(
    operation: &Operation,
    revisions: &BTreeSet<Revision>,
    truth: &Truth,
) -> Option<Violation> {
    let revision = *revisions.first()?;
    if revisions.len() > 1 {
        let message = format!("one request happened at revisions {revisions:?}");
        return Some(Violation::new(message, [operation.id]));
    }
    let Request::Txn(txn) = &operation.request else { return None };
    let is_whole = [&txn.success, &txn.failure].into_iter().any(|branch| {
        branch.iter().all(|request| match request {
            Request::Put(put) => truth
                .event(&put.key, revision)
                .and_then(|event| event.put.as_ref())
                .is_some_and(|(value, _)| *value == put.value),
            _ => true,
        }) && has_put(branch)
    });
    (!is_whole).then(|| {
        let message = format!("only a part of a txn happened at revision {revision}");
        Violation::new(message, [operation.id])
    })
}

fn has_put(branch: &[Request]) -> bool {
    branch.iter().any(|request| matches!(request, Request::Put(_)))
}

/// Deletions that no request explains, on keys without a lease.
fn deletions(history: &History, truth: &Truth) -> Vec<Violation> {
    let mut deleters: Vec<(&Operation, Vec<(&str, &str)>)> = history
        .operations
        .iter()
        .map(|operation| (operation, deleted_ranges(&operation.request)))
        .filter(|(operation, ranges)| {
            let may_have_changed = match &operation.outcome {
                Outcome::Ok { response, .. } => changes(&operation.request, response),
                Outcome::Failed(_) => false,
                Outcome::Unknown(_) => true,
            };
            may_have_changed && !ranges.is_empty()
        })
        .collect();
    deleters.sort_by_key(|(operation, _)| operation.call_ns);
    let mut done: HashMap<Revision, Vec<usize>> = HashMap::new();
    let mut unknown = Vec::new();
    for (index, (operation, _)) in deleters.iter().enumerate() {
        match operation.done() {
            Some((revision, _)) => done.entry(revision).or_default().push(index),
            None => unknown.push(index),
        }
    }
    let mut violations = Vec::new();
    for (revision, event) in truth.events().filter(|(_, event)| event.put.is_none()) {
        let leased = truth.at(&event.key, revision - 1).is_some_and(|kv| kv.lease != 0);
        let known_ns = truth.known_ns(revision).unwrap_or(Nanos::MAX);
        let mut candidates = done.get(&revision).into_iter().flatten().chain(&unknown);
        let explained = candidates.any(|index| {
            let (operation, ranges) = &deleters[*index];
            operation.call_ns <= known_ns
                && ranges.iter().any(|(from, end)| in_range(&event.key, from, end))
        });
        if !leased && !explained {
            let message = format!("{} was deleted at {revision} by nobody", event.key);
            violations.push(Violation::new(message, [event.witness]));
        }
    }
    violations
}

fn deleted_ranges(request: &Request) -> Vec<(&str, &str)> {
    match request {
        Request::Delete(delete) => vec![(&delete.key, &delete.end)],
        Request::Txn(Txn { success, failure, .. }) => {
            success.iter().chain(failure).flat_map(deleted_ranges).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::{Fixture, catches, events_of, everything};
    use crate::history::{Failure, Kv, Outcome, WatchBody, WatchEvent, WatchResponse};

    fn show_last(fixture: &mut Fixture) {
        let last = fixture.revision;
        fixture.watch(everything(2), 0, last);
    }

    #[test]
    fn catches_a_write_that_happened_twice() {
        catches(NAME, |fixture| {
            fixture.put_unknown("/t/1", true);
            show_last(fixture);
            let revision = fixture.revision + 1;
            let watch = fixture.history.watches.last_mut().expect("a watch");
            let events = events_of(watch).last().expect("events").clone();
            let kv = Kv { mod_revision: revision, ..events[0].kv.clone() };
            let again = WatchEvent { kv, prev: None, delete: false };
            let body = WatchBody::Events { events: vec![again], fragment: false };
            watch.responses.push(WatchResponse { at_ns: u64::MAX, revision, body });
        });
    }

    #[test]
    fn catches_a_refused_write_that_happened() {
        catches(NAME, |fixture| {
            fixture.put_unknown("/t/1", true);
            fixture.last().outcome = Outcome::Failed(Failure::NoSpace);
            show_last(fixture);
        });
    }

    #[test]
    fn catches_an_effect_before_its_cause() {
        catches(NAME, |fixture| {
            fixture.put_unknown("/t/1", true);
            fixture.last().call_ns = u64::MAX;
            show_last(fixture);
        });
    }

    #[test]
    fn catches_half_a_txn() {
        catches(NAME, |fixture| {
            fixture.compare_and_swap("/t/1", true);
            fixture.last().outcome = Outcome::Unknown("lost".into());
            show_last(fixture);
            let watch = fixture.history.watches.last_mut().expect("a watch");
            events_of(watch).last().expect("events").pop();
        });
    }

    #[test]
    fn catches_a_deletion_that_nobody_asked_for() {
        catches(NAME, |fixture| {
            fixture.put("/t/1");
            fixture.delete("/t/1");
            show_last(fixture);
            fixture.history.operations.pop();
        });
    }
}
