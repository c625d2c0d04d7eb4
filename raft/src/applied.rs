//! How far this replica has applied the log, and who waits for more.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// The applied index.
#[derive(Default)]
pub struct Applied {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    index: u64,
    term: u64,
    /// Bytes of entries applied by this process.
    bytes: u64,
    /// Entries applied by this process.
    entries: u64,
    /// Where `bytes` stood at some indexes, about one per MiB, the oldest first.
    marks: std::collections::VecDeque<Mark>,
    waiting: BTreeMap<u64, Vec<oneshot::Sender<()>>>,
}

/// A point in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub index: u64,
    pub bytes: u64,
}

/// Between two marks, in bytes.
const MARK_BYTES: u64 = 1 << 20;
const MARKS_MAX: usize = 1024;

/// What was applied so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    pub index: u64,
    pub term: u64,
    pub bytes: u64,
    pub entries: u64,
}

impl Applied {
    /// Everything up to `index` is applied: `entries` more, of `bytes`. Returns the term if it is
    /// a new one.
    pub fn advance(&self, term: u64, index: u64, entries: u64, bytes: u64) -> Option<u64> {
        let mut state = self.state.lock();
        state.bytes += bytes;
        state.entries += entries;
        state.index = index;
        let total = state.bytes;
        let last = state.marks.back().map_or(0, |mark| mark.bytes);
        if total >= last + MARK_BYTES {
            if state.marks.len() == MARKS_MAX {
                state.marks.pop_front();
            }
            state.marks.push_back(Mark { index, bytes: total });
        }
        let new_term = (term > state.term).then_some(term);
        state.term = state.term.max(term);
        while let Some(entry) = state.waiting.first_entry()
            && *entry.key() <= index
        {
            for waiter in entry.remove() {
                // The waiter may have given up.
                let _ = waiter.send(());
            }
        }
        new_term
    }

    pub fn position(&self) -> Position {
        let state = self.state.lock();
        Position {
            index: state.index,
            term: state.term,
            bytes: state.bytes,
            entries: state.entries,
        }
    }

    /// The greatest marked index with at least `bytes` of entries after it; 0 if there is none.
    pub fn index_before_last(&self, bytes: u64) -> u64 {
        let state = self.state.lock();
        let limit = state.bytes.saturating_sub(bytes);
        let before = state.marks.iter().rev().find(|mark| mark.bytes <= limit);
        before.map_or(0, |mark| mark.index)
    }

    /// Resolves when everything up to `index` is applied.
    pub async fn reach(&self, index: u64) {
        let reached = {
            let mut state = self.state.lock();
            if state.index >= index {
                return;
            }
            let (tx, rx) = oneshot::channel();
            state.waiting.entry(index).or_default().push(tx);
            rx
        };
        // The sender is dropped only with the replica.
        if reached.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiters_wake_when_their_index_is_applied() {
        let applied = std::sync::Arc::new(Applied::default());
        let waiting = applied.clone();
        let waiter = tokio::spawn(async move { waiting.reach(5).await });
        assert_eq!(applied.advance(1, 4, 4, 0), Some(1));
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        assert_eq!(applied.advance(1, 6, 2, 0), None);
        waiter.await.expect("the waiter wakes");
        applied.reach(6).await;
    }

    #[test]
    fn marks_find_what_to_keep() {
        let applied = Applied::default();
        for index in 1..=10 {
            applied.advance(1, index, 1, MARK_BYTES);
        }
        assert_eq!(applied.index_before_last(3 * MARK_BYTES), 7);
        assert_eq!(applied.index_before_last(100 * MARK_BYTES), 0);
    }
}
