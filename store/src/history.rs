//! History: what the disk knows of revisions that memory has left behind.
//!
//! Invariant: no read returns a hole. Compaction raises the floor before it removes anything, and
//! every read looks at the floor after it has fixed what it sees of the disk; so a read that finds
//! its revision at or above the floor has seen everything that it needs.

mod scan;

use crate::bounds::Bounds;
use crate::command::{KeyRange, Range};
use crate::disk::keys::{self, VersionKey};
use crate::disk::{KEYS, LOG, log};
use crate::engine::{Cursor, Engine, EngineError};
use crate::kv::Revision;
use crate::outcome::RangeResult;
use crate::state::{COMPACT_NEVER, Past, Plan, passes, pick};
use crate::view::{Page, ReadError};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// So many versions of one key are stepped over before a seek is cheaper.
const STEPS_MAX: usize = 8;

/// Room made for a page before it is known how many keys there are.
const PAGE_KEYS: usize = 512;

/// Reads past revisions of one engine. Cheap to clone.
#[derive(Clone)]
pub struct History {
    engine: Arc<dyn Engine>,
    /// The compact revision: what is older may be gone.
    floor: Arc<AtomicI64>,
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("floor", &self.floor).finish_non_exhaustive()
    }
}

impl History {
    pub(crate) fn new(engine: Arc<dyn Engine>, compact_revision: Revision) -> Self {
        Self { engine, floor: Arc::new(AtomicI64::new(compact_revision)) }
    }

    pub(crate) fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// Makes reads below `revision` fail from now on.
    pub(crate) fn raise_floor(&self, revision: Revision) {
        self.floor.fetch_max(revision, Ordering::AcqRel);
    }

    fn floor(&self) -> Revision {
        self.floor.load(Ordering::Acquire)
    }

    /// To be called after the cursors of a read have been opened.
    fn check(&self, revision: Revision) -> Result<Revision, ReadError> {
        match self.floor() {
            floor if revision < floor => Err(ReadError::Compacted),
            floor => Ok(floor),
        }
    }

    /// The rolling hash after a revision that is not the current one.
    pub(crate) fn hash_at(&self, revision: Revision) -> Result<u64, ReadError> {
        let value = self.engine.get(LOG, &log::ser_bound(revision))?;
        self.check(revision)?;
        let missing = || corrupt(format!("the log has no revision {revision}"));
        let record = log::de_record(&value.ok_or_else(missing)?)?;
        let hash = record.hash.ok_or_else(|| corrupt(format!("revision {revision} has no hash")));
        Ok(hash?)
    }

    /// The first `limit` keys of a range as they were at a past revision, and whether there are
    /// more: unlike a range it does not look at what lies beyond.
    pub(crate) fn page(
        &self,
        range: &KeyRange,
        revision: Revision,
        limit: usize,
    ) -> Result<Page, ReadError> {
        let mut kvs = Vec::with_capacity(limit.min(PAGE_KEYS));
        let Some((from, to)) = disk_bounds(range) else {
            return Ok(Page { kvs, more: false });
        };
        let mut cursor = self.engine.cursor(KEYS, &from, &to)?;
        self.check(revision)?;
        let mut walk = Walk::new(&mut *cursor, revision);
        while let Some(at) = walk.next()? {
            if keys::is_tombstone(walk.cursor.value()) {
                continue;
            }
            if kvs.len() == limit {
                return Ok(Page { kvs, more: true });
            }
            let at = VersionKey { escaped: &walk.group, revision: at };
            kvs.push(Arc::new(keys::de_value(&at, walk.cursor.value())?));
        }
        Ok(Page { kvs, more: false })
    }

    fn range_at(&self, range: &Range) -> Result<RangeResult, ReadError> {
        let Some((from, to)) = disk_bounds(&range.range) else {
            return Ok(RangeResult::default());
        };
        let mut cursor = self.engine.cursor(KEYS, &from, &to)?;
        self.check(range.revision)?;
        let plan = Plan::of(range);
        let (mut kvs, mut count) = (Vec::new(), 0);
        let mut walk = Walk::new(&mut *cursor, range.revision);
        while let Some(at) = walk.next()? {
            if keys::is_tombstone(walk.cursor.value()) {
                continue;
            }
            count += 1;
            let wanted = match plan {
                Plan::Head { limit } => kvs.len() < limit,
                Plan::All => true,
            };
            if range.count_only || !wanted {
                continue;
            }
            let at = VersionKey { escaped: &walk.group, revision: at };
            let kv = keys::de_value(&at, walk.cursor.value())?;
            if passes(&kv, range) {
                kvs.push(Arc::new(kv));
            }
        }
        if range.count_only {
            return Ok(RangeResult { count: count as i64, ..RangeResult::default() });
        }
        Ok(pick(kvs, count, range))
    }
}

impl Past for History {
    fn range(&self, range: &Range) -> Result<RangeResult, ReadError> {
        self.range_at(range)
    }
}

/// Stops at the newest version, up to a revision, of one key after the other.
pub(crate) struct Walk<'a, 'c> {
    pub(crate) cursor: &'a mut (dyn Cursor + 'c),
    revision: Revision,
    /// The escaped key at which the walk stands.
    pub(crate) group: Vec<u8>,
    started: bool,
}

impl<'a, 'c> Walk<'a, 'c> {
    /// A walk over all that a fresh cursor covers.
    pub(crate) fn new(cursor: &'a mut (dyn Cursor + 'c), revision: Revision) -> Self {
        Self { cursor, revision, group: Vec::new(), started: false }
    }

    /// Moves to the next key that has a version, which may be a tombstone; returns its revision.
    pub(crate) fn next(&mut self) -> Result<Option<Revision>, EngineError> {
        let mut found = if self.started { self.leave_group()? } else { self.cursor.next()? };
        self.started = true;
        let mut steps = 0;
        while found {
            let at = keys::de_key(self.cursor.key())?;
            if at.escaped != self.group {
                self.group.clear();
                self.group.extend_from_slice(at.escaped);
                steps = 0;
            }
            if at.revision <= self.revision {
                return Ok(Some(at.revision));
            }
            steps += 1;
            found = if steps < STEPS_MAX {
                self.cursor.next()?
            } else {
                let mut target = self.group.clone();
                target.extend_from_slice(&(!(self.revision as u64)).to_be_bytes());
                self.cursor.seek(&target)?
            };
        }
        Ok(None)
    }

    /// Moves to the first version of the next key.
    fn leave_group(&mut self) -> Result<bool, EngineError> {
        for _ in 0..STEPS_MAX {
            if !self.cursor.next()? {
                return Ok(false);
            }
            if !self.cursor.key().starts_with(&self.group) {
                return Ok(true);
            }
        }
        self.cursor.seek(&group_end(&self.group))
    }
}

/// Where the versions of a range's keys lie; `None` if the range is empty.
fn disk_bounds(range: &KeyRange) -> Option<(Vec<u8>, Vec<u8>)> {
    Some(match Bounds::new(range) {
        Bounds::Key(key) => (keys::ser_bound(key), group_end(&keys::ser_bound(key))),
        Bounds::From(key) => (keys::ser_bound(key), Vec::new()),
        Bounds::Between(key, end) if key < end => (keys::ser_bound(key), keys::ser_bound(end)),
        Bounds::Between(..) => return None,
    })
}

/// A bound after all versions of an escaped key and before those of the next key.
fn group_end(escaped: &[u8]) -> Vec<u8> {
    let mut end = escaped.to_vec();
    if let Some(last) = end.last_mut() {
        *last = 1;
    }
    end
}

fn corrupt(message: String) -> EngineError {
    EngineError::Corrupt { message }
}

const _: () = assert!(COMPACT_NEVER < 0, "every revision lies above the floor before a compaction");
