//! Proposals: from a client's command to its outcome.
//!
//! A command enters the waiter table ([`table`]), is sent together with all others waiting at that
//! moment to the leader's queue ([`order`]) - this replica's own, or another's over a stream
//! ([`forward`]) - and is put into an entry there. The outcome comes from this replica's own apply,
//! by id. A command is bound to the term in which it was sent: the leader appends it in that term or
//! never. So once this replica has applied an entry of a later term, what it sent before and has
//! not applied is void, and is sent again.

pub mod forward;
mod fragment;
mod order;
mod pump;
mod table;

pub use order::{Admission, Item, Origin};
pub use pump::run;

use crate::errors::ProposeError;
use crate::health::Health;
use crate::leadership::Leadership;
use crate::limits::{
    COMMAND_BYTES_MAX, ENTRY_BYTES_MAX, FLIGHTS_MAX, PENDING_BYTES_MAX, PENDING_COMMANDS_MAX,
};
use crate::watch_channel as watch;
use bytes::Bytes;
use forward::Outbound;
use fragment::Fragment;
use order::Queue;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use table::Table;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use xebec_store::Outcome;
use xebec_store::command::Body;

/// How long a member's stream waits for this replica to notice that it leads.
const ADMISSION_PATIENCE: Duration = Duration::from_millis(100);

/// All commands of one replica that are under way, and of all replicas while it leads.
pub struct Proposals {
    member_id: u64,
    /// Names this process to the leader.
    session: u64,
    timeout: Duration,
    table: Mutex<Table>,
    queue: Mutex<Queue>,
    outbound: Mutex<Outbound>,
    leadership: watch::Receiver<Leadership>,
    health: Arc<Health>,
    /// Wakes the pump.
    work: Notify,
}

impl Proposals {
    pub fn new(
        member_id: u64,
        random: u64,
        timeout: Duration,
        leadership: watch::Receiver<Leadership>,
        health: Arc<Health>,
    ) -> Self {
        Self {
            member_id,
            session: random,
            timeout,
            table: Mutex::new(Table::new(random)),
            queue: Mutex::default(),
            outbound: Mutex::default(),
            leadership,
            health,
            work: Notify::new(),
        }
    }

    /// Has a command ordered and applied; returns its outcome.
    pub async fn propose(&self, body: &Body) -> Result<Outcome, ProposeError> {
        if self.health.is_corrupt() {
            return Err(ProposeError::Corrupt);
        }
        self.submit_in(body, None)?.await.unwrap_or(Err(ProposeError::Stopped))
    }

    /// Takes up a command without waiting for its outcome, to be applied in `term` or not at all
    /// if one is given. A corrupt replica may still raise its alarm this way.
    pub fn submit_in(
        &self,
        body: &Body,
        term: Option<u64>,
    ) -> Result<oneshot::Receiver<Result<Outcome, ProposeError>>, ProposeError> {
        if self.health.is_stopped() {
            return Err(ProposeError::Stopped);
        }
        let fragment = Fragment::new(self.member_id, body);
        if fragment.len() > COMMAND_BYTES_MAX {
            return Err(ProposeError::TooLarge);
        }
        let deadline = Instant::now() + self.timeout;
        let (answer, outcome) = oneshot::channel();
        {
            let mut table = self.table.lock();
            let full = table.waiting() >= PENDING_COMMANDS_MAX
                || table.waiting_bytes() + fragment.len() > PENDING_BYTES_MAX;
            if full {
                return Err(ProposeError::TooManyRequests);
            }
            table.insert(fragment, term, deadline, answer);
        }
        self.work.notify_one();
        Ok(outcome)
    }

    /// Entries up to one of `term` were applied here, with these outcomes of own commands.
    pub fn applied(&self, outcomes: Vec<Outcome>, new_term: Option<u64>) {
        let mut table = self.table.lock();
        if !outcomes.is_empty() {
            table.complete(outcomes);
        }
        let again = new_term.map_or(0, |term| table.void_before(term));
        let wake = table.has_queued();
        drop(table);
        if again > 0 {
            tracing::info!(commands = again, "proposing again what an earlier leader lost");
        }
        if wake {
            self.work.notify_one();
        }
    }

    /// The keyspace was replaced by a snapshot.
    pub fn replaced(&self) {
        self.table.lock().fail_sent();
        self.work.notify_one();
    }

    pub fn stop(&self) {
        self.table.lock().fail_all(&ProposeError::Stopped);
    }

    /// Commands that wait for their outcome.
    pub fn pending(&self) -> usize {
        self.table.lock().waiting()
    }

    /// Opens the stream of another member's commands for `term`. None if this replica does not
    /// lead in it; the member may have heard of it a moment earlier.
    pub async fn admit(&self, member: u64, session: u64, term: u64) -> Option<(Admission, u64)> {
        let mut leadership = self.leadership.clone();
        let leads = leadership.wait_for(|now| now.own_term() == Some(term));
        let leads = tokio::time::timeout(ADMISSION_PATIENCE, leads).await;
        if !matches!(leads, Ok(Ok(_))) {
            return None;
        }
        Some(self.queue.lock().open(member, session, term))
    }

    /// Takes another member's commands; false if the stream is no longer the member's latest.
    pub fn take_remote(
        &self,
        admission: Admission,
        sequence: u64,
        commands: Bytes,
        replies: &mpsc::Sender<Bytes>,
    ) -> bool {
        let taken = self.queue.lock().take_remote(admission, sequence, commands, replies);
        self.work.notify_one();
        taken
    }

    /// True while the leader's queue has no room: its streams are to wait.
    pub fn is_queue_full(&self) -> bool {
        self.queue.lock().is_full()
    }

    /// Sends what waits to the leader: to the own queue, or on the stream to another.
    fn route(&self) {
        let leadership = *self.leadership.borrow();
        let Some(leader) = leadership.leader else { return };
        if leader == self.member_id {
            self.route_here(leadership.term);
        } else {
            self.route_there(leader, leadership.term);
        }
    }

    fn route_here(&self, term: u64) {
        let mut table = self.table.lock();
        while table.flights() < FLIGHTS_MAX {
            let Some(load) = table.take_load(term, ENTRY_BYTES_MAX) else { return };
            let origin = Origin::Local { flight: load.flight };
            self.queue.lock().push(Item::new(term, load.commands, origin));
        }
    }

    fn route_there(&self, leader: u64, term: u64) {
        let outbound = self.outbound.lock();
        if !outbound.is_open(leader, term) {
            return;
        }
        let mut table = self.table.lock();
        while table.flights() < FLIGHTS_MAX {
            let Some(load) = table.take_load(term, ENTRY_BYTES_MAX) else { return };
            outbound.send(load.flight, &load.commands);
        }
    }

    /// These commands were not appended and never will be.
    fn refuse(&self, items: &[Item]) {
        for item in items {
            match &item.origin {
                Origin::Local { flight } => {
                    self.table.lock().refuse(*flight);
                }
                Origin::Remote { .. } => item.refuse_remote(),
            }
        }
    }

    fn expire(&self) {
        let leadership = *self.leadership.borrow();
        let term = leadership.leader.map(|_| leadership.term);
        self.table.lock().expire(Instant::now(), term);
    }
}
