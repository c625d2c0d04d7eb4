//! [`Rule`]: one rule of a role: which verbs it allows on what.

use crate::kube::authz::Attributes;
use serde::{Deserialize, Deserializer};
use xebec_core::value::{Object, Value};

/// A rule as stored. Absent lists are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    #[serde(deserialize_with = "or_empty")]
    pub verbs: Vec<Box<str>>,
    #[serde(deserialize_with = "or_empty")]
    pub api_groups: Vec<Box<str>>,
    #[serde(deserialize_with = "or_empty")]
    pub resources: Vec<Box<str>>,
    #[serde(deserialize_with = "or_empty")]
    pub resource_names: Vec<Box<str>>,
    #[serde(rename = "nonResourceURLs", deserialize_with = "or_empty")]
    pub paths: Vec<Box<str>>,
}

/// A list; `null` says none.
pub fn or_empty<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Vec<T>>::deserialize(from)?.unwrap_or_default())
}

pub const ALL: &str = "*";

impl Rule {
    /// The rules of a role.
    pub fn list(rules: Option<&Value>) -> Vec<Self> {
        let rules = rules.and_then(Value::as_array).unwrap_or_default();
        rules.iter().filter_map(Value::as_object).map(Self::read).collect()
    }

    pub fn read(rule: &Object) -> Self {
        let list = |name: &str| -> Vec<Box<str>> {
            let items = rule.get(name).and_then(Value::as_array).unwrap_or_default();
            items.iter().filter_map(Value::as_str).map(Box::from).collect()
        };
        Self {
            verbs: list("verbs"),
            api_groups: list("apiGroups"),
            resources: list("resources"),
            resource_names: list("resourceNames"),
            paths: list("nonResourceURLs"),
        }
    }

    /// The rule as an object, in the order of its fields in the API.
    pub fn write(&self) -> Value {
        let mut rule = Object::new();
        for (name, items) in [
            ("verbs", &self.verbs),
            ("apiGroups", &self.api_groups),
            ("resources", &self.resources),
            ("resourceNames", &self.resource_names),
            ("nonResourceURLs", &self.paths),
        ] {
            if !items.is_empty() {
                let items = items.iter().map(|item| Value::String(item.clone()));
                rule.push(name, Value::Array(items.collect()));
            }
        }
        Value::Object(rule)
    }

    pub fn allows(&self, asked: &Attributes<'_>) -> bool {
        let verb = has(&self.verbs, asked.verb);
        if !asked.is_resource {
            return verb && self.paths.iter().any(|path| path_matches(path, asked.path));
        }
        verb && has(&self.api_groups, asked.group)
            && self.resources.iter().any(|one| resource_matches(one, asked))
            && (self.resource_names.is_empty()
                || self.resource_names.iter().any(|one| **one == *asked.name))
    }
}

fn has(items: &[Box<str>], wanted: &str) -> bool {
    items.iter().any(|item| **item == *ALL || **item == *wanted)
}

/// `*`, `pods`, `pods/log` or `*/log`.
fn resource_matches(held: &str, asked: &Attributes<'_>) -> bool {
    if held == ALL {
        return true;
    }
    if asked.subresource.is_empty() {
        return held == asked.resource;
    }
    // A resource is never named with a slash, but a subresource may hold one.
    held.strip_suffix(asked.subresource)
        .and_then(|rest| rest.strip_suffix('/'))
        .is_some_and(|resource| resource == ALL || resource == asked.resource)
}

/// A path, or the beginning of paths if it ends in `*`.
pub fn path_matches(held: &str, asked: &str) -> bool {
    match held.strip_suffix('*') {
        Some(_) => asked.starts_with(held.trim_end_matches('*')),
        None => held == asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::user::User;

    fn rule(text: &str) -> Rule {
        serde_json::from_str(text).expect("a rule")
    }

    fn allows(rule: &Rule, what: &str) -> bool {
        let user = User::default();
        let mut words = what.split(' ');
        let mut next = || words.next().unwrap_or_default();
        let (verb, group, resource, name) = (next(), next(), next(), next());
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let asked = Attributes::resource(&user, verb, group, resource);
        rule.allows(&Attributes { subresource, name, ..asked })
    }

    #[test]
    fn resources_match_by_verb_group_resource_and_name() {
        let pods = rule(
            r#"{"verbs":["get"],"apiGroups":[""],"resources":["pods","*/scale"],"resourceNames":null}"#,
        );
        for (what, expected) in [
            ("get  pods x", true),
            ("get  pods", true),
            ("list  pods", false),
            ("get apps pods", false),
            ("get  pods/log x", false),
            ("get  deployments/scale x", true),
            ("get  scale x", false),
        ] {
            assert_eq!(allows(&pods, what), expected, "{what}");
        }
        let named =
            rule(r#"{"verbs":["*"],"apiGroups":["*"],"resources":["*"],"resourceNames":["a"]}"#);
        assert!(allows(&named, "delete apps deployments/status a"));
        assert!(!allows(&named, "delete apps deployments b"));
        assert!(!allows(&named, "list apps deployments"));
    }

    #[test]
    fn paths_match_whole_or_by_their_beginning() {
        let user = User::default();
        let rule = rule(r#"{"verbs":["get"],"nonResourceURLs":["/healthz","/api/*"]}"#);
        for (path, expected) in
            [("/healthz", true), ("/healthz/a", false), ("/api/v1", true), ("/api", false)]
        {
            let asked = Attributes::resource(&user, "get", "", "");
            let asked = Attributes { is_resource: false, path, ..asked };
            assert_eq!(rule.allows(&asked), expected, "{path}");
        }
    }

    #[test]
    fn rules_round_trip() {
        let text =
            r#"{"verbs":["get"],"apiGroups":[""],"resources":["pods"],"resourceNames":["a"]}"#;
        let rule = rule(text);
        let value = rule.write();
        assert_eq!(serde_json::to_string(&value).expect("serializable"), text);
        assert_eq!(Rule::read(value.as_object().expect("an object")), rule);
    }
}
