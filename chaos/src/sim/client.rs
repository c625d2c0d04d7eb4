//! Clients: closed loops of requests against whichever replica, recorded as a history.

use super::rng::Rng;
use super::trace::Trace;
use crate::history::{
    Compare, Delete, Failure, History, Kv, Operation, Outcome, Put, Range, Request, Response,
    Target, Txn, prefix_end,
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use xebec_raft::Replica;
use xebec_raft::errors::{LeaseError, ProposeError, ReadIndexError};
use xebec_store::command::{self, Body, KeyRange};
use xebec_store::kv::KeyValue;
use xebec_store::{ApplyError, OpResponse};

/// How a client sends its request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// A planted bug: linearizable reads that do not ask the leader.
    pub skip_read_index: bool,
}

/// Does one request at a replica, as a server would for a client.
pub async fn execute(replica: &Replica, request: &Request, manner: Manner) -> Outcome {
    match request {
        Request::Range(range) => read(replica, range, manner).await,
        Request::LeaseKeepAlive { lease } => keep_alive(replica, *lease).await,
        _ => {
            let body = body_of(request);
            match replica.propose(body).await {
                Ok(outcome) => match outcome.result {
                    Ok(response) => {
                        Outcome::Ok { revision: outcome.revision, response: response_of(&response) }
                    }
                    Err(error) => Outcome::Failed(failure_of(error)),
                },
                Err(error) => propose_error(&error),
            }
        }
    }
}

async fn read(replica: &Replica, range: &Range, manner: Manner) -> Outcome {
    if !range.serializable
        && !manner.skip_read_index
        && let Err(error) = replica.read_index().await
    {
        return read_error(&error);
    }
    let view = replica.store().view();
    let query = range_query(range);
    match view.range(&query) {
        Ok(result) => Outcome::Ok {
            revision: view.revision(),
            response: Response::Range {
                kvs: result.kvs.iter().map(|kv| kv_of(kv)).collect(),
                more: result.more,
                count: result.count,
            },
        },
        Err(xebec_store::ReadError::Compacted) => Outcome::Failed(Failure::Compacted),
        Err(xebec_store::ReadError::FutureRevision) => Outcome::Failed(Failure::FutureRevision),
        Err(error) => Outcome::Failed(Failure::Other(error.to_string())),
    }
}

async fn keep_alive(replica: &Replica, lease: i64) -> Outcome {
    match replica.lease_keep_alive(lease).await {
        Ok(ttl_s) => Outcome::Ok {
            revision: replica.store().view().revision(),
            response: Response::LeaseKeepAlive { ttl_s },
        },
        Err(LeaseError::NotFound) => Outcome::Failed(Failure::LeaseNotFound),
        Err(error) => Outcome::Unknown(error.to_string()),
    }
}

fn propose_error(error: &ProposeError) -> Outcome {
    match error {
        // These say that nothing was proposed.
        ProposeError::TooManyRequests | ProposeError::TooLarge | ProposeError::NoLeader => {
            Outcome::Failed(Failure::Other(error.to_string()))
        }
        _ => Outcome::Unknown(error.to_string()),
    }
}

fn read_error(error: &ReadIndexError) -> Outcome {
    Outcome::Failed(Failure::Other(error.to_string()))
}

fn failure_of(error: ApplyError) -> Failure {
    match error {
        ApplyError::Compacted => Failure::Compacted,
        ApplyError::FutureRevision => Failure::FutureRevision,
        ApplyError::LeaseNotFound => Failure::LeaseNotFound,
        ApplyError::LeaseExists => Failure::LeaseExists,
        ApplyError::NoSpace => Failure::NoSpace,
        other => Failure::Other(other.to_string()),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn kv_of(kv: &KeyValue) -> Kv {
    Kv {
        key: text(&kv.key),
        value: text(&kv.value),
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        lease: kv.lease,
    }
}

fn kvs_of(kvs: &[Arc<KeyValue>]) -> Vec<Kv> {
    kvs.iter().map(|kv| kv_of(kv)).collect()
}

fn response_of(response: &xebec_store::Response) -> Response {
    match response {
        xebec_store::Response::Put { prev } => Response::Put { prev: prev.as_deref().map(kv_of) },
        xebec_store::Response::DeleteRange { deleted, prev_kvs } => {
            Response::Delete { deleted: *deleted, prev: kvs_of(prev_kvs) }
        }
        xebec_store::Response::Txn(txn) => Response::Txn {
            succeeded: txn.succeeded,
            responses: txn.responses.iter().map(op_response_of).collect(),
        },
        xebec_store::Response::LeaseGrant { id, ttl_s } => {
            Response::LeaseGrant { lease: *id, ttl_s: *ttl_s }
        }
        xebec_store::Response::LeaseRevoke => Response::LeaseRevoke,
        _ => Response::Compact,
    }
}

fn op_response_of(response: &OpResponse) -> Response {
    match response {
        OpResponse::Range { result, .. } => {
            Response::Range { kvs: kvs_of(&result.kvs), more: result.more, count: result.count }
        }
        OpResponse::Put { prev, .. } => Response::Put { prev: prev.as_deref().map(kv_of) },
        OpResponse::DeleteRange { deleted, prev_kvs, .. } => {
            Response::Delete { deleted: *deleted, prev: kvs_of(prev_kvs) }
        }
        OpResponse::Txn(txn) => Response::Txn {
            succeeded: txn.succeeded,
            responses: txn.responses.iter().map(op_response_of).collect(),
        },
        OpResponse::Empty => Response::Compact,
    }
}

fn bytes_of(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub fn key_range(key: &str, end: &str) -> KeyRange {
    KeyRange { key: bytes_of(key), end: bytes_of(end) }
}

fn range_query(range: &Range) -> command::Range {
    command::Range {
        range: key_range(&range.key, &range.end),
        limit: range.limit,
        revision: range.revision,
        ..Default::default()
    }
}

fn put_of(put: &Put) -> command::Put {
    command::Put {
        key: bytes_of(&put.key),
        value: bytes_of(&put.value),
        lease: put.lease,
        prev_kv: put.prev_kv,
        ..Default::default()
    }
}

fn delete_of(delete: &Delete) -> command::DeleteRange {
    command::DeleteRange { range: key_range(&delete.key, &delete.end), prev_kv: delete.prev_kv }
}

fn body_of(request: &Request) -> Body {
    match request {
        Request::Put(put) => Body::Put(put_of(put)),
        Request::Delete(delete) => Body::DeleteRange(delete_of(delete)),
        Request::Txn(txn) => Body::Txn(command::Txn {
            compares: txn.compares.iter().map(compare_of).collect(),
            success: txn.success.iter().map(op_of).collect(),
            failure: txn.failure.iter().map(op_of).collect(),
        }),
        Request::LeaseGrant { lease, ttl_s } => {
            Body::LeaseGrant(command::LeaseGrant { id: *lease, ttl_s: *ttl_s })
        }
        Request::LeaseRevoke { lease } => Body::LeaseRevoke(command::LeaseRevoke { id: *lease }),
        Request::Compact { revision } => Body::Compact(command::Compact { revision: *revision }),
        Request::Range(_) | Request::LeaseKeepAlive { .. } => {
            unreachable!("reads and renewals are not proposed")
        }
    }
}

fn op_of(request: &Request) -> command::Op {
    let kind = match request {
        Request::Range(range) => command::OpKind::Range(range_query(range)),
        Request::Put(put) => command::OpKind::Put(put_of(put)),
        Request::Delete(delete) => command::OpKind::DeleteRange(delete_of(delete)),
        other => unreachable!("{other:?} does not stand in a transaction"),
    };
    command::Op { kind: Some(kind) }
}

fn compare_of(compare: &Compare) -> command::Compare {
    let target = match &compare.target {
        Target::ModRevision(revision) => command::CompareTarget::Mod(*revision),
        Target::CreateRevision(revision) => command::CompareTarget::Create(*revision),
        Target::Version(version) => command::CompareTarget::Version(*version),
        Target::Value(value) => command::CompareTarget::Value(bytes_of(value)),
    };
    command::Compare {
        range: key_range(&compare.key, ""),
        result: command::CompareResult::Equal as i32,
        target: Some(target),
    }
}

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

/// Where requests can go at the moment.
pub struct Server<'a> {
    pub host: usize,
    pub replica: &'a Replica,
    pub handle: &'a tokio::runtime::Handle,
    pub life: u64,
}

/// A lease that a client holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    lease: i64,
}

struct Session {
    client: u32,
    /// The operation under way.
    waiting: Option<Waiting>,
    next_us: u64,
    held: Option<Held>,
    /// A session stays at a replica for a while.
    host: Option<usize>,
}

struct Waiting {
    operation: Operation,
    host: usize,
    life: u64,
    give_up_us: u64,
    task: tokio::task::AbortHandle,
}

struct Done {
    id: u64,
    outcome: Outcome,
}

/// All clients of a run.
pub struct Clients {
    rng: Rng,
    trace: Arc<Trace>,
    sessions: Vec<Session>,
    done: Arc<Mutex<Vec<Done>>>,
    pub mix: Mix,
    pub manner: Manner,
    /// Requests are sent only while it is true.
    pub open: bool,
    pub think_max_us: u64,
    next_id: u64,
    next_lease: i64,
    /// The greatest revision that any client has seen.
    revision_seen: i64,
    pub acknowledged: u64,
    pub unknown: u64,
}

/// After so long a client hangs up; the replica's own deadline is shorter.
const GIVE_UP_US: u64 = 9_000_000;

impl Clients {
    pub fn new(rng: Rng, trace: Arc<Trace>, sessions: u32) -> Self {
        let session =
            |client| Session { client, waiting: None, next_us: 0, held: None, host: None };
        Self {
            rng,
            trace,
            sessions: (0..sessions).map(session).collect(),
            done: Arc::default(),
            mix: Mix::default(),
            manner: Manner::default(),
            open: true,
            think_max_us: 30_000,
            next_id: 1,
            next_lease: 1,
            revision_seen: 1,
            acknowledged: 0,
            unknown: 0,
        }
    }

    /// A number that no other record of the history has.
    pub fn next_record_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    pub fn revision_seen(&self) -> i64 {
        self.revision_seen
    }

    pub fn idle(&self) -> bool {
        self.sessions.iter().all(|session| session.waiting.is_none())
    }

    /// Takes in answers, gives up what is overdue, sends what is next.
    pub fn step(&mut self, now_us: u64, servers: &[Server<'_>], history: &mut History) {
        self.collect(now_us, history);
        self.give_up(now_us, servers, history);
        if !self.open || servers.is_empty() {
            return;
        }
        for index in 0..self.sessions.len() {
            let session = &self.sessions[index];
            if session.waiting.is_none() && session.next_us <= now_us {
                self.send(index, now_us, servers);
            }
        }
    }

    fn collect(&mut self, now_us: u64, history: &mut History) {
        let done = std::mem::take(&mut *self.done.lock());
        for Done { id, outcome } in done {
            let found = self.sessions.iter().position(|session| {
                session.waiting.as_ref().is_some_and(|waiting| waiting.operation.id == id)
            });
            // A client that hung up does not see the answer.
            if let Some(index) = found {
                self.finish(index, outcome, now_us, history);
            }
        }
    }

    fn give_up(&mut self, now_us: u64, servers: &[Server<'_>], history: &mut History) {
        for index in 0..self.sessions.len() {
            let Some(waiting) = &self.sessions[index].waiting else { continue };
            let there = servers
                .iter()
                .any(|server| server.host == waiting.host && server.life == waiting.life);
            let reason = if !there {
                "connection lost"
            } else if waiting.give_up_us <= now_us {
                waiting.task.abort();
                "the client hung up"
            } else {
                continue;
            };
            self.finish(index, Outcome::Unknown(reason.to_owned()), now_us, history);
        }
    }

    fn finish(&mut self, index: usize, outcome: Outcome, now_us: u64, history: &mut History) {
        let think_us = self.rng.between(0, self.think_max_us);
        let session = &mut self.sessions[index];
        let Some(waiting) = session.waiting.take() else { return };
        session.next_us = now_us + think_us;
        let mut operation = waiting.operation;
        operation.return_ns = now_us * 1_000;
        operation.outcome = outcome;
        match &operation.outcome {
            Outcome::Ok { revision, response } => {
                self.acknowledged += 1;
                self.revision_seen = self.revision_seen.max(*revision);
                match response {
                    Response::LeaseGrant { lease, .. } => {
                        session.held = Some(Held { lease: *lease });
                    }
                    Response::LeaseRevoke => session.held = None,
                    _ => {}
                }
            }
            Outcome::Failed(Failure::LeaseNotFound) => session.held = None,
            Outcome::Failed(_) => session.host = None,
            Outcome::Unknown(_) => {
                self.unknown += 1;
                session.host = None;
            }
        }
        let (id, client) = (operation.id, operation.client);
        let outcome = summary(&operation.outcome);
        self.trace.line(format_args!("client {client}: {id} {outcome}"));
        history.operations.push(operation);
    }

    fn send(&mut self, index: usize, now_us: u64, servers: &[Server<'_>]) {
        let id = self.next_record_id();
        let request = self.next_request(index, id);
        // A session changes its replica now and then, and must when that is gone.
        let session = &mut self.sessions[index];
        let stay = session.host.filter(|_| !self.rng.chance_ppm(100_000));
        let server = servers
            .iter()
            .find(|server| Some(server.host) == stay)
            .unwrap_or_else(|| self.rng.pick(servers));
        session.host = Some(server.host);
        let operation = Operation {
            id,
            client: session.client,
            replica: server.host as u32,
            call_ns: now_us * 1_000,
            return_ns: now_us * 1_000,
            request: request.clone(),
            outcome: Outcome::Unknown(String::new()),
        };
        let what = format!("{request:?}").replace("xxxxxxxx", "");
        self.trace.line(format_args!("client {}: {id} to {}: {what}", session.client, server.host));
        let patient = !self.rng.chance_ppm(10_000);
        let patience_us = if patient { GIVE_UP_US } else { self.rng.between(1_000, 50_000) };
        let (there_ms, back_ms) = (self.rng.between(0, 2), self.rng.between(0, 2));
        let (replica, done, manner) = (server.replica.clone(), Arc::clone(&self.done), self.manner);
        let task = server.handle.spawn(async move {
            tokio::time::sleep(Duration::from_millis(there_ms)).await;
            let outcome = execute(&replica, &request, manner).await;
            tokio::time::sleep(Duration::from_millis(back_ms)).await;
            done.lock().push(Done { id, outcome });
        });
        session.waiting = Some(Waiting {
            operation,
            host: server.host,
            life: server.life,
            give_up_us: now_us + patience_us,
            task: task.abort_handle(),
        });
    }

    fn next_request(&mut self, index: usize, id: u64) -> Request {
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
        text(&super::truth::tagged_value(id, part, padding))
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

/// What a line of the trace says about an outcome.
fn summary(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ok { revision, response } => {
            let what = match response {
                Response::Range { count, .. } => format!("{count} keys"),
                Response::Delete { deleted, .. } => format!("{deleted} deleted"),
                Response::Txn { succeeded, .. } => format!("succeeded: {succeeded}"),
                _ => String::new(),
            };
            format!("done at {revision} {what}")
        }
        Outcome::Failed(failure) => format!("failed: {failure:?}"),
        Outcome::Unknown(reason) => format!("unknown: {reason}"),
    }
}
