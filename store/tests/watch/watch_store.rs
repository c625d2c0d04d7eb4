//! Watches over a real store: what is read back from disk, after compactions and snapshots, is
//! what was seen live.

use crate::disk::contains;
use crate::world::{Client, range, spec};
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;
use xebec_store::command::{
    Body, Command, CommandBatch, Compact, DeleteRange, Op, OpKind, Put, Txn,
};
use xebec_store::disk::SPACES;
use xebec_store::engine::mem::MemHome;
use xebec_store::engine::{Durability, EngineHome};
use xebec_store::kv::{Event, Revision};
use xebec_store::watch::{Delivery, Limits};
use xebec_store::{CompactBudget, Entry, LogPosition, Options, Payload, Progress, Store};

const KEYS: [&str; 4] = ["a", "a\0", "b", "c"];

#[derive(Debug, Clone)]
enum Step {
    /// Keys put (true) or deleted, in one transaction; a second put of a key goes into a nested
    /// one, as etcd allows it.
    Write(Vec<(usize, bool)>),
    Compact {
        back: i64,
    },
    Sweep,
    /// The follower applies the leader's entries.
    Catch,
    /// Or takes a snapshot.
    Install,
    Watch {
        range: usize,
        back: i64,
    },
    Read,
}

const RANGES: [(&str, &str); 5] = [("a", ""), ("a", "b"), ("a", "\0"), ("b", "d"), ("a\0", "")];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = prop::collection::vec((0..4_usize, prop::bool::weighted(0.7)), 1..5);
    let step = prop_oneof![
        10 => write.prop_map(Step::Write),
        2 => (0..6_i64).prop_map(|back| Step::Compact { back }),
        2 => Just(Step::Sweep),
        4 => Just(Step::Catch),
        1 => Just(Step::Install),
        4 => (0..RANGES.len(), -1..8_i64).prop_map(|(range, back)| Step::Watch { range, back }),
        4 => Just(Step::Read),
    ];
    prop::collection::vec(step, 1..60)
}

fn store(home: &MemHome, watch: Limits) -> Store {
    let options = Options { load_threads: 1, watch, dispatcher: false, ..Options::new(1) };
    Store::open(Arc::new(home.clone()), options).expect("a sound disk")
}

/// A transaction of puts and deletions of single keys.
fn txn(changes: &[(usize, bool)]) -> Txn {
    let (mut seen, mut success, mut nested) = (Vec::new(), Vec::new(), Vec::new());
    for &(key, put) in changes {
        let name = Bytes::from_static(KEYS[key].as_bytes());
        let again = seen.contains(&key);
        seen.push(key);
        let kind = if put {
            let value = Bytes::from(format!("value {}", seen.len()));
            OpKind::Put(Put { key: name, value, ..Put::default() })
        } else {
            OpKind::DeleteRange(DeleteRange { range: range(KEYS[key], ""), prev_kv: false })
        };
        let op = Op { kind: Some(kind) };
        if again { nested.push(op) } else { success.push(op) }
    }
    let inner = Txn { success: nested, ..Txn::default() };
    success.push(Op { kind: Some(OpKind::Txn(inner)) });
    Txn { success, ..Txn::default() }
}

struct Replicas {
    leader: Store,
    /// Keeps nothing in memory: all its watches read from disk.
    follower: Store,
    home: MemHome,
    waiting: VecDeque<Entry>,
    index: u64,
    /// Everything the leader's own watch saw, live.
    witness: Client,
    events: Vec<Event>,
    client: Client,
    /// Range and next revision by watch, and whether it goes on.
    watches: Vec<((&'static str, &'static str), Revision, bool)>,
}

fn client(store: &Store) -> Client {
    Client { stream: store.watches().open(), wakes: Arc::default(), out: Vec::new() }
}

impl Replicas {
    fn new() -> Self {
        let leader = store(&MemHome::new(SPACES, Durability::Unlogged), Limits::default());
        let home = MemHome::new(SPACES, Durability::Unlogged);
        let none = Limits { history_bytes: 0, rings_bytes: 0, inbox_bytes: 1 << 20 };
        let follower = store(&home, none);
        let (mut witness, client) = (client(&leader), client(&follower));
        witness.stream.watch(0, spec(range("a", "\0"), 0));
        let (waiting, events, watches) = (VecDeque::new(), Vec::new(), Vec::new());
        Self { leader, follower, home, waiting, index: 0, witness, events, client, watches }
    }

    fn propose(&mut self, body: Body) {
        self.index += 1;
        let command = Command { origin: 1, id: self.index, body: Some(body) };
        let batch = CommandBatch { time_ms: 1, commands: vec![command] };
        let position = LogPosition::new(1, self.index);
        let entry = Entry { position, payload: Payload::Commands(batch) };
        self.leader.apply(vec![entry.clone()]).expect("a sound disk");
        self.waiting.push_back(entry);
        self.leader.watches().dispatch();
        for delivery in self.witness.drain(1000) {
            let Delivery::Events { batches, .. } = delivery else {
                panic!("the witness keeps up: {delivery:?}");
            };
            self.events.extend(batches.iter().flat_map(|batch| batch.events()).cloned());
        }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Write(changes) => self.propose(Body::Txn(txn(changes))),
            Step::Compact { back } => {
                let revision = self.leader.view().revision() - back;
                if revision > self.leader.view().compact_revision() {
                    self.propose(Body::Compact(Compact { revision }));
                }
            }
            Step::Sweep => {
                let budget = CompactBudget { changes: 2 };
                while self.follower.compact_step(budget).expect("a sound disk") != Progress::Idle {}
            }
            Step::Catch => {
                let entries = std::mem::take(&mut self.waiting);
                self.follower.apply(entries.into()).expect("a sound disk");
                self.follower.watches().dispatch();
            }
            Step::Install => self.install(),
            Step::Watch { range: which, back } => {
                let (key, end) = RANGES[*which];
                let next = (self.follower.view().revision() - back).max(1);
                let id = i64::try_from(self.watches.len()).expect("a small number");
                self.client.stream.watch(id, spec(range(key, end), next));
                self.watches.push(((key, end), next, true));
            }
            Step::Read => self.read(),
        }
    }

    fn install(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        self.waiting.clear();
        let (_, _, checkpoint) = self.leader.checkpoint().expect("a sound disk");
        let files = checkpoint.files().expect("a sound disk");
        let mut staging = self.home.stage(files).expect("a sound disk");
        for (index, file) in files.iter().enumerate() {
            let offset = staging.received_bytes(index);
            let len = usize::try_from(file.size_bytes - offset).expect("a small file");
            let bytes = checkpoint.read(index, offset, len).expect("a sound disk");
            staging.write(index, offset, &bytes).expect("a sound disk");
        }
        self.follower.install(staging).expect("a sound disk");
        self.follower.watches().dispatch();
    }

    fn read(&mut self) {
        let compacted = self.follower.view().compact_revision();
        for delivery in self.client.drain(3) {
            match delivery {
                Delivery::Events { id, batches, .. } => {
                    for batch in batches.iter() {
                        let (range, next, _) =
                            &mut self.watches[usize::try_from(id).expect("a small number")];
                        check(batch.events(), &self.events, *range, *next, compacted);
                        *next = batch.revision() + 1;
                    }
                }
                Delivery::Compacted { id, compact_revision } => {
                    let (_, next, live) =
                        &mut self.watches[usize::try_from(id).expect("a small number")];
                    assert!(*next < compact_revision && compact_revision <= compacted);
                    *live = false;
                }
                Delivery::Behind(_) => panic!("a drain reads"),
            }
        }
    }
}

fn wants((key, end): (&str, &str), next: Revision, event: &Event) -> bool {
    event.revision() >= next && contains(&range(key, end), &event.kv.key)
}

fn check(
    got: &[Event],
    all: &[Event],
    range: (&str, &str),
    next: Revision,
    compact_revision: Revision,
) {
    let first = all.iter().find(|e| wants(range, next, e)).expect("an event is due");
    let due = all.iter().filter(|e| wants(range, next, e) && e.revision() == first.revision());
    let due: Vec<_> = due.collect();
    assert_eq!(got.len(), due.len());
    for (got, due) in got.iter().zip(due) {
        assert_eq!(got.kv, due.kv);
        if got.revision() > compact_revision || got.prev.is_some() {
            assert_eq!(got.prev, due.prev);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn watch_reads_from_disk_what_was_seen_live(steps in steps()) {
        let mut replicas = Replicas::new();
        for step in &steps {
            replicas.run(step);
        }
        replicas.run(&Step::Catch);
        replicas.run(&Step::Read);
        for (range, next, live) in &replicas.watches {
            let due = replicas.events.iter().find(|event| wants(*range, *next, event));
            prop_assert!(!live || due.is_none(), "still due for {:?}: {:?}", range, due);
        }
    }
}

/// After a restart the recent past is read back once, and not by every watch.
#[test]
fn watch_resumes_from_memory_after_a_restart() {
    let home = MemHome::new(SPACES, Durability::Unlogged);
    {
        let mut replicas = Replicas::new();
        replicas.leader = store(&home, Limits::default());
        replicas.witness = client(&replicas.leader);
        for _ in 0..1000 {
            replicas.propose(Body::Txn(txn(&[(0, true)])));
        }
        replicas.leader.persist().expect("a sound disk");
    }
    let options = Options { load_threads: 1, ..Options::new(1) };
    let store = Store::open(Arc::new(home), options).expect("a sound disk");
    let mut client = client(&store);
    // The dispatcher reads back before it dispatches anything; ask until it has.
    let mut id = 0;
    while store.watches().stats().history_bytes == 0 {
        std::thread::yield_now();
    }
    loop {
        id += 1;
        client.stream.watch(id, spec(range("a", ""), 900));
        match client.stream.next(1) {
            Some(Delivery::Events { batches, .. }) => {
                assert_eq!(batches[0].revision(), 900);
                return;
            }
            Some(Delivery::Behind(catch_up)) => client.stream.resume(catch_up.read()),
            other => panic!("{other:?}"),
        }
        client.stream.cancel(id);
    }
}
