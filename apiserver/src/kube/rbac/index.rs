//! [`Index`]: all roles and bindings, found by the subject that asks.
//!
//! What a check costs depends on the bindings of the user and its groups, not on how many there
//! are of others. A service account is found under its user name.

use super::GROUP;
use super::binding::{Binding, Identity, RoleRef};
use super::roles::{Place, Roles, Signature};
use super::rule::{Rule, or_empty};
use crate::kube::authz::Attributes;
use crate::kube::user::User;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;
use xebec_core::status::{GroupName, Status};

/// The four kinds, by where they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    ClusterRole,
    ClusterRoleBinding,
    Role,
    RoleBinding,
}

impl Kind {
    pub const ALL: [Self; 4] =
        [Self::ClusterRole, Self::ClusterRoleBinding, Self::Role, Self::RoleBinding];

    pub fn key_prefix(self) -> &'static str {
        match self {
            Self::ClusterRole => "/registry/clusterroles/",
            Self::ClusterRoleBinding => "/registry/clusterrolebindings/",
            Self::Role => "/registry/roles/",
            Self::RoleBinding => "/registry/rolebindings/",
        }
    }

    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| key.starts_with(kind.key_prefix()))
    }
}

/// A role as stored.
#[derive(Debug, Deserialize)]
struct Role {
    #[serde(default, deserialize_with = "or_empty")]
    rules: Vec<Rule>,
}

/// A binding as its subjects have it, with the place of its role if that is of a known kind.
#[derive(Debug, Clone)]
struct Held {
    role: Option<Place>,
    binding: Arc<Binding>,
}

/// By the name of the user or group.
type Bindings = HashMap<Box<str>, Vec<Held>>;

/// The bindings of one namespace, or those that hold everywhere.
#[derive(Debug, Default)]
struct Scope {
    users: Bindings,
    groups: Bindings,
}

#[derive(Debug, Default)]
pub struct Index {
    roles: Roles,
    /// By key in the store.
    bindings: HashMap<Box<str>, Held>,
    everywhere: Scope,
    namespaces: HashMap<Box<str>, Scope>,
}

impl Index {
    /// Takes an object as it is stored; what cannot be read grants nothing.
    pub fn put(&mut self, key: &str, value: &[u8]) {
        self.delete(key);
        match Kind::of_key(key) {
            Some(Kind::ClusterRole | Kind::Role) => {
                let Some(Identity { name, namespace }) = identity(key) else { return };
                let Ok(role) = serde_json::from_slice::<Role>(value) else { return };
                self.roles.put(&namespace, &name, role.rules);
            }
            Some(Kind::ClusterRoleBinding | Kind::RoleBinding) => {
                let Some(identity) = identity(key) else { return };
                let Ok(mut binding) = serde_json::from_slice::<Binding>(value) else { return };
                // The key is what the store vouches for.
                binding.metadata = identity;
                self.bind(key, &Arc::new(binding));
            }
            None => {}
        }
    }

    pub fn delete(&mut self, key: &str) {
        match Kind::of_key(key) {
            Some(Kind::ClusterRole | Kind::Role) => {
                let Some(Identity { name, namespace }) = identity(key) else { return };
                self.roles.delete(&namespace, &name);
            }
            Some(Kind::ClusterRoleBinding | Kind::RoleBinding) => self.unbind(key),
            None => {}
        }
    }

    fn bind(&mut self, key: &str, binding: &Arc<Binding>) {
        let Binding { metadata: Identity { namespace, .. }, role_ref, .. } = &**binding;
        let role = role_ref.namespace(namespace).map(|of| self.roles.hold(of, &role_ref.name));
        let held = Held { role, binding: binding.clone() };
        let scope = match &**namespace {
            "" => &mut self.everywhere,
            _ => self.namespaces.entry(namespace.clone()).or_default(),
        };
        for subject in &binding.subjects {
            let all = match subject.group() {
                Some(group) => scope.groups.entry(group.into()).or_default(),
                None => match subject.user_name(namespace) {
                    Some(user) => scope.users.entry(user).or_default(),
                    None => continue,
                },
            };
            // A subject named twice counts once.
            if !all.last().is_some_and(|last| last.is(binding)) {
                all.push(held.clone());
            }
        }
        self.bindings.insert(key.into(), held);
    }

    fn unbind(&mut self, key: &str) {
        let Some(Held { role, binding }) = self.bindings.remove(key) else { return };
        let Binding { metadata: Identity { namespace, .. }, role_ref, .. } = &*binding;
        if let (Some(place), Some(of)) = (role, role_ref.namespace(namespace)) {
            self.roles.release(place, of, &role_ref.name);
        }
        let scope = match &**namespace {
            "" => Some(&mut self.everywhere),
            _ => self.namespaces.get_mut(namespace),
        };
        let Some(scope) = scope else { return };
        for subject in &binding.subjects {
            match subject.group() {
                Some(group) => forget(&mut scope.groups, group, &binding),
                None => {
                    if let Some(user) = subject.user_name(namespace) {
                        forget(&mut scope.users, &user, &binding);
                    }
                }
            }
        }
        if !namespace.is_empty() && scope.users.is_empty() && scope.groups.is_empty() {
            self.namespaces.remove(namespace);
        }
    }

    /// Whether some binding of the user allows this.
    pub fn allows(&self, asked: &Attributes<'_>) -> bool {
        let signature = Signature::asked(asked);
        self.any_binding(asked.user, asked.namespace, |held| {
            held.role.is_some_and(|role| self.roles.allow(role, signature, asked))
        })
    }

    /// Calls `f` with every binding that applies to the user in a namespace, those that hold
    /// everywhere first, until it returns true. A binding may come more than once.
    fn any_binding<'i>(
        &'i self,
        user: &User,
        namespace: &str,
        mut f: impl FnMut(&'i Held) -> bool,
    ) -> bool {
        let inside = if namespace.is_empty() { None } else { self.namespaces.get(namespace) };
        std::iter::once(&self.everywhere).chain(inside).any(|scope| {
            scope.users.get(user.name.as_str()).into_iter().flatten().any(&mut f)
                || user
                    .groups
                    .iter()
                    .any(|group| scope.groups.get(group.as_str()).into_iter().flatten().any(&mut f))
        })
    }

    /// The bindings that apply to the user in a namespace, each once, in the order of their names.
    pub fn bindings(&self, user: &User, namespace: &str) -> Vec<&Arc<Binding>> {
        let mut all = Vec::new();
        self.any_binding(user, namespace, |held| {
            all.push(&held.binding);
            false
        });
        let order =
            |one: &Arc<Binding>| (one.metadata.namespace.clone(), one.metadata.name.clone());
        all.sort_by_cached_key(|one| order(one));
        all.dedup_by(|one, other| Arc::ptr_eq(one, other));
        all
    }

    /// The rules of the role that a binding of this namespace refers to, if it is there.
    fn rules(&self, role: &RoleRef, namespace: &str) -> Option<&Arc<[Rule]>> {
        self.roles.named(role.namespace(namespace)?, &role.name)
    }

    /// The rules, or upstream's error where the role is missing.
    pub fn require(&self, role: &RoleRef, namespace: &str) -> Result<&Arc<[Rule]>, Status> {
        self.rules(role, namespace).ok_or_else(|| {
            let name = match &*role.kind {
                RoleRef::CLUSTER_ROLE => "clusterrole",
                RoleRef::ROLE => "role",
                kind => {
                    return Status::internal(format!("unsupported role reference kind: {kind:?}"));
                }
            };
            Status::not_found(GroupName { group: GROUP, name }, &role.name)
        })
    }
}

impl Held {
    fn is(&self, binding: &Arc<Binding>) -> bool {
        Arc::ptr_eq(&self.binding, binding)
    }
}

fn forget(bindings: &mut Bindings, subject: &str, binding: &Arc<Binding>) {
    let Some(all) = bindings.get_mut(subject) else { return };
    all.retain(|held| !held.is(binding));
    if all.is_empty() {
        bindings.remove(subject);
    }
}

/// Namespace and name, from a key.
fn identity(key: &str) -> Option<Identity> {
    let kind = Kind::of_key(key)?;
    let rest = key.strip_prefix(kind.key_prefix())?;
    match kind {
        Kind::ClusterRole | Kind::ClusterRoleBinding => {
            Some(Identity { name: rest.into(), namespace: "".into() })
        }
        Kind::Role | Kind::RoleBinding => {
            let (namespace, name) = rest.split_once('/')?;
            Some(Identity { name: name.into(), namespace: namespace.into() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, groups: &[&str]) -> User {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        User { name: name.into(), groups, ..User::default() }
    }

    fn names(index: &Index, user: &User, namespace: &str) -> Vec<String> {
        index.bindings(user, namespace).iter().map(|one| one.metadata.name.to_string()).collect()
    }

    const EVERYWHERE: &str = "/registry/clusterrolebindings/c";
    const INSIDE: &str = "/registry/rolebindings/n/r";

    fn filled() -> Index {
        let mut index = Index::default();
        index.put(
            EVERYWHERE,
            br#"{"roleRef":{"kind":"ClusterRole","name":"x"},"subjects":[{"kind":"Group","name":"g"},{"kind":"User","name":"u"}]}"#,
        );
        index.put(
            INSIDE,
            br#"{"roleRef":{"kind":"Role","name":"x"},"subjects":[{"kind":"ServiceAccount","name":"s"},{"kind":"User","name":"u"},{"kind":"User","name":"u"}]}"#,
        );
        index
    }

    #[test]
    fn bindings_are_found_by_subject_and_namespace() {
        let index = filled();
        assert_eq!(names(&index, &user("u", &["g"]), ""), ["c"]);
        assert_eq!(names(&index, &user("u", &[]), "n"), ["c", "r"]);
        assert_eq!(names(&index, &user("u", &[]), "m"), ["c"]);
        assert_eq!(names(&index, &user("system:serviceaccount:n:s", &[]), "n"), ["r"]);
        assert!(names(&index, &user("system:serviceaccount:m:s", &[]), "n").is_empty());
    }

    #[test]
    fn what_is_deleted_or_replaced_is_forgotten() {
        let mut index = filled();
        index.put(INSIDE, br#"{"roleRef":{"kind":"Role","name":"x"},"subjects":null}"#);
        assert_eq!(names(&index, &user("u", &[]), "n"), ["c"]);
        index.delete(EVERYWHERE);
        index.delete(INSIDE);
        assert!(index.namespaces.is_empty() && index.bindings.is_empty());
        assert!(index.everywhere.users.is_empty() && index.everywhere.groups.is_empty());
        let role = RoleRef { kind: "Role".into(), name: "x".into() };
        index.put("/registry/roles/n/x", br#"{"rules":[{"verbs":["get"]}]}"#);
        assert_eq!(index.rules(&role, "n").map(|rules| rules.len()), Some(1));
        assert!(index.rules(&role, "m").is_none());
        index.put("/registry/roles/n/x", br#"{"rules":null}"#);
        assert_eq!(index.rules(&role, "n").map(|rules| rules.len()), Some(0));
        index.delete("/registry/roles/n/x");
        assert_eq!(
            index.require(&role, "n").expect_err("gone").message,
            r#"role.rbac.authorization.k8s.io "x" not found"#
        );
    }
}
