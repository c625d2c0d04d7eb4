//! A store to test with, and short forms of commands.

use bytes::Bytes;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use xebec_store::command::{
    Body, Command, CommandBatch, Compact, DeleteRange, KeyRange, Put, Range,
};
use xebec_store::disk::SPACES;
use xebec_store::engine::mem::MemHome;
use xebec_store::engine::{Durability, EngineHome};
use xebec_store::kv::{Event, Revision};
use xebec_store::watch::{Delivery, WatchSpec};
use xebec_store::{
    CompactBudget, Entry, LogPosition, Options, Outcome, Payload, Progress, Response, Store,
};

/// The member under test.
pub const MEMBER: u64 = 1;

pub fn home() -> Arc<MemHome> {
    Arc::new(MemHome::new(SPACES, Durability::Unlogged))
}

pub fn open(home: &Arc<MemHome>) -> Store {
    let options = Options { load_threads: 1, dispatcher: false, ..Options::new(MEMBER) };
    Store::open(home.clone() as Arc<dyn EngineHome>, options).expect("a whole keyspace opens")
}

/// A store and the log that it is fed from.
pub struct Fixture {
    pub home: Arc<MemHome>,
    pub store: Store,
    /// Index of the last entry made.
    pub index: u64,
}

impl Fixture {
    pub fn new() -> Self {
        let home = home();
        Self { store: open(&home), home, index: 0 }
    }

    /// Applies one command of this member as an entry of its own.
    pub fn run(&mut self, body: Body) -> Outcome {
        let mut outcomes = self.run_all(vec![body]);
        outcomes.pop().expect("an own command has an outcome")
    }

    /// Applies commands of this member as one entry.
    pub fn run_all(&mut self, bodies: Vec<Body>) -> Vec<Outcome> {
        self.index += 1;
        let outcomes = self.store.apply(vec![entry(self.index, MEMBER, bodies)]);
        self.store.watches().dispatch();
        outcomes.expect("the disk is well")
    }

    /// The response to a command that succeeds.
    pub fn must(&mut self, body: Body) -> Response {
        self.run(body).result.expect("the command succeeds")
    }

    pub fn put(&mut self, key: &str, value: &str) -> Revision {
        self.must(put(key, value));
        self.store.view().revision()
    }

    pub fn compact(&mut self, revision: Revision) {
        self.must(Body::Compact(Compact { revision }));
    }

    pub fn reopen(&mut self) {
        self.store = open(&self.home);
        self.index = self.store.applied().0.map_or(0, |at| at.index);
    }

    /// Keys and values at a revision; 0 is the current one.
    pub fn read(&self, range: KeyRange, revision: Revision) -> Vec<(String, String)> {
        let range = Range { range, revision, ..Range::default() };
        let found = self.store.view().range(&range).expect("the revision is retained");
        found.kvs.iter().map(|kv| (text(&kv.key), text(&kv.value))).collect()
    }
}

pub fn entry(index: u64, origin: u64, bodies: Vec<Body>) -> Entry {
    let commands = bodies
        .into_iter()
        .enumerate()
        .map(|(at, body)| Command { origin, id: index * 1_000 + at as u64, body: Some(body) })
        .collect();
    let batch = CommandBatch { time_ms: index * 10, commands };
    Entry { position: LogPosition::new(1, index), payload: Payload::Commands(batch) }
}

pub fn put(key: &str, value: &str) -> Body {
    let (key, value) = (bytes(key), bytes(value));
    Body::Put(Put { key, value, ..Put::default() })
}

pub fn delete(key: &str, end: &str) -> Body {
    Body::DeleteRange(DeleteRange { range: range(key, end), prev_kv: false })
}

pub fn range(key: &str, end: &str) -> KeyRange {
    KeyRange { key: bytes(key), end: bytes(end) }
}

pub fn all() -> KeyRange {
    range("\0", "\0")
}

pub fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the tests write text")
}

/// Sweeps until nothing is left; returns how many versions went.
pub fn sweep(store: &Store, changes: usize) -> usize {
    let mut all = 0;
    while let Progress::More { dropped } =
        store.compact_step(CompactBudget { changes }).expect("the disk is well")
    {
        all += dropped;
    }
    all
}

/// The events in a range from a revision on, as a watch gets them, revision by revision.
pub fn events(store: &Store, range: KeyRange, from: Revision) -> Result<Vec<Vec<Event>>, Revision> {
    let mut stream = store.watches().open();
    let spec =
        WatchSpec { range, start_revision: from, no_put: false, no_delete: false, prev_kv: true };
    stream.watch(1, spec);
    let mut found = Vec::new();
    loop {
        match stream.next(usize::MAX) {
            Some(Delivery::Events { batches, .. }) => {
                found.extend(batches.iter().map(|batch| batch.events().to_vec()));
            }
            Some(Delivery::Behind(catch_up)) => stream.resume(catch_up.read()),
            Some(Delivery::Compacted { compact_revision, .. }) => return Err(compact_revision),
            None => match stream.poll_ready(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(()) => {}
                Poll::Pending => return Ok(found),
            },
        }
    }
}
