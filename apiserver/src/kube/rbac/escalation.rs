//! Nobody grants more than they have: what writes of roles and bindings must pass.
//!
//! A role may be written by whoever holds all that it grants, or may `escalate` roles; a binding
//! by whoever holds all that its role grants, or may `bind` that role.

use super::binding::RoleRef;
use super::covers::missing;
use super::rule::Rule;
use super::{GROUP, Rbac};
use crate::kube::authn::service_account::list;
use crate::kube::authz::{Attributes, Authorization};
use crate::kube::request::RequestInfo;
use crate::kube::user::User;
use xebec_core::field_error::quoted;
use xebec_core::lifecycle;
use xebec_core::status::{GroupName, Status};
use xebec_core::value::{Object, Value};

/// What of an object's metadata a garbage collector changes.
const COLLECTED: [&str; 3] = ["ownerReferences", "finalizers", "managedFields"];

/// One write of one of the four kinds.
pub struct Write<'w> {
    pub authorization: &'w Authorization,
    pub rbac: &'w Rbac,
    pub user: &'w User,
    pub info: &'w RequestInfo,
    /// `roles`, `clusterroles`, `rolebindings` or `clusterrolebindings`.
    pub resource: &'w str,
}

/// True for the resources whose writes have to be checked.
pub fn concerns(group: &str, resource: &str) -> bool {
    group == GROUP
        && matches!(resource, "roles" | "clusterroles" | "rolebindings" | "clusterrolebindings")
}

impl Write<'_> {
    /// 403 if the new object grants what the user may not grant; 404 if a binding's role is
    /// missing.
    pub fn check(&self, new: &Object, old: Option<&Object>) -> Result<(), Status> {
        if self.user.is_in(User::MASTERS) {
            return Ok(());
        }
        if old.is_some_and(|old| only_collected(new, old)) {
            return Ok(());
        }
        match self.resource {
            "roles" | "clusterroles" => self.check_role(new, old),
            _ => self.check_binding(new),
        }
    }

    fn check_role(&self, new: &Object, old: Option<&Object>) -> Result<(), Status> {
        let escalate = Attributes {
            name: &self.info.name,
            namespace: &self.info.namespace,
            ..Attributes::resource(self.user, "escalate", GROUP, &self.info.resource)
        };
        if self.authorization.allows(&escalate) {
            return Ok(());
        }
        self.covers(new, &Rule::list(new.get("rules")))?;
        let aggregates = |role: &Object| {
            let rule = role.get("aggregationRule");
            let selectors = rule.and_then(|rule| rule.get("clusterRoleSelectors"));
            selectors.and_then(Value::as_array).is_some_and(|selectors| !selectors.is_empty())
        };
        // What is gathered may become anything.
        if (aggregates(new) || old.is_some_and(aggregates))
            && self.covers(new, &[everything(), every_path()]).is_err()
        {
            let why = "must have cluster-admin privileges to use the aggregationRule";
            return Err(self.forbidden(new, why));
        }
        Ok(())
    }

    fn check_binding(&self, new: &Object) -> Result<(), Status> {
        let text = |name| {
            let role = new.get("roleRef");
            role.and_then(|role| role.get(name)).and_then(Value::as_str).unwrap_or_default()
        };
        let role = RoleRef { kind: text("kind").into(), name: text("name").into() };
        let namespace = match self.resource {
            "clusterrolebindings" => "",
            _ => &self.info.namespace,
        };
        let resource = match &*role.kind {
            "ClusterRole" => Some("clusterroles"),
            "Role" => Some("roles"),
            _ => None,
        };
        let bind = resource.map(|resource| Attributes {
            namespace,
            name: &role.name,
            ..Attributes::resource(self.user, "bind", GROUP, resource)
        });
        if bind.is_some_and(|bind| self.authorization.allows(&bind)) {
            return Ok(());
        }
        let rules = self.rbac.rules_of_role(&role, namespace).map_err(|_| missing_role(&role))?;
        self.covers(new, &rules)
    }

    /// 403 unless the user holds all of the rules.
    fn covers(&self, new: &Object, rules: &[Rule]) -> Result<(), Status> {
        let namespace = match self.resource {
            "roles" | "rolebindings" => self.info.namespace.as_str(),
            _ => "",
        };
        let (held, errors) = self.rbac.rules_of(self.user, namespace);
        let missing = missing(&held, rules).map_err(|error| self.forbidden(new, error))?;
        if missing.is_empty() {
            return Ok(());
        }
        let mut why = format!(
            "user {} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
            quoted(&self.user.name),
            list(&self.user.groups),
            missing.join("\n")
        );
        if !errors.is_empty() {
            let errors: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            let errors = match errors.as_slice() {
                [one] => one.clone(),
                many => format!("[{}]", many.join(", ")),
            };
            why.push_str(&format!("; resolution errors: [{errors}]"));
        }
        Err(self.forbidden(new, why))
    }

    fn forbidden(&self, new: &Object, why: impl std::fmt::Display) -> Status {
        let of = GroupName { group: GROUP, name: self.resource };
        Status::forbidden(of, lifecycle::name(new), why)
    }
}

/// The role is looked for as an object here, not as a rule's source.
fn missing_role(role: &RoleRef) -> Status {
    let name = match &*role.kind {
        "ClusterRole" => "clusterroles",
        "Role" => "roles",
        kind => {
            return Status::unclassified(format!(
                "unsupported role reference kind: {}",
                quoted(kind)
            ));
        }
    };
    Status::not_found(GroupName { group: GROUP, name }, &role.name)
}

fn star() -> Vec<Box<str>> {
    vec!["*".into()]
}

fn everything() -> Rule {
    Rule { verbs: star(), api_groups: star(), resources: star(), ..Rule::default() }
}

fn every_path() -> Rule {
    Rule { verbs: star(), paths: star(), ..Rule::default() }
}

/// True if the objects differ in nothing but what a garbage collector changes.
fn only_collected(new: &Object, old: &Object) -> bool {
    let plain = |object: &'_ Object| -> Vec<(String, Value)> {
        let members = object.iter().flat_map(|(name, value)| match (name, value) {
            ("metadata", Value::Object(metadata)) => metadata
                .iter()
                .filter(|(name, _)| !COLLECTED.contains(name))
                .map(|(name, value)| (format!("metadata.{name}"), value.clone()))
                .collect::<Vec<_>>(),
            _ => vec![(name.to_owned(), value.clone())],
        });
        let mut members: Vec<_> = members.collect();
        members.sort_by(|one, other| one.0.cmp(&other.0));
        members
    };
    plain(new) == plain(old)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    struct World {
        authorization: Authorization,
        rbac: Arc<Rbac>,
    }

    const PODS: &str = r#"{"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}]}"#;

    fn world() -> World {
        let rbac = Rbac::default();
        let bind = |role: &str, user: &str| {
            format!(
                r#"{{"roleRef":{{"kind":"ClusterRole","name":"{role}"}},"subjects":[{{"kind":"User","name":"{user}"}}]}}"#
            )
        };
        let may = |verb: &str| {
            format!(r#"{{"rules":[{{"verbs":["{verb}"],"apiGroups":["*"],"resources":["*"]}}]}}"#)
        };
        for (key, value) in [
            ("clusterroles/pods", PODS.to_owned()),
            ("clusterroles/escalate", may("escalate")),
            ("clusterroles/bind", may("bind")),
            ("rolebindings/n/reader", bind("pods", "reader")),
            ("rolebindings/n/escalator", bind("escalate", "escalator")),
            ("rolebindings/n/binder", bind("bind", "binder")),
        ] {
            rbac.index.write().put(&format!("/registry/{key}"), value.as_bytes());
        }
        let rbac = Arc::new(rbac);
        World { authorization: Authorization::new(rbac.clone()), rbac }
    }

    fn write(user: &str, resource: &str, object: &str) -> Result<(), Status> {
        let world = world();
        let user = User { name: user.into(), groups: vec!["g".into()], ..User::default() };
        let info = RequestInfo {
            namespace: "n".into(),
            resource: resource.into(),
            name: "x".into(),
            ..RequestInfo::default()
        };
        let write = Write {
            authorization: &world.authorization,
            rbac: &world.rbac,
            user: &user,
            info: &info,
            resource,
        };
        let object: Value = serde_json::from_str(object).expect("JSON");
        write.check(object.as_object().expect("an object"), None)
    }

    #[test]
    fn a_role_takes_what_it_grants_or_the_right_to_escalate() {
        let secrets = r#"{"metadata":{"name":"x"},"rules":[{"verbs":["get","list"],"apiGroups":[""],"resources":["secrets"]}]}"#;
        assert!(write("reader", "roles", PODS).is_ok());
        assert!(write("escalator", "roles", secrets).is_ok());
        let refused = write("reader", "roles", secrets).expect_err("not held");
        assert_eq!(
            refused.message,
            "roles.rbac.authorization.k8s.io \"x\" is forbidden: user \"reader\" (groups=[\"g\"]) is \
             attempting to grant RBAC permissions not currently held:\n\
             {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}"
        );
    }

    #[test]
    fn a_binding_takes_what_its_role_grants_or_the_right_to_bind() {
        let binding = |role: &str| {
            format!(
                r#"{{"metadata":{{"name":"x"}},"roleRef":{{"kind":"ClusterRole","name":"{role}"}}}}"#
            )
        };
        assert!(write("reader", "rolebindings", &binding("pods")).is_ok());
        assert!(write("binder", "rolebindings", &binding("escalate")).is_ok());
        let refused = write("reader", "rolebindings", &binding("escalate")).expect_err("more");
        assert_eq!(refused.code, 403);
        let missing = write("reader", "rolebindings", &binding("gone")).expect_err("no role");
        assert_eq!(
            (missing.code, missing.message.as_str()),
            (404, r#"clusterroles.rbac.authorization.k8s.io "gone" not found"#)
        );
        assert!(write("binder", "rolebindings", &binding("gone")).is_ok());
    }

    #[test]
    fn gathering_rules_takes_everything() {
        let role = r#"{"metadata":{"name":"x"},"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"a":"b"}}]}}"#;
        let refused = write("reader", "clusterroles", role).expect_err("no administrator");
        assert!(refused.message.ends_with("privileges to use the aggregationRule"));
    }

    #[test]
    fn a_garbage_collector_changes_what_it_likes() {
        let object = |text: &str| -> Object {
            let value: Value = serde_json::from_str(text).expect("JSON");
            value.as_object().expect("an object").clone()
        };
        let old = object(r#"{"metadata":{"name":"x","finalizers":["a"]},"rules":[]}"#);
        let new = object(r#"{"rules":[],"metadata":{"name":"x"}}"#);
        assert!(only_collected(&new, &old));
        let changed = object(r#"{"rules":[{}],"metadata":{"name":"x"}}"#);
        assert!(!only_collected(&changed, &old));
    }
}
