//! A sweep over seeds, each with its own mix of everything.

use xebec_chaos::sim::{Scenario, args::describe, sweep::sweep};

/// Simulated milliseconds under faults, per seed.
const STEPS: u64 = 2_000;

#[test]
fn seeds_hold() {
    let mut acknowledged = 0;
    let mut failures = Vec::new();
    sweep(
        1,
        30,
        1,
        |seed| Scenario::Any.settings(seed, STEPS),
        |outcome| {
            acknowledged += outcome.stats.acknowledged;
            if !outcome.violations.is_empty() {
                failures.push(describe(outcome, Scenario::Any, STEPS));
            }
            failures.is_empty()
        },
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(acknowledged > 1_000, "the clients got only {acknowledged} answers");
}
