//! The leader's queue: commands of all members, waiting to be put into entries.

use crate::limits::ORDERING_BYTES_MAX;
use crate::wire::{ForwardAnswer, encode};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use tokio::sync::mpsc;

/// Commands that one member sent together, to be appended in `term` or not at all.
#[derive(Debug, Clone)]
pub struct Item {
    pub term: u64,
    pub commands: Vec<Bytes>,
    pub bytes: usize,
    pub origin: Origin,
}

/// Whom to tell if they are not appended.
#[derive(Debug, Clone)]
pub enum Origin {
    Local { flight: u64 },
    Remote { sequence: u64, replies: mpsc::Sender<Bytes> },
}

impl Item {
    pub fn new(term: u64, commands: Vec<Bytes>, origin: Origin) -> Self {
        let bytes = commands.iter().map(Bytes::len).sum();
        Self { term, commands, bytes, origin }
    }

    /// Tells the remote origin that this was not appended and never will be. Losing the message
    /// is harmless: the end of the term tells it too.
    pub fn refuse_remote(&self) {
        if let Origin::Remote { sequence, replies } = &self.origin {
            let refusal = ForwardAnswer { refused: *sequence, ..ForwardAnswer::default() };
            let _ = replies.try_send(encode(&refusal));
        }
    }
}

/// The queue, and what was taken from which member.
#[derive(Default)]
pub struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    sessions: HashMap<u64, Session>,
}

struct Session {
    session: u64,
    term: u64,
    taken: u64,
    /// Counts the streams of this member: a batch on an older one is not taken any more.
    epoch: u64,
}

/// A stream's right to put commands into the queue.
#[derive(Debug, Clone, Copy)]
pub struct Admission {
    pub member: u64,
    pub term: u64,
    pub epoch: u64,
}

impl Queue {
    pub fn is_full(&self) -> bool {
        self.bytes >= ORDERING_BYTES_MAX
    }

    pub fn push(&mut self, item: Item) {
        self.bytes += item.bytes;
        self.items.push_back(item);
    }

    pub fn push_front(&mut self, item: Item) {
        self.bytes += item.bytes;
        self.items.push_front(item);
    }

    /// Opens a member's stream for `term`, closing its older ones; also says the last batch that
    /// was taken from the session in this term.
    pub fn open(&mut self, member: u64, session: u64, term: u64) -> (Admission, u64) {
        let entry =
            self.sessions.entry(member).or_insert(Session { session, term, taken: 0, epoch: 0 });
        if (entry.session, entry.term) != (session, term) {
            *entry = Session { session, term, taken: 0, epoch: entry.epoch };
        }
        entry.epoch += 1;
        (Admission { member, term, epoch: entry.epoch }, entry.taken)
    }

    /// Takes a batch from a stream; false if the stream is not the member's latest.
    pub fn take_remote(
        &mut self,
        admission: Admission,
        sequence: u64,
        commands: Bytes,
        replies: &mpsc::Sender<Bytes>,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(&admission.member) else { return false };
        if session.epoch != admission.epoch || session.term != admission.term {
            return false;
        }
        if sequence <= session.taken {
            // Taken before: never twice.
            return true;
        }
        session.taken = sequence;
        let origin = Origin::Remote { sequence, replies: replies.clone() };
        self.push(Item::new(admission.term, vec![commands], origin));
        true
    }

    /// Takes items of `term` for one entry of up to `bytes_max` (at least one). Items of other
    /// terms in front of them come out first, as void.
    pub fn take_entry(&mut self, term: u64, bytes_max: usize) -> (Vec<Item>, Vec<Item>) {
        let mut entry = Vec::new();
        let mut void = Vec::new();
        let mut bytes = 0;
        while let Some(item) = self.items.front() {
            let fits = item.term != term || bytes == 0 || bytes + item.bytes <= bytes_max;
            if !fits {
                break;
            }
            let Some(item) = self.items.pop_front() else { break };
            self.bytes -= item.bytes;
            if item.term == term {
                bytes += item.bytes;
                entry.push(item);
            } else {
                void.push(item);
            }
        }
        (entry, void)
    }

    /// Empties the queue: this replica does not lead.
    pub fn drain(&mut self) -> Vec<Item> {
        self.bytes = 0;
        self.items.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands() -> Bytes {
        Bytes::from_static(b"commands")
    }

    #[test]
    fn a_reconnect_learns_what_was_taken_and_fences_the_old_stream() {
        let (replies, _rx) = mpsc::channel(4);
        let mut queue = Queue::default();
        let (old, taken) = queue.open(7, 1, 5);
        assert_eq!(taken, 0);
        assert!(queue.take_remote(old, 1, commands(), &replies));
        assert!(queue.take_remote(old, 3, commands(), &replies));
        let (new, taken) = queue.open(7, 1, 5);
        assert_eq!(taken, 3);
        assert!(!queue.take_remote(old, 4, commands(), &replies));
        assert!(queue.take_remote(new, 4, commands(), &replies));
        assert_eq!(queue.take_entry(5, 1 << 20).0.len(), 3);
    }

    #[test]
    fn a_batch_is_never_taken_twice() {
        let (replies, _rx) = mpsc::channel(4);
        let mut queue = Queue::default();
        let (admission, _) = queue.open(7, 1, 5);
        assert!(queue.take_remote(admission, 1, commands(), &replies));
        assert!(queue.take_remote(admission, 1, commands(), &replies));
        assert_eq!(queue.take_entry(5, 1 << 20).0.len(), 1);
    }

    #[test]
    fn a_new_process_or_term_starts_over() {
        let (replies, _rx) = mpsc::channel(4);
        let mut queue = Queue::default();
        let (admission, _) = queue.open(7, 1, 5);
        assert!(queue.take_remote(admission, 9, commands(), &replies));
        assert_eq!(queue.open(7, 1, 6).1, 0);
        assert_eq!(queue.open(7, 2, 6).1, 0);
        let (entry, void) = queue.take_entry(6, 1 << 20);
        assert_eq!((entry.len(), void.len()), (0, 1));
    }
}
