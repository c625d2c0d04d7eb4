//! The like of recorded etcd faults, where the watch machinery alone would show them. Of the list
//! kept for this project, 13766 (inconsistency after a crash) and 20418 (stale reads after a
//! pause) need whole replicas; those have their tests with the simulation.

use crate::world::{World, put, range, spec};
use xebec_store::watch::{Delivery, Limits};

const DISK_ONLY: Limits = Limits { history_bytes: 0, rings_bytes: 0, inbox_bytes: 32 << 20 };

/// etcd 15220: a progress notification overtook events with the same or lower revisions.
#[test]
fn watch_progress_never_precedes_an_event_15220() {
    for limits in [Limits::default(), DISK_ONLY] {
        let mut world = World::new(limits);
        let mut client = world.open();
        client.stream.watch(1, spec(range("a", ""), 0));
        for value in 1..=5 {
            world.apply(&[put("a", &value.to_string())]);
            assert_eq!(client.stream.synced_revision(1), Some(1), "nothing was handed out");
            world.hub.dispatch();
            assert_eq!(client.stream.synced_revision(1), Some(1), "nothing was handed out");
        }
        let mut handed_out = 1;
        while handed_out < world.revision {
            match client.stream.next(1) {
                Some(Delivery::Events { batches, .. }) => handed_out = batches[0].revision(),
                Some(Delivery::Behind(catch_up)) => client.out.push(catch_up),
                Some(Delivery::Compacted { .. }) => panic!("nothing was compacted"),
                None => assert!(client.read_one()),
            }
            assert_eq!(client.stream.synced_revision_of_all(), Some(handed_out));
        }
    }
}

/// etcd 17507, which followed: a watch without events of its own never became synced.
#[test]
fn watch_progress_advances_without_events_15220() {
    for limits in [Limits::default(), DISK_ONLY] {
        let mut world = World::new(limits);
        world.put_dispatched("a", "1");
        world.put_dispatched("a", "2");
        let mut client = world.open();
        client.stream.watch(1, spec(range("b", ""), 2));
        assert!(client.drain(10).is_empty());
        assert_eq!(client.stream.synced_revision(1), Some(3));
        world.put_dispatched("a", "3");
        assert!(!client.is_ready());
        assert_eq!(client.stream.synced_revision(1), Some(4));
    }
}

/// etcd 15271: after a partition, a member took a snapshot and sent its watches events again.
#[test]
fn watch_does_not_travel_back_after_a_snapshot_15271() {
    let mut world = World::new(Limits::default());
    let mut client = world.open();
    client.stream.watch(1, spec(range("a", ""), 0));
    world.put_dispatched("a", "1");
    world.put_dispatched("a", "2");
    assert_eq!(client.revisions(1), [2, 3]);
    world.put_dispatched("a", "3");
    world.write(&[put("a", "4")]);
    world.write(&[put("a", "5")]);
    world.reset();
    world.hub.dispatch();
    assert_eq!(client.revisions(1), [4, 5, 6]);
    world.put_dispatched("a", "6");
    assert_eq!(client.revisions(1), [7]);
}

/// etcd 17247: one transaction's event was sent twice, because it was recorded twice. A hub that
/// is fed a revision twice says so at once.
#[test]
#[should_panic(expected = "revision 2 published after 2")]
fn watch_refuses_a_revision_published_twice_17247() {
    let mut world = World::new(Limits::default());
    let events = world.write(&[put("a", "1")]);
    world.hub.publish(events.clone());
    world.hub.publish(events);
}

/// etcd 17529: a starved stream skipped what it had not taken in time.
#[test]
fn watch_of_a_starved_stream_loses_nothing_17529() {
    for limits in [
        Limits::default(),
        Limits { history_bytes: 20_000, rings_bytes: 2_000, inbox_bytes: 5_000 },
        DISK_ONLY,
    ] {
        let mut world = World::new(limits);
        let mut client = world.open();
        client.stream.watch(1, spec(range("a", "b"), 0));
        client.stream.watch(2, spec(range("ab", ""), 0));
        let mut seen = Vec::new();
        for value in 0..500 {
            world.apply(&[put(["aa", "ab"][value % 2], "v")]);
            world.hub.dispatch();
            if value % 37 == 0 {
                match client.stream.next(3) {
                    Some(Delivery::Events { id: 1, batches, .. }) => {
                        seen.extend(batches.iter().map(|batch| batch.revision()));
                    }
                    Some(Delivery::Behind(catch_up)) => client.out.push(catch_up),
                    _ => drop(client.read_one()),
                }
            }
        }
        seen.extend(client.revisions(1));
        assert_eq!(seen, (2..=501).collect::<Vec<_>>());
    }
}

/// etcd 18089: compacting at the revision of a deletion took the event from a watch that had not
/// seen it yet.
#[test]
fn watch_sees_a_deletion_at_the_compact_revision_18089() {
    let mut world = World::new(DISK_ONLY);
    let mut client = world.open();
    world.put_dispatched("a", "1");
    client.stream.watch(1, spec(range("a", ""), 3));
    world.apply(&[crate::world::Change::Delete("a".into())]);
    world.compact(3);
    world.hub.dispatch();
    world.put_dispatched("b", "1");
    assert_eq!(client.revisions(1), [3]);
}

/// etcd 19179: a watch opened at the compact revision missed the deletion made there.
#[test]
fn watch_opened_at_the_compact_revision_sees_its_deletion_19179() {
    for limits in [Limits::default(), DISK_ONLY] {
        let mut world = World::new(limits);
        world.put_dispatched("a", "1");
        world.apply(&[crate::world::Change::Delete("a".into())]);
        world.hub.dispatch();
        world.compact(3);
        let mut client = world.open();
        client.stream.watch(1, spec(range("a", ""), 3));
        let deliveries = client.drain(10);
        let [Delivery::Events { batches, .. }] = &deliveries[..] else {
            panic!("one delivery expected: {deliveries:?}");
        };
        assert!(batches[0].events()[0].is_delete());
    }
}

/// etcd 20221: a watch on a future revision got progress notifications, and, when its member took
/// a snapshot, old events.
#[test]
fn watch_on_a_future_revision_hears_nothing_before_20221() {
    let mut world = World::new(Limits::default());
    let mut client = world.open();
    client.stream.watch(1, spec(range("a", ""), 6));
    world.put_dispatched("a", "1");
    assert!(client.drain(10).is_empty());
    assert_eq!(client.stream.synced_revision(1), None);
    assert_eq!(client.stream.synced_revision_of_all(), None);
    world.write(&[put("a", "2")]);
    world.write(&[put("a", "3")]);
    world.reset();
    world.hub.dispatch();
    assert!(client.drain(10).is_empty());
    assert_eq!(client.stream.synced_revision(1), None);
    world.put_dispatched("a", "4");
    world.put_dispatched("a", "5");
    world.put_dispatched("a", "6");
    assert_eq!(client.revisions(1), [6, 7]);
    assert_eq!(client.stream.synced_revision(1), Some(7));
}
