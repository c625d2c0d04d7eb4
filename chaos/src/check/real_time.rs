//! Real time: what began after a revision was seen stands at that revision or later.
//!
//! Reads that are not serializable are never stale, and the revision of a write is above all that
//! was known to anybody when it was called.

use crate::check::{Truth, Violation};
use crate::history::{History, Nanos, Operation, Request, Response, Revision};

pub const NAME: &str = "real time: revisions never run backwards, no stale read";

pub fn check(history: &History, _: &Truth) -> Vec<Violation> {
    let mut seen = sightings(history);
    seen.sort_unstable();
    let mut calls: Vec<&Operation> = history
        .operations
        .iter()
        .filter(|operation| operation.request.is_linearizable() && operation.done().is_some())
        .collect();
    calls.sort_by_key(|operation| operation.call_ns);

    let mut violations = Vec::new();
    let mut seen = seen.into_iter().peekable();
    let mut floor: (Revision, u64) = (0, 0);
    for operation in calls {
        while let Some((_, revision, id)) = seen.next_if(|(at_ns, ..)| *at_ns < operation.call_ns) {
            floor = floor.max((revision, id));
        }
        violations.extend(judge(operation, floor));
    }
    violations
}

/// When which revision was seen, and in which record.
fn sightings(history: &History) -> Vec<(Nanos, Revision, u64)> {
    let operations = history.operations.iter().filter_map(|operation| {
        let (revision, _) = operation.done()?;
        Some((operation.return_ns, revision, operation.id))
    });
    let watches = history.watches.iter().flat_map(|watch| {
        let responses = watch.responses.iter();
        responses.map(|response| (response.at_ns, response.revision, watch.id))
    });
    operations.chain(watches).collect()
}

fn judge(operation: &Operation, (floor, seen_in): (Revision, u64)) -> Option<Violation> {
    let (revision, response) = operation.done()?;
    let changed = changes(&operation.request, response);
    let least = if changed { floor + 1 } else { floor };
    if revision >= least {
        return None;
    }
    let what = if changed { "a write" } else { "a read" };
    let message = format!("{what} stands at revision {revision}, but {floor} was seen before it");
    Some(Violation::new(message, [seen_in, operation.id]))
}

/// True if the answer says that the request made a new revision.
pub(super) fn changes(request: &Request, response: &Response) -> bool {
    match (request, response) {
        (Request::Put(_), _) => true,
        (Request::Delete(_), Response::Delete { deleted, .. }) => *deleted > 0,
        (Request::Txn(txn), Response::Txn { succeeded, responses }) => {
            let branch = if *succeeded { &txn.success } else { &txn.failure };
            branch.iter().zip(responses).any(|(request, response)| changes(request, response))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::catches;
    use crate::history::Outcome;

    #[test]
    fn catches_a_stale_read() {
        catches(NAME, |fixture| {
            fixture.list();
            let stale = fixture.last().clone();
            fixture.put("/t/1");
            fixture.list();
            // The answer of before the put, after it.
            fixture.last().outcome = stale.outcome;
        });
    }

    #[test]
    fn catches_a_write_below_a_revision_seen_before() {
        catches(NAME, |fixture| {
            fixture.put("/t/1");
            if let Outcome::Ok { revision, .. } = &mut fixture.last().outcome {
                *revision -= 1;
            }
        });
    }
}
