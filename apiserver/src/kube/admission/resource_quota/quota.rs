//! [`Quota`]: one ResourceQuota on its way through a write.

use super::measure::Measure;
use super::scope::Scope;
use crate::kube::admission::Review;
use crate::kube::admission::resource_list::ResourceList;
use crate::kube::object;
use crate::kube::storage::{Change, Storage};
use xebec_core::edit::{self, Edit};
use xebec_core::lifecycle;
use xebec_core::quantity::Quantity;
use xebec_core::status::{GroupName, Status};
use xebec_core::target::Target;
use xebec_core::value::{Object, Value};
use xebec_store::kv::Revision;

pub struct Quota {
    key: String,
    expected: Revision,
    object: Object,
    pub hard: ResourceList,
    pub used: ResourceList,
    scopes: Vec<Scope>,
    computed: bool,
}

impl Quota {
    /// All of the namespace that is written to.
    pub fn all(review: &Review<'_>, of: GroupName<'_>) -> Result<Vec<Self>, Status> {
        let Some(resource) = review.registry.find_resource(of.group, of.name) else {
            return Ok(Vec::new());
        };
        let range = resource.key_range(Some(review.namespace));
        let stored = Storage::under(review.view, &range);
        stored
            .map(|stored| {
                let key = String::from_utf8_lossy(&stored.kv.key).into_owned();
                Ok(Self::new(key, stored.revision(), stored.object()?))
            })
            .collect()
    }

    fn new(key: String, expected: Revision, object: Object) -> Self {
        let list = |path: &[&str]| ResourceList::from_object(edit::object(&object, path));
        let hard = list(&["spec", "hard"]);
        let used = list(&["status", "used"]);
        let computed = list(&["status", "hard"]).same(&hard)
            && hard.names().all(|name| used.get(name).is_some() || !Measure::knows(name));
        let scopes = Scope::all(&object);
        Self { key, expected, object, hard, used, scopes, computed }
    }

    pub fn name(&self) -> &str {
        lifecycle::name(&self.object)
    }

    /// Whether the stored usage is that of what is limited now.
    pub fn is_computed(&self) -> bool {
        self.computed
    }

    /// Whether an object counts: something limited is measured on it, and all scopes hold.
    pub fn counts(&self, measure: &Measure, object: &Object) -> bool {
        self.hard.names().any(|name| measure.covers(name))
            && self.scopes.iter().all(|scope| measure.is_in(scope, object))
    }

    /// One that a client writes, which has no place yet.
    pub fn told(object: &Object) -> Self {
        Self::new(String::new(), 0, object.clone())
    }

    /// What the objects use, where the quota says that it has counted what it limits.
    pub fn recount(mut self, review: &Review<'_>) -> Result<Option<Value>, Status> {
        if !self.is_computed() {
            return Ok(None);
        }
        self.compute(review)?;
        Ok(Some(self.used.to_value()))
    }

    /// Adds up what is stored.
    pub fn compute(&mut self, review: &Review<'_>) -> Result<(), Status> {
        let mut used = ResourceList::default();
        for measure in Measure::for_names(self.hard.names()) {
            let (group, plural) = measure.resource();
            let Some(resource) = review.registry.find_resource(group, plural) else { continue };
            for name in self.hard.names().filter(|name| measure.covers(name)) {
                used.add(&one(name, Quantity::default()));
            }
            let range = resource.key_range(Some(review.namespace));
            for stored in Storage::under(review.view, &range) {
                let object = stored.object()?;
                if self.counts(&measure, &object) {
                    used.add(&measure.usage(&object));
                }
            }
        }
        used.retain(|name, _| self.hard.get(name).is_some());
        self.used = used;
        self.computed = true;
        Ok(())
    }

    /// The quota with its usage.
    pub fn into_change(mut self, review: &Review<'_>) -> Change {
        self.used.floor_at_zero();
        if let Some(resource) = review.registry.find_resource("", "resourcequotas") {
            let mut edit = Edit::new(Target::stored(resource), &mut self.object);
            edit.set(&["status", "hard"], self.hard.to_value());
            edit.set(&["status", "used"], self.used.to_value());
        }
        let value = Some(object::to_bytes(&self.object));
        Change { key: self.key, expected: self.expected, value }
    }
}

fn one(name: &str, amount: Quantity) -> ResourceList {
    let mut list = ResourceList::default();
    list.set(name, amount);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(text: &str) -> Quota {
        let Value::Object(object) = serde_json::from_str(text).expect("valid JSON") else {
            unreachable!("an object")
        };
        Quota::new(String::new(), 1, object)
    }

    #[test]
    fn usage_counts_as_long_as_it_is_of_what_is_limited() {
        let text = r#"{"spec":{"hard":{"pods":"2","count/nothing.example.com":"1"}},
            "status":{"hard":{"pods":"2","count/nothing.example.com":"1"},"used":USED}}"#;
        assert!(!quota(r#"{"spec":{"hard":{"pods":"2"}},"status":{}}"#).is_computed());
        assert!(!quota(&text.replace("USED", "{}")).is_computed());
        let used = text.replace("USED", r#"{"pods":"1","count/nothing.example.com":"0"}"#);
        assert!(quota(&used).is_computed());
        let raised = used.replacen(r#""pods":"2""#, r#""pods":"3""#, 1);
        assert!(!quota(&raised).is_computed(), "the limit has changed since");
    }
}
