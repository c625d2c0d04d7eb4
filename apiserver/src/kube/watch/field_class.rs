//! [`FieldClass`]: tells the store which watches of a field's values an event concerns, so that a
//! change of a pod wakes the kubelet of its node and not all of them.

use super::shared::{facts_after, facts_before, share};
use crate::kube::facts::Plan;
use crate::kube::selection::Matcher;
use std::sync::Arc;
use xebec_store::watch::{Classifier, EventBatch};

/// Sorts events by the value of one field, before and after.
pub struct FieldClass {
    plan: Arc<Plan>,
    field: usize,
    at_rest: Box<[u8]>,
}

impl FieldClass {
    /// A class of a field by its place in the matcher's plan.
    pub fn new(matcher: &Matcher, field: usize) -> Self {
        Self { plan: matcher.plan().clone(), field, at_rest: matcher.at_rest().into() }
    }
}

impl Classifier for FieldClass {
    fn topics(&self, batch: &EventBatch, event: usize, visit: &mut dyn FnMut(&[u8])) -> bool {
        let Some(share) = share(batch, event) else { return false };
        let event = &batch.events()[event];
        let place = (&*self.plan, &*self.at_rest);
        let value = |facts| crate::kube::facts::Facts::field(facts, &self.plan, self.field);
        let after = match event.is_delete() {
            true => None,
            false => match facts_after(place, event, share) {
                Some(facts) => Some(value(facts)),
                None => return false,
            },
        };
        let before = match &event.prev {
            None if event.kv.is_create() => None,
            None => return false,
            Some(_) => match facts_before(place, event, share) {
                Some(facts) => Some(value(facts)),
                None => return false,
            },
        };
        after.into_iter().for_each(|value| visit(value.as_bytes()));
        before.filter(|_| before != after).into_iter().for_each(|value| visit(value.as_bytes()));
        true
    }
}
