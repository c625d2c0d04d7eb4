//! The clients that write and read: a few keys at a time, through any replica, with deadlines.
//!
//! Keys live for an epoch of some seconds, then new ones take their place and a janitor deletes
//! the old: so each key's history stays short enough to be searched.

use super::client;
use super::endpoint::{Endpoint, Endpoints};
use super::journal::Journal;
use crate::history::{
    Compare, Delete, Kv, Operation, Outcome, Put, Range, Request, Response, Revision, Target, Txn,
    prefix_end,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

/// Every key of a run.
pub const PREFIX: &str = "/chaos/";

const EPOCH: Duration = Duration::from_secs(8);
const KEYS: u32 = 8;

/// What all clients of a round share.
pub struct Clients {
    pub journal: Journal,
    /// The revision that the history begins after.
    pub base: Revision,
    pub endpoints: Arc<Endpoints>,
    /// The highest revision that may be compacted: all recorders have seen it.
    pub compactable: Arc<super::recorder::Positions>,
    /// The highest revision that anybody asked to compact.
    pub compacted: AtomicI64,
    pub stop: watch::Receiver<bool>,
    pub seed: u64,
    pub started: Instant,
}

impl Clients {
    pub fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    pub fn rng(&self, client: u32) -> StdRng {
        StdRng::seed_from_u64(self.seed ^ (u64::from(client) << 32))
    }

    fn epoch(&self) -> u64 {
        self.started.elapsed().as_secs() / EPOCH.as_secs()
    }

    /// A revision of this history, at most so many before the last.
    pub fn old_revision(&self, back: Revision, rng: &mut StdRng) -> Revision {
        (self.journal.revision() - rng.random_range(0..back)).max(self.base)
    }

    /// A key of the present epoch.
    pub fn any_key(&self, rng: &mut StdRng) -> String {
        key(self.epoch(), &format!("k{}", rng.random_range(0..KEYS)))
    }

    /// Sends a request, records it, and gives its outcome.
    pub async fn execute(
        &self,
        client: u32,
        endpoint: &Endpoint,
        deadline: Duration,
        request: impl FnOnce(u64) -> Request,
    ) -> Outcome {
        let id = self.journal.new_id();
        let request = request(id);
        let call_ns = self.journal.now_ns();
        let outcome = client::execute(endpoint.requests.clone(), &request, deadline).await;
        let return_ns = self.journal.now_ns();
        let replica = endpoint.node;
        let recorded = outcome.clone();
        let operation =
            Operation { id, client, replica, call_ns, return_ns, request, outcome: recorded };
        self.journal.operation(operation);
        outcome
    }
}

fn key(epoch: u64, name: &str) -> String {
    format!("{PREFIX}{epoch}/{name}")
}

/// One client: a random request now and then, at any replica.
pub async fn worker(clients: Arc<Clients>, id: u32, pace: Duration) {
    let mut rng = clients.rng(id);
    let mut ticks = tokio::time::interval(pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = Seen::default();
    while !clients.is_stopped() {
        ticks.tick().await;
        let endpoint = clients.endpoints.any(&mut rng);
        let deadline = Duration::from_millis(rng.random_range(300..2_500));
        let epoch = clients.epoch();
        let old = clients.old_revision(300, &mut rng);
        let choose = |id| choose(id, epoch, old, &seen, &mut rng);
        let outcome = clients.execute(id, &endpoint, deadline, choose).await;
        seen.learn(&outcome);
    }
}

/// What a client last read of each key: what its next compare builds on.
#[derive(Default)]
struct Seen {
    kvs: HashMap<String, Revision>,
}

impl Seen {
    fn learn(&mut self, outcome: &Outcome) {
        const KEYS_MAX: usize = 200;
        if self.kvs.len() > KEYS_MAX {
            self.kvs.clear();
        }
        let Outcome::Ok { response: Response::Range { kvs, .. }, .. } = outcome else { return };
        for Kv { key, mod_revision, .. } in kvs {
            self.kvs.insert(key.clone(), *mod_revision);
        }
    }
}

fn choose(id: u64, epoch: u64, old: Revision, seen: &Seen, rng: &mut StdRng) -> Request {
    let name = key(epoch, &format!("k{}", rng.random_range(0..KEYS)));
    let prev_kv = rng.random_bool(0.5);
    match rng.random_range(0..100) {
        0..25 => Request::Put(Put { key: name, value: format!("v{id}"), lease: 0, prev_kv }),
        25..33 => Request::Delete(Delete { key: name, end: String::new(), prev_kv }),
        33..53 => compare_and_swap(id, name, seen),
        53..61 => several(id, epoch, rng),
        61..71 => Request::Range(list(epoch, rng)),
        _ => Request::Range(get(name, old, rng)),
    }
}

fn compare_and_swap(id: u64, key: String, seen: &Seen) -> Request {
    let there = seen.kvs.get(&key).copied().unwrap_or(0);
    let compare = Compare { key: key.clone(), target: Target::ModRevision(there) };
    let read = Range { key: key.clone(), ..Range::default() };
    let put = Put { key, value: format!("v{id}"), lease: 0, prev_kv: true };
    Request::Txn(Txn {
        compares: vec![compare],
        success: vec![Request::Put(put)],
        failure: vec![Request::Range(read)],
    })
}

/// A txn that changes several keys at once, and reads what it wrote.
fn several(id: u64, epoch: u64, rng: &mut StdRng) -> Request {
    let first = rng.random_range(0..KEYS);
    let names: Vec<String> =
        (0..3).map(|i| key(epoch, &format!("k{}", (first + i) % KEYS))).collect();
    let put = |index: usize| {
        let (key, value) = (names[index].clone(), format!("v{id}.{index}"));
        Request::Put(Put { key, value, lease: 0, prev_kv: false })
    };
    let delete = Delete { key: names[2].clone(), end: String::new(), prev_kv: true };
    let read = Range { key: names[0].clone(), ..Range::default() };
    let compares = if rng.random_bool(0.3) {
        vec![Compare { key: names[0].clone(), target: Target::Version(0) }]
    } else {
        Vec::new()
    };
    let success = vec![put(0), put(1), Request::Delete(delete), Request::Range(read.clone())];
    Request::Txn(Txn { compares, success, failure: vec![Request::Range(read)] })
}

fn list(epoch: u64, rng: &mut StdRng) -> Range {
    let prefix = key(epoch, "k");
    Range {
        end: prefix_end(&prefix),
        key: prefix,
        serializable: rng.random_bool(0.3),
        limit: if rng.random_bool(0.3) { 3 } else { 0 },
        revision: 0,
    }
}

fn get(key: String, old: Revision, rng: &mut StdRng) -> Range {
    let revision = if rng.random_bool(0.15) { old } else { 0 };
    let serializable = rng.random_bool(0.2);
    Range { key, revision, serializable, ..Range::default() }
}

/// A client that only writes, always to the same replica, and gives up early: it shows when that
/// replica serves writes, and makes the gaps measurable.
pub async fn pulse(clients: Arc<Clients>, id: u32, position: usize, pace: Duration) {
    let mut ticks = tokio::time::interval(pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let deadline = Duration::from_millis(400);
    while !clients.is_stopped() {
        ticks.tick().await;
        let endpoint = clients.endpoints.at(position);
        let key = key(clients.epoch(), &format!("p{position}"));
        let put = |id| Request::Put(Put { key, value: format!("v{id}"), lease: 0, prev_kv: false });
        clients.execute(id, &endpoint, deadline, put).await;
    }
}

/// Deletes the keys of epochs gone by, and compacts what all recorders have seen.
pub async fn janitor(clients: Arc<Clients>, id: u32) {
    let mut rng = clients.rng(id);
    let mut swept = 0;
    while !clients.is_stopped() {
        tokio::time::sleep(Duration::from_millis(rng.random_range(300..1_500))).await;
        let endpoint = clients.endpoints.any(&mut rng);
        let deadline = Duration::from_secs(2);
        let epoch = clients.epoch();
        if swept + 2 <= epoch {
            let delete = |_| sweep(swept);
            let outcome = clients.execute(id, &endpoint, deadline, delete).await;
            swept += u64::from(matches!(outcome, Outcome::Ok { .. }));
            continue;
        }
        // Now and then up to the very last revision that may go.
        let margin = if rng.random_bool(0.3) { 0 } else { rng.random_range(0..400) };
        let revision = clients.compactable.least() - margin;
        if revision > clients.compacted.fetch_max(revision, Ordering::Relaxed) {
            clients.execute(id, &endpoint, deadline, |_| Request::Compact { revision }).await;
        }
    }
}

fn sweep(epoch: u64) -> Request {
    let prefix = key(epoch, "");
    Request::Delete(Delete { end: prefix_end(&prefix), key: prefix, prev_kv: true })
}
