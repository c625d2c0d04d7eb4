//! Reads of old revisions: refused as compacted if and only if a compaction may have taken them,
//! never answered after an acknowledged one did, and refused as future only if they are.

use crate::check::{Truth, Violation};
use crate::history::{Failure, History, Nanos, Operation, Outcome, Request, Revision};

pub const NAME: &str = "old revisions are readable until compacted";

pub fn check(history: &History, truth: &Truth) -> Vec<Violation> {
    let compactions: Vec<Compaction> = history.operations.iter().filter_map(of).collect();
    let mut violations = Vec::new();
    for operation in &history.operations {
        let Request::Range(range) = &operation.request else { continue };
        let wrong = match &operation.outcome {
            Outcome::Ok { .. } if range.revision > 0 && !range.serializable => {
                answered_though_compacted(operation, range.revision, &compactions)
            }
            Outcome::Failed(Failure::Compacted) => {
                refused_without_reason(operation, range.revision, &compactions)
            }
            Outcome::Failed(Failure::FutureRevision) if !range.serializable => {
                refused_as_future(operation, range.revision, truth)
            }
            _ => None,
        };
        violations.extend(wrong.map(|message| Violation::new(message, [operation.id])));
    }
    violations
}

struct Compaction {
    revision: Revision,
    call_ns: Nanos,
    /// When it was acknowledged, if it was.
    done_ns: Option<Nanos>,
}

fn of(operation: &Operation) -> Option<Compaction> {
    let Request::Compact { revision } = operation.request else { return None };
    if matches!(operation.outcome, Outcome::Failed(_)) {
        return None;
    }
    let done_ns = operation.done().map(|_| operation.return_ns);
    Some(Compaction { revision, call_ns: operation.call_ns, done_ns })
}

fn answered_though_compacted(
    operation: &Operation,
    revision: Revision,
    compactions: &[Compaction],
) -> Option<String> {
    let before = compactions.iter().find(|compaction| {
        revision < compaction.revision
            && compaction.done_ns.is_some_and(|done_ns| done_ns < operation.call_ns)
    })?;
    Some(format!("revision {revision} was read after a compaction to {}", before.revision))
}

fn refused_without_reason(
    operation: &Operation,
    revision: Revision,
    compactions: &[Compaction],
) -> Option<String> {
    let excused =
        compactions.iter().any(|c| revision < c.revision && c.call_ns < operation.return_ns);
    (!excused).then(|| format!("revision {revision} was refused, but nobody compacted it"))
}

fn refused_as_future(operation: &Operation, revision: Revision, truth: &Truth) -> Option<String> {
    let known_ns = truth.known_ns(revision)?;
    (known_ns < operation.call_ns)
        .then(|| format!("revision {revision} was refused as future, but was seen before"))
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::{Fixture, catches};
    use crate::history::{Failure, Outcome, Request, Response, Revision};

    /// A read of `revision`, answered wrongly in some way.
    fn read(fixture: &mut Fixture, revision: Revision, outcome: Outcome) {
        fixture.get("/t/1");
        let Request::Range(range) = &mut fixture.last().request else { panic!("a read") };
        range.revision = revision;
        fixture.last().outcome = outcome;
    }

    #[test]
    fn catches_an_answer_from_a_compacted_revision() {
        catches(NAME, |fixture| {
            fixture.record(Request::Compact { revision: 20 }, Response::Compact);
            let response = Response::Range { kvs: Vec::new(), more: false, count: 0 };
            let revision = fixture.revision;
            read(fixture, 10, Outcome::Ok { revision, response });
        });
    }

    #[test]
    fn catches_a_refusal_without_a_compaction() {
        catches(NAME, |fixture| {
            fixture.record(Request::Compact { revision: 5 }, Response::Compact);
            read(fixture, 10, Outcome::Failed(Failure::Compacted));
        });
    }

    #[test]
    fn catches_a_revision_called_future_that_was_seen() {
        catches(NAME, |fixture| read(fixture, 10, Outcome::Failed(Failure::FutureRevision)));
    }
}
