//! A naive model of the keyspace: a whole copy of everything at every revision. Slow, obvious,
//! and written from etcd's documentation and sources rather than from the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use xebec_store::command::{
    Alarm, Body, Compare, CompareResult, CompareTarget, DeleteRange, KeyRange, Op, OpKind, Put,
    Range, SortOrder, SortTarget, Txn,
};
use xebec_store::kv::{KeyValue, Revision};
use xebec_store::{AlarmMember, ApplyError, OpResponse, RangeResult, Response, TxnResponse};

type Map = BTreeMap<Vec<u8>, KeyValue>;
/// The version after, none for a deletion, and the version at the revision before.
pub type Change = (Vec<u8>, Option<KeyValue>, Option<KeyValue>);

#[derive(Debug, Clone)]
pub struct Model {
    /// The keyspace at every revision from 1 on.
    pub at: Vec<Map>,
    /// The changes of every revision from 2 on.
    pub changes: BTreeMap<Revision, Vec<Change>>,
    pub compacted: Revision,
    pub leases: BTreeMap<i64, i64>,
    pub alarms: BTreeSet<(u64, i32)>,
}

impl Model {
    pub fn new() -> Self {
        Self {
            at: vec![Map::new()],
            changes: BTreeMap::new(),
            compacted: -1,
            leases: BTreeMap::new(),
            alarms: BTreeSet::new(),
        }
    }

    pub fn revision(&self) -> Revision {
        self.at.len() as Revision
    }

    pub fn now(&self) -> &Map {
        self.at.last().expect("there is revision 1")
    }

    pub fn range(&self, range: &Range) -> Result<RangeResult, ApplyError> {
        if range.revision > self.revision() {
            return Err(ApplyError::FutureRevision);
        }
        if range.revision > 0 && range.revision < self.compacted {
            return Err(ApplyError::Compacted);
        }
        if range.revision <= 0 {
            return Ok(read(self.now(), range));
        }
        Ok(read(&self.at[range.revision as usize - 1], range))
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each command, naively")]
    pub fn apply(&mut self, body: &Body) -> Result<Response, ApplyError> {
        let alarmed = |kind: i32| self.alarms.iter().any(|(_, alarm)| *alarm == kind);
        if !matches!(body, Body::Alarm(_)) && alarmed(2) {
            return Err(ApplyError::CorruptCluster);
        }
        if alarmed(1) {
            let grows = match body {
                Body::Put(_) | Body::LeaseGrant(_) => true,
                Body::Txn(txn) => may_put(txn),
                _ => false,
            };
            if grows {
                return Err(ApplyError::NoSpace);
            }
        }
        match body {
            Body::Put(put) => {
                self.allows(put)?;
                let mut work = Work::new(self);
                let prev = work.put(put);
                work.commit(self);
                Ok(Response::Put { prev: prev.filter(|_| put.prev_kv).map(Arc::new) })
            }
            Body::DeleteRange(delete) => {
                let mut work = Work::new(self);
                let gone = work.delete(&delete.range);
                work.commit(self);
                let (deleted, prev_kvs) = deletion(delete, gone);
                Ok(Response::DeleteRange { deleted, prev_kvs })
            }
            Body::Txn(txn) => {
                touched(&txn.success)?;
                touched(&txn.failure)?;
                let chosen = choose(self.now(), txn);
                self.check(&chosen)?;
                let mut work = Work::new(self);
                let response = work.run(self, &chosen);
                work.commit(self);
                Ok(Response::Txn(response))
            }
            Body::Compact(compact) => {
                if compact.revision <= self.compacted {
                    return Err(ApplyError::Compacted);
                }
                if compact.revision > self.revision() {
                    return Err(ApplyError::FutureRevision);
                }
                self.compacted = compact.revision;
                Ok(Response::Compact)
            }
            Body::LeaseGrant(grant) => {
                if grant.id == 0 {
                    return Err(ApplyError::LeaseNotFound);
                }
                if grant.ttl_s > 9_000_000_000 {
                    return Err(ApplyError::LeaseTtlTooLarge);
                }
                if self.leases.contains_key(&grant.id) {
                    return Err(ApplyError::LeaseExists);
                }
                let ttl_s = if grant.ttl_s < 2 { 2 } else { grant.ttl_s };
                self.leases.insert(grant.id, ttl_s);
                Ok(Response::LeaseGrant { id: grant.id, ttl_s })
            }
            Body::LeaseRevoke(revoke) => {
                self.leases.remove(&revoke.id).ok_or(ApplyError::LeaseNotFound)?;
                let mut work = Work::new(self);
                for (key, kv) in self.now() {
                    if kv.lease == revoke.id {
                        work.delete(&KeyRange { key: key.clone().into(), end: "".into() });
                    }
                }
                work.commit(self);
                Ok(Response::LeaseRevoke)
            }
            Body::Alarm(alarm) => Ok(Response::Alarm { alarms: self.alarm(alarm) }),
        }
    }

    pub fn keys_of_lease(&self, id: i64) -> Vec<Vec<u8>> {
        self.now().values().filter(|kv| kv.lease == id).map(|kv| kv.key.to_vec()).collect()
    }

    fn alarm(&mut self, alarm: &Alarm) -> Vec<AlarmMember> {
        let mut concerned = Vec::new();
        if alarm.active {
            if alarm.kind != 0 {
                self.alarms.insert((alarm.member, alarm.kind));
                concerned.push((alarm.member, alarm.kind));
            }
        } else {
            for (member, kind) in self.alarms.clone() {
                let named = alarm.member == 0 || alarm.member == member;
                if named && (alarm.kind == 0 || alarm.kind == kind) {
                    self.alarms.remove(&(member, kind));
                    concerned.push((member, kind));
                }
            }
        }
        concerned.into_iter().map(|(member, kind)| AlarmMember { member, kind }).collect()
    }

    fn allows(&self, put: &Put) -> Result<(), ApplyError> {
        if put.lease != 0 && !self.leases.contains_key(&put.lease) {
            return Err(ApplyError::LeaseNotFound);
        }
        let exists = self.now().contains_key(put.key.as_ref());
        if (put.ignore_value || put.ignore_lease) && !exists {
            return Err(ApplyError::KeyNotFound);
        }
        Ok(())
    }

    fn check(&self, chosen: &Chosen<'_>) -> Result<(), ApplyError> {
        for step in &chosen.steps {
            match step {
                Step::Nested(nested) => self.check(nested)?,
                Step::Op(OpKind::Put(put)) => self.allows(put)?,
                Step::Op(OpKind::Range(range)) if range.revision != 0 => {
                    if range.revision > self.revision() {
                        return Err(ApplyError::FutureRevision);
                    }
                    if range.revision < self.compacted {
                        return Err(ApplyError::Compacted);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A transaction with its branches chosen.
struct Chosen<'a> {
    succeeded: bool,
    steps: Vec<Step<'a>>,
}

enum Step<'a> {
    Op(&'a OpKind),
    Nested(Chosen<'a>),
    Nothing,
}

fn choose<'a>(map: &Map, txn: &'a Txn) -> Chosen<'a> {
    let succeeded = txn.compares.iter().all(|compare| compare_holds(map, compare));
    let ops = if succeeded { &txn.success } else { &txn.failure };
    let steps = ops
        .iter()
        .map(|op| match &op.kind {
            Some(OpKind::Txn(nested)) => Step::Nested(choose(map, nested)),
            Some(kind) => Step::Op(kind),
            None => Step::Nothing,
        })
        .collect();
    Chosen { succeeded, steps }
}

/// A revision in the making.
struct Work {
    before: Map,
    map: Map,
    revision: Revision,
    changes: Vec<Change>,
}

impl Work {
    fn new(model: &Model) -> Self {
        let map = model.now().clone();
        Self { before: map.clone(), map, revision: model.revision() + 1, changes: Vec::new() }
    }

    fn commit(self, model: &mut Model) {
        if !self.changes.is_empty() {
            model.at.push(self.map);
            model.changes.insert(self.revision, self.changes);
        }
    }

    fn header(&self) -> Revision {
        if self.changes.is_empty() { self.revision - 1 } else { self.revision }
    }

    fn put(&mut self, put: &Put) -> Option<KeyValue> {
        let key = put.key.to_vec();
        let old = self.map.get(&key).cloned();
        let mut new = KeyValue {
            key: put.key.clone(),
            value: put.value.clone(),
            lease: put.lease,
            mod_revision: self.revision,
            create_revision: self.revision,
            version: 1,
        };
        if let Some(old) = &old {
            new.create_revision = old.create_revision;
            new.version = old.version + 1;
            if put.ignore_value {
                new.value = old.value.clone();
            }
            if put.ignore_lease {
                new.lease = old.lease;
            }
        }
        self.map.insert(key.clone(), new.clone());
        self.changes.push((key.clone(), Some(new), self.before.get(&key).cloned()));
        old
    }

    fn delete(&mut self, range: &KeyRange) -> Vec<KeyValue> {
        let doomed: Vec<_> =
            self.map.values().filter(|kv| within(range, &kv.key)).cloned().collect();
        for kv in &doomed {
            self.map.remove(kv.key.as_ref());
            let before = self.before.get(kv.key.as_ref()).cloned();
            self.changes.push((kv.key.to_vec(), None, before));
        }
        doomed
    }

    fn run(&mut self, model: &Model, chosen: &Chosen<'_>) -> TxnResponse {
        let mut responses = Vec::new();
        for step in &chosen.steps {
            responses.push(match step {
                Step::Nothing => OpResponse::Empty,
                Step::Nested(nested) => OpResponse::Txn(self.run(model, nested)),
                Step::Op(OpKind::Put(put)) => {
                    let prev = self.put(put).filter(|_| put.prev_kv).map(Arc::new);
                    OpResponse::Put { revision: self.header(), prev }
                }
                Step::Op(OpKind::DeleteRange(delete)) => {
                    let gone = self.delete(&delete.range);
                    let (deleted, prev_kvs) = deletion(delete, gone);
                    OpResponse::DeleteRange { revision: self.header(), deleted, prev_kvs }
                }
                Step::Op(OpKind::Range(range)) => {
                    let past = range.revision > 0 && range.revision < self.header();
                    let map = if past { &model.at[range.revision as usize - 1] } else { &self.map };
                    OpResponse::Range { revision: self.header(), result: read(map, range) }
                }
                Step::Op(OpKind::Txn(_)) => unreachable!("nested transactions are chosen"),
            });
        }
        TxnResponse { succeeded: chosen.succeeded, responses }
    }
}

fn deletion(delete: &DeleteRange, gone: Vec<KeyValue>) -> (i64, Vec<Arc<KeyValue>>) {
    let deleted = gone.len() as i64;
    let prev_kvs = gone.into_iter().filter(|_| delete.prev_kv).map(Arc::new).collect();
    (deleted, prev_kvs)
}

fn within(range: &KeyRange, key: &[u8]) -> bool {
    if range.end.is_empty() {
        return key == range.key;
    }
    if range.end.as_ref() == b"\0" {
        return key >= range.key.as_ref();
    }
    key >= range.key.as_ref() && key < range.end.as_ref()
}

fn compare_holds(map: &Map, compare: &Compare) -> bool {
    let mut found: Vec<_> =
        map.values().filter(|kv| within(&compare.range, &kv.key)).cloned().collect();
    if found.is_empty() {
        if matches!(compare.target, Some(CompareTarget::Value(_))) {
            return false;
        }
        found.push(KeyValue::default());
    }
    found.iter().all(|kv| {
        let order = match compare.target.as_ref() {
            Some(CompareTarget::Value(value)) => kv.value.cmp(value),
            Some(CompareTarget::Version(n)) => kv.version.cmp(n),
            Some(CompareTarget::Create(n)) => kv.create_revision.cmp(n),
            Some(CompareTarget::Mod(n)) => kv.mod_revision.cmp(n),
            Some(CompareTarget::Lease(n)) => kv.lease.cmp(n),
            None => kv.version.cmp(&0),
        };
        match compare.result() {
            CompareResult::Equal => order.is_eq(),
            CompareResult::NotEqual => order.is_ne(),
            CompareResult::Greater => order.is_gt(),
            CompareResult::Less => order.is_lt(),
        }
    })
}

fn may_put(txn: &Txn) -> bool {
    txn.success.iter().chain(&txn.failure).any(|op| match &op.kind {
        Some(OpKind::Put(_)) => true,
        Some(OpKind::Txn(nested)) => may_put(nested),
        _ => false,
    })
}

/// etcd's `checkIntervals`: the keys put and the ranges deleted by a list of operations.
#[allow(clippy::type_complexity)] // A pair, named by the line above.
fn touched(ops: &[Op]) -> Result<(BTreeSet<Vec<u8>>, Vec<KeyRange>), ApplyError> {
    let hits = |deletes: &[KeyRange], key: &[u8]| {
        deletes.iter().any(|range| range.end.as_ref() != b"\0" && within(range, key))
    };
    let mut puts: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut deletes = Vec::new();
    for op in ops {
        if let Some(OpKind::DeleteRange(delete)) = &op.kind {
            deletes.push(delete.range.clone());
        }
    }
    for op in ops {
        let Some(OpKind::Txn(nested)) = &op.kind else { continue };
        let (then_puts, then_deletes) = touched(&nested.success)?;
        let (else_puts, else_deletes) = touched(&nested.failure)?;
        for key in then_puts.union(&else_puts) {
            if puts.contains(key) || hits(&deletes, key) {
                return Err(ApplyError::DuplicateKey);
            }
        }
        puts.extend(then_puts);
        puts.extend(else_puts);
        deletes.extend(then_deletes);
        deletes.extend(else_deletes);
    }
    for op in ops {
        if let Some(OpKind::Put(put)) = &op.kind
            && (hits(&deletes, &put.key) || !puts.insert(put.key.to_vec()))
        {
            return Err(ApplyError::DuplicateKey);
        }
    }
    Ok((puts, deletes))
}

fn read(map: &Map, range: &Range) -> RangeResult {
    let found: Vec<_> = map.values().filter(|kv| within(&range.range, &kv.key)).collect();
    let count = found.len() as i64;
    if range.count_only {
        return RangeResult { kvs: Vec::new(), more: false, count };
    }
    let mut kvs: Vec<KeyValue> = found
        .into_iter()
        .filter(|kv| range.min_mod_revision == 0 || kv.mod_revision >= range.min_mod_revision)
        .filter(|kv| range.max_mod_revision == 0 || kv.mod_revision <= range.max_mod_revision)
        .filter(|kv| {
            range.min_create_revision == 0 || kv.create_revision >= range.min_create_revision
        })
        .filter(|kv| {
            range.max_create_revision == 0 || kv.create_revision <= range.max_create_revision
        })
        .cloned()
        .collect();
    match range.sort_target() {
        SortTarget::Key => {}
        SortTarget::Version => kvs.sort_by_key(|kv| kv.version),
        SortTarget::Create => kvs.sort_by_key(|kv| kv.create_revision),
        SortTarget::Mod => kvs.sort_by_key(|kv| kv.mod_revision),
        SortTarget::Value => kvs.sort_by_key(|kv| kv.value.clone()),
    }
    if range.sort_order() == SortOrder::Descend {
        // Equals keep key order in either direction.
        match range.sort_target() {
            SortTarget::Key => kvs.reverse(),
            SortTarget::Version => kvs.sort_by_key(|kv| -kv.version),
            SortTarget::Create => kvs.sort_by_key(|kv| -kv.create_revision),
            SortTarget::Mod => kvs.sort_by_key(|kv| -kv.mod_revision),
            SortTarget::Value => kvs.sort_by_key(|kv| std::cmp::Reverse(kv.value.clone())),
        }
    }
    let more = range.limit > 0 && kvs.len() as i64 > range.limit;
    if range.limit > 0 {
        kvs.truncate(range.limit as usize);
    }
    if range.keys_only {
        kvs.iter_mut().for_each(|kv| kv.value.clear());
    }
    RangeResult { kvs: kvs.into_iter().map(Arc::new).collect(), more, count }
}
