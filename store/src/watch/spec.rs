//! What a watch asks for.

use crate::command::KeyRange;
use crate::kv::{Event, Revision};

/// One watch. The range must not be empty: the caller has answered etcd's "watcher range is
/// empty" already (such a watch is legal here, and silent).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchSpec {
    pub range: KeyRange,
    /// The first revision of interest; 0 means whatever comes after the last applied one. May lie
    /// in the future.
    pub start_revision: Revision,
    /// etcd's filter `NOPUT`.
    pub no_put: bool,
    /// etcd's filter `NODELETE`.
    pub no_delete: bool,
    pub prev_kv: bool,
}

/// Which kinds of event a group leaves out. Groups differ by it, so that a ring holds only what
/// its watches deliver, and no watch is woken for an event that it does not want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Filter {
    pub no_put: bool,
    pub no_delete: bool,
}

impl Filter {
    /// Number of different filters.
    pub const COUNT: usize = 4;

    pub fn index(self) -> usize {
        usize::from(self.no_put) | usize::from(self.no_delete) << 1
    }

    pub fn admits(self, event: &Event) -> bool {
        if event.is_delete() { !self.no_delete } else { !self.no_put }
    }
}
