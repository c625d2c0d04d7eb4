//! Planted bugs: each is found within a few seeds, so the checks can find it.

use xebec_chaos::sim::disk::Lies;
use xebec_chaos::sim::watcher::WatchBug;
use xebec_chaos::sim::{Scenario, Settings, run};

/// Plays seeds of a scenario with the bug in until one is found to be broken; returns which
/// promise it was.
fn find(scenario: Scenario, steps: u64, seeds: u64, plant: impl Fn(&mut Settings)) -> String {
    for seed in 1..=seeds {
        let mut settings = scenario.settings(seed, steps);
        plant(&mut settings);
        let outcome = run(settings);
        if let Some(violation) = outcome.violations.first() {
            return violation.invariant.to_owned();
        }
    }
    panic!("the bug was not found within {seeds} seeds");
}

#[test]
fn an_append_that_is_acknowledged_before_its_sync() {
    find(Scenario::CrashWhileApplying, 2_000, 5, |settings| {
        settings.lies.log = Lies { no_sync: true, ..Lies::default() };
    });
}

#[test]
fn a_vote_that_is_not_synced() {
    let found = find(Scenario::CrashWhileApplying, 2_000, 5, |settings| {
        settings.lies.log = Lies { votes_lost: true, ..Lies::default() };
    });
    assert!(["nothing goes back", "one leader per term"].contains(&found.as_str()), "{found}");
}

#[test]
fn a_log_purged_beyond_what_is_persisted() {
    find(Scenario::Snapshots, 3_000, 10, |settings| {
        settings.lies.state = Lies { no_sync: true, ..Lies::default() };
    });
}

#[test]
fn a_follower_that_reads_without_asking_the_leader() {
    let found = find(Scenario::PausedLeaders, 3_000, 5, |settings| {
        settings.manner.skip_read_index = true;
    });
    assert!(found.contains("real time") || found.contains("linearizable"), "{found}");
}

#[test]
fn a_hand_over_from_disk_to_ring_with_a_gap() {
    let found = find(Scenario::StarvedWatches, 2_000, 5, |settings| {
        settings.watch_bug = Some(WatchBug::GapAfterCatchUp);
    });
    assert!(found.starts_with("watch"), "{found}");
}

#[test]
fn a_progress_mark_ahead_of_an_event() {
    let found = find(Scenario::ProgressUnderLoad, 2_000, 5, |settings| {
        settings.watch_bug = Some(WatchBug::MarkAhead);
    });
    assert!(found.starts_with("watch"), "{found}");
}

#[test]
fn a_resumed_watch_that_begins_early() {
    let found = find(Scenario::WatchAcrossPartitions, 2_000, 5, |settings| {
        settings.watch_bug = Some(WatchBug::ResumeEarly);
    });
    assert!(found.starts_with("watch"), "{found}");
}

#[test]
fn a_clock_of_leases_that_runs_fast() {
    let found = find(Scenario::Leases, 4_000, 5, |settings| {
        settings.rate_ppm = 1_600_000;
    });
    assert_eq!(found, "no lease expires early");
}
