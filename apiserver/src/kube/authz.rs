//! [`Authorization`]: whether a user may do something: an ordered union of authorizers.
//!
//! The first authorizer that has an opinion decides; where none has, the answer is no. Texts and
//! their order are upstream's: clients match on them.

pub mod masters;

use super::rbac::Rbac;
use super::request::RequestInfo;
use super::user::User;
use masters::Masters;
use std::fmt::Write as _;
use std::sync::Arc;
use xebec_core::field_error::quoted;
use xebec_core::status::{GroupName, Status};

/// What is to be done, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Attributes<'a> {
    pub user: &'a User,
    pub verb: &'a str,
    /// False for a path that is no resource; then only `path` counts.
    pub is_resource: bool,
    pub path: &'a str,
    pub group: &'a str,
    pub version: &'a str,
    pub resource: &'a str,
    pub subresource: &'a str,
    /// Empty for what lies in no namespace, and for all namespaces at once.
    pub namespace: &'a str,
    pub name: &'a str,
}

impl<'a> Attributes<'a> {
    /// What a request needs.
    pub fn of(user: &'a User, info: &'a RequestInfo) -> Self {
        Self {
            user,
            verb: info.verb,
            is_resource: info.is_resource,
            path: &info.path,
            group: &info.group,
            version: &info.version,
            resource: &info.resource,
            subresource: &info.subresource,
            namespace: &info.namespace,
            name: &info.name,
        }
    }

    /// A verb on a resource, to be narrowed by the caller.
    pub fn resource(user: &'a User, verb: &'a str, group: &'a str, resource: &'a str) -> Self {
        Self {
            user,
            verb,
            is_resource: true,
            path: "",
            group,
            version: "*",
            resource,
            subresource: "",
            namespace: "",
            name: "",
        }
    }

    /// Upstream's words for a refusal, without its reason.
    fn refusal(&self) -> String {
        let mut text = format!("User {} cannot {} ", quoted(&self.user.name), self.verb);
        if !self.is_resource {
            text.push_str("path ");
            text.push_str(&quoted(self.path));
            return text;
        }
        let resource = match self.subresource {
            "" => quoted(self.resource),
            subresource => quoted(&format!("{}/{subresource}", self.resource)),
        };
        let _ = write!(text, "resource {resource} in API group {} ", quoted(self.group));
        match self.namespace {
            "" => text.push_str("at the cluster scope"),
            namespace => {
                let _ = write!(text, "in the namespace {}", quoted(namespace));
            }
        }
        text
    }

    /// The 403 of a refused request.
    pub fn forbidden(&self, reason: &str) -> Status {
        let mut why = without_markup(self.refusal());
        if !reason.is_empty() {
            let _ = write!(why, ": {reason}");
        }
        Status::forbidden(GroupName { group: self.group, name: self.resource }, self.name, why)
    }
}

/// No error may look like HTML to a browser.
fn without_markup(text: String) -> String {
    if !text.contains(['&', '<', '>']) {
        return text;
    }
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Allow,
    /// No later authorizer is asked.
    Deny,
    NoOpinion,
}

/// One way of deciding.
pub trait Authorizer: Send + Sync {
    /// Decides without a word: what every request needs.
    fn decide(&self, attributes: &Attributes<'_>) -> Decision;

    /// Decides and says why: what refusals and reviews show.
    fn explain(&self, attributes: &Attributes<'_>) -> (Decision, String);
}

/// The ordered union.
pub struct Authorization {
    authorizers: Vec<Box<dyn Authorizer>>,
}

impl Authorization {
    /// Masters, then the roles.
    pub fn new(rbac: Arc<Rbac>) -> Self {
        Self { authorizers: vec![Box::new(Masters), Box::new(rbac)] }
    }

    /// Adds an authorizer behind those that are there.
    #[must_use]
    pub fn with(mut self, authorizer: Box<dyn Authorizer>) -> Self {
        self.authorizers.push(authorizer);
        self
    }

    pub fn allows(&self, attributes: &Attributes<'_>) -> bool {
        let mut decisions = self.authorizers.iter().map(|one| one.decide(attributes));
        decisions.find(|decision| *decision != Decision::NoOpinion) == Some(Decision::Allow)
    }

    /// The decision with the reasons of all that were asked.
    pub fn explain(&self, attributes: &Attributes<'_>) -> (Decision, String) {
        let mut reasons: Vec<String> = Vec::new();
        for one in &self.authorizers {
            let (decision, reason) = one.explain(attributes);
            if decision != Decision::NoOpinion {
                return (decision, reason);
            }
            if !reason.is_empty() {
                reasons.push(reason);
            }
        }
        (Decision::NoOpinion, reasons.join("\n"))
    }

    /// 403 unless it is allowed.
    pub fn check(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if self.allows(attributes) {
            return Ok(());
        }
        // Roles may have changed meanwhile: the explanation counts.
        match self.explain(attributes) {
            (Decision::Allow, _) => Ok(()),
            (_, reason) => Err(attributes.forbidden(&reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(user: &User) -> Attributes<'_> {
        let pods = Attributes::resource(user, "get", "", "pods");
        Attributes { subresource: "log", namespace: "a", name: "p", ..pods }
    }

    #[test]
    fn refusals_have_upstreams_words() {
        let user = User { name: "no\"body".into(), ..User::default() };
        let one = attributes(&user);
        assert_eq!(
            one.forbidden("").message,
            r#"pods "p" is forbidden: User "no\"body" cannot get resource "pods/log" in API group "" in the namespace "a""#
        );
        let all = Attributes { subresource: "", namespace: "", name: "", ..one };
        assert_eq!(
            all.forbidden("because").message,
            r#"pods is forbidden: User "no\"body" cannot get resource "pods" in API group "" at the cluster scope: because"#
        );
        let nothing = Attributes { is_resource: false, path: "/<a>", resource: "", ..all };
        assert_eq!(
            nothing.forbidden("").message,
            r#"forbidden: User "no\"body" cannot get path "/&lt;a&gt;""#
        );
    }

    struct Fixed(Decision, &'static str);

    impl Authorizer for Fixed {
        fn decide(&self, _: &Attributes<'_>) -> Decision {
            self.0
        }

        fn explain(&self, _: &Attributes<'_>) -> (Decision, String) {
            (self.0, self.1.to_owned())
        }
    }

    #[test]
    fn the_first_opinion_counts() {
        let user = User::default();
        for (order, allowed, reason) in [
            (vec![Fixed(Decision::NoOpinion, "a"), Fixed(Decision::NoOpinion, "b")], false, "a\nb"),
            (vec![Fixed(Decision::Deny, "a"), Fixed(Decision::Allow, "b")], false, "a"),
            (vec![Fixed(Decision::NoOpinion, "a"), Fixed(Decision::Allow, "b")], true, "b"),
        ] {
            let mut union = Authorization { authorizers: Vec::new() };
            for one in order {
                union = union.with(Box::new(one));
            }
            assert_eq!(union.allows(&attributes(&user)), allowed);
            assert_eq!(union.explain(&attributes(&user)).1, reason);
            assert_eq!(union.check(&attributes(&user)).is_ok(), allowed);
        }
    }
}
