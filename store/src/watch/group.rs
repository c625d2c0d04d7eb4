//! All watches with one scope.

use super::ring::Ring;
use super::spec::Filter;
use super::topic::Topic;
use crate::command::KeyRange;
use crate::kv::Revision;
use parking_lot::Mutex;

/// What a group sees.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub range: KeyRange,
    pub filter: Filter,
    /// Only this part of the range, if there is one.
    pub topic: Option<Topic>,
}

pub(super) struct Group {
    /// Order of creation: groups are handled in it where order would else be accidental.
    pub number: u64,
    pub scope: Scope,
    pub ring: Mutex<Ring>,
}

impl Group {
    /// A group that has seen everything up to `floor`.
    pub fn new(number: u64, scope: Scope, floor: Revision) -> Self {
        Self { number, scope, ring: Mutex::new(Ring::new(floor)) }
    }
}
