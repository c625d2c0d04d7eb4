//! Every answer says what the truth says for its revision: reads, previous values, counts,
//! outcomes of compares, and that a write's revision holds what was written.

use crate::check::real_time::changes;
use crate::check::{Truth, Violation};
use crate::history::{
    Compare, History, Kv, Operation, Range, Request, Response, Revision, Target, Txn,
};

pub const NAME: &str = "every answer matches its revision";

pub fn check(history: &History, truth: &Truth) -> Vec<Violation> {
    let mut violations = Vec::new();
    for operation in &history.operations {
        if matches!(&operation.request, Request::Range(range) if range.serializable) {
            continue;
        }
        violations.extend(judge(operation, truth));
    }
    violations
}

/// Compares one answer with the truth.
pub(super) fn judge(operation: &Operation, truth: &Truth) -> Option<Violation> {
    let (revision, response) = operation.done()?;
    if revision > truth.complete_to() {
        return None;
    }
    let changed = changes(&operation.request, response);
    let moment = Moment { before: if changed { revision - 1 } else { revision }, after: revision };
    let wrong = match (&operation.request, response) {
        (Request::Txn(txn), Response::Txn { succeeded, responses }) => {
            txn_error(txn, *succeeded, responses, moment, truth)
        }
        (request, response) => op_error(request, response, moment, truth, &[]),
    };
    let wrong = wrong?;
    Some(Violation::new(format!("at revision {revision}: {wrong}"), [operation.id]))
}

/// The revisions between which an operation happened; equal if it changed nothing.
#[derive(Clone, Copy)]
struct Moment {
    before: Revision,
    after: Revision,
}

fn txn_error(
    txn: &Txn,
    succeeded: bool,
    responses: &[Response],
    moment: Moment,
    truth: &Truth,
) -> Option<String> {
    let expected = txn.compares.iter().all(|compare| holds(compare, moment.before, truth));
    if succeeded != expected {
        return Some(format!("a txn says succeeded={succeeded}, its compares say {expected}"));
    }
    let branch = if succeeded { &txn.success } else { &txn.failure };
    if branch.len() != responses.len() {
        return Some(format!("{} operations have {} answers", branch.len(), responses.len()));
    }
    let mut written: Vec<&str> = Vec::new();
    for (request, response) in branch.iter().zip(responses) {
        if let Some(wrong) = op_error(request, response, moment, truth, &written) {
            return Some(wrong);
        }
        match request {
            Request::Put(put) => written.push(&put.key),
            Request::Delete(delete) => {
                let gone = truth.range(&delete.key, &delete.end, moment.before);
                written.extend(gone.into_iter().map(|kv| kv.key.as_str()));
            }
            _ => {}
        }
    }
    None
}

/// Whether a compare holds in the state of a revision.
pub(super) fn holds(compare: &Compare, revision: Revision, truth: &Truth) -> bool {
    let kv = truth.at(&compare.key, revision);
    match &compare.target {
        Target::ModRevision(expected) => kv.map_or(0, |kv| kv.mod_revision) == *expected,
        Target::CreateRevision(expected) => kv.map_or(0, |kv| kv.create_revision) == *expected,
        Target::Version(expected) => kv.map_or(0, |kv| kv.version) == *expected,
        Target::Value(expected) => kv.is_some_and(|kv| kv.value == *expected),
    }
}

fn op_error(
    request: &Request,
    response: &Response,
    moment: Moment,
    truth: &Truth,
    written: &[&str],
) -> Option<String> {
    match (request, response) {
        (Request::Range(range), Response::Range { kvs, more, count }) => {
            let expected = expected_range(range, moment, truth, written);
            range_error(range, &expected, kvs, *more, *count)
        }
        (Request::Put(put), Response::Put { prev }) => {
            let event = truth.event(&put.key, moment.after).and_then(|event| event.put.as_ref());
            if event.is_none_or(|(value, lease)| *value != put.value || *lease != put.lease) {
                return Some(format!("put of {} = {} is {event:?}", put.key, put.value));
            }
            let expected = truth.at(&put.key, moment.before).filter(|_| put.prev_kv);
            (prev.as_ref() != expected)
                .then(|| format!("put of {} had prev {prev:?}, not {expected:?}", put.key))
        }
        (Request::Delete(delete), Response::Delete { deleted, prev }) => {
            let mut expected = truth.range(&delete.key, &delete.end, moment.before);
            expected.retain(|kv| !written.contains(&kv.key.as_str()));
            if *deleted != i64::try_from(expected.len()).unwrap_or(i64::MAX) {
                return Some(format!("deleted={deleted}, but there were {}", expected.len()));
            }
            let kept =
                |kv: &&Kv| truth.event(&kv.key, moment.after).is_none_or(|e| e.put.is_some());
            if let Some(kv) = expected.iter().find(|kv| kept(kv)) {
                return Some(format!("{} is said to be deleted, but is not", kv.key));
            }
            (delete.prev_kv && !prev.iter().eq(expected.iter().copied()))
                .then(|| format!("delete had prev {prev:?}, not {expected:?}"))
        }
        (
            Request::LeaseGrant { .. }
            | Request::LeaseRevoke { .. }
            | Request::LeaseKeepAlive { .. }
            | Request::Compact { .. },
            _,
        ) => None,
        _ => Some("the answer is of another kind than the request".to_owned()),
    }
}

/// What a range must return. Within a txn it sees what the txn wrote before it.
fn expected_range<'a>(
    range: &Range,
    moment: Moment,
    truth: &'a Truth,
    written: &[&str],
) -> Vec<&'a Kv> {
    if range.revision > 0 {
        return truth.range(&range.key, &range.end, range.revision);
    }
    let is_written = |kv: &&Kv| written.contains(&kv.key.as_str());
    let mut kvs = truth.range(&range.key, &range.end, moment.before);
    if written.is_empty() {
        return kvs;
    }
    kvs.retain(|kv| !is_written(kv));
    kvs.extend(truth.range(&range.key, &range.end, moment.after).into_iter().filter(is_written));
    kvs.sort_by(|a, b| a.key.cmp(&b.key));
    kvs
}

fn range_error(
    range: &Range,
    expected: &[&Kv],
    kvs: &[Kv],
    more: bool,
    count: i64,
) -> Option<String> {
    let total = expected.len();
    let limit = usize::try_from(range.limit).unwrap_or(0);
    let shown = if limit == 0 { total } else { limit.min(total) };
    if count != i64::try_from(total).unwrap_or(i64::MAX) {
        return Some(format!("count={count} of {:?}, but there are {total}", range.key));
    }
    if more != (shown < total) {
        return Some(format!("more={more}, but {shown} of {total} were asked for"));
    }
    if kvs.iter().eq(expected[..shown].iter().copied()) {
        return None;
    }
    let differs = kvs.iter().zip(expected).find(|(got, want)| got != *want);
    Some(match differs {
        Some((got, want)) => format!("a read shows {got:?}, not {want:?}"),
        None => format!("a read shows {} keys of {shown}", kvs.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::{Fixture, catches};
    use crate::history::{Outcome, Response};

    fn response(fixture: &mut Fixture) -> &mut Response {
        match &mut fixture.last().outcome {
            Outcome::Ok { response, .. } => response,
            other => panic!("{other:?} is not done"),
        }
    }

    #[test]
    fn catches_a_key_missing_from_a_list() {
        catches(NAME, |fixture| {
            fixture.put("/t/1");
            fixture.list();
            let Response::Range { kvs, count, .. } = response(fixture) else { panic!("a list") };
            kvs.pop();
            *count -= 1;
        });
    }

    #[test]
    fn catches_a_compare_that_should_have_failed() {
        catches(NAME, |fixture| {
            fixture.put("/t/1");
            fixture.compare_and_swap("/t/1", false);
            let Response::Txn { succeeded, .. } = response(fixture) else { panic!("a txn") };
            *succeeded = true;
        });
    }

    #[test]
    fn catches_a_wrong_previous_value() {
        catches(NAME, |fixture| {
            fixture.put("/t/1");
            fixture.put("/t/1");
            let Response::Put { prev } = response(fixture) else { panic!("a put") };
            *prev = None;
        });
    }
}
