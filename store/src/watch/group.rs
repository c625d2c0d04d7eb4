//! All watches with one range and one filter.

use super::ring::Ring;
use super::spec::Filter;
use crate::command::KeyRange;
use crate::kv::Revision;
use parking_lot::Mutex;

pub(super) struct Group {
    /// Order of creation: groups are handled in it where order would else be accidental.
    pub number: u64,
    pub range: KeyRange,
    pub filter: Filter,
    pub ring: Mutex<Ring>,
}

impl Group {
    /// A group that has seen everything up to `floor`.
    pub fn new(number: u64, range: KeyRange, filter: Filter, floor: Revision) -> Self {
        Self { number, range, filter, ring: Mutex::new(Ring::new(floor)) }
    }
}
