//! Effects: everything that applying commands asks the outside to do.

use super::State;
use crate::engine::Batch;
use crate::kv::{Event, Revision};
use crate::outcome::Outcome;

/// What one apply leaves to be done: written, published, answered. One `Effects` may gather many
/// batches of commands, which then become one write.
#[derive(Debug)]
pub struct Effects {
    /// The revision before: what is on disk reaches up to here.
    pub base_revision: Revision,
    /// Every change, in order. Those of one revision stand together.
    pub events: Vec<Event>,
    /// The same for the disk.
    pub batch: Batch,
    /// Answers to the commands of this member.
    pub outcomes: Vec<Outcome>,
}

impl Effects {
    pub fn new(state: &State) -> Self {
        Self {
            base_revision: state.revision,
            events: Vec::new(),
            batch: Batch::default(),
            outcomes: Vec::new(),
        }
    }
}
