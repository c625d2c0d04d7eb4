//! NamespaceLifecycle: nothing is written in a namespace that is not there, nothing new in one that
//! is going, and some namespaces never go.

use super::{Operation, Plugin, Review};
use xebec_core::lifecycle;
use xebec_core::status::{Cause, GroupName, Status};
use xebec_core::value::Object;

const NAMESPACES: GroupName<'static> = GroupName { group: "", name: "namespaces" };
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

pub struct NamespaceLifecycle;

impl Plugin for NamespaceLifecycle {
    fn name(&self) -> &'static str {
        "NamespaceLifecycle"
    }

    fn admit(&self, review: &mut Review<'_>, _object: &mut Object) -> Result<(), Status> {
        self.check(review)
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        if review.operation == Operation::Delete {
            let immortal = review.is_of("", "Namespace") && IMMORTAL.contains(&review.name);
            return if immortal {
                Err(review.forbidden("this namespace may not be deleted"))
            } else {
                Ok(())
            };
        }
        let _ = object;
        Ok(())
    }
}

impl NamespaceLifecycle {
    fn check(&self, review: &mut Review<'_>) -> Result<(), Status> {
        let namespaced = review.target.resource.namespaced && !review.namespace.is_empty();
        // Whoever asks what is allowed learns nothing of namespaces.
        if !namespaced || review.target.resource.group.as_ref() == "authorization.k8s.io" {
            return Ok(());
        }
        let name = review.namespace;
        let stored = review.stored(NAMESPACES, "", name)?;
        let stored = stored.ok_or_else(|| Status::not_found(NAMESPACES, name))?;
        if review.operation != Operation::Create {
            return Ok(());
        }
        let namespace = review.recent.object(&stored)?;
        let phase = xebec_core::edit::text(&namespace, &["status", "phase"]);
        let going = lifecycle::metadata(&namespace).get("deletionTimestamp").is_some();
        if phase == "Terminating" || going {
            let why = format!(
                "unable to create new content in namespace {name} because it is being terminated"
            );
            let cause = Cause {
                reason: "NamespaceTerminating".to_owned(),
                message: format!("namespace {name} is being terminated"),
                field: "metadata.namespace".to_owned(),
            };
            return Err(review.forbidden(why).with_cause(cause));
        }
        // What is created counts only if the namespace still stands as it was judged.
        if let Some(key) = review.key(NAMESPACES, "", name) {
            review.effects.guards.push((key, stored.revision()));
        }
        Ok(())
    }
}
