//! Runs aimed at the kinds of bugs that etcd had. Each scenario says which; each test also shows
//! that the run met the trouble that it is about.

use xebec_chaos::sim::{Scenario, Stats, args::describe, run};

/// Plays two seeds of a scenario and adds up what they did.
fn play(scenario: Scenario, steps: u64) -> Stats {
    let mut total = Stats::default();
    for seed in [11, 12] {
        let outcome = run(scenario.settings(seed, steps));
        assert!(outcome.violations.is_empty(), "{}", describe(&outcome, scenario, steps));
        let stats = outcome.stats;
        total.acknowledged += stats.acknowledged;
        total.leaders += stats.leaders;
        total.lives += stats.lives;
        total.watch_events += stats.watch_events;
        total.catch_ups += stats.catch_ups;
        total.snapshots += stats.snapshots;
        total.compacted_watches += stats.compacted_watches;
        total.marks += stats.marks;
        total.stops += stats.stops;
    }
    total
}

#[test]
fn a_crash_while_applying_leaves_equal_revisions() {
    let stats = play(Scenario::CrashWhileApplying, 3_000);
    assert!(stats.lives > 20, "{stats:?}");
}

#[test]
fn a_progress_mark_never_overtakes_an_event() {
    let stats = play(Scenario::ProgressUnderLoad, 2_000);
    assert!(stats.marks > 1_000 && stats.watch_events > 500, "{stats:?}");
}

#[test]
fn a_watch_never_travels_back_in_time() {
    let stats = play(Scenario::WatchAcrossPartitions, 3_000);
    assert!(stats.watch_events > 500, "{stats:?}");
}

#[test]
fn a_transaction_makes_each_event_once() {
    let stats = play(Scenario::Transactions, 2_000);
    assert!(stats.watch_events > 500, "{stats:?}");
}

#[test]
fn a_starved_watch_loses_nothing() {
    let stats = play(Scenario::StarvedWatches, 1_500);
    assert!(stats.catch_ups > 3, "{stats:?}");
}

#[test]
fn a_compaction_drops_no_event_that_is_owed() {
    let stats = play(Scenario::CompactionOfDeletions, 4_000);
    assert!(stats.compacted_watches > 3 && stats.catch_ups > 3, "{stats:?}");
}

#[test]
fn a_watch_of_the_future_shows_nothing_older() {
    let stats = play(Scenario::FutureRevisions, 3_000);
    assert!(stats.watch_events > 300, "{stats:?}");
}

#[test]
fn a_paused_leader_serves_no_stale_read() {
    let stats = play(Scenario::PausedLeaders, 3_000);
    assert!(stats.leaders > 3, "{stats:?}");
}

#[test]
fn a_replica_comes_back_through_a_checkpoint() {
    let stats = play(Scenario::Snapshots, 4_000);
    assert!(stats.snapshots > 2, "{stats:?}");
}

#[test]
fn a_lease_never_expires_early() {
    let stats = play(Scenario::Leases, 4_000);
    assert!(stats.leaders > 4, "{stats:?}");
}

#[test]
fn a_broken_disk_stops_its_replica_and_nobody_else() {
    let stats = play(Scenario::Disks, 3_000);
    assert!(stats.stops > 2, "{stats:?}");
}
