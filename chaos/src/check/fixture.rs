//! A keyspace in a page of code that makes good histories, for the tests of the judges to spoil.

use crate::history::{
    Compare, Delete, HashSample, History, Kv, Nanos, Operation, Outcome, Put, Range, Request,
    Response, Revision, Target, Txn, Watch, WatchBody, WatchEvent, WatchRequest, WatchResponse,
    in_range, prefix_end,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;

pub const PREFIX: &str = "/t/";

/// Time between the steps of a fixture.
pub const STEP_NS: Nanos = 1_000_000;

pub struct Fixture {
    pub history: History,
    pub revision: Revision,
    pub now_ns: Nanos,
    state: BTreeMap<String, Kv>,
    events: Vec<WatchEvent>,
    next_id: u64,
}

impl Default for Fixture {
    fn default() -> Self {
        let (history, state) = (History::default(), BTreeMap::new());
        Self { history, revision: 1, now_ns: 0, state, events: Vec::new(), next_id: 1 }
    }
}

impl Fixture {
    /// A good history of random operations, some of them concurrent, with watches from the first
    /// revision and from the middle (one resuming the other), and hashes of two replicas.
    pub fn busy(seed: u64, operations: usize) -> Self {
        let mut fixture = Self::default();
        let mut rng = StdRng::seed_from_u64(seed);
        for _ in 0..operations {
            fixture.random_step(&mut rng);
        }
        fixture.put("/t/last");
        fixture.delete("/t/last");
        let last = fixture.revision;
        fixture.watch(everything(2), 1, last);
        let first = fixture.watch(everything(2), 2, last / 2);
        let resumed = WatchRequest { resumes: Some(first), ..everything(last / 2 + 1) };
        fixture.watch(resumed, 1, last);
        for replica in 0..2 {
            let at_ns = fixture.now_ns;
            let (revision, hash) = (fixture.revision, 7);
            let sample = HashSample { replica, at_ns, revision, compact_revision: 0, hash };
            fixture.history.hashes.push(sample);
        }
        fixture
    }

    fn random_step(&mut self, rng: &mut StdRng) {
        let key = format!("/t/{}", rng.random_range(0..4));
        match rng.random_range(0..6) {
            0 | 1 => self.put(&key),
            2 => self.delete(&key),
            3 => self.get(&key),
            4 => self.compare_and_swap(&key, rng.random_bool(0.5)),
            _ => self.list(),
        };
        if rng.random_bool(0.3) {
            self.widen_last();
        }
    }

    /// Makes the last operation begin earlier and end later, so that it overlaps its neighbours.
    fn widen_last(&mut self) {
        let Some(operation) = self.history.operations.last_mut() else { return };
        operation.call_ns = operation.call_ns.saturating_sub(2 * STEP_NS);
        operation.return_ns += 2 * STEP_NS;
    }

    pub fn put(&mut self, key: &str) -> u64 {
        let value = format!("v{}", self.next_id);
        let put = Put { key: key.into(), value: value.clone(), lease: 0, prev_kv: true };
        self.revision += 1;
        let prev = self.store(key, &value);
        self.record(Request::Put(put), Response::Put { prev })
    }

    /// A put whose outcome the client does not learn, and that happens only if `applied`.
    pub fn put_unknown(&mut self, key: &str, applied: bool) -> u64 {
        let value = format!("v{}", self.next_id);
        let put = Put { key: key.into(), value: value.clone(), lease: 0, prev_kv: true };
        if applied {
            self.revision += 1;
            self.store(key, &value);
        }
        let id = self.record(Request::Put(put), Response::Compact);
        self.last().outcome = Outcome::Unknown("timeout".into());
        id
    }

    pub fn delete(&mut self, key: &str) -> u64 {
        let delete = Delete { key: key.into(), end: String::new(), prev_kv: true };
        let prev: Vec<Kv> = self.remove(key).into_iter().collect();
        let deleted = i64::try_from(prev.len()).expect("few");
        self.record(Request::Delete(delete), Response::Delete { deleted, prev })
    }

    pub fn get(&mut self, key: &str) -> u64 {
        self.read(Range { key: key.into(), ..Range::default() })
    }

    pub fn list(&mut self) -> u64 {
        self.read(Range { key: PREFIX.into(), end: prefix_end(PREFIX), ..Range::default() })
    }

    fn read(&mut self, range: Range) -> u64 {
        let held = self.state.values().filter(|kv| in_range(&kv.key, &range.key, &range.end));
        let kvs: Vec<Kv> = held.cloned().collect();
        let count = i64::try_from(kvs.len()).expect("few");
        self.record(Request::Range(range), Response::Range { kvs, more: false, count })
    }

    /// Puts two keys if the first one's revision is the expected one; else reads it.
    pub fn compare_and_swap(&mut self, key: &str, expect_right: bool) -> u64 {
        let there = self.state.get(key).map_or(0, |kv| kv.mod_revision);
        let expected = if expect_right { there } else { there + 1 };
        let (a, b) = (format!("v{}a", self.next_id), format!("v{}b", self.next_id));
        let second = format!("{key}x");
        let txn = Txn {
            compares: vec![Compare { key: key.into(), target: Target::ModRevision(expected) }],
            success: vec![put(key, &a), put(&second, &b)],
            failure: vec![Request::Range(Range { key: key.into(), ..Range::default() })],
        };
        let responses = if expect_right {
            self.revision += 1;
            self.store(key, &a);
            self.store(&second, &b);
            vec![Response::Put { prev: None }, Response::Put { prev: None }]
        } else {
            let kvs: Vec<Kv> = self.state.get(key).cloned().into_iter().collect();
            let count = i64::try_from(kvs.len()).expect("few");
            vec![Response::Range { kvs, more: false, count }]
        };
        self.record(Request::Txn(txn), Response::Txn { succeeded: expect_right, responses })
    }

    /// A watch that shows every event from its start up to `last`, then a progress mark.
    pub fn watch(&mut self, request: WatchRequest, replica: u32, last: Revision) -> u64 {
        let mut responses = vec![self.response(self.revision, WatchBody::Created)];
        let wanted = self.events.iter().filter(|event| {
            (request.start_revision..=last).contains(&event.revision())
                && request.wants(&event.kv.key, event.delete)
        });
        let mut batches: BTreeMap<Revision, Vec<WatchEvent>> = BTreeMap::new();
        for event in wanted {
            let prev = event.prev.clone().filter(|_| request.prev_kv);
            let event = WatchEvent { prev, ..event.clone() };
            batches.entry(event.revision()).or_default().push(event);
        }
        for (revision, events) in batches {
            let body = WatchBody::Events { events, fragment: false };
            responses.push(self.response(revision, body));
        }
        responses.push(self.response(last, WatchBody::Progress));
        let id = self.take_id();
        let watch = Watch { id, client: 9, replica, open_ns: self.now_ns, request, responses };
        self.history.watches.push(watch);
        id
    }

    fn response(&self, revision: Revision, body: WatchBody) -> WatchResponse {
        WatchResponse { at_ns: self.now_ns + STEP_NS, revision, body }
    }

    fn store(&mut self, key: &str, value: &str) -> Option<Kv> {
        let prev = self.state.get(key).cloned();
        let kv = Kv {
            key: key.into(),
            value: value.into(),
            create_revision: prev.as_ref().map_or(self.revision, |kv| kv.create_revision),
            mod_revision: self.revision,
            version: prev.as_ref().map_or(1, |kv| kv.version + 1),
            lease: 0,
        };
        self.state.insert(key.into(), kv.clone());
        self.events.push(WatchEvent { delete: false, kv, prev: prev.clone() });
        prev
    }

    fn remove(&mut self, key: &str) -> Option<Kv> {
        let prev = self.state.remove(key)?;
        self.revision += 1;
        let kv = Kv { key: key.into(), mod_revision: self.revision, ..Kv::default() };
        self.events.push(WatchEvent { delete: true, kv, prev: Some(prev.clone()) });
        Some(prev)
    }

    pub fn record(&mut self, request: Request, response: Response) -> u64 {
        let id = self.take_id();
        let (call_ns, return_ns) = (self.now_ns + STEP_NS, self.now_ns + 2 * STEP_NS);
        self.now_ns = return_ns;
        let outcome = Outcome::Ok { revision: self.revision, response };
        let (client, replica) = (1, 1);
        let operation = Operation { id, client, replica, call_ns, return_ns, request, outcome };
        self.history.operations.push(operation);
        id
    }

    pub fn last(&mut self) -> &mut Operation {
        self.history.operations.last_mut().expect("an operation was recorded")
    }

    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }
}

pub fn everything(start_revision: Revision) -> WatchRequest {
    WatchRequest {
        key: PREFIX.into(),
        end: prefix_end(PREFIX),
        start_revision,
        prev_kv: true,
        ..WatchRequest::default()
    }
}

fn put(key: &str, value: &str) -> Request {
    Request::Put(Put { key: key.into(), value: value.into(), lease: 0, prev_kv: false })
}

/// The first response of a watch that shows events.
pub fn events_of(watch: &mut Watch) -> impl Iterator<Item = &mut Vec<WatchEvent>> {
    watch.responses.iter_mut().filter_map(|response| match &mut response.body {
        WatchBody::Events { events, .. } => Some(events),
        _ => None,
    })
}

/// Fails unless `spoil` makes the check called `name` complain of a history that was good before.
pub fn catches(name: &str, spoil: impl FnOnce(&mut Fixture)) {
    let mut fixture = Fixture::busy(1, 60);
    let before = crate::check::check(&fixture.history);
    assert!(before.is_clean(), "the good history is not good:\n{before}");
    spoil(&mut fixture);
    let after = crate::check::check(&fixture.history);
    assert!(!after.of(name).is_empty(), "{name} did not see the fault:\n{after}");
}
