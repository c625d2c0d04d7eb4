//! The free space of the disk. Below the reserve this member raises NOSPACE, and the keyspace
//! refuses to grow; the reserve is what deletes and compaction need to go on. When there is room
//! again the alarm is cleared, without anybody's help.

use crate::core::Core;
use crate::limits::{DISK_INTERVAL, DISK_RESERVE_BYTES_MAX, DISK_RESERVE_PERCENT};
use crate::options::FreeSpace;
use std::sync::Arc;
use tokio::time::MissedTickBehavior;
use xebec_store::AlarmMember;
use xebec_store::command::{Alarm, AlarmKind, Body};

/// Watches until the replica stops.
pub async fn run(core: Arc<Core>) {
    let mut tick = tokio::time::interval(DISK_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let alarm = AlarmMember { member: core.id(), kind: AlarmKind::NoSpace.into() };
        let raised = core.store.view().alarms().contains(&alarm);
        let wanted = match look(&*core.options.environment.disk) {
            Ok(room) => room.alarm(raised),
            Err(error) => {
                tracing::warn!(%error, "cannot tell the free space");
                continue;
            }
        };
        if wanted != raised {
            tracing::warn!(active = wanted, "disk space alarm");
            let body = Alarm { active: wanted, member: alarm.member, kind: alarm.kind };
            // One at a time: the alarm is looked at again after the outcome.
            if let Err(error) = core.proposals.propose(&Body::Alarm(body)).await {
                tracing::warn!(%error, "the disk space alarm did not get through");
            }
        }
    }
}

struct Room {
    free_bytes: u64,
    reserve_bytes: u64,
}

fn look(disk: &dyn FreeSpace) -> std::io::Result<Room> {
    let share = disk.total_bytes()? / 100 * DISK_RESERVE_PERCENT;
    let usual = share.min(DISK_RESERVE_BYTES_MAX);
    let reserve_bytes = disk.reserve_bytes().unwrap_or(usual);
    Ok(Room { free_bytes: disk.free_bytes()?, reserve_bytes })
}

impl Room {
    /// Whether the alarm should stand. It is cleared at a quarter above the reserve, so that it
    /// does not flicker.
    fn alarm(&self, raised: bool) -> bool {
        let enough = self.reserve_bytes + if raised { self.reserve_bytes / 4 } else { 0 };
        self.free_bytes < enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alarm_does_not_flicker() {
        let room = |free_bytes| Room { free_bytes, reserve_bytes: 100 };
        assert!(room(99).alarm(false));
        assert!(!room(100).alarm(false));
        assert!(room(124).alarm(true));
        assert!(!room(125).alarm(true));
    }
}
