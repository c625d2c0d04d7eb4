//! The state: the keyspace at one moment, and how commands change it.
//!
//! [`State::apply`] is pure: no clock, no randomness, no I/O but the reading of past revisions
//! through [`Past`]. What must reach the disk, the watchers and the proposers is returned in
//! [`Effects`]. Invariant: two states that applied the same commands are equal.

mod alarms;
mod apply;
mod change;
mod compare;
mod effects;
mod intervals;
mod leases;
mod range;
mod txn;

use crate::engine::EngineError;
use crate::keymap::KeyMap;
use crate::kv::{KeyValue, Revision};
use crate::outcome::AlarmMember;
pub use apply::{NoPast, Past};
pub use effects::Effects;
pub use intervals::check_txn;
pub use leases::{LEASE_TTL_S_MAX, LEASE_TTL_S_MIN, Lease};
pub(crate) use range::{Plan, passes, pick, range_map};
use std::sync::Arc;

/// The revision of an empty keyspace.
pub const REVISION_FIRST: Revision = 1;
/// The compact revision of a keyspace that was never compacted, as in etcd.
pub const COMPACT_NEVER: Revision = -1;

/// The keyspace at one moment. Cloning is O(1).
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) map: KeyMap,
    pub(crate) revision: Revision,
    pub(crate) compact_revision: Revision,
    pub(crate) leases: imbl::OrdMap<i64, Lease>,
    /// Sorted.
    pub(crate) alarms: Arc<Vec<AlarmMember>>,
    pub(crate) time_ms: u64,
    /// Rolling hash after `revision`.
    pub(crate) hash: u64,
    /// Bytes of the keys and values in `map`.
    pub(crate) data_bytes: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            map: KeyMap::default(),
            revision: REVISION_FIRST,
            compact_revision: COMPACT_NEVER,
            leases: imbl::OrdMap::new(),
            alarms: Arc::default(),
            time_ms: 0,
            hash: 0,
            data_bytes: 0,
        }
    }
}

impl State {
    pub fn revision(&self) -> Revision {
        self.revision
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn keys(&self) -> &KeyMap {
        &self.map
    }

    /// Takes in the versions read from disk, in key order. Their leases must be there already.
    pub(crate) fn load(&mut self, entries: Vec<Arc<KeyValue>>) -> Result<(), EngineError> {
        assert!(self.map.is_empty(), "a state is loaded once");
        for kv in &entries {
            self.data_bytes += kv_bytes(kv);
            if kv.lease != 0 && !self.attach(kv.lease, &kv.key) {
                let message = format!("key attached to lease {:x}, which does not exist", kv.lease);
                return Err(EngineError::Corrupt { message });
            }
        }
        self.map = KeyMap::from_sorted(entries);
        Ok(())
    }
}

/// What a version counts for in [`State::data_bytes`].
fn kv_bytes(kv: &KeyValue) -> u64 {
    (kv.key.len() + kv.value.len()) as u64
}
