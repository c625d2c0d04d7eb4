//! The waiter table: every command of this process that has no outcome yet.
//!
//! Pure bookkeeping under one lock. Invariant (exactly once): a command is handed out for sending
//! again only when it is certain that its earlier sending never will be applied.

use super::fragment::Fragment;
use crate::errors::ProposeError;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use tokio::sync::oneshot;
use tokio::time::Instant;
use xebec_store::Outcome;

pub type Answer = oneshot::Sender<Result<Outcome, ProposeError>>;

/// Commands waiting for outcomes, by id; ids count up, so a ring buffer is the map.
pub struct Table {
    /// The id of the first slot.
    base: u64,
    slots: VecDeque<Option<Waiter>>,
    /// Ids that were not sent, or whose sending is known to be void.
    queue: VecDeque<u64>,
    flights: BTreeMap<u64, Flight>,
    next_flight: u64,
    waiting: usize,
    waiting_bytes: usize,
}

struct Waiter {
    command: Bytes,
    deadline: Instant,
    answer: Answer,
    /// The one term in which it may be sent, if bound to one.
    bound: Option<u64>,
    /// The flight it was sent in last.
    flight: Option<u64>,
}

/// Commands that were sent together, in one term.
struct Flight {
    term: u64,
    ids: Vec<u64>,
    open: usize,
}

/// What to send: encoded commands, and the number that names them on a propose stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    pub flight: u64,
    pub commands: Vec<Bytes>,
}

impl Table {
    /// Ids start at `base`: a random number, so that outcomes of commands that an earlier process
    /// of this member proposed, found in the log after a restart, match nothing.
    pub fn new(base: u64) -> Self {
        Self {
            base,
            slots: VecDeque::new(),
            queue: VecDeque::new(),
            flights: BTreeMap::new(),
            next_flight: 1,
            waiting: 0,
            waiting_bytes: 0,
        }
    }

    pub fn waiting(&self) -> usize {
        self.waiting
    }

    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub fn flights(&self) -> usize {
        self.flights.len()
    }

    pub fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Takes up a command; it gets its id here.
    pub fn insert(
        &mut self,
        fragment: Fragment,
        bound: Option<u64>,
        deadline: Instant,
        answer: Answer,
    ) -> u64 {
        let id = self.base.wrapping_add(self.slots.len() as u64);
        let command = fragment.with_id(id);
        self.waiting += 1;
        self.waiting_bytes += command.len();
        self.slots.push_back(Some(Waiter { command, deadline, answer, bound, flight: None }));
        self.queue.push_back(id);
        id
    }

    /// Takes queued commands of up to `bytes_max` together (at least one) as sent in `term`.
    pub fn take_load(&mut self, term: u64, bytes_max: usize) -> Option<Load> {
        let mut ids = Vec::new();
        let mut commands = Vec::new();
        let mut bytes = 0;
        let flight = self.next_flight;
        while let Some(&id) = self.queue.front() {
            let Some(waiter) = self.slot(id) else {
                self.queue.pop_front();
                continue;
            };
            if waiter.bound.is_some_and(|bound| bound != term) {
                self.queue.pop_front();
                self.fail(id, ProposeError::TimeoutLeaderFailure);
                continue;
            }
            if bytes > 0 && bytes + waiter.command.len() > bytes_max {
                break;
            }
            bytes += waiter.command.len();
            commands.push(waiter.command.clone());
            waiter.flight = Some(flight);
            ids.push(id);
            self.queue.pop_front();
        }
        if ids.is_empty() {
            return None;
        }
        self.next_flight += 1;
        let open = ids.len();
        self.flights.insert(flight, Flight { term, ids, open });
        Some(Load { flight, commands })
    }

    /// What was sent in `term` after the flight `taken` and is not applied: the leader says that
    /// it never took it, so it can be sent again as it was.
    pub fn loads_after(&self, term: u64, taken: u64) -> Vec<Load> {
        let later = self.flights.range(taken + 1..).filter(|(_, flight)| flight.term == term);
        later
            .map(|(&number, flight)| {
                let commands = flight.ids.iter().filter_map(|&id| self.command(id)).collect();
                Load { flight: number, commands }
            })
            .filter(|load| !load.commands.is_empty())
            .collect()
    }

    /// Hands outcomes to their waiters.
    pub fn complete(&mut self, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            if let Some(waiter) = self.take(outcome.id) {
                // The caller may have given up.
                let _ = waiter.answer.send(Ok(outcome));
            }
        }
        self.trim();
    }

    /// An entry of `term` was applied: what was sent in an earlier term and is not applied never
    /// will be. It is queued again. Returns how many commands that were.
    pub fn void_before(&mut self, term: u64) -> usize {
        let void: Vec<u64> =
            self.flights.iter().filter(|(_, f)| f.term < term).map(|(&number, _)| number).collect();
        void.into_iter().rev().map(|flight| self.refuse(flight)).sum()
    }

    /// The flight was not appended and never will be: its commands are queued again, first.
    pub fn refuse(&mut self, flight: u64) -> usize {
        let Some(flight) = self.flights.remove(&flight) else { return 0 };
        let mut again = 0;
        for id in flight.ids.into_iter().rev() {
            if let Some(waiter) = self.slot(id) {
                waiter.flight = None;
                self.queue.push_front(id);
                again += 1;
            }
        }
        again
    }

    /// The keyspace was replaced: whether a command that was sent is in it is unknown.
    pub fn fail_sent(&mut self) {
        let flights = std::mem::take(&mut self.flights);
        for id in flights.into_values().flat_map(|flight| flight.ids) {
            self.fail(id, ProposeError::TimeoutLeaderFailure);
        }
        self.trim();
    }

    /// Answers the waiters whose time is up; `leader` is whether there is one now, and in which
    /// term.
    pub fn expire(&mut self, now: Instant, leader: Option<u64>) {
        // Ids and deadlines have the same order.
        let mut index = 0;
        while let Some(slot) = self.slots.get(index) {
            match slot {
                Some(waiter) if waiter.deadline > now => break,
                Some(waiter) => {
                    let sent = waiter.flight.and_then(|flight| self.flights.get(&flight));
                    let error = match sent {
                        None if leader.is_none() => ProposeError::NoLeader,
                        None => ProposeError::Timeout,
                        Some(flight) if leader == Some(flight.term) => ProposeError::Timeout,
                        Some(_) => ProposeError::TimeoutLeaderFailure,
                    };
                    self.fail(self.base.wrapping_add(index as u64), error);
                }
                None => {}
            }
            index += 1;
        }
        self.trim();
    }

    /// Ends all waiting.
    pub fn fail_all(&mut self, error: &ProposeError) {
        for index in 0..self.slots.len() {
            self.fail(self.base.wrapping_add(index as u64), error.clone());
        }
        self.queue.clear();
        self.trim();
    }

    fn fail(&mut self, id: u64, error: ProposeError) {
        if let Some(waiter) = self.take(id) {
            // The caller may have given up.
            let _ = waiter.answer.send(Err(error));
        }
    }

    fn index(&self, id: u64) -> usize {
        usize::try_from(id.wrapping_sub(self.base)).unwrap_or(usize::MAX)
    }

    fn slot(&mut self, id: u64) -> Option<&mut Waiter> {
        let index = self.index(id);
        self.slots.get_mut(index)?.as_mut()
    }

    fn command(&self, id: u64) -> Option<Bytes> {
        Some(self.slots.get(self.index(id))?.as_ref()?.command.clone())
    }

    fn take(&mut self, id: u64) -> Option<Waiter> {
        let index = self.index(id);
        let waiter = self.slots.get_mut(index)?.take()?;
        self.waiting -= 1;
        self.waiting_bytes -= waiter.command.len();
        if let Some(number) = waiter.flight
            && let Some(flight) = self.flights.get_mut(&number)
        {
            flight.open -= 1;
            if flight.open == 0 {
                self.flights.remove(&number);
            }
        }
        Some(waiter)
    }

    /// Drops the slots before the oldest waiter.
    fn trim(&mut self) {
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.base = self.base.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::oneshot::error::TryRecvError;
    use xebec_store::Response;
    use xebec_store::command::{Body, Put};

    type Receiver = oneshot::Receiver<Result<Outcome, ProposeError>>;

    fn put(table: &mut Table, deadline: Instant) -> (u64, Receiver) {
        let body = Body::Put(Put { key: Bytes::from_static(b"k"), ..Put::default() });
        let (answer, receiver) = oneshot::channel();
        (table.insert(Fragment::new(1, &body), None, deadline, answer), receiver)
    }

    fn outcome(id: u64) -> Outcome {
        Outcome { origin: 1, id, revision: 2, result: Ok(Response::Compact) }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(7)
    }

    #[test]
    fn a_command_is_sent_once_and_answered_once() {
        let mut table = Table::new(u64::MAX - 1);
        let (first, mut one) = put(&mut table, soon());
        let (second, mut two) = put(&mut table, soon());
        assert_eq!(table.take_load(3, 1 << 20).map(|load| load.commands.len()), Some(2));
        assert_eq!(table.take_load(3, 1 << 20), None);
        table.complete(vec![outcome(second), outcome(second), outcome(77)]);
        assert_eq!(one.try_recv(), Err(TryRecvError::Empty));
        assert!(two.try_recv().is_ok());
        assert_eq!(table.flights(), 1);
        table.complete(vec![outcome(first)]);
        assert_eq!((table.waiting(), table.waiting_bytes(), table.flights()), (0, 0, 0));
    }

    #[test]
    fn only_what_a_later_term_proves_dead_is_sent_again() {
        let mut table = Table::new(0);
        let (applied, _one) = put(&mut table, soon());
        put(&mut table, soon());
        let load = table.take_load(3, 1 << 20).expect("two commands");
        let (_, _three) = put(&mut table, soon());
        let current = table.take_load(4, 1 << 20).expect("one command");
        table.complete(vec![outcome(applied)]);
        assert_eq!(table.void_before(3), 0);
        assert_eq!(table.void_before(4), 1);
        let again = table.take_load(4, 1 << 20).expect("the dead command");
        assert_eq!(again.commands, load.commands[1..]);
        assert_eq!(table.loads_after(4, current.flight), vec![again]);
        assert_eq!(table.loads_after(3, 0), vec![]);
    }

    #[test]
    fn what_is_bound_to_a_term_is_never_sent_in_another() {
        let mut table = Table::new(0);
        let body = Body::Put(Put::default());
        let (answer, mut receiver) = oneshot::channel();
        table.insert(Fragment::new(1, &body), Some(3), soon(), answer);
        assert!(table.take_load(3, 1 << 20).is_some());
        assert_eq!(table.void_before(4), 1);
        assert_eq!(table.take_load(4, 1 << 20), None);
        assert_eq!(receiver.try_recv(), Ok(Err(ProposeError::TimeoutLeaderFailure)));
    }

    #[test]
    fn a_load_is_bounded_but_never_empty() {
        let mut table = Table::new(0);
        for _ in 0..3 {
            put(&mut table, soon());
        }
        assert_eq!(table.take_load(1, 1).map(|load| load.commands.len()), Some(1));
        assert_eq!(table.take_load(1, 1 << 20).map(|load| load.commands.len()), Some(2));
    }

    #[test]
    fn deadlines_say_what_is_known() {
        let mut table = Table::new(0);
        let now = Instant::now();
        let (_, mut sent) = put(&mut table, now);
        table.take_load(1, 1 << 20);
        let (_, mut queued) = put(&mut table, now);
        let (_, mut later) = put(&mut table, now + Duration::from_secs(1));
        table.expire(now, Some(2));
        assert_eq!(sent.try_recv(), Ok(Err(ProposeError::TimeoutLeaderFailure)));
        assert_eq!(queued.try_recv(), Ok(Err(ProposeError::Timeout)));
        assert_eq!(later.try_recv(), Err(TryRecvError::Empty));
        table.expire(now + Duration::from_secs(2), None);
        assert_eq!(later.try_recv(), Ok(Err(ProposeError::NoLeader)));
        assert_eq!((table.waiting(), table.flights()), (0, 0));
    }

    #[test]
    fn a_replaced_keyspace_leaves_sent_commands_unknown() {
        let mut table = Table::new(0);
        let (_, mut sent) = put(&mut table, soon());
        table.take_load(1, 1 << 20);
        let (_, mut queued) = put(&mut table, soon());
        table.fail_sent();
        assert_eq!(sent.try_recv(), Ok(Err(ProposeError::TimeoutLeaderFailure)));
        assert_eq!(queued.try_recv(), Err(TryRecvError::Empty));
        assert!(table.take_load(2, 1 << 20).is_some());
    }
}
