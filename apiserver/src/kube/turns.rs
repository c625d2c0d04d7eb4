//! [`Turns`]: writes of this server that change the same key wait for each other.
//!
//! Nothing depends on it: the transaction of a write holds only if its keys stand as they were read.
//! But of many writers that read the same key only one succeeds and all others do their work again;
//! in turns each does it once, and meets the writers of other replicas alone.

use super::limits::{TURN_WAIT, TURNS_MAX};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

/// Queues, of which each serves all names that fall on it.
pub struct Turns {
    queues: Vec<Mutex<()>>,
    wait: Duration,
}

/// Held for as long as it is a writer's turn.
pub type Turn<'t> = MutexGuard<'t, ()>;

impl Default for Turns {
    fn default() -> Self {
        Self { queues: (0..TURNS_MAX).map(|_| Mutex::new(())).collect(), wait: TURN_WAIT }
    }
}

impl Turns {
    fn queue(&self, name: &str) -> &Mutex<()> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let at = hasher.finish() % self.queues.len() as u64;
        &self.queues[at as usize]
    }

    /// The turn, if nobody has it.
    pub fn at_once(&self, name: &str) -> Option<Turn<'_>> {
        self.queue(name).try_lock().ok()
    }

    /// The turn, after all who came earlier; without it after a while, as it is no more than a
    /// courtesy.
    pub async fn wait(&self, name: &str) -> Option<Turn<'_>> {
        timeout(self.wait, self.queue(name).lock()).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn writers_take_turns_and_do_not_wait_forever() {
        let turns = Turns { wait: Duration::ZERO, ..Turns::default() };
        let held = turns.at_once("a").expect("nobody has it");
        assert!(turns.at_once("a").is_none());
        assert!(turns.wait("a").await.is_none(), "whoever has it may be stuck");
        drop(held);
        assert!(turns.wait("a").await.is_some());
    }
}
