//! Background work on the disk: making the keyspace durable, purging the log, compaction.

use crate::applied::Position;
use crate::core::Core;
use crate::limits::{COMPACT_IDLE_PAUSE, COMPACT_PAUSE, COMPACT_STEP_CHANGES};
use crate::options::Upkeep;
use crate::runtime::blocking;
use openraft::async_runtime::WatchReceiver;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use xebec_store::{CompactBudget, Progress};

/// How often the persister looks.
const TICK: Duration = Duration::from_millis(250);

/// Has openraft "build a snapshot" (make the keyspace durable) by bytes, entries or time, and
/// purges the log behind it, until the replica stops.
pub async fn persist(core: Arc<Core>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = (Position::default(), Instant::now());
    loop {
        tick.tick().await;
        let position = core.applied.position();
        if is_due(&core.options.upkeep, &last.0, &position, last.1.elapsed()) {
            last = (position, Instant::now());
            if core.raft.trigger().snapshot().await.is_err() {
                return;
            }
        }
        if purge(&core).await.is_none() {
            return;
        }
    }
}

fn is_due(upkeep: &Upkeep, last: &Position, now: &Position, elapsed: Duration) -> bool {
    let entries = now.entries - last.entries;
    now.bytes - last.bytes >= upkeep.persist_bytes
        || entries >= upkeep.persist_entries
        || (entries > 0 && elapsed >= upkeep.persist_interval)
}

/// Purges what is durable in the keyspace, but for what followers may want. None when openraft
/// has stopped.
async fn purge(core: &Core) -> Option<()> {
    let (durable, purged) = {
        let metrics = core.raft.data_metrics();
        let metrics = metrics.borrow_watched();
        let index = |id: &Option<crate::types::LogId>| id.as_ref().map_or(0, |id| id.index);
        (index(&metrics.snapshot), index(&metrics.purged))
    };
    let upkeep = &core.options.upkeep;
    let by_entries = durable.saturating_sub(upkeep.log_keep_entries);
    let by_bytes = core.applied.index_before_last(upkeep.log_keep_bytes);
    let upto = by_entries.max(by_bytes).min(durable);
    if upto >= purged + upkeep.purge_entries_min {
        core.raft.trigger().purge_log(upto).await.ok()?;
    }
    Some(())
}

/// Compacts step by step, until the replica stops.
pub async fn compact(core: Arc<Core>) {
    let budget = CompactBudget { changes: COMPACT_STEP_CHANGES };
    loop {
        let store = core.store.clone();
        let pause = match blocking(move || store.compact_step(budget)).await {
            Ok(Progress::More { .. }) => COMPACT_PAUSE,
            Ok(Progress::Idle) => COMPACT_IDLE_PAUSE,
            Err(error) => {
                core.health.fail(&format!("compaction of the keyspace: {error}"));
                return;
            }
        };
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persisting_is_due_by_bytes_entries_or_time() {
        let upkeep = Upkeep::default();
        let due = |entries, bytes, elapsed| {
            let now = Position { entries, bytes, ..Position::default() };
            is_due(&upkeep, &Position::default(), &now, elapsed)
        };
        let soon = Duration::from_secs(1);
        assert!(!due(0, 0, upkeep.persist_interval));
        assert!(!due(1, 1, soon));
        assert!(due(1, 1, upkeep.persist_interval));
        assert!(due(1, upkeep.persist_bytes, soon));
        assert!(due(upkeep.persist_entries, 1, soon));
    }
}
