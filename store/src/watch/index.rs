//! Which groups an event concerns.

use super::group::Group;
use super::intervals::IntervalTree;
use super::spec::Filter;
use crate::command::KeyRange;
use crate::kv::{Event, Revision};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;

/// Groups by range: single keys by hash, the others in a tree of intervals.
pub(super) struct InterestIndex {
    keys: HashMap<Bytes, Interest>,
    ranges: IntervalTree<Interest>,
    groups: usize,
    next_number: u64,
}

/// The groups of one range, by [`Filter::index`].
#[derive(Default)]
struct Interest([Option<Arc<Group>>; Filter::COUNT]);

impl InterestIndex {
    pub fn new() -> Self {
        Self { keys: HashMap::new(), ranges: IntervalTree::new(), groups: 0, next_number: 0 }
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.groups
    }

    /// The group of this range and filter; a new one has seen everything up to `dispatched`.
    pub fn group(&mut self, range: KeyRange, filter: Filter, dispatched: Revision) -> Arc<Group> {
        if self.interest(&range).is_none() {
            let none = Interest::default();
            if range.end.is_empty() {
                self.keys.insert(range.key.clone(), none);
            } else {
                self.ranges.insert(range.clone(), none);
            }
        }
        let number = self.next_number;
        let interest = self.interest(&range).expect("just inserted");
        if let Some(group) = &interest.0[filter.index()] {
            return group.clone();
        }
        let group = Arc::new(Group::new(number, range, filter, dispatched));
        interest.0[filter.index()] = Some(group.clone());
        self.next_number += 1;
        self.groups += 1;
        group
    }

    pub fn remove(&mut self, group: &Group) {
        self.groups -= 1;
        let interest = self.interest(&group.range).expect("a group stays until it is removed");
        interest.0[group.filter.index()] = None;
        if interest.0.iter().all(Option::is_none) {
            if group.range.end.is_empty() {
                self.keys.remove(&group.range.key);
            } else {
                self.ranges.remove(&group.range);
            }
        }
    }

    fn interest(&mut self, range: &KeyRange) -> Option<&mut Interest> {
        if range.end.is_empty() {
            self.keys.get_mut(&range.key)
        } else {
            self.ranges.get_mut(range)
        }
    }

    /// Calls `f` with every group that is to see the event.
    pub fn matching<'a>(&'a self, event: &Event, mut f: impl FnMut(&'a Arc<Group>)) {
        let mut visit = |interest: &'a Interest| {
            for group in interest.0.iter().flatten() {
                if group.filter.admits(event) {
                    f(group);
                }
            }
        };
        if let Some(interest) = self.keys.get(&event.kv.key) {
            visit(interest);
        }
        self.ranges.stab(&event.kv.key, &mut visit);
    }

    /// All groups, in order of creation.
    pub fn groups(&self) -> Vec<Arc<Group>> {
        let all = self.keys.values().chain(self.ranges.values());
        let mut groups: Vec<_> = all.flat_map(|i| i.0.iter().flatten().cloned()).collect();
        groups.sort_by_key(|group| group.number);
        groups
    }
}
