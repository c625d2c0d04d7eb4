//! A history "on disk": a list. It is what the tests compare with, so it is as plain as can be.

use std::sync::Mutex;
use xebec_store::command::KeyRange;
use xebec_store::kv::{Event, Revision};
use xebec_store::watch::{EventBatch, HistoryError, HistoryReader, Scan, ScanLimit};

#[derive(Default)]
pub struct Disk {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    events: Vec<Event>,
    compact_revision: Revision,
}

pub fn contains(range: &KeyRange, key: &[u8]) -> bool {
    if range.end.is_empty() {
        return range.key == key;
    }
    range.key <= key && (range.end[..] == [0] || key < &range.end[..])
}

impl Disk {
    pub fn write(&self, events: &[Event]) {
        self.state.lock().expect("no holder panics").events.extend_from_slice(events);
    }

    /// Forgets what a compaction may forget: older events, and the previous versions of those at
    /// the compact revision itself.
    pub fn compact(&self, revision: Revision) {
        let mut state = self.state.lock().expect("no holder panics");
        state.compact_revision = revision;
        state.events.retain(|event| event.revision() >= revision);
        for event in state.events.iter_mut().take_while(|event| event.revision() == revision) {
            event.prev = None;
        }
    }

    pub fn compact_revision(&self) -> Revision {
        self.state.lock().expect("no holder panics").compact_revision
    }
}

impl HistoryReader for Disk {
    fn scan(
        &self,
        range: &KeyRange,
        from: Revision,
        to: Revision,
        limit: ScanLimit,
    ) -> Result<Scan, HistoryError> {
        let state = self.state.lock().expect("no holder panics");
        if from < state.compact_revision {
            return Err(HistoryError::Compacted { compact_revision: state.compact_revision });
        }
        let mut batches = Vec::new();
        let mut bytes = 0;
        for revision in state.events.chunk_by(|a, b| a.revision() == b.revision()) {
            let at = revision[0].revision();
            if at < from || at > to {
                continue;
            }
            let events: Vec<_> =
                revision.iter().filter(|e| contains(range, &e.kv.key)).cloned().collect();
            if events.is_empty() {
                continue;
            }
            bytes += events.iter().map(|e| e.kv.key.len() + e.kv.value.len()).sum::<usize>();
            batches.push(EventBatch::new(events));
            if batches.len() >= limit.revisions || bytes >= limit.bytes {
                return Ok(Scan { batches, through: at });
            }
        }
        Ok(Scan { batches, through: to })
    }
}
