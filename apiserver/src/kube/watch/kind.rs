//! [`Kind`]: what several watches have in common, and [`Kinds`], through which they find that out.

use super::field_class::FieldClass;
use super::framer::Framer;
use crate::kube::facts::Plan;
use crate::kube::found::Found;
use crate::kube::negotiate::{Form, Media};
use crate::kube::selection::{Matcher, Selection, shared_plan};
use crate::kube::shape::Shape;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Weak};
use xebec_core::table::Include;
use xebec_store::watch::Topic;

/// All watches that show the same selection of the same resource in the same form: they send the
/// same bytes.
#[derive(Debug)]
pub struct Kind {
    /// Differs from that of every other kind.
    pub id: u64,
    pub framer: Arc<Framer>,
    pub matcher: Arc<Matcher>,
    /// What wakes these watches, where that is less than all that happens to the resource.
    pub topic: Option<Topic>,
}

/// The kinds of all watches that are open.
#[derive(Default)]
pub struct Kinds(Mutex<State>);

#[derive(Default)]
struct State {
    next_id: u64,
    plans: Interned<usize, Plan>,
    framers: Interned<FramerKey, Framer>,
    kinds: Interned<KindKey, Kind>,
    /// By plan and field.
    classes: Interned<(u64, usize), FieldClass>,
}

/// A resource is told by its address: whoever is known by it keeps it alive.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FramerKey {
    resource: usize,
    version: usize,
    media: Media,
    form: Form,
    include: Include,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct KindKey {
    framer: u64,
    selection: String,
}

impl Kinds {
    /// The kind of a watch, shared with those like it.
    pub fn get(&self, found: &Found, shape: Shape, selection: Selection) -> Arc<Kind> {
        let resource = Arc::as_ptr(&found.resource) as usize;
        let key = FramerKey {
            resource,
            version: found.version_index(),
            media: shape.media(),
            form: shape.form().clone(),
            include: shape.include(),
        };
        let mut state = self.0.lock();
        let State { next_id, plans, framers, kinds, classes } = &mut *state;
        let mut id = || {
            *next_id += 1;
            *next_id
        };
        let framer = framers.get_or_insert(key, || Framer::new(id(), shape));
        let text = format!("{:?}", (&selection.labels, &selection.fields));
        let key = KindKey { framer: framer.id, selection: text };
        kinds.get_or_insert(key, || {
            let plan = plans.get_or_insert(resource, || shared_plan(&found.resource));
            let matcher = Arc::new(Matcher::sharing(found, selection, plan));
            let topic = matcher.required().map(|(field, value)| Topic {
                classifier: classes
                    .get_or_insert((matcher.plan().id, field), || FieldClass::new(&matcher, field)),
                name: value.to_owned().into(),
            });
            Kind { id: id(), framer, matcher, topic }
        })
    }
}

/// Values that live as long as somebody uses them.
struct Interned<K, V> {
    values: HashMap<K, Weak<V>>,
    /// Dead entries are looked for when there are so many.
    swept_at: usize,
}

const SWEPT_AT_MIN: usize = 64;

impl<K, V> Default for Interned<K, V> {
    fn default() -> Self {
        Self { values: HashMap::new(), swept_at: SWEPT_AT_MIN }
    }
}

impl<K: Eq + Hash, V> Interned<K, V> {
    fn get_or_insert(&mut self, key: K, make: impl FnOnce() -> V) -> Arc<V> {
        if let Some(value) = self.values.get(&key).and_then(Weak::upgrade) {
            return value;
        }
        if self.values.len() >= self.swept_at {
            self.values.retain(|_, value| value.strong_count() > 0);
            self.swept_at = SWEPT_AT_MIN.max(2 * self.values.len());
        }
        let value = Arc::new(make());
        self.values.insert(key, Arc::downgrade(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shared_and_forgotten() {
        let mut interned = Interned::<u32, u32>::default();
        let one = interned.get_or_insert(1, || 1);
        assert!(Arc::ptr_eq(&one, &interned.get_or_insert(1, || 2)));
        drop(one);
        assert_eq!(*interned.get_or_insert(1, || 3), 3);
        for key in 0..1_000 {
            interned.get_or_insert(key, || key);
        }
        assert!(interned.values.len() <= SWEPT_AT_MIN, "{}", interned.values.len());
    }
}
