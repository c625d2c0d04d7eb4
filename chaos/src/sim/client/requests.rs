//! What clients ask for next.

use super::Clients;
use crate::history::{Compare, Delete, Put, Range, Request, Target, Txn, prefix_end};
use crate::sim::truth::tagged_value;

/// The shares of the kinds of request, in percent of all; what is left over are puts.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    pub reads: u64,
    pub deletes: u64,
    pub transactions: u64,
    pub leases: u64,
    pub compactions: u64,
    /// Keys that everybody contends for.
    pub keys: u64,
    /// Values get this much padding at most.
    pub padding: u64,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            reads: 25,
            deletes: 8,
            transactions: 22,
            leases: 8,
            compactions: 2,
            keys: 8,
            padding: 200,
        }
    }
}

impl Clients {
    pub(super) fn next_request(&mut self, index: usize, id: u64) -> Request {
        let draw = self.rng.below(100);
        let Mix { reads, deletes, transactions, leases, compactions, .. } = self.mix;
        let mut limit = reads;
        if draw < limit {
            return Request::Range(self.range());
        }
        limit += deletes;
        if draw < limit {
            return Request::Delete(self.delete());
        }
        limit += transactions;
        if draw < limit {
            return Request::Txn(self.transaction(id));
        }
        limit += leases;
        if draw < limit {
            return self.lease(index, id);
        }
        limit += compactions;
        if draw < limit && self.revision_seen > 2 {
            // Mostly what is old, sometimes all there is.
            let back = if self.rng.chance_ppm(200_000) { 0 } else { self.rng.between(0, 60) };
            let revision = (self.revision_seen - back as i64).max(1);
            return Request::Compact { revision };
        }
        Request::Put(self.put(id, 0))
    }

    fn key(&mut self) -> String {
        format!("k/{:02}", self.rng.below(self.mix.keys))
    }

    fn value(&mut self, id: u64, part: usize) -> String {
        let padding = self.rng.between(0, self.mix.padding) as usize;
        String::from_utf8_lossy(&tagged_value(id, part, padding)).into_owned()
    }

    fn put(&mut self, id: u64, part: usize) -> Put {
        let (key, value) = (self.key(), self.value(id, part));
        Put { key, value, lease: 0, prev_kv: self.rng.chance_ppm(500_000) }
    }

    fn delete(&mut self) -> Delete {
        if self.rng.chance_ppm(150_000) {
            let end = prefix_end("k/0");
            return Delete { key: "k/0".to_owned(), end, prev_kv: true };
        }
        Delete { key: self.key(), end: String::new(), prev_kv: self.rng.chance_ppm(700_000) }
    }

    fn range(&mut self) -> Range {
        let single = self.rng.chance_ppm(500_000);
        let (key, end) =
            if single { (self.key(), String::new()) } else { ("k/".into(), prefix_end("k/")) };
        let old = self.rng.chance_ppm(150_000) && self.revision_seen > 3;
        let revision =
            if old { self.revision_seen - self.rng.between(0, 20) as i64 } else { 0 }.max(0);
        let serializable = self.rng.chance_ppm(250_000);
        let limit = if self.rng.chance_ppm(200_000) { 3 } else { 0 };
        Range { key, end, revision, serializable, limit }
    }

    fn transaction(&mut self, id: u64) -> Txn {
        let key = self.key();
        let target = match self.rng.below(3) {
            0 => Target::CreateRevision(0),
            1 => Target::ModRevision(self.revision_seen),
            _ => Target::Version(self.rng.between(0, 3) as i64),
        };
        let first = Put { key: key.clone(), ..self.put(id, 0) };
        let mut success = vec![Request::Put(first)];
        let other = self.key();
        if other != key {
            let second = Put { key: other, ..self.put(id, 1) };
            success.push(Request::Put(second));
        }
        let read = Range { key: key.clone(), ..Range::default() };
        let mut failure = vec![Request::Range(read)];
        if self.rng.chance_ppm(500_000) {
            let delete = Delete { key: key.clone(), end: String::new(), prev_kv: true };
            failure.push(Request::Delete(delete));
        }
        Txn { compares: vec![Compare { key, target }], success, failure }
    }

    /// What a client does that holds a lease: get one, use it, renew it, rarely give it back.
    fn lease(&mut self, index: usize, id: u64) -> Request {
        let Some(held) = self.sessions[index].held else {
            let lease = self.next_lease;
            self.next_lease += 1;
            return Request::LeaseGrant { lease, ttl_s: self.rng.between(1, 4) as i64 };
        };
        match self.rng.below(10) {
            0 => Request::LeaseRevoke { lease: held.lease },
            1..=4 => {
                let key = format!("l/{:03}", held.lease);
                let value = self.value(id, 0);
                Request::Put(Put { key, value, lease: held.lease, prev_kv: false })
            }
            5 => {
                // Forget it: it shall expire.
                self.sessions[index].held = None;
                Request::LeaseKeepAlive { lease: held.lease }
            }
            _ => Request::LeaseKeepAlive { lease: held.lease },
        }
    }
}
