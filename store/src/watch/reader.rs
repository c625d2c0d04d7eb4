//! How watches read history that memory no longer holds.

use super::EventBatch;
use crate::command::KeyRange;
use crate::engine::EngineError;
use crate::kv::Revision;

/// The retained history on disk. Reads block.
pub trait HistoryReader: Send + Sync + 'static {
    /// The events within `range` of the revisions `from..=to`, each with its previous version
    /// where that is retained, in order of revision. Every revision up to `to` has been written
    /// before the call. Stops early, between revisions, when `limit` is reached.
    ///
    /// `Compacted` if `from` is below the compact revision, judged after the data were read, so
    /// that a compaction beside the read cannot leave a hole in its result. A read from the
    /// compact revision itself succeeds and includes the deletions made at that revision.
    fn scan(
        &self,
        range: &KeyRange,
        from: Revision,
        to: Revision,
        limit: ScanLimit,
    ) -> Result<Scan, HistoryError>;
}

/// When a scan stops early: as soon as one of these is reached, but after one revision at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanLimit {
    /// Revisions with events in the range.
    pub revisions: usize,
    /// Keys and values read, previous versions included.
    pub bytes: usize,
    /// Records looked at, in the range or not.
    pub examined: usize,
}

/// What a scan found. All events in the range from its start through `through` are here.
#[derive(Debug)]
pub struct Scan {
    pub batches: Vec<EventBatch>,
    /// The last revision looked at; at least the first one asked for.
    pub through: Revision,
}

#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("revisions before {compact_revision} have been compacted")]
    Compacted { compact_revision: Revision },
    #[error(transparent)]
    Engine(#[from] EngineError),
}
