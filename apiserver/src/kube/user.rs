//! [`User`]: who makes a request.

use std::collections::BTreeMap;
use xebec_core::names;

/// All that authentication found out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct User {
    pub name: String,
    pub uid: String,
    pub groups: Vec<String>,
    /// Keys in lower case, as in headers.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// May do everything, whatever the roles say.
    pub const MASTERS: &'static str = "system:masters";
    pub const AUTHENTICATED: &'static str = "system:authenticated";
    pub const UNAUTHENTICATED: &'static str = "system:unauthenticated";
    pub const ANONYMOUS: &'static str = "system:anonymous";
    pub const NODES: &'static str = "system:nodes";
    /// Which credential it was, in `extra`.
    pub const CREDENTIAL_ID: &'static str = "authentication.kubernetes.io/credential-id";
    pub const NODE_NAME: &'static str = "authentication.kubernetes.io/node-name";
    const NODE_PREFIX: &'static str = "system:node:";
    const SERVICE_ACCOUNT_PREFIX: &'static str = "system:serviceaccount:";

    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self {
            name: Self::ANONYMOUS.to_owned(),
            groups: vec![Self::UNAUTHENTICATED.to_owned()],
            ..Self::default()
        }
    }

    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|one| one == group)
    }

    pub fn add_group(&mut self, group: &str) {
        if !self.is_in(group) {
            self.groups.push(group.to_owned());
        }
    }

    /// Sets an extra attribute of one value.
    pub fn set_extra(&mut self, key: &str, value: impl Into<String>) {
        self.extra.insert(key.to_owned(), vec![value.into()]);
    }

    /// The node that a user name speaks of, whether there is such a node or not.
    pub fn node(name: &str) -> Option<&str> {
        let node = name.strip_prefix(Self::NODE_PREFIX)?;
        names::dns_1123_subdomain(node).is_empty().then_some(node)
    }

    /// Namespace and name of the service account that a user name speaks of.
    pub fn service_account(name: &str) -> Option<(&str, &str)> {
        let (namespace, account) =
            name.strip_prefix(Self::SERVICE_ACCOUNT_PREFIX)?.split_once(':')?;
        let valid = names::dns_1123_label(namespace).is_empty()
            && names::dns_1123_subdomain(account).is_empty();
        valid.then_some((namespace, account))
    }

    pub fn service_account_name(namespace: &str, name: &str) -> String {
        format!("{}{namespace}:{name}", Self::SERVICE_ACCOUNT_PREFIX)
    }

    /// The groups of every service account of a namespace.
    pub fn service_account_groups(namespace: &str) -> Vec<String> {
        vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_service_accounts_and_nodes_are_told_apart() {
        let name = User::service_account_name("a", "b");
        assert_eq!(User::service_account(&name), Some(("a", "b")));
        for name in ["system:serviceaccount:a", "system:serviceaccount:A:b", "a:b", ""] {
            assert_eq!(User::service_account(name), None, "{name}");
        }
        assert_eq!(User::node("system:node:a.b"), Some("a.b"));
        assert_eq!(User::node("system:node:A"), None);
        assert_eq!(User::node("a"), None);
    }
}
