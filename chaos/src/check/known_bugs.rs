//! The histories that bugs of etcd made are caught: one test for each, named by its issue.
//!
//! What these bugs would look like in the code itself is tested in `store` and in the simulation;
//! here it is shown that a run which met their like would not pass.

use super::check;
use super::fixture::{Fixture, catches, everything};
use crate::history::{Kv, Outcome, Request, Response, WatchBody, WatchEvent, WatchResponse};
use crate::invariants;

fn mark(revision: i64) -> WatchResponse {
    WatchResponse { at_ns: u64::MAX, revision, body: WatchBody::Progress }
}

/// A crash under load left members with different data at the same revision.
#[test]
fn inconsistent_members_13766() {
    catches(invariants::equal_hash::NAME, |fixture| fixture.history.hashes[0].hash ^= 1);
}

/// A progress notification overtook events that were still to be delivered.
#[test]
fn progress_ahead_of_events_15220() {
    catches(invariants::bookmarkable::NAME, |fixture| {
        let revision = fixture.revision;
        fixture.history.watches[0].responses.insert(1, mark(revision));
    });
}

/// After a partition a member sent events that it had sent before.
#[test]
fn watch_travels_back_in_time_15271() {
    catches(invariants::ordered::NAME, |fixture| {
        let responses = &mut fixture.history.watches[0].responses;
        let again = responses[1..4].to_vec();
        responses.extend(again);
    });
}

/// The event of a transaction came twice.
#[test]
fn duplicate_event_17247() {
    catches(invariants::unique::NAME, |fixture| {
        let responses = &mut fixture.history.watches[0].responses;
        let again = responses[2].clone();
        responses.insert(3, again);
    });
}

/// A starved stream lost events in its middle.
#[test]
fn events_lost_in_starvation_17529() {
    catches(invariants::reliable::NAME, |fixture| {
        fixture.history.watches[0].responses.drain(3..6);
    });
}

/// Takes the deletion with which the fixture ends out of the second and third watch.
fn lose_last_deletion(fixture: &mut Fixture) {
    let last = fixture.revision;
    for watch in &mut fixture.history.watches[1..] {
        watch.responses.retain(|response| match &response.body {
            WatchBody::Events { .. } => response.revision != last,
            _ => true,
        });
    }
}

/// Compacting at the revision of a deletion took its event from a watch on its way there.
#[test]
fn deletion_lost_in_compaction_18089() {
    catches(invariants::reliable::NAME, |fixture| {
        let revision = fixture.revision;
        lose_last_deletion(fixture);
        fixture.record(Request::Compact { revision }, Response::Compact);
    });
}

/// A watch that began at the revision of the compaction missed the deletion of that revision.
#[test]
fn deletion_missing_at_the_compacted_revision_19179() {
    catches(invariants::reliable::NAME, |fixture| {
        let revision = fixture.revision;
        fixture.record(Request::Compact { revision }, Response::Compact);
        fixture.watch(everything(revision), 2, revision);
        lose_last_deletion(fixture);
    });
}

/// A watch on a future revision was told of progress before it, and got older events.
#[test]
fn watch_on_a_future_revision_20221() {
    let begin = |fixture: &mut Fixture| {
        let future = fixture.revision + 10;
        let last = fixture.revision;
        fixture.watch(everything(future), 2, last);
        fixture.history.watches.last_mut().expect("it was opened").responses.truncate(1);
    };
    catches(invariants::bookmarkable::NAME, |fixture| {
        begin(fixture);
        let revision = fixture.revision;
        fixture.history.watches.last_mut().expect("a watch").responses.push(mark(revision));
    });
    catches(invariants::resumable::NAME, |fixture| {
        begin(fixture);
        let old = fixture.history.watches[0].responses[1].clone();
        fixture.history.watches.last_mut().expect("a watch").responses.push(old);
    });
}

/// A leader that was paused answered reads from before what others had written meanwhile.
#[test]
fn stale_read_after_a_pause_20418() {
    catches(super::linearizable::NAME, |fixture| {
        fixture.put("/t/1");
        fixture.get("/t/1");
        let stale = fixture.last().outcome.clone();
        fixture.put("/t/1");
        fixture.put("/t/1");
        fixture.get("/t/1");
        fixture.last().outcome = stale;
    });
}

/// A deletion that only shows a key, as etcd's does, is no contradiction.
#[test]
fn a_bare_deletion_is_good() {
    let mut fixture = Fixture::default();
    fixture.put("/t/1");
    fixture.delete("/t/1");
    let last = fixture.revision;
    fixture.watch(everything(2), 0, last);
    let bare = fixture.history.watches[0].events().last().cloned();
    let expected = Kv { key: "/t/1".into(), mod_revision: last, ..Kv::default() };
    assert!(matches!(bare, Some(WatchEvent { delete: true, kv, .. }) if kv == expected));
    assert!(matches!(fixture.last().outcome, Outcome::Ok { .. }));
    let report = check(&fixture.history);
    assert!(report.is_clean(), "{report}");
}
