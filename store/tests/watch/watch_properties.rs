//! Random writes, watches, consumption, compactions and snapshots against a plain list of events.

use crate::disk::contains;
use crate::world::{Change, Client, World, range};
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use xebec_store::command::KeyRange;
use xebec_store::kv::{Event, Revision};
use xebec_store::watch::{Delivery, EventBatch, Limits, WatchSpec};

#[derive(Debug, Clone)]
enum Step {
    Write(Vec<(u8, bool)>),
    /// Written, but not published: a snapshot will bring it.
    Missed(u8),
    Reset,
    Dispatch,
    Watch {
        client: usize,
        id: i64,
        range: usize,
        back: i64,
        filter: u8,
    },
    Cancel {
        client: usize,
        id: i64,
    },
    Next {
        client: usize,
        max_events: usize,
    },
    Read {
        client: usize,
    },
    Compact {
        back: i64,
    },
    Drain {
        client: usize,
    },
}

const KEYS: [&str; 5] = ["a", "ab", "b", "ba", "c"];
const RANGES: [(&str, &str); 7] =
    [("a", ""), ("ab", ""), ("a", "b"), ("a", "\0"), ("b", "c"), ("ab", "ba"), ("c", "")];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = prop::collection::vec((0..5_u8, prop::bool::weighted(0.3)), 1..4);
    // Often the same one, so that watches share groups.
    let ranges = prop_oneof![2 => Just(3), 3 => 0..RANGES.len()];
    let step = prop_oneof![
        8 => write.prop_map(Step::Write),
        1 => (0..5_u8).prop_map(Step::Missed),
        1 => Just(Step::Reset),
        6 => Just(Step::Dispatch),
        4 => (0..2_usize, 0..6_i64, ranges, -3..12_i64, 0..8_u8).prop_map(
            |(client, id, range, back, filter)| Step::Watch { client, id, range, back, filter }
        ),
        1 => (0..2_usize, 0..6_i64).prop_map(|(client, id)| Step::Cancel { client, id }),
        8 => (0..2_usize, 1..4_usize)
            .prop_map(|(client, max_events)| Step::Next { client, max_events }),
        4 => (0..2_usize).prop_map(|client| Step::Read { client }),
        1 => (0..8_i64).prop_map(|back| Step::Compact { back }),
        1 => (0..2_usize).prop_map(|client| Step::Drain { client }),
    ];
    prop::collection::vec(step, 1..120)
}

fn any_limits() -> impl Strategy<Value = Limits> {
    let sizes = [0, 700, 3_000, 1 << 20];
    let size = || prop::sample::select(sizes.to_vec());
    (size(), size(), prop::sample::select(vec![2_000, 1 << 20])).prop_map(
        |(history, rings, inbox)| Limits {
            history_bytes: history,
            rings_bytes: rings,
            inbox_bytes: inbox,
        },
    )
}

/// What a watch should see, kept beside it.
struct Expected {
    range: KeyRange,
    spec: WatchSpec,
    /// It has been given all of its events below.
    next: Revision,
    last_synced: Revision,
}

impl Expected {
    fn wants(&self, event: &Event) -> bool {
        let filtered = if event.is_delete() { self.spec.no_delete } else { self.spec.no_put };
        event.revision() >= self.next && contains(&self.range, &event.kv.key) && !filtered
    }

    /// Checks a batch against the list, and moves on.
    fn accept(&mut self, batch: &EventBatch, all: &[Event], compact_revision: Revision) {
        let revision = all.iter().find(|e| self.wants(e)).expect("an event is due").revision();
        let due: Vec<_> =
            all.iter().filter(|e| e.revision() == revision && self.wants(e)).collect();
        assert_eq!(batch.revision(), revision);
        assert_eq!(batch.events().len(), due.len(), "a revision is delivered whole");
        for (got, want) in batch.events().iter().zip(due) {
            assert_eq!(got.kv, want.kv);
            if got.prev.is_some() || revision > compact_revision {
                assert_eq!(got.prev, want.prev);
            }
        }
        self.next = revision + 1;
    }
}

struct Test {
    world: World,
    missed: bool,
    clients: Vec<(Client, BTreeMap<i64, Expected>)>,
}

impl Test {
    fn run(&mut self, step: &Step) {
        match *step {
            Step::Write(ref changes) if !self.missed => {
                let mut changes = changes.clone();
                // A transaction changes a key once.
                changes.sort();
                changes.dedup_by_key(|(key, _)| *key);
                let changes: Vec<_> = changes.into_iter().map(change).collect();
                self.world.apply(&changes);
            }
            Step::Write(_) => {}
            Step::Missed(key) => {
                self.missed |= !self.world.write(&[change((key, false))]).is_empty();
            }
            Step::Reset => {
                self.world.reset();
                self.missed = false;
            }
            Step::Dispatch => drop(self.world.hub.dispatch()),
            Step::Watch { client, id, range, back, filter } => {
                self.watch(client, id, RANGES[range], back, filter);
            }
            Step::Cancel { client, id } => {
                let (client, expected) = &mut self.clients[client];
                assert_eq!(client.stream.cancel(id), expected.remove(&id).is_some());
            }
            Step::Next { client, max_events } => {
                if let Some(delivery) = self.clients[client].0.stream.next(max_events) {
                    self.take(client, delivery);
                }
            }
            Step::Read { client } => drop(self.clients[client].0.read_one()),
            Step::Compact { back } => {
                let revision = self.world.revision - back;
                if revision > self.world.disk.compact_revision() {
                    self.world.compact(revision);
                }
            }
            Step::Drain { client } => self.drain(client),
        }
        self.check_progress();
    }

    fn watch(&mut self, client: usize, id: i64, (key, end): (&str, &str), back: i64, filter: u8) {
        let start_revision = match back {
            11 => 0,
            back => (self.world.revision - back).max(1),
        };
        let spec = WatchSpec {
            range: range(key, end),
            start_revision,
            no_put: filter == 6,
            no_delete: filter == 7,
            prev_kv: filter.is_multiple_of(2),
        };
        let (client, expected) = &mut self.clients[client];
        if let Some(next) = client.stream.watch(id, spec.clone()) {
            if start_revision > 0 {
                assert_eq!(next, start_revision);
            }
            let new = Expected { range: spec.range.clone(), spec, next, last_synced: 0 };
            assert!(expected.insert(id, new).is_none());
        } else {
            assert!(expected.contains_key(&id));
        }
    }

    fn take(&mut self, client: usize, delivery: Delivery) {
        let (client, expected) = &mut self.clients[client];
        let compact_revision = self.world.disk.compact_revision();
        match delivery {
            Delivery::Behind(catch_up) => client.out.push(catch_up),
            Delivery::Events { id, prev_kv, batches } => {
                let watch = expected.get_mut(&id).expect("a live watch");
                assert_eq!(prev_kv, watch.spec.prev_kv);
                assert!(!batches.is_empty());
                for batch in batches.iter() {
                    watch.accept(batch, &self.world.events, compact_revision);
                }
            }
            Delivery::Compacted { id, compact_revision: told } => {
                let watch = expected.remove(&id).expect("a live watch");
                assert!(watch.next < told && told <= compact_revision);
                assert_eq!(client.stream.synced_revision(id), None);
            }
        }
    }

    fn drain(&mut self, client: usize) {
        loop {
            if let Some(delivery) = self.clients[client].0.stream.next(3) {
                self.take(client, delivery);
                self.check_progress();
            } else {
                let client = &mut self.clients[client].0;
                if !client.read_one() && !client.is_ready() {
                    return;
                }
            }
        }
    }

    /// No mark runs ahead of an event not handed out, or backwards, or before the start.
    fn check_progress(&mut self) {
        assert!(self.world.hub.revision() <= self.world.revision);
        for (client, expected) in &mut self.clients {
            for (id, watch) in expected {
                let Some(synced) = client.stream.synced_revision(*id) else {
                    continue;
                };
                let due = self.world.events.iter().find(|event| watch.wants(event));
                assert!(due.is_none_or(|due| synced < due.revision()), "{synced} of {id}: {due:?}");
                assert!(synced >= watch.last_synced && synced >= watch.spec.start_revision);
                watch.last_synced = synced;
            }
        }
    }
}

fn change((key, delete): (u8, bool)) -> Change {
    let key = Bytes::from_static(KEYS[usize::from(key)].as_bytes());
    if delete { Change::Delete(key) } else { Change::Put(key, Bytes::from_static(b"value")) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn watch_sees_what_the_list_says(limits in any_limits(), steps in steps()) {
        let world = World::new(limits);
        let clients = (0..2).map(|_| (world.open(), BTreeMap::new())).collect();
        let mut test = Test { world, missed: false, clients };
        for step in &steps {
            test.run(step);
        }
        if test.missed {
            test.run(&Step::Reset);
        }
        test.world.hub.dispatch();
        assert_eq!(test.world.hub.revision(), test.world.revision);
        for client in 0..test.clients.len() {
            test.drain(client);
            let (client, expected) = &test.clients[client];
            for (id, watch) in expected {
                let due = test.world.events.iter().find(|event| watch.wants(event));
                prop_assert!(due.is_none(), "watch {} still waits for {:?}", id, due);
                let synced = client.stream.synced_revision(*id);
                let started = watch.spec.start_revision <= test.world.revision;
                prop_assert_eq!(synced, started.then_some(test.world.revision));
            }
        }
        let watches: usize = test.clients.iter().map(|(_, expected)| expected.len()).sum();
        prop_assert_eq!(test.world.hub.stats().watches, watches);
        let hub = Arc::clone(&test.world.hub);
        test.clients.clear();
        let stats = hub.stats();
        prop_assert_eq!((stats.streams, stats.watches, stats.groups), (0, 0, 0));
    }
}
