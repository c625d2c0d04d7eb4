//! What a stream of watches hands to its owner.

use super::{CatchUp, EventBatch};
use crate::kv::Revision;
use std::sync::Arc;

/// Consecutive batches of a group. Watches of one stream that stand at the same place get the
/// same run (compare with [`Arc::ptr_eq`]), so that whoever frames them may do it once.
pub type Batches = Arc<[Arc<EventBatch>]>;

#[derive(Debug)]
pub enum Delivery {
    /// The next events of a watch; never empty, revisions ascending.
    Events { id: i64, prev_kv: bool, batches: Batches },
    /// A watch needs history that only the disk has: run [`CatchUp::read`] where blocking is
    /// allowed and give the result to [`super::WatchStream::resume`]. The other watches go on.
    Behind(CatchUp),
    /// The watch has ended: what it would see next has been compacted.
    Compacted { id: i64, compact_revision: Revision },
}
