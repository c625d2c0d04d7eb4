//! Which groups an event concerns.

use super::EventBatch;
use super::group::{Group, Scope};
use super::intervals::IntervalTree;
use super::spec::Filter;
use super::topic::{Classifier, Topic};
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

/// The groups of one range.
#[derive(Default)]
struct Interest {
    /// Those of the whole range, by [`Filter::index`].
    whole: Filtered,
    /// Those of a topic.
    classes: Vec<Class>,
}

type Filtered = [Option<Arc<Group>>; Filter::COUNT];

/// The topics of one classifier.
struct Class {
    classifier: Arc<dyn Classifier>,
    topics: HashMap<Bytes, Filtered>,
}

impl InterestIndex {
    pub fn new() -> Self {
        Self { keys: HashMap::new(), ranges: IntervalTree::new(), groups: 0, next_number: 0 }
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.groups
    }

    /// The group of this scope; a new one has seen everything up to `dispatched`.
    pub fn group(&mut self, scope: Scope, dispatched: Revision) -> Arc<Group> {
        if self.interest(&scope.range).is_none() {
            let none = Interest::default();
            if scope.range.end.is_empty() {
                self.keys.insert(scope.range.key.clone(), none);
            } else {
                self.ranges.insert(scope.range.clone(), none);
            }
        }
        let number = self.next_number;
        let interest = self.interest(&scope.range).expect("just inserted");
        let slot = &mut interest.slots(scope.topic.as_ref())[scope.filter.index()];
        if let Some(group) = slot {
            return group.clone();
        }
        let group = Arc::new(Group::new(number, scope, dispatched));
        *slot = Some(group.clone());
        self.next_number += 1;
        self.groups += 1;
        group
    }

    pub fn remove(&mut self, group: &Group) {
        self.groups -= 1;
        let Scope { range, filter, topic } = &group.scope;
        let interest = self.interest(range).expect("a group stays until it is removed");
        interest.slots(topic.as_ref())[filter.index()] = None;
        interest.tidy(topic.as_ref());
        if interest.is_empty() {
            if range.end.is_empty() {
                self.keys.remove(&range.key);
            } else {
                self.ranges.remove(range);
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

    /// Calls `f` with every group that is to see an event of a batch.
    pub fn matching<'a>(
        &'a self,
        batch: &EventBatch,
        at: usize,
        mut f: impl FnMut(&'a Arc<Group>),
    ) {
        let event = &batch.events()[at];
        let mut visit = |interest: &'a Interest| {
            admitted(&interest.whole, event, &mut f);
            for class in &interest.classes {
                class.matching(batch, at, &mut f);
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
        let mut groups: Vec<_> = all.flat_map(Interest::groups).cloned().collect();
        groups.sort_by_key(|group| group.number);
        groups
    }
}

/// Calls `f` with those of the groups whose filter lets an event through.
fn admitted<'a>(groups: &'a Filtered, event: &Event, f: &mut impl FnMut(&'a Arc<Group>)) {
    groups.iter().flatten().filter(|group| group.scope.filter.admits(event)).for_each(f);
}

impl Interest {
    fn slots(&mut self, topic: Option<&Topic>) -> &mut Filtered {
        let Some(topic) = topic else { return &mut self.whole };
        let known = self.classes.iter().position(|class| class.is_of(topic));
        let at = known.unwrap_or_else(|| {
            let classifier = topic.classifier.clone();
            self.classes.push(Class { classifier, topics: HashMap::new() });
            self.classes.len() - 1
        });
        self.classes[at].topics.entry(topic.name.clone()).or_default()
    }

    /// Forgets a topic that nobody is interested in.
    fn tidy(&mut self, topic: Option<&Topic>) {
        let Some(topic) = topic else { return };
        self.classes.retain_mut(|class| {
            if class.is_of(topic)
                && class.topics.get(&topic.name).is_some_and(|one| one.iter().all(Option::is_none))
            {
                class.topics.remove(&topic.name);
            }
            !class.topics.is_empty()
        });
    }

    fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.whole.iter().all(Option::is_none)
    }

    fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        let topics = self.classes.iter().flat_map(|class| class.topics.values());
        self.whole.iter().chain(topics.flatten()).flatten()
    }
}

impl Class {
    fn is_of(&self, topic: &Topic) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.classifier).cast(), topic.class())
    }

    fn matching<'a>(&'a self, batch: &EventBatch, at: usize, f: &mut impl FnMut(&'a Arc<Group>)) {
        let event = &batch.events()[at];
        let told = self.classifier.topics(batch, at, &mut |name| {
            if let Some(groups) = self.topics.get(name) {
                admitted(groups, event, f);
            }
        });
        if !told {
            self.topics.values().for_each(|groups| admitted(groups, event, f));
        }
    }
}
