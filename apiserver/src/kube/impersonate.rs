//! Impersonation: a request made on behalf of another, by headers `Impersonate-*`.
//!
//! Upstream's modes are tried in their order (KEP-5284): narrow ones, each for one kind of user and
//! with a verb of its own, then the old one, which needs `impersonate` on everything that is named.
//! Of several refusals the first is told.

use super::authz::{Attributes, Authorization};
use super::request::RequestInfo;
use super::user::User;
use http::HeaderMap;
use std::collections::BTreeMap;
use xebec_core::field_error::quoted;
use xebec_core::names;
use xebec_core::status::Status;

const USER: &str = "impersonate-user";
const UID: &str = "impersonate-uid";
const GROUP: &str = "impersonate-group";
const EXTRA_PREFIX: &str = "impersonate-extra-";
const AUTHENTICATION: &str = "authentication.k8s.io";

/// From here on all are asked for at once before each is.
const MANY: usize = 4;

/// The ways of impersonating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A service account as the node that it runs on.
    AssociatedNode,
    ArbitraryNode,
    ServiceAccount,
    UserInfo,
    Legacy,
}

impl Mode {
    const ALL: [Self; 5] = [
        Self::AssociatedNode,
        Self::ArbitraryNode,
        Self::ServiceAccount,
        Self::UserInfo,
        Self::Legacy,
    ];

    /// The verb on what is impersonated.
    fn verb(self) -> &'static str {
        match self {
            Self::AssociatedNode => "impersonate:associated-node",
            Self::ArbitraryNode => "impersonate:arbitrary-node",
            Self::ServiceAccount => "impersonate:serviceaccount",
            Self::UserInfo => "impersonate:user-info",
            Self::Legacy => "impersonate",
        }
    }

    /// The verb on what the request is for.
    fn verb_on(self, verb: &str) -> Option<String> {
        let mode = self.verb().strip_prefix("impersonate:")?;
        Some(format!("impersonate-on:{mode}:{verb}"))
    }

    fn is_for(self, wanted: &User, requestor: &User) -> bool {
        let name_alone =
            wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty();
        let (node, account) = (User::node(&wanted.name), User::service_account(&wanted.name));
        match self {
            Self::AssociatedNode => {
                let own = requestor.extra.get(User::NODE_NAME).map(Vec::as_slice);
                let runs_there = matches!((own, node), (Some([own]), Some(node)) if own == node);
                name_alone && runs_there && User::service_account(&requestor.name).is_some()
            }
            Self::ArbitraryNode => name_alone && node.is_some(),
            Self::ServiceAccount => name_alone && account.is_some(),
            Self::UserInfo => node.is_none() && account.is_none(),
            Self::Legacy => true,
        }
    }
}

/// The user as whom the request goes on, if not as the requestor.
pub fn impersonate(
    authorization: &Authorization,
    requestor: &User,
    info: &RequestInfo,
    headers: &HeaderMap,
) -> Result<Option<User>, Status> {
    let Some(wanted) = wanted(headers)? else { return Ok(None) };
    let mut first = None;
    for mode in Mode::ALL.into_iter().filter(|mode| mode.is_for(&wanted, requestor)) {
        let attempt = Attempt { authorization, requestor, mode };
        match attempt.check(&wanted, info) {
            Ok(user) => return Ok(Some(user)),
            Err(refusal) => first = first.or(Some(refusal)),
        }
    }
    Err(first.unwrap_or_else(|| Status::internal("all impersonation modes failed")))
}

/// What the headers ask for, as they say it; 400 if they name no user.
fn wanted(headers: &HeaderMap) -> Result<Option<User>, Status> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let mut wanted = User {
        name: text(USER).unwrap_or_default().to_owned(),
        uid: text(UID).unwrap_or_default().to_owned(),
        ..User::default()
    };
    if wanted.name.is_empty()
        && !headers.keys().any(|name| name.as_str().starts_with("impersonate-"))
    {
        return Ok(None);
    }
    let groups = headers.get_all(GROUP).iter().filter_map(|value| value.to_str().ok());
    wanted.groups = groups.map(str::to_owned).collect();
    for (name, value) in headers {
        let (Some(key), Ok(value)) = (name.as_str().strip_prefix(EXTRA_PREFIX), value.to_str())
        else {
            continue;
        };
        wanted.extra.entry(unescape(key)).or_default().push(value.to_owned());
    }
    let anything = !(wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty());
    match (wanted.name.is_empty(), anything) {
        (false, _) => Ok(Some(wanted)),
        (true, false) => Ok(None),
        (true, true) => Err(Status::bad_request(format!(
            "requested {} without impersonating a user name",
            in_go(&wanted)
        ))),
    }
}

/// The user as Go prints it.
fn in_go(user: &User) -> String {
    let list = |texts: &[String]| {
        let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
        format!("[]string{{{}}}", texts.join(", "))
    };
    let groups = match user.groups.as_slice() {
        [] => "[]string(nil)".to_owned(),
        groups => list(groups),
    };
    let extra: Vec<String> = user
        .extra
        .iter()
        .map(|(key, values)| format!("{}:{}", quoted(key), list(values)))
        .collect();
    let extra = match extra.as_slice() {
        [] => "map[string][]string(nil)".to_owned(),
        extra => format!("map[string][]string{{{}}}", extra.join(", ")),
    };
    format!(
        "&user.DefaultInfo{{Name:{}, UID:{}, Groups:{groups}, Extra:{extra}}}",
        quoted(&user.name),
        quoted(&user.uid)
    )
}

/// A key with its `%`-escapes undone; as it stands if they are broken.
fn unescape(key: &str) -> String {
    let bytes = key.as_bytes();
    let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let whole = (0..bytes.len()).all(|at| bytes[at] != b'%' || hex(at + 1) && hex(at + 2));
    if !whole {
        return key.to_owned();
    }
    percent_encoding::percent_decode_str(key).decode_utf8_lossy().into_owned()
}

/// One mode tried by one user.
struct Attempt<'a> {
    authorization: &'a Authorization,
    requestor: &'a User,
    mode: Mode,
}

impl Attempt<'_> {
    fn check(&self, wanted: &User, info: &RequestInfo) -> Result<User, Status> {
        // A node that its own service account becomes is not told apart by the roles, and neither
        // are the nodes' accounts.
        let anonymized = (self.mode == Mode::AssociatedNode).then(|| {
            let keys = self.requestor.extra.keys().cloned().collect();
            let key = "authentication.kubernetes.io/associated-node-keys".to_owned();
            User { extra: BTreeMap::from([(key, keys)]), ..self.requestor.clone() }
        });
        let requestor = anonymized.as_ref().unwrap_or(self.requestor);
        if let Some(verb) = self.mode.verb_on(info.verb) {
            let on = Attributes { verb: &verb, ..Attributes::of(requestor, info) };
            self.authorization.check(&on)?;
        }
        let attempt = Attempt { requestor, ..*self };
        let mut user = wanted.clone();
        attempt.check_name(&mut user)?;
        if !wanted.uid.is_empty() {
            attempt.allow("uids", AUTHENTICATION, |uid| uid.name = &wanted.uid)?;
        }
        attempt.check_groups(&wanted.groups)?;
        attempt.check_extra(&wanted.extra)?;
        if user.name == User::ANONYMOUS {
            user.add_group(User::UNAUTHENTICATED);
        } else if !user.is_in(User::UNAUTHENTICATED) {
            user.add_group(User::AUTHENTICATED);
        }
        Ok(user)
    }

    /// Checks one thing that is impersonated.
    fn allow<'w>(
        &'w self,
        resource: &'w str,
        group: &'w str,
        narrow: impl FnOnce(&mut Attributes<'w>),
    ) -> Result<(), Status> {
        let mut attributes = self.attributes(resource, group);
        narrow(&mut attributes);
        self.authorization.check(&attributes)
    }

    fn attributes<'w>(&'w self, resource: &'w str, group: &'w str) -> Attributes<'w> {
        Attributes::resource(self.requestor, self.mode.verb(), group, resource)
    }

    fn is_legacy(&self) -> bool {
        self.mode == Mode::Legacy
    }

    /// Users and groups were once of the core group.
    fn names_group(&self) -> &'static str {
        if self.is_legacy() { "" } else { AUTHENTICATION }
    }

    fn check_name(&self, user: &mut User) -> Result<(), Status> {
        let name = user.name.clone();
        let group = self.names_group();
        if let Some((namespace, account)) = User::service_account(&name) {
            if user.groups.is_empty() {
                user.groups = User::service_account_groups(namespace);
            }
            return self.allow("serviceaccounts", group, |one| {
                (one.namespace, one.name) = (namespace, account);
            });
        }
        match User::node(&name).filter(|_| !self.is_legacy()) {
            Some(node) => {
                user.groups = vec![User::NODES.to_owned()];
                let any = self.mode == Mode::AssociatedNode;
                self.allow("nodes", group, |one| one.name = if any { "*" } else { node })
            }
            None => self.allow("users", group, |one| one.name = &name),
        }
    }

    fn check_groups(&self, groups: &[String]) -> Result<(), Status> {
        let group = self.names_group();
        if !self.is_legacy() {
            let attributes = self.attributes("groups", group);
            if groups.iter().any(String::is_empty) {
                let why = "impersonating the empty string group is not allowed";
                return Err(attributes.forbidden(why));
            }
            if groups.iter().any(|one| one == User::MASTERS) {
                let attributes = Attributes { name: User::MASTERS, ..attributes };
                let why = "impersonating the system:masters group is not allowed";
                return Err(attributes.forbidden(why));
            }
            if groups.len() >= MANY && self.allow("groups", group, |one| one.name = "*").is_ok() {
                return Ok(());
            }
        }
        groups.iter().try_for_each(|name| self.allow("groups", group, |one| one.name = name))
    }

    fn check_extra(&self, extra: &BTreeMap<String, Vec<String>>) -> Result<(), Status> {
        if !self.is_legacy() {
            if let Some(why) = extra.iter().find_map(|(key, values)| fault(key, values)) {
                return Err(self.attributes("userextras", AUTHENTICATION).forbidden(&why));
            }
            let count: usize = extra.values().map(Vec::len).sum();
            let all = |one: &mut Attributes<'_>| (one.subresource, one.name) = ("*", "*");
            if (extra.len() >= MANY || count >= MANY)
                && self.allow("userextras", AUTHENTICATION, all).is_ok()
            {
                return Ok(());
            }
        }
        for (key, values) in extra {
            for value in values {
                self.allow("userextras", AUTHENTICATION, |one| {
                    (one.subresource, one.name) = (key, value);
                })?;
            }
        }
        Ok(())
    }
}

/// Why an extra attribute cannot be impersonated, beside the old way.
fn fault(key: &str, values: &[String]) -> Option<String> {
    if key.is_empty() {
        return Some("impersonating the empty string key in extra is not allowed".to_owned());
    }
    if let Some(why) = domain_prefixed_path(key) {
        return Some(format!("impersonating an invalid key in extra is not allowed: {why}"));
    }
    if values.iter().any(String::is_empty) {
        return Some("impersonating the empty string value in extra is not allowed".to_owned());
    }
    None
}

/// Why a key is not a domain, a slash and a path.
fn domain_prefixed_path(key: &str) -> Option<String> {
    let invalid =
        |what: &str, why: &str| Some(format!("extra.key: Invalid value: {}: {why}", quoted(what)));
    let Some((domain, path)) =
        key.split_once('/').filter(|(domain, path)| !domain.is_empty() && !path.is_empty())
    else {
        return invalid(key, "must be a domain-prefixed path (such as \"acme.io/foo\")");
    };
    if let Some(why) = names::dns_1123_subdomain(domain).first() {
        return invalid(domain, why);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c);
    if !path.chars().all(allowed) {
        let regex = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+";
        return invalid(path, &format!("Invalid path (regex used for validation is '{regex}')"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::authz::{Authorizer, Decision};
    use crate::kube::rbac::Rbac;
    use http::HeaderName;
    use std::sync::Arc;

    /// Allows what is listed: `verb group/resource[/subresource] namespace name`.
    struct Listed(&'static [&'static str]);

    impl Authorizer for Listed {
        fn decide(&self, asked: &Attributes<'_>) -> Decision {
            let Attributes { verb, group, resource, subresource, namespace, name, .. } = asked;
            let text = format!("{verb} {group}/{resource}/{subresource} {namespace} {name}");
            if self.0.contains(&text.as_str()) { Decision::Allow } else { Decision::NoOpinion }
        }

        fn explain(&self, asked: &Attributes<'_>) -> (Decision, String) {
            (self.decide(asked), String::new())
        }
    }

    fn attempt(
        requestor: User,
        allowed: &'static [&'static str],
        headers: &[(&str, &str)],
    ) -> Result<User, Status> {
        let authorization =
            Authorization::new(Arc::new(Rbac::default())).with(Box::new(Listed(allowed)));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a name");
            map.append(name, value.parse().expect("a value"));
        }
        let info = RequestInfo {
            is_resource: true,
            verb: "list",
            resource: "pods".into(),
            namespace: "n".into(),
            ..RequestInfo::default()
        };
        Ok(impersonate(&authorization, &requestor, &info, &map)?.unwrap_or(requestor))
    }

    fn user(name: &str, groups: &[&str]) -> User {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        User { name: name.into(), groups, ..User::default() }
    }

    #[test]
    fn masters_become_whom_they_like() {
        let admin = || user("admin", &[User::MASTERS]);
        let plain = attempt(admin(), &[], &[]).expect("no impersonation");
        assert_eq!(plain, admin());
        let ann = attempt(admin(), &[], &[("impersonate-user", "ann")]).expect("allowed");
        assert_eq!(ann, user("ann", &[User::AUTHENTICATED]));
        let account = [("impersonate-user", "system:serviceaccount:n:s")];
        let account = attempt(admin(), &[], &account).expect("allowed");
        assert_eq!(
            account.groups,
            ["system:serviceaccounts", "system:serviceaccounts:n", User::AUTHENTICATED]
        );
        let nobody = [("impersonate-user", User::ANONYMOUS)];
        let nobody = attempt(admin(), &[], &nobody).expect("allowed");
        assert_eq!(nobody, User::anonymous());
        let all = [
            ("impersonate-user", "ann"),
            ("impersonate-uid", "7"),
            ("impersonate-group", "g"),
            ("impersonate-extra-acme.com%2Fproject", "p"),
        ];
        let all = attempt(admin(), &[], &all).expect("allowed");
        assert_eq!(
            (all.uid.as_str(), &*all.groups),
            ("7", &["g".into(), User::AUTHENTICATED.into()][..])
        );
        assert_eq!(all.extra["acme.com/project"], ["p"]);
    }

    #[test]
    fn a_group_alone_is_no_request() {
        let refused = attempt(user("a", &[]), &[], &[("impersonate-group", "g")]);
        let refused = refused.expect_err("no user");
        assert_eq!(refused.code, 400);
        assert_eq!(
            refused.message,
            r#"requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"g"}, Extra:map[string][]string(nil)} without impersonating a user name"#
        );
    }

    #[test]
    fn the_first_refusal_is_told() {
        let refused = attempt(user("eve", &[]), &[], &[("impersonate-user", "ann")]);
        assert_eq!(
            refused.expect_err("not allowed").message,
            r#"pods is forbidden: User "eve" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "n""#
        );
    }

    #[test]
    fn every_mode_has_its_verbs() {
        let ann = [("impersonate-user", "ann")];
        assert!(attempt(user("eve", &[]), &["impersonate /users/  ann"], &ann).is_ok());
        let narrow = &[
            "impersonate-on:user-info:list /pods/ n ",
            "impersonate:user-info authentication.k8s.io/users/  ann",
        ];
        assert!(attempt(user("eve", &[]), narrow, &ann).is_ok());
        assert!(attempt(user("eve", &[]), &narrow[..1], &ann).is_err());
        let node = [("impersonate-user", "system:node:m")];
        let nodes = &[
            "impersonate-on:associated-node:list /pods/ n ",
            "impersonate:associated-node authentication.k8s.io/nodes/  *",
        ];
        let mut account = user("system:serviceaccount:n:s", &[]);
        assert!(attempt(account.clone(), nodes, &node).is_err());
        account.set_extra(User::NODE_NAME, "m");
        let own = attempt(account, nodes, &node).expect("its own node");
        assert_eq!(own, user("system:node:m", &[User::NODES, User::AUTHENTICATED]));
    }

    #[test]
    fn masters_are_not_made_the_narrow_way() {
        let headers = [("impersonate-user", "ann"), ("impersonate-group", User::MASTERS)];
        let narrow = &[
            "impersonate-on:user-info:list /pods/ n ",
            "impersonate:user-info authentication.k8s.io/users/  ann",
            "impersonate:user-info authentication.k8s.io/groups/  system:masters",
        ];
        let refused = attempt(user("eve", &[]), narrow, &headers).expect_err("never");
        assert!(
            refused.message.ends_with(r#": impersonating the system:masters group is not allowed"#)
        );
    }
}
