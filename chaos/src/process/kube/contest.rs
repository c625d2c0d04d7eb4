//! Two clients race on one object through two replicas: one wins, the other is told of a conflict.

use super::client::{Outcome, version};
use super::{MAPS, Run};
use rand::RngExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const PACE: Duration = Duration::from_millis(40);
/// Objects change after so many contests, so that creations are contested too.
const CONTESTS_PER_OBJECT: u64 = 5;

/// Lets them race until the run is over; what was wrong, and the number of contests that were
/// decided.
pub async fn contend(run: Arc<Run>) -> (Vec<String>, u64) {
    let mut rng = run.rng(2_000);
    let (mut findings, mut decided) = (Vec::new(), 0);
    let mut object: Option<Value> = None;
    let mut turn = 0_u64;
    while !run.is_over() {
        turn += 1;
        if turn.is_multiple_of(CONTESTS_PER_OBJECT) {
            object = None;
        }
        let first: usize = rng.random_range(0..16);
        let results = race(&run, (first, first + 1), object.as_ref(), turn).await;
        let winner = match judge(&results) {
            Verdict::Decided(winner) => {
                decided += 1;
                Some(winner)
            }
            Verdict::Wrong => {
                let base = object.as_ref().map(version);
                findings.push(format!("a race on top of {base:?} ended with {results:?}"));
                None
            }
            // A write that nobody answered may come later still: the object is given up.
            Verdict::Open => None,
        };
        object = winner;
        tokio::time::sleep(PACE).await;
    }
    (findings, decided)
}

/// Both write at once: a new object, or the next state of one.
async fn race(
    run: &Run,
    replicas: (usize, usize),
    object: Option<&Value>,
    turn: u64,
) -> [Outcome; 2] {
    let (method, path, body) = match object {
        None => {
            let body = json!({"metadata": {"name": format!("contest-{turn}")}, "data": {}});
            ("POST", MAPS.to_owned(), body)
        }
        Some(held) => {
            let name = held["metadata"]["name"].as_str().unwrap_or_default();
            ("PUT", format!("{MAPS}/{name}"), held.clone())
        }
    };
    let contender = |number: u64| {
        let mut body = body.clone();
        body["data"]["v"] = format!("{turn}-{number}").into();
        body
    };
    let (one, other) = (contender(1), contender(2));
    let (one, other) = tokio::join!(
        run.client.ask(replicas.0, method, &path, &one),
        run.client.ask(replicas.1, method, &path, &other),
    );
    [one, other]
}

enum Verdict {
    /// With the object as it is now.
    Decided(Value),
    /// Somebody got no answer.
    Open,
    Wrong,
}

fn judge(results: &[Outcome; 2]) -> Verdict {
    let mut winners = Vec::new();
    let mut conflicts = 0;
    for result in results {
        match result {
            Outcome::Answered(200 | 201, object) => winners.push(object),
            Outcome::Answered(409, _) => conflicts += 1,
            Outcome::Answered(429, _) | Outcome::Unknown => {}
            Outcome::Answered(..) => return Verdict::Wrong,
        }
    }
    match (winners.as_slice(), conflicts) {
        ([winner], 1) => Verdict::Decided((*winner).clone()),
        ([_, _], _) | ([], 2) => Verdict::Wrong,
        _ => Verdict::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wins_and_the_other_is_told() {
        let answered = |code| Outcome::Answered(code, Value::Null);
        let is_wrong = |one, other| matches!(judge(&[one, other]), Verdict::Wrong);
        assert!(matches!(judge(&[answered(200), answered(409)]), Verdict::Decided(_)));
        assert!(matches!(judge(&[answered(409), Outcome::Unknown]), Verdict::Open));
        assert!(matches!(judge(&[answered(201), Outcome::Unknown]), Verdict::Open));
        assert!(is_wrong(answered(200), answered(200)));
        assert!(is_wrong(answered(409), answered(409)));
        assert!(is_wrong(answered(200), answered(404)));
    }
}
