//! The meeting point of the writer, the dispatcher and the streams of watches.

use super::{HistoryReader, Limits, WatchStream};
use crate::kv::{Event, Revision};
use std::sync::Arc;

pub struct Hub {
    revision: Revision,
}

impl Hub {
    pub fn new(
        _reader: Arc<dyn HistoryReader>,
        revision: Revision,
        _compact_revision: Revision,
        _limits: Limits,
    ) -> Arc<Self> {
        Arc::new(Self { revision })
    }

    /// Takes over events just applied: ascending revisions, each whole. Never waits for a reader.
    pub fn publish(&self, _events: Vec<Event>) {}

    /// The keyspace has been compacted at `revision`.
    pub fn compacted(&self, _revision: Revision) {}

    /// The whole state has been replaced by one at `revision`; `reader` reads its history.
    pub fn reset(
        &self,
        _reader: Arc<dyn HistoryReader>,
        _revision: Revision,
        _compact_revision: Revision,
    ) {
    }

    /// Offers what was published to the watches concerned. False if there was nothing to do.
    pub fn dispatch(&self) -> bool {
        false
    }

    /// A new stream without watches.
    pub fn open(self: &Arc<Self>) -> WatchStream {
        WatchStream { _hub: self.clone() }
    }

    /// Everything up to here has been offered to every watch.
    pub fn revision(&self) -> Revision {
        self.revision
    }
}
