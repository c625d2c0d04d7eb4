//! Clients: closed loops of requests against whichever replica, recorded as a history.

mod execute;
mod requests;

use super::rng::Rng;
use super::trace::Trace;
use super::world::STEP_US;
use crate::history::{Failure, History, Operation, Outcome, Response};
pub use execute::{Manner, execute, key_range, kv_of};
use parking_lot::Mutex;
pub use requests::Mix;
use std::sync::Arc;
use std::time::Duration;
use xebec_raft::Replica;

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

/// When the step that ends at `now_us` began: clients act before the hosts run through it.
fn began_ns(now_us: u64) -> u64 {
    (now_us - STEP_US) * 1_000
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
        operation.return_ns = began_ns(now_us);
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
            // After every answer that this step brought.
            call_ns: began_ns(now_us) + 1,
            return_ns: began_ns(now_us) + 1,
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
