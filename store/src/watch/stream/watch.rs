//! One watch: a cursor, and where it reads.

use super::super::EventBatch;
use super::super::catch_up::Piece;
use crate::kv::Revision;
use std::sync::Arc;

pub(super) struct Watch {
    pub id: i64,
    /// Unlike its place, never used again.
    pub number: u64,
    /// The follower of its group, and its position in that one's list.
    pub follower: u32,
    pub position: u32,
    /// Every event below this revision has been handed out, or was not asked for. Stale, but
    /// never too high, while the watch is idle.
    pub next: Revision,
    /// As the client asked; 0 for "from now".
    pub start: Revision,
    pub prev_kv: bool,
    /// It is in the ready or parked queue, or being served.
    pub queued: bool,
    pub state: State,
}

pub(super) enum State {
    /// It follows the ring: `seq` is the number of the batch to take next. It is idle, that is not
    /// queued, only at the ring's end, or where the ring's end was when its follower was marked.
    Live { seq: u64 },
    /// It has to read from `next` on, from wherever that is.
    Behind,
    /// A read from disk is out.
    Reading,
    /// What was read from disk is being delivered.
    Reviewing(Box<Review>),
    /// To be told so and removed.
    Ended { compact_revision: Revision },
}

/// A piece of history on its way out.
pub(super) struct Review {
    pub batches: std::vec::IntoIter<Arc<EventBatch>>,
    pub through: Revision,
}

impl From<Piece> for Review {
    fn from(piece: Piece) -> Self {
        Self { batches: piece.batches.into_iter(), through: piece.through }
    }
}

impl Watch {
    pub fn is_idle(&self) -> bool {
        !self.queued && matches!(self.state, State::Live { .. })
    }
}
