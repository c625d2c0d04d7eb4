//! Alarms: what a member has found wrong, known to all.

use super::State;
use super::change::Change;
use crate::command::{Alarm, AlarmKind};
use crate::disk::{META, alarms};
use crate::outcome::AlarmMember;
use std::sync::Arc;

impl State {
    pub(super) fn has_alarm(&self, kind: AlarmKind) -> bool {
        self.alarms.iter().any(|alarm| alarm.kind == kind as i32)
    }
}

impl Change<'_> {
    /// Raises or clears; returns the alarms concerned.
    pub(super) fn alarm(&mut self, alarm: &Alarm) -> Vec<AlarmMember> {
        let named = AlarmMember { member: alarm.member, kind: alarm.kind };
        let mut standing = Vec::clone(&self.state.alarms);
        let concerned = if alarm.active {
            if alarm.kind == AlarmKind::None as i32 {
                return Vec::new();
            }
            if let Err(at) = standing.binary_search(&named) {
                standing.insert(at, named);
            }
            vec![named]
        } else {
            let cleared = |alarm: &AlarmMember| {
                (named.member == 0 || alarm.member == named.member)
                    && (named.kind == AlarmKind::None as i32 || alarm.kind == named.kind)
            };
            standing.extract_if(.., |alarm| cleared(alarm)).collect()
        };
        if standing != *self.state.alarms {
            self.effects.batch.put(META, alarms::KEY, alarms::ser_alarms(&standing));
            self.state.alarms = Arc::new(standing);
        }
        concerned
    }
}
