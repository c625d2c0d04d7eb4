//! Equal hash at equal revision: replicas that stand at the same revision hold the same keyspace.

use crate::check::{Truth, Violation};
use crate::history::{HashSample, History};
use std::collections::HashMap;

pub const NAME: &str = "equal hash at equal revision";

pub fn check(history: &History, _: &Truth) -> Vec<Violation> {
    let mut first: HashMap<(i64, i64), &HashSample> = HashMap::new();
    let mut violations = Vec::new();
    for sample in &history.hashes {
        let there = first.entry((sample.revision, sample.compact_revision)).or_insert(sample);
        if there.hash != sample.hash {
            let message = format!(
                "at revision {} replica {} has hash {:x}, replica {} has {:x}",
                sample.revision, there.replica, there.hash, sample.replica, sample.hash
            );
            violations.push(Violation::new(message, []));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::catches;

    #[test]
    fn catches_replicas_that_differ() {
        catches(NAME, |fixture| fixture.history.hashes[1].hash += 1);
    }
}
