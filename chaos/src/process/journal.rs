//! Where clients put what they did: a file, and the history in memory.

use super::ProcessError;
use crate::history::{Fault, History, Nanos, Operation, Outcome, Request, Revision, Watch};
use crate::history_file::Record;
use parking_lot::Mutex;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio::time::Instant;

/// Counts of what happened so far, for the progress line and the verdict.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub ok: u64,
    pub failed: u64,
    pub unknown: u64,
    pub refused_no_space: u64,
    pub watch_events: u64,
    pub watches: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.ok += other.ok;
        self.failed += other.failed;
        self.unknown += other.unknown;
        self.refused_no_space += other.refused_no_space;
        self.watch_events += other.watch_events;
        self.watches += other.watches;
    }
}

pub struct Journal {
    start: Instant,
    next_id: AtomicU64,
    /// The highest revision that any client saw.
    revision: AtomicI64,
    /// When the last write was acknowledged.
    last_write_ns: AtomicU64,
    kept: Mutex<Kept>,
}

struct Kept {
    history: History,
    file: BufWriter<File>,
    counts: Counts,
    write_error: Option<std::io::Error>,
}

impl Journal {
    pub fn new(file: &Path, base: Revision) -> Result<Self, ProcessError> {
        let named = format!("history {}", file.display());
        let file = BufWriter::new(File::create(file).map_err(ProcessError::io(named))?);
        let history = History { base, ..History::default() };
        let counts = Counts::default();
        let mut kept = Kept { history, file, counts, write_error: None };
        kept.write(&Record::Base(base));
        Ok(Self {
            start: Instant::now(),
            next_id: AtomicU64::new(1),
            revision: AtomicI64::new(base),
            last_write_ns: AtomicU64::new(0),
            kept: Mutex::new(kept),
        })
    }

    pub fn now_ns(&self) -> Nanos {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub fn revision(&self) -> Revision {
        self.revision.load(Ordering::Relaxed)
    }

    pub fn saw(&self, revision: Revision) {
        self.revision.fetch_max(revision, Ordering::Relaxed);
    }

    pub fn last_write_ns(&self) -> Nanos {
        self.last_write_ns.load(Ordering::Relaxed)
    }

    pub fn counts(&self) -> Counts {
        self.kept.lock().counts
    }

    pub fn operation(&self, operation: Operation) {
        let mut kept = self.kept.lock();
        let is_read = matches!(operation.request, Request::Range(_));
        match &operation.outcome {
            Outcome::Ok { revision, .. } => {
                self.saw(*revision);
                kept.counts.ok += 1;
                if matches!(operation.request, Request::Put(_)) {
                    self.last_write_ns.fetch_max(operation.return_ns, Ordering::Relaxed);
                }
            }
            Outcome::Failed(failure) => {
                kept.counts.failed += 1;
                let no_space = *failure == crate::history::Failure::NoSpace;
                kept.counts.refused_no_space += u64::from(no_space);
            }
            // A read that failed has no fate to be unknown.
            Outcome::Unknown(_) if is_read => kept.counts.failed += 1,
            Outcome::Unknown(_) => kept.counts.unknown += 1,
        }
        kept.push(Record::Operation(operation));
    }

    pub fn watch(&self, watch: Watch) {
        let mut kept = self.kept.lock();
        kept.counts.watches += 1;
        kept.counts.watch_events += watch.events().count() as u64;
        kept.push(Record::Watch(watch));
    }

    pub fn hash_sample(&self, sample: crate::history::HashSample) {
        self.kept.lock().push(Record::Hash(sample));
    }

    pub fn fault(&self, fault: Fault) {
        self.kept.lock().push(Record::Fault(fault));
    }

    /// Closes the file and hands the history over.
    pub fn finish(&self) -> Result<(History, Counts), ProcessError> {
        let mut kept = self.kept.lock();
        let flushed = kept.file.flush();
        let result = kept.write_error.take().map_or(flushed, Err);
        result.map_err(ProcessError::io("the history file"))?;
        Ok((std::mem::take(&mut kept.history), kept.counts))
    }
}

impl Kept {
    fn push(&mut self, record: Record) {
        self.write(&record);
        self.history.push(record);
    }

    /// The first error is kept and ends the run with its reason; the history in memory is whole.
    fn write(&mut self, record: &Record) {
        let written = serde_json::to_writer(&mut self.file, record)
            .map_err(std::io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"));
        if let Err(error) = written {
            self.write_error.get_or_insert(error);
        }
    }
}
