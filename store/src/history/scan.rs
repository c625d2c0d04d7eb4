//! Reading events back from disk, for watches that fell behind memory.

use super::{History, corrupt};
use crate::bounds::Bounds;
use crate::command::KeyRange;
use crate::disk::log::{self, Change, LogRecord};
use crate::disk::{KEYS, LOG, keys};
use crate::engine::{Cursor, EngineError};
use crate::kv::{Event, KeyValue, Revision};
use crate::state::REVISION_FIRST;
use crate::view::ReadError;
use crate::watch::{EventBatch, HistoryError, HistoryReader, Scan, ScanLimit};
use bytes::Bytes;
use std::sync::Arc;

impl HistoryReader for History {
    fn scan(
        &self,
        range: &KeyRange,
        from: Revision,
        to: Revision,
        limit: ScanLimit,
    ) -> Result<Scan, HistoryError> {
        let (start, end) = (log::ser_bound(from), log::ser_bound(to + 1));
        let mut log = self.engine.cursor(LOG, &start, &end)?;
        let versions = self.engine.cursor(KEYS, &[], &[])?;
        let floor = self.check(from).map_err(|error| match error {
            ReadError::Engine(error) => HistoryError::Engine(error),
            _ => HistoryError::Compacted { compact_revision: self.floor() },
        })?;
        let mut scanner = Scanner {
            versions,
            floor,
            bounds: Bounds::new(range),
            limit,
            through: from.max(REVISION_FIRST + 1) - 1,
            events: Vec::new(),
            batches: Vec::new(),
            bytes: 0,
            examined: 0,
        };
        while log.next()? {
            let at = log::de_key(log.key())?;
            if at.revision != scanner.through {
                if scanner.close() {
                    let Scanner { batches, through, .. } = scanner;
                    return Ok(Scan { batches, through });
                }
                scanner.open(at.revision)?;
            }
            scanner.change(log::de_record(log.value())?)?;
        }
        scanner.close();
        if scanner.through < to && to > REVISION_FIRST {
            return Err(missing(scanner.through + 1).into());
        }
        Ok(Scan { batches: scanner.batches, through: to.max(from) })
    }
}

struct Scanner<'a> {
    versions: Box<dyn Cursor + 'a>,
    floor: Revision,
    bounds: Bounds<'a>,
    limit: ScanLimit,
    /// The revision at which the scan stands.
    through: Revision,
    /// Its events so far.
    events: Vec<Event>,
    batches: Vec<EventBatch>,
    bytes: usize,
    examined: usize,
}

impl Scanner<'_> {
    /// Ends a revision; true if the scan ends with it.
    fn close(&mut self) -> bool {
        if !self.events.is_empty() {
            self.batches.push(EventBatch::new(std::mem::take(&mut self.events)));
        }
        self.examined > 0
            && (self.batches.len() >= self.limit.revisions
                || self.bytes >= self.limit.bytes
                || self.examined >= self.limit.examined)
    }

    /// Begins a revision, which must be the next: the log has no holes.
    fn open(&mut self, revision: Revision) -> Result<(), EngineError> {
        if revision != self.through + 1 {
            return Err(missing(self.through + 1));
        }
        self.through = revision;
        Ok(())
    }

    fn change(&mut self, record: LogRecord) -> Result<(), EngineError> {
        self.examined += 1;
        if !self.bounds.contains(record.change.key()) {
            return Ok(());
        }
        let event = self.event(record)?;
        let len = |kv: &KeyValue| kv.key.len() + kv.value.len();
        self.bytes += len(&event.kv) + event.prev.as_deref().map_or(0, len);
        self.events.push(event);
        Ok(())
    }

    fn event(&mut self, record: LogRecord) -> Result<Event, EngineError> {
        let revision = self.through;
        let key = record.change.key();
        let group = keys::ser_bound(key);
        let mut found = self.versions.seek(&keys::ser_key(key, revision))?;
        let mut stored = None;
        if found && self.versions.key().starts_with(&group) {
            let at = keys::de_key(self.versions.key())?;
            if at.revision == revision {
                stored = Some(keys::de_value(&at, self.versions.value())?);
                found = self.versions.next()?;
            }
        }
        // A version from before the compact revision may be there or not: then it is not.
        let retained = revision > self.floor;
        let prev = if retained && found { self.live_version(&group)? } else { None };
        let kv = match record.change {
            Change::Inline(kv) => kv,
            Change::Key(key) if record.delete => tombstone(key, revision),
            Change::Key(key) => match stored.filter(|kv| !kv.is_tombstone()) {
                Some(kv) => kv,
                None => {
                    let message = format!("revision {revision} lacks the version of {key:?}");
                    return Err(corrupt(message));
                }
            },
        };
        if kv.mod_revision != revision {
            return Err(corrupt(format!("revision {revision} holds one of {}", kv.mod_revision)));
        }
        Ok(Event { kv: Arc::new(kv), prev: prev.map(Arc::new) })
    }

    /// The version at the cursor, if it is one of the key and no tombstone.
    fn live_version(&self, group: &[u8]) -> Result<Option<KeyValue>, EngineError> {
        if !self.versions.key().starts_with(group) {
            return Ok(None);
        }
        let kv = keys::de_value(&keys::de_key(self.versions.key())?, self.versions.value())?;
        Ok(Some(kv).filter(|kv| !kv.is_tombstone()))
    }
}

/// What a deletion leaves.
fn tombstone(key: Bytes, mod_revision: Revision) -> KeyValue {
    KeyValue { key, mod_revision, ..KeyValue::default() }
}

fn missing(revision: Revision) -> EngineError {
    corrupt(format!("the log has no revision {revision}"))
}
