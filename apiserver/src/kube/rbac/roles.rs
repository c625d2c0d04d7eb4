//! [`Roles`]: the rules of all roles, in places that bindings keep.
//!
//! A binding knows the place of its role, so that a check looks up no names; and each place has a
//! [`Signature`] beside those of the others, so that a subject of many roles pays a few
//! instructions for each role that is about something else.
//!
//! A place is kept while there is a role or a binding to it: a role may come after its bindings.

use super::rule::{ALL, Rule};
use crate::kube::authz::Attributes;
use std::collections::HashMap;
use std::sync::Arc;

/// The place of a role that is there or that a binding refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u32);

/// What rules are about: sets of hashed names, one bit each. It may say yes wrongly, never no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signature {
    groups: u64,
    resources: u64,
}

#[derive(Debug, Default)]
struct Slot {
    /// None where bindings name a role that is not there.
    rules: Option<Arc<[Rule]>>,
    bindings: usize,
}

/// Roles are named by namespace and name; the namespace of a ClusterRole is empty.
#[derive(Debug, Default)]
pub struct Roles {
    places: HashMap<Box<str>, HashMap<Box<str>, Place>>,
    slots: Vec<Slot>,
    /// One for each slot.
    signatures: Vec<Signature>,
    free: Vec<Place>,
}

impl Place {
    fn at(self) -> usize {
        self.0 as usize
    }
}

impl Signature {
    const EVERYTHING: u64 = u64::MAX;
    /// Of rules about paths; no name has it.
    const PATHS: u64 = 1 << 63;

    fn of(rules: &[Rule]) -> Self {
        let mut all = Self::default();
        for rule in rules {
            if !rule.paths.is_empty() {
                all.groups |= Self::PATHS;
                all.resources |= Self::PATHS;
            }
            all.groups |= rule.api_groups.iter().map(|group| bit(group)).fold(0, |a, b| a | b);
            let resources = rule.resources.iter();
            let resources = resources.map(|one| bit(one.split_once('/').map_or(one, |(it, _)| it)));
            all.resources |= resources.fold(0, |a, b| a | b);
        }
        all
    }

    pub fn asked(asked: &Attributes<'_>) -> Self {
        if asked.is_resource {
            Self { groups: bit(asked.group), resources: bit(asked.resource) }
        } else {
            Self { groups: Self::PATHS, resources: Self::PATHS }
        }
    }

    fn may_allow(self, asked: Self) -> bool {
        self.groups & asked.groups != 0 && self.resources & asked.resources != 0
    }
}

/// One of 63 bits by a hash (FNV-1a) of a name; all of them for `*`.
fn bit(name: &str) -> u64 {
    if name == ALL {
        return Signature::EVERYTHING;
    }
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    1 << (hash % 63)
}

impl Roles {
    pub fn put(&mut self, namespace: &str, name: &str, rules: Vec<Rule>) {
        let place = self.place(namespace, name);
        self.signatures[place.at()] = Signature::of(&rules);
        self.slots[place.at()].rules = Some(rules.into());
    }

    pub fn delete(&mut self, namespace: &str, name: &str) {
        let Some(place) = self.find(namespace, name) else { return };
        self.signatures[place.at()] = Signature::default();
        self.slots[place.at()].rules = None;
        self.tidy(place, namespace, name);
    }

    /// The place of a role, for one more binding.
    pub fn hold(&mut self, namespace: &str, name: &str) -> Place {
        let place = self.place(namespace, name);
        self.slots[place.at()].bindings += 1;
        place
    }

    /// Ends what [`Roles::hold`] began.
    pub fn release(&mut self, place: Place, namespace: &str, name: &str) {
        self.slots[place.at()].bindings -= 1;
        self.tidy(place, namespace, name);
    }

    /// The rules, if the role is there.
    pub fn rules(&self, place: Place) -> Option<&Arc<[Rule]>> {
        self.slots[place.at()].rules.as_ref()
    }

    /// The rules of the role of that name, if it is there.
    pub fn named(&self, namespace: &str, name: &str) -> Option<&Arc<[Rule]>> {
        self.rules(self.find(namespace, name)?)
    }

    pub fn allow(&self, place: Place, signature: Signature, asked: &Attributes<'_>) -> bool {
        self.signatures[place.at()].may_allow(signature)
            && self.rules(place).is_some_and(|rules| rules.iter().any(|rule| rule.allows(asked)))
    }

    fn find(&self, namespace: &str, name: &str) -> Option<Place> {
        self.places.get(namespace)?.get(name).copied()
    }

    /// The place of a role, or a new one.
    fn place(&mut self, namespace: &str, name: &str) -> Place {
        if let Some(place) = self.find(namespace, name) {
            return place;
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.signatures.push(Signature::default());
            Place(u32::try_from(self.slots.len() - 1).expect("memory ends before"))
        });
        self.places.entry(namespace.into()).or_default().insert(name.into(), place);
        place
    }

    /// Frees a place that nobody needs.
    fn tidy(&mut self, place: Place, namespace: &str, name: &str) {
        let slot = &self.slots[place.at()];
        if slot.bindings > 0 || slot.rules.is_some() {
            return;
        }
        self.free.push(place);
        if let Some(inside) = self.places.get_mut(namespace) {
            inside.remove(name);
            if inside.is_empty() {
                self.places.remove(namespace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::user::User;
    use proptest::prelude::*;

    fn rule(text: &str) -> Rule {
        serde_json::from_str(text).expect("a rule")
    }

    fn get_pods() -> Vec<Rule> {
        vec![rule(r#"{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}"#)]
    }

    #[test]
    fn a_place_lasts_as_long_as_a_role_or_a_binding() {
        let mut roles = Roles::default();
        let place = roles.hold("n", "r");
        assert!(roles.rules(place).is_none());
        roles.put("n", "r", get_pods());
        assert_eq!(roles.rules(place).map(|rules| rules.len()), Some(1));
        roles.delete("n", "r");
        assert!(roles.rules(place).is_none() && roles.free.is_empty());
        roles.put("n", "r", get_pods());
        roles.release(place, "n", "r");
        assert!(roles.named("n", "r").is_some() && roles.free.is_empty());
        roles.delete("n", "r");
        assert!(roles.places.is_empty());
        assert_eq!(roles.hold("", "other"), place);
        assert_eq!(roles.slots.len(), 1);
    }

    #[test]
    fn what_a_role_is_not_about_is_told_by_its_signature() {
        let pods = Signature::of(&get_pods());
        let user = User::default();
        let asked = |group, resource| {
            let asked = Attributes::resource(&user, "get", group, resource);
            pods.may_allow(Signature::asked(&asked))
        };
        assert!(asked("", "pods"));
        assert!(!asked("apps", "pods"));
        assert!(!asked("", "secrets"));
        let asked = Attributes::resource(&user, "get", "", "");
        let asked = Attributes { is_resource: false, path: "/healthz", ..asked };
        assert!(!pods.may_allow(Signature::asked(&asked)));
    }

    proptest! {
        #[test]
        fn a_signature_never_hides_what_a_rule_allows(
            groups in prop::collection::vec("[ab]|\\*|", 0..3),
            resources in prop::collection::vec("[pq](/s)?|\\*(/s)?", 0..3),
            paths in prop::collection::vec("/[xy]\\*?|\\*", 0..2),
            group in "[ab]|",
            resource in "[pq]",
            subresource in "s|",
            path in "/[xy]z?",
            is_resource: bool,
        ) {
            let boxed = |all: Vec<String>| all.into_iter().map(Into::into).collect();
            let rule = Rule {
                verbs: vec!["get".into()],
                api_groups: boxed(groups),
                resources: boxed(resources),
                resource_names: Vec::new(),
                paths: boxed(paths),
            };
            let user = User::default();
            let asked = Attributes::resource(&user, "get", &group, &resource);
            let asked = Attributes { subresource: &subresource, is_resource, path: &path, ..asked };
            let shown = Signature::of(std::slice::from_ref(&rule));
            prop_assert!(!rule.allows(&asked) || shown.may_allow(Signature::asked(&asked)));
        }
    }
}
