//! What a stream of watches hands to its owner.

use super::{CatchUp, EventBatch, Extension};
use crate::kv::Revision;
use std::ops::Deref;
use std::sync::Arc;

/// Consecutive batches of a group. Watches that stand at the same place, of one stream or of
/// several, get the same run, so that whoever frames them may do it once and keep the result in
/// [`Self::extension`].
#[derive(Debug, Clone)]
pub struct Batches(Arc<Run>);

#[derive(Debug)]
struct Run {
    batches: Box<[Arc<EventBatch>]>,
    extension: Extension,
}

impl Batches {
    /// For what the receivers of the run share.
    pub fn extension(&self) -> &Extension {
        &self.0.extension
    }
}

impl Deref for Batches {
    type Target = [Arc<EventBatch>];

    fn deref(&self) -> &Self::Target {
        &self.0.batches
    }
}

impl FromIterator<Arc<EventBatch>> for Batches {
    fn from_iter<I: IntoIterator<Item = Arc<EventBatch>>>(batches: I) -> Self {
        let batches = batches.into_iter().collect();
        Self(Arc::new(Run { batches, extension: Extension::default() }))
    }
}

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
