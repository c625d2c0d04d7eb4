//! The judges: each takes a [`History`] and says what in it contradicts the contract.
//!
//! [`check`] runs them all. It first joins what all clients saw into one [`Truth`] (what happened
//! at which revision); the revision-based checks compare every answer with that truth in linear
//! time, and [`linearizable`] judges each key again without trusting revisions, by search.

pub mod compaction;
pub mod exactly_once;
#[cfg(test)]
pub mod fixture;
pub mod leases;
pub mod linearizable;
pub mod lost;
pub mod real_time;
pub mod report;
pub mod results;
pub mod serializable;
pub mod truth;

pub use report::{Report, Violation};
pub use truth::{Truth, TruthEvent};

use crate::history::History;
use crate::invariants;

/// One judge: its name and what it does.
pub struct Check {
    pub name: &'static str,
    pub run: fn(&History, &Truth) -> Vec<Violation>,
}

/// All judges, in the order of the report.
pub const CHECKS: &[Check] = &[
    Check { name: linearizable::NAME, run: linearizable::check },
    Check { name: real_time::NAME, run: real_time::check },
    Check { name: results::NAME, run: results::check },
    Check { name: lost::NAME, run: lost::check },
    Check { name: exactly_once::NAME, run: exactly_once::check },
    Check { name: serializable::NAME, run: serializable::check },
    Check { name: compaction::NAME, run: compaction::check },
    Check { name: leases::NAME, run: leases::check },
    Check { name: invariants::filtered::NAME, run: invariants::filtered::check },
    Check { name: invariants::ordered::NAME, run: invariants::ordered::check },
    Check { name: invariants::unique::NAME, run: invariants::unique::check },
    Check { name: invariants::reliable::NAME, run: invariants::reliable::check },
    Check { name: invariants::atomic::NAME, run: invariants::atomic::check },
    Check { name: invariants::resumable::NAME, run: invariants::resumable::check },
    Check { name: invariants::bookmarkable::NAME, run: invariants::bookmarkable::check },
    Check { name: invariants::is_create::NAME, run: invariants::is_create::check },
    Check { name: invariants::prev_kv::NAME, run: invariants::prev_kv::check },
    Check { name: invariants::equal_hash::NAME, run: invariants::equal_hash::check },
];

/// Joins the evidence of `history` and runs every judge over it.
pub fn check(history: &History) -> Report {
    let (truth, mut contradictions) = Truth::gather(history);
    contradictions.truncate(Violation::KEPT_MAX);
    let mut report = Report::default();
    report.add(truth::NAME, contradictions);
    for check in CHECKS {
        report.add(check.name, (check.run)(history, &truth));
    }
    report
}

#[cfg(test)]
mod known_bugs;

#[cfg(test)]
mod tests {
    use super::fixture::Fixture;
    use super::*;

    #[test]
    fn good_histories_are_good() {
        for seed in 0..20 {
            let fixture = Fixture::busy(seed, 300);
            let report = check(&fixture.history);
            assert!(report.is_clean(), "seed {seed}:\n{report}");
        }
    }

    #[test]
    fn unknown_outcomes_are_good_either_way() {
        for applied in [false, true] {
            let mut fixture = Fixture::default();
            fixture.put("/t/a");
            fixture.put_unknown("/t/a", applied);
            fixture.get("/t/a");
            fixture.put("/t/b");
            let last = fixture.revision;
            fixture.watch(fixture::everything(2), 0, last);
            let report = check(&fixture.history);
            assert!(report.is_clean(), "applied={applied}:\n{report}");
        }
    }
}
