//! [`Rbac`]: roles and bindings, and what they allow.
//!
//! The roles are followed through one watch of this replica's store ([`follow`]); every change
//! made through this replica counts before it is acknowledged. Readers hold the lock for one check.

pub mod aggregation;
pub mod binding;
pub mod covers;
pub mod escalation;
pub mod follow;
pub mod index;
pub mod roles;
pub mod rule;

use super::authz::{Attributes, Authorizer, Decision};
use super::user::User;
use binding::RoleRef;
use index::Index;
use parking_lot::RwLock;
use rule::Rule;
use std::sync::Arc;
use xebec_core::status::Status;

pub const GROUP: &str = "rbac.authorization.k8s.io";

/// The roles of a cluster as this replica knows them.
#[derive(Debug, Default)]
pub struct Rbac {
    index: RwLock<Index>,
}

impl Rbac {
    /// Everything that the user may do in a namespace (everywhere, if it is empty), and what
    /// went wrong in finding out.
    pub fn rules_of(&self, user: &User, namespace: &str) -> (Vec<Rule>, Vec<Status>) {
        let index = self.index.read();
        let (mut rules, mut errors) = (Vec::new(), Vec::new());
        for binding in index.bindings(user, namespace) {
            match index.require(&binding.role_ref, &binding.metadata.namespace) {
                Ok(found) => rules.extend(found.iter().cloned()),
                Err(error) => errors.push(error),
            }
        }
        (rules, errors)
    }

    /// The rules of a role that a binding in this namespace refers to; 404 where it is missing.
    pub fn rules_of_role(&self, role: &RoleRef, namespace: &str) -> Result<Arc<[Rule]>, Status> {
        self.index.read().require(role, namespace).cloned()
    }
}

impl Authorizer for Arc<Rbac> {
    fn decide(&self, asked: &Attributes<'_>) -> Decision {
        let allowed = self.index.read().allows(asked);
        if allowed { Decision::Allow } else { Decision::NoOpinion }
    }

    fn explain(&self, asked: &Attributes<'_>) -> (Decision, String) {
        let index = self.index.read();
        let mut errors: Vec<String> = Vec::new();
        for binding in index.bindings(asked.user, asked.namespace) {
            match index.require(&binding.role_ref, &binding.metadata.namespace) {
                Ok(rules) if rules.iter().any(|rule| rule.allows(asked)) => {
                    let reason = format!("RBAC: allowed by {}", binding.describe(asked.user));
                    return (Decision::Allow, reason);
                }
                Ok(_) => {}
                Err(error) if errors.contains(&error.message) => {}
                Err(error) => errors.push(error.message),
            }
        }
        let reason = match errors.as_slice() {
            [] => String::new(),
            [one] => format!("RBAC: {one}"),
            many => format!("RBAC: [{}]", many.join(", ")),
        };
        (Decision::NoOpinion, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rbac(objects: &[(&str, &str)]) -> Arc<Rbac> {
        let rbac = Rbac::default();
        for (key, value) in objects {
            rbac.index.write().put(&format!("/registry/{key}"), value.as_bytes());
        }
        Arc::new(rbac)
    }

    #[test]
    fn allows_say_by_what_and_refusals_what_is_missing() {
        let rbac = rbac(&[
            (
                "clusterroles/r",
                r#"{"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}]}"#,
            ),
            (
                "clusterrolebindings/gone",
                r#"{"roleRef":{"kind":"ClusterRole","name":"gone"},"subjects":[{"kind":"User","name":"u"}]}"#,
            ),
            (
                "rolebindings/n/b",
                r#"{"roleRef":{"kind":"ClusterRole","name":"r"},"subjects":[{"kind":"User","name":"u"}]}"#,
            ),
            (
                "rolebindings/n/c",
                r#"{"roleRef":{"kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"u"}]}"#,
            ),
        ]);
        let user = User { name: "u".into(), ..User::default() };
        let pods = Attributes::resource(&user, "get", "", "pods");
        let inside = Attributes { namespace: "n", ..pods };
        assert_eq!(rbac.decide(&inside), Decision::Allow);
        assert_eq!(
            rbac.explain(&inside).1,
            r#"RBAC: allowed by RoleBinding "b/n" of ClusterRole "r" to User "u""#
        );
        assert_eq!(rbac.decide(&pods), Decision::NoOpinion);
        assert_eq!(
            rbac.explain(&pods).1,
            r#"RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found"#
        );
        let (rules, errors) = rbac.rules_of(&user, "n");
        assert_eq!((rules.len(), errors.len()), (1, 2));
        assert_eq!(
            rbac.explain(&Attributes { verb: "list", ..inside }).1,
            r#"RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "r" not found]"#
        );
    }
}
