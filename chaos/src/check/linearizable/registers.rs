//! Cuts a history into what happened to each key.
//!
//! A write whose outcome is unknown is resolved by the truth: where its value was seen, it
//! happened at that revision and before anybody saw it; where it was not seen although the truth
//! is complete, it did not happen. A deletion that no acknowledged request explains (of unknown
//! outcome, or a lease's end) is taken from the truth.

use super::register::{Before, Change, KeyOp, State, Step};
use crate::check::Truth;
use crate::check::exactly_once::for_each_put;
use crate::history::{
    Compare, Delete, History, Kv, Nanos, Operation, Outcome, Put, Range, Request, Response,
    Revision, Target, Txn, in_range,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;

pub fn split(history: &History, truth: &Truth) -> BTreeMap<String, Vec<KeyOp>> {
    let mut splitter = Splitter::new(history, truth);
    for operation in &history.operations {
        splitter.operation(operation);
    }
    splitter.unexplained_deletions();
    splitter.registers
}

struct Splitter<'a> {
    truth: &'a Truth,
    keys: BTreeSet<&'a str>,
    values: HashMap<&'a str, u32>,
    /// Where each value stands in the truth.
    revisions: HashMap<&'a str, Revision>,
    registers: BTreeMap<String, Vec<KeyOp>>,
    /// Revisions at which an acknowledged request deleted something.
    deleted_at: HashSet<(Revision, String)>,
}

/// When something happened: between call and return, at a revision.
#[derive(Clone, Copy)]
struct When {
    id: u64,
    call_ns: Nanos,
    return_ns: Nanos,
    revision: Revision,
}

impl<'a> Splitter<'a> {
    fn new(history: &'a History, truth: &'a Truth) -> Self {
        let mut values: HashMap<&str, u32> = HashMap::new();
        let mut keys: BTreeSet<&str> = BTreeSet::new();
        for operation in &history.operations {
            for_each_put(&operation.request, &mut |key, value| {
                let next = u32::try_from(values.len() + 1).expect("fewer than 2^32 values");
                values.entry(value).or_insert(next);
                keys.insert(key);
            });
        }
        let revisions = truth.events().filter_map(|(revision, event)| {
            let (value, _) = event.put.as_ref()?;
            Some((value.as_str(), revision))
        });
        Self {
            truth,
            keys,
            values,
            revisions: revisions.collect(),
            registers: BTreeMap::new(),
            deleted_at: HashSet::new(),
        }
    }

    fn push(&mut self, key: &str, when: When, before: Vec<Before>, change: Change) {
        let step = Step::Do { before, change };
        let When { id, call_ns, return_ns, .. } = when;
        let register = self.registers.entry(key.to_owned()).or_default();
        register.push(KeyOp { id, call_ns, return_ns, step });
    }

    fn operation(&mut self, operation: &Operation) {
        if !operation.request.is_linearizable() {
            return;
        }
        match &operation.outcome {
            Outcome::Ok { revision, response } => {
                let when = When {
                    id: operation.id,
                    call_ns: operation.call_ns,
                    return_ns: operation.return_ns,
                    revision: *revision,
                };
                self.done(when, &operation.request, response);
            }
            Outcome::Unknown(_) => self.unknown(operation),
            Outcome::Failed(_) => {}
        }
    }

    fn done(&mut self, when: When, request: &Request, response: &Response) {
        match (request, response) {
            (Request::Range(range), Response::Range { kvs, more, .. }) => {
                self.range(when, range, kvs, *more);
            }
            (Request::Put(put), Response::Put { prev }) => {
                self.put(when, put, prev.as_ref(), Vec::new());
            }
            (Request::Delete(delete), Response::Delete { deleted, prev }) => {
                self.delete(when, delete, *deleted, prev);
            }
            (Request::Txn(txn), Response::Txn { succeeded, responses }) => {
                self.txn(when, txn, *succeeded, responses);
            }
            _ => {}
        }
    }

    fn state_of(&self, kv: &Kv) -> State {
        let value = self.values.get(kv.value.as_str()).copied();
        // A value that nobody wrote equals no state.
        State { value: value.unwrap_or(u32::MAX), revision: kv.mod_revision }
    }

    fn range(&mut self, when: When, range: &Range, kvs: &[Kv], more: bool) {
        if range.revision > 0 {
            return;
        }
        let last_shown = kvs.last().map(|kv| kv.key.as_str());
        for key in self.keys_in(&range.key, &range.end) {
            if more && last_shown.is_none_or(|last| key > last) {
                break;
            }
            let shown = kvs.iter().find(|kv| kv.key == key);
            let state = shown.map_or_else(State::default, |kv| self.state_of(kv));
            self.push(key, when, vec![Before::Is(state)], Change::Nothing);
        }
    }

    fn keys_in(&self, from: &str, end: &str) -> Vec<&'a str> {
        let keys = self.keys.range::<str, _>((Bound::Included(from), Bound::Unbounded));
        keys.take_while(|key| in_range(key, from, end)).copied().collect()
    }

    fn put(&mut self, when: When, put: &Put, prev: Option<&Kv>, mut before: Vec<Before>) {
        if put.prev_kv {
            before.push(Before::Is(prev.map_or_else(State::default, |kv| self.state_of(kv))));
        }
        let value = self.values[put.value.as_str()];
        let change = Change::To(State { value, revision: when.revision });
        self.push(&put.key, when, before, change);
    }

    fn delete(&mut self, when: When, delete: &Delete, deleted: i64, prev: &[Kv]) {
        for key in self.keys_in(&delete.key, &delete.end) {
            let shown = prev.iter().find(|kv| kv.key == key);
            let before = if delete.prev_kv {
                Before::Is(shown.map_or_else(State::default, |kv| self.state_of(kv)))
            } else if deleted == 0 {
                Before::Is(State::default())
            } else if delete.end.is_empty() {
                Before::Present
            } else {
                Before::Anything
            };
            let change = if deleted == 0 { Change::Nothing } else { Change::Remove(when.revision) };
            // One that found nothing stands at the revision of what came before it.
            if deleted > 0 {
                self.deleted_at.insert((when.revision, key.to_owned()));
            }
            self.push(key, when, vec![before], change);
        }
    }

    /// A txn as one step per key: what its compares say of the key, then what it did to it. Only
    /// the first operation of a branch on a key is judged against the state before the txn.
    fn txn(&mut self, when: When, txn: &Txn, succeeded: bool, responses: &[Response]) {
        let branch = if succeeded { &txn.success } else { &txn.failure };
        let compared: BTreeSet<&str> = txn.compares.iter().map(|c| c.key.as_str()).collect();
        let known: HashMap<&str, Vec<Before>> = if succeeded || compared.len() == 1 {
            let of = |key: &'_ str| self.compares(txn, key, succeeded);
            compared.iter().map(|key| (*key, of(key))).collect()
        } else {
            HashMap::new()
        };
        let mut judged: BTreeSet<&str> = BTreeSet::new();
        for (request, response) in branch.iter().zip(responses) {
            match (request, response) {
                (Request::Put(put), Response::Put { prev }) if judged.insert(&put.key) => {
                    let before = known.get(put.key.as_str()).cloned().unwrap_or_default();
                    self.put(when, put, prev.as_ref(), before);
                }
                (Request::Range(range), Response::Range { kvs, more, .. })
                    if range.end.is_empty() && !writes(branch, &range.key) =>
                {
                    self.range(when, range, kvs, *more);
                }
                (Request::Delete(delete), Response::Delete { deleted, prev })
                    if judged.insert(&delete.key) =>
                {
                    self.delete(when, delete, *deleted, prev);
                }
                _ => {}
            }
        }
        for (key, before) in known.into_iter().filter(|(key, _)| !judged.contains(key)) {
            self.push(key, when, before, Change::Nothing);
        }
    }

    /// What the outcome of the compares says of one key.
    fn compares(&self, txn: &Txn, key: &str, succeeded: bool) -> Vec<Before> {
        let compares: Vec<&Compare> = txn.compares.iter().filter(|c| c.key == key).collect();
        let single = compares.len() == 1;
        let facts = compares.into_iter().map(|compare| match (&compare.target, succeeded) {
            (Target::ModRevision(revision), true) => Before::Revision(*revision),
            (Target::ModRevision(revision), false) if single => Before::NotRevision(*revision),
            (Target::Value(value), succeeded) if succeeded || single => {
                let value = self.values.get(value.as_str()).copied().unwrap_or(u32::MAX);
                let state = State { value, revision: 0 };
                if succeeded { Before::Is(state) } else { Before::IsNot(state) }
            }
            // Versions are no part of a register; the check of results judges them.
            _ => Before::Anything,
        });
        facts.collect()
    }

    fn unknown(&mut self, operation: &Operation) {
        let mut puts = Vec::new();
        for_each_put(&operation.request, &mut |key, value| puts.push((key, value)));
        for (key, value) in puts {
            let revision = self.revisions.get(value).copied().unwrap_or(0);
            let return_ns = match revision {
                0 => Nanos::MAX,
                seen => self.truth.known_ns(seen).unwrap_or(Nanos::MAX),
            };
            let gone = revision == 0 && self.truth.complete_to() > 0 && self.truth.has_no_gap();
            if gone || return_ns < operation.call_ns {
                continue;
            }
            let when = When { id: operation.id, call_ns: operation.call_ns, return_ns, revision };
            let change = Change::To(State { value: self.values[value], revision });
            self.push(key, when, Vec::new(), change);
        }
    }

    fn unexplained_deletions(&mut self) {
        let truth = self.truth;
        for (revision, event) in truth.events().filter(|(_, event)| event.put.is_none()) {
            if self.deleted_at.contains(&(revision, event.key.clone())) {
                continue;
            }
            let return_ns = truth.known_ns(revision).unwrap_or(Nanos::MAX);
            let when = When { id: 0, call_ns: 0, return_ns, revision };
            self.push(&event.key, when, vec![Before::Present], Change::Remove(revision));
        }
    }
}

fn writes(branch: &[Request], key: &str) -> bool {
    branch.iter().any(|request| match request {
        Request::Put(put) => put.key == key,
        Request::Delete(delete) => in_range(key, &delete.key, &delete.end),
        _ => false,
    })
}
