//! RuntimeClass: a pod's class must exist; what it costs and where it runs comes from there.

use super::{Operation, Plugin, Review};
use std::sync::Arc;
use xebec_core::edit::{self, Edit};
use xebec_core::status::{GroupName, Status};
use xebec_core::value::{Object, Value};

const CLASSES: GroupName<'static> = GroupName { group: "node.k8s.io", name: "runtimeclasses" };

pub struct RuntimeClass;

impl RuntimeClass {
    fn class_of(&self, review: &Review<'_>, pod: &Object) -> Result<Option<Arc<Object>>, Status> {
        let name = edit::text(pod, &["spec", "runtimeClassName"]);
        if name.is_empty() {
            return Ok(None);
        }
        let class = review.object(CLASSES, "", name)?;
        let missing = || review.forbidden(format!("pod rejected: RuntimeClass {name:?} not found"));
        class.ok_or_else(missing).map(Some)
    }

    fn set_overhead(
        &self,
        review: &Review<'_>,
        pod: &mut Object,
        class: &Object,
    ) -> Result<(), Status> {
        let fixed = edit::object(class, &["overhead", "podFixed"]);
        let Some(fixed) = fixed.filter(|fixed| !fixed.is_empty()) else { return Ok(()) };
        let given = edit::object(pod, &["spec", "overhead"]);
        if given.is_some_and(|given| !given.is_empty() && given != fixed) {
            return Err(review.forbidden(
                "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
            ));
        }
        Edit::new(review.target, pod).set(&["spec", "overhead"], Value::Object(fixed.clone()));
        Ok(())
    }

    fn set_scheduling(
        &self,
        review: &Review<'_>,
        pod: &mut Object,
        class: &Object,
    ) -> Result<(), Status> {
        let Some(scheduling) = edit::object(class, &["scheduling"]) else { return Ok(()) };
        let wanted = edit::object(scheduling, &["nodeSelector"]);
        if let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) {
            let given = edit::object(pod, &["spec", "nodeSelector"]);
            let mut merged = given.cloned().unwrap_or_default();
            for (key, value) in wanted.iter() {
                if merged.get(key).is_some_and(|held| held != value) {
                    let why = format!(
                        "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {}; \
                         pod.spec.nodeSelector[{key}] = {}",
                        value.as_str().unwrap_or_default(),
                        merged.get(key).and_then(Value::as_str).unwrap_or_default()
                    );
                    return Err(review.forbidden(why));
                }
                merged.insert_sorted(key, value.clone());
            }
            Edit::new(review.target, pod).set(&["spec", "nodeSelector"], Value::Object(merged));
        }
        let added = edit::items(scheduling, &["tolerations"]);
        let mut all = edit::items(pod, &["spec", "tolerations"]).to_vec();
        let before = all.len();
        for one in added {
            if !all.contains(one) {
                all.push(one.clone());
            }
        }
        if all.len() > before {
            Edit::new(review.target, pod).set(&["spec", "tolerations"], Value::Array(all));
        }
        Ok(())
    }
}

impl Plugin for RuntimeClass {
    fn name(&self) -> &'static str {
        "RuntimeClass"
    }

    fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        if review.operation != Operation::Create || !review.is_of("", "Pod") {
            return Ok(());
        }
        let Some(class) = self.class_of(review, object)? else { return Ok(()) };
        self.set_overhead(review, object, &class)?;
        self.set_scheduling(review, object, &class)
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        let Some(pod) = object.filter(|_| review.is_of("", "Pod")) else { return Ok(()) };
        if review.operation != Operation::Create {
            return Ok(());
        }
        let class = self.class_of(review, pod)?;
        let overhead = edit::object(pod, &["spec", "overhead"]).filter(|all| !all.is_empty());
        let fixed = class.as_ref().and_then(|class| edit::object(class, &["overhead", "podFixed"]));
        if overhead.is_some() && fixed.is_none_or(Object::is_empty) {
            let why = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined \
                       Overhead";
            return Err(review.forbidden(why));
        }
        Ok(())
    }
}
