//! Linearizability per key, by search: the judge that does not trust revisions' order.
//!
//! Keys are independent, so the history is cut into one register per key ([`registers`]) and
//! each is given to the Wing-Gong-Lowe checker of `todc-utils`. That checker's cost grows with
//! the square of a history's length, so a register's history is cut again wherever one operation
//! stands alone and thereby fixes the state.

mod register;
mod registers;

use crate::check::{Truth, Violation};
use crate::history::{History, Nanos};
use register::{KeyOp, RegisterSpec, Step};
use todc_utils::linearizability::WGLChecker;
use todc_utils::linearizability::history::Action::{Call, Response};
use todc_utils::linearizability::history::History as Entries;

pub const NAME: &str = "linearizable, each key";

/// A piece may end at the first quiet moment after so many operations.
const PIECE_OPS_MIN: usize = 200;

pub fn check(history: &History, truth: &Truth) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (key, mut operations) in registers::split(history, truth) {
        operations.sort_by_key(|operation| (operation.call_ns, operation.return_ns));
        for piece in pieces(operations) {
            violations.extend(judge(&key, &piece));
        }
    }
    violations
}

/// Cuts a register's history after operations that overlap no other. The state there is known,
/// and the next piece begins with it.
fn pieces(operations: Vec<KeyOp>) -> Vec<Vec<KeyOp>> {
    let next_calls: Vec<Nanos> = operations.iter().skip(1).map(|op| op.call_ns).collect();
    let mut pieces = Vec::new();
    let mut piece: Vec<KeyOp> = Vec::new();
    let mut busy_until_ns = 0;
    for (index, operation) in operations.into_iter().enumerate() {
        let alone = busy_until_ns < operation.call_ns
            && next_calls.get(index).is_some_and(|call_ns| operation.return_ns < *call_ns);
        busy_until_ns = busy_until_ns.max(operation.return_ns);
        let state_after = operation.step.fixes_state().filter(|_| alone);
        piece.push(operation);
        if let Some(state) = state_after.filter(|_| piece.len() >= PIECE_OPS_MIN) {
            let begin = KeyOp { id: 0, call_ns: 0, return_ns: 0, step: Step::Begin(state) };
            pieces.push(std::mem::replace(&mut piece, vec![begin]));
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

fn judge(key: &str, piece: &[KeyOp]) -> Option<Violation> {
    let mut actions = Vec::with_capacity(piece.len() * 2);
    for (process, operation) in piece.iter().enumerate() {
        // At equal times the calls come first: the operations count as concurrent.
        actions.push((operation.call_ns, false, process, Call(operation.step.clone())));
        actions.push((operation.return_ns, true, process, Response(operation.step.clone())));
    }
    actions.sort_by_key(|(at_ns, is_response, process, _)| (*at_ns, *is_response, *process));
    let entries = actions.into_iter().map(|(_, _, process, action)| (process, action)).collect();
    register::budget_start();
    let linearizable = WGLChecker::<RegisterSpec>::is_linearizable(Entries::from_actions(entries));
    let message = if register::budget_is_spent() {
        format!("{key}: not decided, {} operations are too many at once", piece.len())
    } else if !linearizable {
        format!("{key}: no order of these {} operations explains their answers", piece.len())
    } else {
        return None;
    };
    let ids = piece.iter().map(|operation| operation.id).filter(|id| *id != 0);
    Some(Violation::new(message, ids.take(20)))
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::check;
    use crate::check::fixture::{Fixture, catches, everything};
    use crate::history::{Kv, Outcome, Response};

    #[test]
    fn long_histories_are_cut_and_judged() {
        let fixture = Fixture::busy(5, 6_000);
        let report = check(&fixture.history);
        assert!(report.is_clean(), "{report}");
    }

    #[test]
    fn a_deletion_that_found_nothing_after_one_of_unknown_outcome_is_good() {
        let mut fixture = Fixture::default();
        fixture.put("/t/1");
        fixture.delete("/t/1");
        fixture.last().outcome = Outcome::Unknown("deadline".into());
        // Stands at the same revision as the first.
        fixture.delete("/t/1");
        fixture.put("/t/1");
        let last = fixture.revision;
        fixture.watch(everything(2), 0, last);
        let report = check(&fixture.history);
        assert!(report.is_clean(), "{report}");
    }

    #[test]
    fn catches_a_stale_read_without_trusting_revisions() {
        catches(NAME, |fixture| {
            fixture.put("/t/1");
            fixture.get("/t/1");
            let old = fixture.last().outcome.clone();
            fixture.put("/t/1");
            fixture.get("/t/1");
            let Outcome::Ok { response, .. } = old else { panic!("a read") };
            let revision = fixture.revision;
            fixture.last().outcome = Outcome::Ok { revision, response };
        });
    }

    #[test]
    fn catches_a_lost_update() {
        catches(NAME, |fixture| {
            fixture.put("/t/1");
            fixture.put("/t/1");
            let Outcome::Ok { response: Response::Put { prev }, .. } = &mut fixture.last().outcome
            else {
                panic!("a put")
            };
            *prev = Some(Kv { value: "v1".into(), ..prev.clone().expect("there was one") });
        });
    }

    #[test]
    fn catches_a_swap_that_should_not_have_succeeded() {
        catches(NAME, |fixture| {
            fixture.put("/t/1");
            fixture.compare_and_swap("/t/1", false);
            let operation = fixture.last();
            operation.outcome = Outcome::Ok {
                revision: 0,
                response: Response::Txn { succeeded: true, responses: Vec::new() },
            };
        });
    }
}
