//! [`User`]: who makes a request.

use std::collections::BTreeMap;

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

    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|one| one == group)
    }
}
