//! The store agrees with the naive model, however its commands are batched, and through crashes,
//! restarts and physical compaction.

use crate::generate;
use crate::model::{Change, Model};
use crate::support::{self, MEMBER, entry};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use xebec_store::command::{Body, Range};
use xebec_store::engine::mem::MemHome;
use xebec_store::kv::{Event, Revision};
use xebec_store::{ApplyError, CompactBudget, Entry, ReadError, Response, Store};

#[derive(Debug, Clone)]
enum Step {
    /// Commands of one entry; from another member if not own.
    Entry {
        bodies: Vec<Body>,
        own: bool,
    },
    /// Apply what has been ordered so far.
    Apply,
    Persist,
    Sweep {
        changes: usize,
    },
    /// The machine crashes; of the writes since the last flush some survive.
    Crash {
        kept: u64,
    },
    Read(Range),
}

fn step() -> impl Strategy<Value = Step> {
    let bodies = proptest::collection::vec(generate::body(), 1..4);
    prop_oneof![
        8 => (bodies, proptest::bool::weighted(0.8))
            .prop_map(|(bodies, own)| Step::Entry { bodies, own }),
        5 => Just(Step::Apply),
        1 => Just(Step::Persist),
        1 => (1usize..6).prop_map(|changes| Step::Sweep { changes }),
        1 => any::<u64>().prop_map(|kept| Step::Crash { kept }),
        4 => generate::range().prop_map(Step::Read),
    ]
}

type Answer = (Revision, Result<Response, ApplyError>);

/// A store beside the model, and the log that both were fed from.
struct Pair {
    home: Arc<MemHome>,
    store: Store,
    model: Model,
    log: Vec<Entry>,
    /// What the model answered to each entry of this member.
    answers: Vec<Vec<Answer>>,
    /// The hash after each revision when it was first made.
    hashes: BTreeMap<Revision, u64>,
}

impl Pair {
    fn new() -> Self {
        let home = support::home();
        let store = support::open(&home);
        let hashes = BTreeMap::new();
        Self { home, store, model: Model::new(), log: Vec::new(), answers: Vec::new(), hashes }
    }

    fn order(&mut self, mut bodies: Vec<Body>, own: bool) {
        let mut answers = Vec::new();
        for body in &mut bodies {
            generate::anchor(body, self.model.revision());
            let result = self.model.apply(body);
            answers.push((self.model.revision(), result));
        }
        self.answers.push(if own { answers } else { Vec::new() });
        let origin = if own { MEMBER } else { MEMBER + 1 };
        self.log.push(entry(self.log.len() as u64 + 1, origin, bodies));
    }

    /// Applies the log from where the store stands to its end, and compares.
    fn apply(&mut self) {
        let from = self.store.applied().0.map_or(0, |at| at.index as usize);
        if from == self.log.len() {
            return;
        }
        let outcomes = self.store.apply(self.log[from..].to_vec()).expect("the disk is well");
        self.store.watches().dispatch();
        let got: Vec<Answer> =
            outcomes.into_iter().map(|outcome| (outcome.revision, outcome.result)).collect();
        assert_eq!(got, self.answers[from..].concat());
        self.compare();
    }

    fn compare(&mut self) {
        let (view, model) = (self.store.view(), &self.model);
        assert_eq!(view.revision(), model.revision());
        assert_eq!(view.compact_revision(), model.compacted);
        let keys: Vec<_> = view.keys().iter().map(|kv| (**kv).clone()).collect();
        assert_eq!(keys, model.now().values().cloned().collect::<Vec<_>>());
        let bytes: usize = model.now().values().map(|kv| kv.key.len() + kv.value.len()).sum();
        assert_eq!(view.data_bytes(), bytes as u64);
        assert_eq!(view.leases(), model.leases.clone().into_iter().collect::<Vec<_>>());
        for id in model.leases.keys() {
            let lease = view.lease(*id).expect("the model has it");
            assert_eq!(lease.keys, model.keys_of_lease(*id));
        }
        let alarms: Vec<_> = view.alarms().iter().map(|alarm| (alarm.member, alarm.kind)).collect();
        assert_eq!(alarms, model.alarms.iter().copied().collect::<Vec<_>>());
        for revision in model.compacted.max(1)..=model.revision() {
            let hash = view.hash_at(revision).expect("the revision is retained");
            let first = *self.hashes.entry(revision).or_insert(hash);
            assert_eq!(hash, first, "hash of revision {revision}");
        }
        self.compare_events();
    }

    fn compare_events(&self) {
        let from = self.model.compacted.max(1);
        let got = support::events(&self.store, support::all(), from);
        let got: Vec<_> = got.expect("the revision is retained").into_iter().map(seen).collect();
        let wanted: Vec<_> = self.model.changes.range(from..).collect();
        assert_eq!(got.len(), wanted.len());
        for (got, (revision, wanted)) in got.into_iter().zip(wanted) {
            let mut wanted = wanted.clone();
            // At the compact revision itself, what was before may be gone.
            if *revision == self.model.compacted {
                for (got, wanted) in got.iter().zip(&mut wanted) {
                    if got.2.is_none() {
                        wanted.2 = None;
                    }
                }
            }
            assert_eq!(got, wanted, "events of revision {revision}");
        }
    }

    fn read(&self, range: &Range) {
        let got = self.store.view().range(range);
        let got = got.map_err(|error| match error {
            ReadError::Compacted => ApplyError::Compacted,
            ReadError::FutureRevision => ApplyError::FutureRevision,
            ReadError::Engine(error) => panic!("{error}"),
        });
        assert_eq!(got, self.model.range(range), "{range:?}");
        self.read_page(range);
    }

    /// The same keys without filters and order, as a page.
    fn read_page(&self, range: &Range) {
        let limit = 1 + range.limit.unsigned_abs() as usize % 4;
        let revision = if range.revision > 0 { range.revision } else { self.model.revision() };
        let plain =
            Range { range: range.range.clone(), revision, limit: limit as i64, ..Range::default() };
        match self.store.view().page(&plain.range, revision, limit) {
            Ok(page) => {
                let wanted = self.model.range(&plain).expect("the page was read");
                assert_eq!((page.kvs, page.more), (wanted.kvs, wanted.more), "{plain:?}");
            }
            Err(ReadError::Engine(error)) => panic!("{error}"),
            Err(_) => assert!(self.model.range(&plain).is_err(), "{plain:?}"),
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Entry { bodies, own } => self.order(bodies, own),
            Step::Apply => self.apply(),
            Step::Persist => {
                let at = self.store.persist().expect("the disk is well");
                assert_eq!(at, self.store.applied().0);
            }
            Step::Sweep { changes } => {
                self.store.compact_step(CompactBudget { changes }).expect("the disk is well");
            }
            Step::Crash { kept } => {
                self.home.crash(&mut |writes| kept % (writes + 1));
                self.store = support::open(&self.home);
                self.apply();
            }
            Step::Read(range) => {
                self.apply();
                self.read(&range);
            }
        }
    }
}

fn seen(events: Vec<Event>) -> Vec<Change> {
    events
        .into_iter()
        .map(|event| {
            let key = event.kv.key.to_vec();
            let kv = (!event.is_delete()).then(|| (*event.kv).clone());
            (key, kv, event.prev.map(|prev| (*prev).clone()))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn with_the_naive_model(steps in proptest::collection::vec(step(), 1..60)) {
        let mut pair = Pair::new();
        for step in steps {
            pair.run(step);
        }
        pair.apply();
        support::sweep(&pair.store, 3);
        pair.compare();
        // All again from nothing, in one piece: the same state, the same hash.
        let again = support::open(&support::home());
        if !pair.log.is_empty() {
            again.apply(pair.log.clone()).expect("the disk is well");
        }
        prop_assert_eq!(again.view().hash(), pair.store.view().hash());
        prop_assert_eq!(again.view().time_ms(), pair.store.view().time_ms());
    }
}
