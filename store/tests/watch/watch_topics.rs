//! Watches of topics: woken for their own events alone, and missing none of them.

use crate::world::{World, put, range, spec};
use bytes::Bytes;
use proptest::prelude::*;
use std::sync::Arc;
use xebec_store::kv::Revision;
use xebec_store::watch::{Classifier, Delivery, EventBatch, Limits, Topic};

/// Sorts by the first byte of the values, before and after; `?` stands for no one knows what.
struct ByInitial;

impl Classifier for ByInitial {
    fn topics(&self, batch: &EventBatch, event: usize, visit: &mut dyn FnMut(&[u8])) -> bool {
        let event = &batch.events()[event];
        let before = event.prev.as_ref().and_then(|kv| kv.value.first().copied());
        let after = event.kv.value.first().copied().filter(|_| !event.is_delete());
        if before == Some(b'?') || after == Some(b'?') {
            return false;
        }
        after.into_iter().for_each(|initial| visit(&[initial]));
        before.filter(|_| before != after).into_iter().for_each(|initial| visit(&[initial]));
        true
    }
}

fn topic(classifier: &Arc<ByInitial>, name: &'static str) -> Topic {
    Topic { classifier: classifier.clone(), name: Bytes::from_static(name.as_bytes()) }
}

/// What a watch of a topic has to see at least.
fn concerns(world: &World, name: &str, from: Revision) -> Vec<Revision> {
    let classifier = ByInitial;
    let mut found = Vec::new();
    for event in world.events.iter().filter(|event| event.revision() >= from) {
        let batch = EventBatch::new(vec![event.clone()]);
        let mut hit = false;
        let told = classifier.topics(&batch, 0, &mut |topic| hit |= topic == name.as_bytes());
        if hit || !told {
            found.push(event.revision());
        }
    }
    found.dedup();
    found
}

#[test]
fn only_their_own_events_wake_them() {
    let mut world = World::new(Limits::default());
    let by_initial = Arc::new(ByInitial);
    let mut client = world.open();
    let all = spec(range("a", "z"), 0);
    client.stream.watch_topic(1, all.clone(), Some(topic(&by_initial, "x")));
    assert!(!client.is_ready());
    world.put_dispatched("k", "y1");
    assert!(!client.is_ready(), "another topic");
    world.put_dispatched("k", "x1");
    assert!(client.is_ready(), "it came to the topic");
    assert_eq!(client.revisions(1), [3]);
    world.put_dispatched("k", "y2");
    assert_eq!(client.revisions(1), [4], "it left the topic");
    world.put_dispatched("k", "y3");
    assert_eq!(client.revisions(1), [0; 0]);
    assert_eq!(client.stream.synced_revision(1), Some(5));
    world.put_dispatched("k", "?");
    assert_eq!(client.revisions(1), [6], "nobody knows");

    client.stream.watch_topic(2, all.clone(), Some(topic(&by_initial, "x")));
    client.stream.watch(3, all);
    assert_eq!(world.hub.stats().groups, 2);
    for id in [1, 2, 3] {
        assert!(client.stream.cancel(id));
    }
    assert_eq!(world.hub.stats().groups, 0);
}

proptest! {
    /// Small limits, so that watches fall behind and catch up in every way.
    #[test]
    fn none_is_missed(
        values in prop::collection::vec((0_usize..3, "[xy?]"), 1..40),
        lookers in prop::collection::vec(0_usize..4, 40),
        start in 0_i64..10,
    ) {
        let limits = Limits { history_bytes: 4_000, rings_bytes: 300, inbox_bytes: 2_000 };
        let mut world = World::new(limits);
        let by_initial = Arc::new(ByInitial);
        let mut client = world.open();
        let from = start.max(2);
        let wanted = spec(range("a", "z"), from);
        client.stream.watch_topic(0, wanted, Some(topic(&by_initial, "x")));
        let mut seen = Vec::new();
        let take = |client: &mut crate::world::Client, seen: &mut Vec<Revision>| {
            for delivery in client.drain(3) {
                if let Delivery::Events { batches, .. } = delivery {
                    seen.extend(batches.iter().map(|batch| batch.revision()));
                }
            }
        };
        for ((key, value), looker) in values.iter().zip(lookers) {
            world.apply(&[put(["a", "b", "c"][*key], value)]);
            if looker > 0 {
                world.hub.dispatch();
            }
            if looker == 1 {
                take(&mut client, &mut seen);
            }
        }
        world.hub.dispatch();
        take(&mut client, &mut seen);
        prop_assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", seen);
        for revision in concerns(&world, "x", from) {
            prop_assert!(seen.contains(&revision), "{} is not among {:?}", revision, seen);
        }
    }
}
