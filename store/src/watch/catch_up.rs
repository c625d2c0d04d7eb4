//! A read of history on behalf of one watch, done wherever blocking is allowed.

use super::limits::{CATCH_UP_BYTES_MAX, CATCH_UP_EXAMINED_MAX, CATCH_UP_REVISIONS_MAX};
use super::spec::Filter;
use super::{EventBatch, HistoryError, HistoryReader, Scan, ScanLimit};
use crate::command::KeyRange;
use crate::engine::EngineError;
use crate::kv::Revision;
use std::fmt;
use std::sync::Arc;

/// Which watch a read belongs to: its place in the stream and its number, which no later watch
/// in that place shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub place: u32,
    pub number: u64,
}

/// A bounded piece of history to be read for one watch.
pub struct CatchUp {
    pub(super) id: i64,
    pub(super) ticket: Ticket,
    pub(super) reader: Arc<dyn HistoryReader>,
    pub(super) range: KeyRange,
    pub(super) filter: Filter,
    pub(super) from: Revision,
    pub(super) to: Revision,
}

impl CatchUp {
    /// The watch that waits for it.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Reads; blocks on disk.
    pub fn read(self) -> CaughtUp {
        let limit = ScanLimit {
            revisions: CATCH_UP_REVISIONS_MAX,
            bytes: CATCH_UP_BYTES_MAX,
            examined: CATCH_UP_EXAMINED_MAX,
        };
        let result = self.reader.scan(&self.range, self.from, self.to, limit);
        let result = result.map(|scan| self.check(scan));
        CaughtUp { ticket: self.ticket, result }
    }

    fn check(&self, scan: Scan) -> Piece {
        assert!(
            self.from <= scan.through && scan.through <= self.to,
            "a scan of {}..={} says it went through {}",
            self.from,
            self.to,
            scan.through
        );
        let mut next = self.from;
        for batch in &scan.batches {
            let revision = batch.revision();
            assert!(
                next <= revision && revision <= scan.through,
                "history out of order: revision {revision}, at least {next} expected"
            );
            next = revision + 1;
        }
        let batches = scan.batches.into_iter().filter_map(|batch| self.filtered(batch)).collect();
        Piece { batches, through: scan.through }
    }

    fn filtered(&self, batch: EventBatch) -> Option<Arc<EventBatch>> {
        if batch.events().iter().all(|event| self.filter.admits(event)) {
            return Some(Arc::new(batch));
        }
        let events: Vec<_> =
            batch.events().iter().filter(|event| self.filter.admits(event)).cloned().collect();
        if events.is_empty() { None } else { Some(Arc::new(EventBatch::new(events))) }
    }
}

impl fmt::Debug for CatchUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CatchUp(watch {}, revisions {}..={})", self.id, self.from, self.to)
    }
}

/// The outcome of a [`CatchUp`], for [`super::WatchStream::resume`].
#[derive(Debug)]
pub struct CaughtUp {
    pub(super) ticket: Ticket,
    pub(super) result: Result<Piece, HistoryError>,
}

impl CaughtUp {
    /// A fault of the disk. A stream that is resumed with it will ask for the same read again; a
    /// caller ends the stream instead.
    pub fn error(&self) -> Option<&EngineError> {
        match &self.result {
            Err(HistoryError::Engine(error)) => Some(error),
            Ok(_) | Err(HistoryError::Compacted { .. }) => None,
        }
    }
}

/// All that the watch has to see up to and including `through`.
#[derive(Debug)]
pub(super) struct Piece {
    pub batches: Vec<Arc<EventBatch>>,
    pub through: Revision,
}
