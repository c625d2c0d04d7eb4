//! Priority: a pod has the number and the preemption policy of its priority class; one class at
//! most is the default.

use super::{Operation, Plugin, Review};
use std::sync::Arc;
use xebec_core::edit::{self, Edit};
use xebec_core::lifecycle;
use xebec_core::status::{GroupName, Status};
use xebec_core::value::{Object, Value};

const CLASSES: GroupName<'static> =
    GroupName { group: "scheduling.k8s.io", name: "priorityclasses" };

pub struct Priority;

impl Plugin for Priority {
    fn name(&self) -> &'static str {
        "Priority"
    }

    fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        if !review.is_of("", "Pod") {
            return Ok(());
        }
        if review.operation == Operation::Update {
            return self.keep(review, object);
        }
        let (name, class) = self.class_of(review, object)?;
        let number = class.as_ref().and_then(|class| edit::int(class, &["value"])).unwrap_or(0);
        let policy = class.as_ref().map(|class| edit::text(class, &["preemptionPolicy"]));
        let policy = policy.filter(|policy| !policy.is_empty()).unwrap_or("PreemptLowerPriority");
        let given = edit::int(object, &["spec", "priority"]);
        if given.is_some_and(|given| given != number) {
            return Err(review.forbidden(format!(
                "the integer value of priority ({}) must not be provided in pod spec; priority \
                 admission controller computed {number} from the given PriorityClass name",
                given.unwrap_or_default()
            )));
        }
        let given = edit::text(object, &["spec", "preemptionPolicy"]);
        if !given.is_empty() && given != policy {
            return Err(review.forbidden(format!(
                "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; \
                 priority admission controller computed {policy} from the given PriorityClass name"
            )));
        }
        let policy = Value::from(policy);
        let mut pod = Edit::new(review.target, object);
        if !name.is_empty() {
            pod.set(&["spec", "priorityClassName"], name);
        }
        pod.set(&["spec", "priority"], Value::Int(number));
        pod.set(&["spec", "preemptionPolicy"], policy);
        Ok(())
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        let Some(object) = object.filter(|_| review.is_of("scheduling.k8s.io", "PriorityClass"))
        else {
            return Ok(());
        };
        if !edit::flag(object, &["globalDefault"]) {
            return Ok(());
        }
        let classes = review.all(CLASSES, "")?;
        let other = classes.iter().find(|class| {
            edit::flag(class, &["globalDefault"]) && lifecycle::name(class) != review.name
        });
        other.map_or(Ok(()), |other| {
            let name = lifecycle::name(other);
            Err(review.forbidden(format!(
                "PriorityClass {name} is already marked as default. Only one default can exist"
            )))
        })
    }
}

impl Priority {
    /// What the system sets is kept where an update leaves it out.
    fn keep(&self, review: &Review<'_>, object: &mut Object) -> Result<(), Status> {
        let Some(old) = review.old else { return Ok(()) };
        for path in [["spec", "priority"], ["spec", "preemptionPolicy"]] {
            if edit::at(object, &path).is_none() {
                Edit::new(review.target, object).copy(&path, old);
            }
        }
        Ok(())
    }

    /// The class of a pod, by name or by default.
    fn class_of(
        &self,
        review: &Review<'_>,
        object: &Object,
    ) -> Result<(String, Option<Arc<Object>>), Status> {
        let name = edit::text(object, &["spec", "priorityClassName"]);
        if !name.is_empty() {
            let class = review.object(CLASSES, "", name)?;
            let missing =
                || review.forbidden(format!("no PriorityClass with name {name} was found"));
            return Ok((name.to_owned(), Some(class.ok_or_else(missing)?)));
        }
        // Of several, which a race can leave, the least counts.
        let classes = review.all(CLASSES, "")?;
        let default = classes.into_iter().filter(|class| edit::flag(class, &["globalDefault"]));
        let default = default.min_by_key(|class| edit::int(class, &["value"]));
        Ok(match default {
            Some(class) => (lifecycle::name(&class).to_owned(), Some(class)),
            None => (String::new(), None),
        })
    }
}
