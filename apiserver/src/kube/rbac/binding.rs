//! [`Binding`]: a role given to subjects, in a namespace or everywhere.

use super::rule::or_empty;
use crate::kube::user::User;
use serde::Deserialize;
use xebec_core::field_error::quoted;

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Subject {
    pub kind: Box<str>,
    pub name: Box<str>,
    pub namespace: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct RoleRef {
    pub kind: Box<str>,
    pub name: Box<str>,
}

impl RoleRef {
    pub const CLUSTER_ROLE: &'static str = "ClusterRole";
    pub const ROLE: &'static str = "Role";

    /// The namespace of the role, empty for a ClusterRole; none for what is no kind of role.
    pub fn namespace<'n>(&self, binding_namespace: &'n str) -> Option<&'n str> {
        match &*self.kind {
            Self::CLUSTER_ROLE => Some(""),
            Self::ROLE => Some(binding_namespace),
            _ => None,
        }
    }
}

/// What identifies a binding or a role; the namespace is empty for the cluster-wide kinds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Identity {
    pub name: Box<str>,
    pub namespace: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Binding {
    pub metadata: Identity,
    #[serde(deserialize_with = "or_empty")]
    pub subjects: Vec<Subject>,
    pub role_ref: RoleRef,
}

impl Subject {
    pub const USER: &'static str = "User";
    pub const GROUP: &'static str = "Group";
    pub const SERVICE_ACCOUNT: &'static str = "ServiceAccount";

    /// The namespace of a service account: its own, else the binding's.
    fn account_namespace<'s>(&'s self, binding: &'s str) -> &'s str {
        if self.namespace.is_empty() { binding } else { &self.namespace }
    }

    /// The user that the subject names, if it names one.
    pub fn user_name(&self, binding_namespace: &str) -> Option<Box<str>> {
        match &*self.kind {
            Self::USER => Some(self.name.clone()),
            Self::SERVICE_ACCOUNT => {
                let namespace = self.account_namespace(binding_namespace);
                let named = !namespace.is_empty();
                named.then(|| User::service_account_name(namespace, &self.name).into())
            }
            _ => None,
        }
    }

    /// The group that the subject names, if it names one.
    pub fn group(&self) -> Option<&str> {
        (*self.kind == *Self::GROUP).then_some(&*self.name)
    }

    fn applies(&self, user: &User, binding_namespace: &str) -> bool {
        match self.group() {
            Some(group) => user.is_in(group),
            None => self.user_name(binding_namespace).is_some_and(|name| *name == *user.name),
        }
    }
}

impl Binding {
    /// Upstream's words for what allowed a request.
    pub fn describe(&self, user: &User) -> String {
        let Identity { name, namespace } = &self.metadata;
        let head = match &**namespace {
            "" => format!("ClusterRoleBinding {}", quoted(name)),
            namespace => format!("RoleBinding {}", quoted(&format!("{name}/{namespace}"))),
        };
        let RoleRef { kind, name: role } = &self.role_ref;
        let subject = self.subjects.iter().find(|one| one.applies(user, namespace));
        let subject = subject.map(|subject| match &*subject.kind {
            Subject::SERVICE_ACCOUNT => {
                let of = subject.account_namespace(namespace);
                format!("{} {}", subject.kind, quoted(&format!("{}/{of}", subject.name)))
            }
            _ => format!("{} {}", subject.kind, quoted(&subject.name)),
        });
        format!("{head} of {kind} {} to {}", quoted(role), subject.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(text: &str) -> Binding {
        serde_json::from_str(text).expect("a binding")
    }

    #[test]
    fn the_first_subject_that_applies_is_named() {
        let one = binding(
            r#"{"metadata":{"name":"b","namespace":"n"},"roleRef":{"kind":"Role","name":"r"},
                "subjects":[{"kind":"User","name":"other"},{"kind":"ServiceAccount","name":"s"},{"kind":"Group","name":"g"}]}"#,
        );
        let mut user = User { name: "x".into(), groups: vec!["g".into()], ..User::default() };
        assert_eq!(one.describe(&user), r#"RoleBinding "b/n" of Role "r" to Group "g""#);
        user.name = "system:serviceaccount:n:s".into();
        assert_eq!(one.describe(&user), r#"RoleBinding "b/n" of Role "r" to ServiceAccount "s/n""#);
        let all = binding(
            r#"{"metadata":{"name":"b"},"roleRef":{"kind":"ClusterRole","name":"r"},"subjects":[{"kind":"User","name":"x"}]}"#,
        );
        user.name = "x".into();
        assert_eq!(all.describe(&user), r#"ClusterRoleBinding "b" of ClusterRole "r" to User "x""#);
    }
}
