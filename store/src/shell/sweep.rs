//! Physical compaction: dropping what a compaction made unreadable, a step at a time.
//!
//! The sweep walks the log from where the last one ended up to the compact revision. A change at
//! or before that revision makes the version before it unreadable; since every earlier change has
//! been looked at, there is at most one such version. So the work is that of the changes since the
//! last compaction, whatever the size of the keyspace. At the end the log itself is cut off below
//! the compact revision, whose own changes stay: watches may start there.

use super::Store;
use crate::disk::log::{self, LogKey};
use crate::disk::{KEYS, LOG, META, keys, swept};
use crate::engine::{Batch, Cursor, Durability, Engine, EngineError};
use crate::kv::Revision;

/// How much one step may do.
#[derive(Debug, Clone, Copy)]
pub struct CompactBudget {
    /// Changes looked at; at least one is.
    pub changes: usize,
}

/// Where physical compaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There was nothing to do.
    Idle,
    /// Something was done: call again after a pause.
    More {
        /// Versions dropped in this step.
        dropped: usize,
    },
}

impl Store {
    /// Does one step of physical compaction, in one small write. How far it came is on disk, so
    /// that the next step, or the next process, goes on from there.
    pub fn compact_step(&self, budget: CompactBudget) -> Result<Progress, EngineError> {
        let _sweeping = self.sweeping.lock();
        let view = self.view();
        let engine = view.history().engine();
        let target = view.compact_revision();
        let next = match engine.get(META, swept::KEY)? {
            Some(bytes) => swept::de_swept(&bytes)?,
            None => LogKey { revision: 0, sub: 0 },
        };
        if next.revision > target {
            return Ok(Progress::Idle);
        }
        let step = Step::take(&**engine, next, target, budget.changes.max(1))?;
        let Step { mut batch, next, dropped } = step;
        let done = next.revision > target;
        batch.put(META, swept::KEY, swept::ser_swept(next));
        if done {
            batch.delete_range(LOG, log::ser_bound(0), log::ser_bound(target));
        }
        engine.write(batch, Durability::Unlogged)?;
        Ok(Progress::More { dropped })
    }
}

struct Step {
    batch: Batch,
    /// The first change that was not looked at.
    next: LogKey,
    dropped: usize,
}

impl Step {
    fn take(
        engine: &dyn Engine,
        from: LogKey,
        target: Revision,
        changes: usize,
    ) -> Result<Self, EngineError> {
        let end = LogKey { revision: target + 1, sub: 0 };
        let mut step = Step { batch: Batch::default(), next: end, dropped: 0 };
        let mut log = engine.cursor(LOG, &log::ser_key(from), &log::ser_key(end))?;
        let mut versions = engine.cursor(KEYS, &[], &[])?;
        for _ in 0..changes {
            if !log.next()? {
                return Ok(step);
            }
            let at = log::de_key(log.key())?;
            let record = log::de_record(log.value())?;
            step.drop_before(&mut *versions, record.change.key(), at.revision)?;
        }
        if log.next()? {
            step.next = log::de_key(log.key())?;
        }
        Ok(step)
    }

    /// Drops the version that the change of `key` at `revision` replaced, and the change itself
    /// if it deleted the key: the log is enough to tell of a deletion.
    fn drop_before(
        &mut self,
        versions: &mut dyn Cursor,
        key: &[u8],
        revision: Revision,
    ) -> Result<(), EngineError> {
        let mut found = versions.seek(&keys::ser_key(key, revision))?;
        let group = keys::ser_bound(key);
        if found && versions.key().starts_with(&group) {
            let at = keys::de_key(versions.key())?;
            if at.revision == revision {
                if keys::is_tombstone(versions.value()) {
                    self.drop_here(versions);
                }
                found = versions.next()?;
            }
        }
        if found && versions.key().starts_with(&group) {
            self.drop_here(versions);
        }
        Ok(())
    }

    fn drop_here(&mut self, versions: &dyn Cursor) {
        self.batch.delete(KEYS, bytes::Bytes::copy_from_slice(versions.key()));
        self.dropped += 1;
    }
}
