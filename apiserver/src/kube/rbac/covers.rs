//! Whether one set of rules grants all that another does, atom by atom.
//!
//! An atom is one verb on one resource of one group, with one name or without, or one verb on one
//! path. A rule covers an atom or does not: no two rules together cover what neither does.

use super::rule::{Rule, path_matches};
use std::collections::{BTreeMap, BTreeSet};
use xebec_core::field_error::quoted;

/// A role that grants more atoms than this is not looked through.
const ATOMS_MAX: usize = 200_000;

/// More atoms than are looked through.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rules grant too much to be checked one by one")]
pub struct TooMany;

/// One thing that a rule grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Atom<'r> {
    Resource { verb: &'r str, group: &'r str, resource: &'r str, name: Option<&'r str> },
    Path { verb: &'r str, path: &'r str },
}

/// What of `wanted` is not covered by `held`: described as upstream does, each once, in order.
pub fn missing(held: &[Rule], wanted: &[Rule]) -> Result<Vec<String>, TooMany> {
    let count = wanted.iter().map(atoms).fold(0, usize::saturating_add);
    if count > ATOMS_MAX {
        return Err(TooMany);
    }
    let mut described = BTreeSet::new();
    // Verbs on one resource are told together.
    let mut simple: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for_each_missing(held, wanted, |atom| match atom {
        Atom::Resource { verb, group, resource, name: None } => {
            simple.entry((group, resource)).or_default().push(verb);
        }
        Atom::Resource { verb, group, resource, name: Some(name) } => {
            described.insert(describe(&[
                ("APIGroups", &[group]),
                ("Resources", &[resource]),
                ("ResourceNames", &[name]),
                ("Verbs", &[verb]),
            ]));
        }
        Atom::Path { verb, path } => {
            described.insert(describe(&[("NonResourceURLs", &[path]), ("Verbs", &[verb])]));
        }
    });
    described.extend(simple.into_iter().map(|((group, resource), verbs)| {
        describe(&[("APIGroups", &[group]), ("Resources", &[resource]), ("Verbs", &verbs)])
    }));
    Ok(described.into_iter().collect())
}

/// What of `wanted` is not covered by `held`, one rule for each atom. For rules of our own.
pub fn missing_rules(held: &[Rule], wanted: &[Rule]) -> Vec<Rule> {
    let mut missing = Vec::new();
    for_each_missing(held, wanted, |atom| {
        let list = |text: &str| vec![Box::from(text)];
        missing.push(match atom {
            Atom::Resource { verb, group, resource, name } => Rule {
                verbs: list(verb),
                api_groups: list(group),
                resources: list(resource),
                resource_names: name.map(list).unwrap_or_default(),
                paths: Vec::new(),
            },
            Atom::Path { verb, path } => {
                Rule { verbs: list(verb), paths: list(path), ..Rule::default() }
            }
        });
    });
    missing
}

fn for_each_missing<'r>(held: &[Rule], wanted: &'r [Rule], mut f: impl FnMut(Atom<'r>)) {
    for rule in wanted {
        for_each_atom(rule, |atom| {
            if !held.iter().any(|rule| covers(rule, atom)) {
                f(atom);
            }
        });
    }
}

/// How many atoms a rule has.
fn atoms(rule: &Rule) -> usize {
    let resources = [rule.api_groups.len(), rule.resources.len(), rule.resource_names.len().max(1)];
    let of_resources = resources.into_iter().fold(1, usize::saturating_mul);
    of_resources.saturating_add(rule.paths.len()).saturating_mul(rule.verbs.len())
}

fn for_each_atom<'r>(rule: &'r Rule, mut f: impl FnMut(Atom<'r>)) {
    for group in &rule.api_groups {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                let mut atom = |name| f(Atom::Resource { verb, group, resource, name });
                if rule.resource_names.is_empty() {
                    atom(None);
                }
                rule.resource_names.iter().for_each(|name| atom(Some(name)));
            }
        }
    }
    for path in &rule.paths {
        rule.verbs.iter().for_each(|verb| f(Atom::Path { verb, path }));
    }
}

fn covers(held: &Rule, atom: Atom<'_>) -> bool {
    match atom {
        Atom::Resource { verb, group, resource, name } => {
            has(&held.verbs, verb)
                && has(&held.api_groups, group)
                && covers_resource(&held.resources, resource)
                && (held.resource_names.is_empty()
                    || name
                        .is_some_and(|name| held.resource_names.iter().any(|one| **one == *name)))
        }
        Atom::Path { verb, path } => {
            has(&held.verbs, verb) && held.paths.iter().any(|one| path_matches(one, path))
        }
    }
}

fn has(items: &[Box<str>], wanted: &str) -> bool {
    items.iter().any(|item| **item == *"*" || **item == *wanted)
}

fn covers_resource(held: &[Box<str>], wanted: &str) -> bool {
    has(held, wanted)
        || wanted.split_once('/').is_some_and(|(_, part)| {
            held.iter().any(|one| one.strip_prefix("*/").is_some_and(|held| held == part))
        })
}

/// `{APIGroups:["apps"], Verbs:["get" "list"]}`: Go's way of printing the fields that are set.
fn describe(fields: &[(&str, &[&str])]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, values)| {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            format!("{name}:[{}]", values.join(" "))
        })
        .collect();
    format!("{{{}}}", fields.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<Rule> {
        serde_json::from_str(text).expect("rules")
    }

    fn check(held: &str, wanted: &str) -> Vec<String> {
        missing(&rules(held), &rules(wanted)).expect("few atoms")
    }

    const PODS: &str =
        r#"[{"verbs":["get","list"],"apiGroups":[""],"resources":["pods","pods/log"]}]"#;

    #[test]
    fn what_is_held_covers_what_is_wanted() {
        for (held, wanted) in [
            (PODS, PODS),
            (r#"[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]"#, PODS),
            (
                r#"[{"verbs":["get","list"],"apiGroups":[""],"resources":["pods"]},
                    {"verbs":["get","list"],"apiGroups":["*"],"resources":["*/log"]}]"#,
                PODS,
            ),
            (
                PODS,
                r#"[{"verbs":["get"],"apiGroups":[""],"resources":["pods"],"resourceNames":["a"]}]"#,
            ),
            (
                r#"[{"verbs":["get"],"nonResourceURLs":["/a/*"]}]"#,
                r#"[{"verbs":["get"],"nonResourceURLs":["/a/*","/a/b"]}]"#,
            ),
        ] {
            assert!(check(held, wanted).is_empty(), "{held} {wanted}");
        }
    }

    #[test]
    fn what_is_not_held_is_described() {
        let wanted = r#"[
            {"verbs":["get","delete","list"],"apiGroups":["","apps"],"resources":["pods"]},
            {"verbs":["get"],"apiGroups":[""],"resources":["secrets"],"resourceNames":["a"]},
            {"verbs":["get"],"nonResourceURLs":["/x"]}]"#;
        assert_eq!(
            check(PODS, wanted),
            [
                r#"{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}"#,
                r#"{APIGroups:[""], Resources:["secrets"], ResourceNames:["a"], Verbs:["get"]}"#,
                r#"{APIGroups:["apps"], Resources:["pods"], Verbs:["get" "delete" "list"]}"#,
                r#"{NonResourceURLs:["/x"], Verbs:["get"]}"#,
            ]
        );
        // A star is more than everything that is listed, and a name less than all.
        let star = r#"[{"verbs":["*"],"apiGroups":[""],"resources":["pods"]}]"#;
        assert_eq!(check(PODS, star).len(), 1);
        let named =
            r#"[{"verbs":["get"],"apiGroups":[""],"resources":["pods"],"resourceNames":["a"]}]"#;
        assert_eq!(
            check(named, r#"[{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}]"#).len(),
            1
        );
    }

    #[test]
    fn a_product_of_long_lists_is_refused() {
        let many: Vec<Box<str>> = (0..100).map(|n| n.to_string().into()).collect();
        let rule = Rule {
            verbs: many.clone(),
            api_groups: many.clone(),
            resources: many.clone(),
            resource_names: many,
            paths: Vec::new(),
        };
        assert_eq!(missing(&[], &[rule]), Err(TooMany));
    }
}
