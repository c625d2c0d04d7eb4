//! What becomes of a definition's status: names that are accepted or taken, and the conditions that
//! follow. Upstream has a controller for each condition; here one look settles all of them.

use crate::edit::{self, Edit};
use crate::field_error::quoted;
use crate::lifecycle;
use crate::strategy::conditions::{self, Condition};
use crate::target::Target;
use crate::time::Timestamp;
use crate::value::{Object, Value};
use std::collections::HashSet;

pub const APPROVAL: &str = "api-approved.kubernetes.io";
const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Whether a condition of a definition is true.
pub fn is_true(definition: &Object, kind: &str) -> bool {
    status_of(definition, kind) == Some("True")
}

/// Whether a definition has a condition, true or not.
pub fn is_known(definition: &Object, kind: &str) -> bool {
    condition(definition, kind).is_some()
}

/// Whether custom resources of this definition are served.
pub fn is_served(definition: &Object) -> bool {
    is_true(definition, "Established")
}

fn condition<'o>(definition: &'o Object, kind: &str) -> Option<&'o Value> {
    let mut all = edit::items(definition, &["status", "conditions"]).iter();
    all.find(|one| one.get("type").and_then(Value::as_str) == Some(kind))
}

fn status_of<'o>(definition: &'o Object, kind: &str) -> Option<&'o str> {
    condition(definition, kind)?.get("status")?.as_str()
}

/// The definition with its status as it should be, or `None` where it is so already. `all` are the
/// definitions that there are, this one among them or not; `target` is the definition's own.
pub fn review<'a>(
    target: Target<'_>,
    definition: &Object,
    all: impl Iterator<Item = &'a Object>,
    now: Timestamp,
) -> Option<Object> {
    let mut changed = definition.clone();
    review_names(target, &mut changed, all, now);
    establish(target, &mut changed, now);
    if let Some((status, reason, message)) = approval(&changed) {
        let condition = Condition {
            kind: "KubernetesAPIApprovalPolicyConformant",
            status,
            reason,
            message: &message,
        };
        set(target, &mut changed, condition, now);
    }
    (changed != *definition).then_some(changed)
}

/// Sets a condition unless it says the same already.
fn set(target: Target<'_>, definition: &mut Object, new: Condition<'_>, now: Timestamp) {
    let same = condition(definition, new.kind).is_some_and(|held| {
        let text = |name| held.get(name).and_then(Value::as_str).unwrap_or_default();
        text("status") == new.status
            && text("reason") == new.reason
            && text("message") == new.message
    });
    if !same {
        conditions::set(target, definition, &new, now);
    }
}

/// What other definitions of the group use.
#[derive(Default)]
struct Taken<'a> {
    resources: HashSet<&'a str>,
    kinds: HashSet<&'a str>,
}

impl<'a> Taken<'a> {
    fn of(group: &str, all: impl Iterator<Item = &'a Object>) -> Self {
        let mut taken = Self::default();
        for one in all.filter(|one| edit::text(one, &["spec", "group"]) == group) {
            let name = |field| edit::text(one, &["status", "acceptedNames", field]);
            let short = edit::items(one, &["status", "acceptedNames", "shortNames"]);
            taken.resources.extend([name("plural"), name("singular")]);
            taken.resources.extend(short.iter().filter_map(Value::as_str));
            taken.kinds.extend([name("kind"), name("listKind")]);
        }
        taken
    }
}

fn review_names<'a>(
    target: Target<'_>,
    definition: &mut Object,
    all: impl Iterator<Item = &'a Object>,
    now: Timestamp,
) {
    let wanted = edit::object(definition, &["spec", "names"]).cloned().unwrap_or_default();
    let held = edit::object(definition, &["status", "acceptedNames"]).cloned().unwrap_or_default();
    if wanted == held {
        return;
    }
    let taken = Taken::of(edit::text(definition, &["spec", "group"]), all);
    let Accepted { names, conflict } = Accepted::of(&wanted, &held, &taken);
    for (name, value) in names {
        Edit::new(target, definition).set(&["status", "acceptedNames", name], value);
    }
    let (status, reason, message) = match &conflict {
        Some((reason, message)) => ("False", *reason, message.as_str()),
        None => ("True", "NoConflicts", "no conflicts found"),
    };
    set(target, definition, Condition { kind: "NamesAccepted", status, reason, message }, now);
    if is_true(definition, "Established") {
        return;
    }
    let waiting = if conflict.is_none() {
        Some(("Installing", "the initial names have been accepted"))
    } else {
        let first = condition(definition, "Established").is_none();
        first.then_some(("NotAccepted", "not all names are accepted"))
    };
    if let Some((reason, message)) = waiting {
        let condition = Condition { kind: "Established", status: "False", reason, message };
        set(target, definition, condition, now);
    }
}

/// The names that are accepted of those that are wanted.
#[derive(Default)]
struct Accepted {
    names: Vec<(&'static str, Value)>,
    /// The last conflict: its reason and what is said of it.
    conflict: Option<(&'static str, String)>,
}

impl Accepted {
    fn of(wanted: &Object, held: &Object, taken: &Taken<'_>) -> Self {
        let mut accepted = Self::default();
        accepted.name((wanted, held), "plural", "PluralConflict", &taken.resources);
        accepted.name((wanted, held), "singular", "SingularConflict", &taken.resources);
        accepted.short_names((wanted, held), &taken.resources);
        accepted.name((wanted, held), "kind", "KindConflict", &taken.kinds);
        accepted.name((wanted, held), "listKind", "ListKindConflict", &taken.kinds);
        let categories = edit::items(wanted, &["categories"]).to_vec();
        accepted.names.push(("categories", Value::Array(categories)));
        accepted
    }

    fn name(
        &mut self,
        (wanted, held): (&Object, &Object),
        field: &'static str,
        reason: &'static str,
        taken: &HashSet<&str>,
    ) {
        let (new, old) = (edit::text(wanted, &[field]), edit::text(held, &[field]));
        if new != old && taken.contains(new) {
            self.conflict = Some((reason, in_use(new)));
        } else {
            self.names.push((field, Value::from(new)));
        }
    }

    fn short_names(&mut self, (wanted, held): (&Object, &Object), taken: &HashSet<&str>) {
        let (new, old) = (edit::items(wanted, &["shortNames"]), edit::items(held, &["shortNames"]));
        let fresh = new.iter().filter(|name| !old.contains(name)).filter_map(Value::as_str);
        let clashes: Vec<String> = fresh.filter(|name| taken.contains(name)).map(in_use).collect();
        let conflict = match clashes.as_slice() {
            [] => return self.names.push(("shortNames", Value::Array(new.to_vec()))),
            [only] => only.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        self.conflict = Some(("ShortNamesConflict", conflict));
    }
}

fn in_use(name: &str) -> String {
    format!("{} is already in use", quoted(name))
}

/// A definition whose names are accepted is served from then on.
fn establish(target: Target<'_>, definition: &mut Object, now: Timestamp) {
    if !is_true(definition, "NamesAccepted") || is_true(definition, "Established") {
        return;
    }
    let condition = Condition {
        kind: "Established",
        status: "True",
        reason: "InitialNamesAccepted",
        message: "the initial names have been accepted",
    };
    set(target, definition, condition, now);
}

/// Groups of the community need the word of the community (`api-approved.kubernetes.io`).
pub fn approval(definition: &Object) -> Option<(&'static str, &'static str, String)> {
    let group = edit::text(definition, &["spec", "group"]);
    let protected = ["k8s.io", "kubernetes.io"].into_iter().any(|domain| {
        group.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    if !protected {
        return None;
    }
    let see = "see https://github.com/kubernetes/enhancements/pull/1111";
    let needs = format!("protected groups must have approval annotation {}", quoted(APPROVAL));
    let given = edit::text(lifecycle::metadata(definition), &["annotations", APPROVAL]);
    Some(match given {
        "" => ("False", "MissingAnnotation", format!("{needs}, {see}")),
        given if given.starts_with("unapproved") => {
            ("False", "UnapprovedAnnotation", format!("not approved: {}", quoted(given)))
        }
        given if super::format::is_url(given) => {
            ("True", "ApprovedAnnotation", format!("approved in {given}"))
        }
        _ => {
            let or = "with either a URL or a reason starting with \"unapproved\"";
            ("False", "InvalidAnnotation", format!("{needs} {or}, {see}"))
        }
    })
}

/// How far the removal of a definition's objects has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    Begun,
    /// Something is left, or could not be asked for.
    Failed(String),
    Unconfirmed(String),
    Completed,
    NeverServed,
}

/// Whether a definition waits for its objects to be removed.
pub fn awaits_removal(definition: &Object) -> bool {
    let metadata = lifecycle::metadata(definition);
    let finalizers = edit::items(metadata, &["finalizers"]);
    edit::at(metadata, &["deletionTimestamp"]).is_some()
        && finalizers.iter().any(|one| one.as_str() == Some(CLEANUP))
}

/// Notes how far removal has come. When it is done, the finalizer goes.
pub fn note_removal(
    target: Target<'_>,
    definition: &mut Object,
    removal: &Removal,
    now: Timestamp,
) {
    let (status, reason, message) = match removal {
        Removal::Begun => {
            ("True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")
        }
        Removal::Failed(message) => ("True", "InstanceDeletionFailed", message.as_str()),
        Removal::Unconfirmed(message) => ("True", "InstanceDeletionCheck", message.as_str()),
        Removal::Completed => ("False", "InstanceDeletionCompleted", "removed all instances"),
        Removal::NeverServed => ("False", "NeverEstablished", "resource was never established"),
    };
    set(target, definition, Condition { kind: "Terminating", status, reason, message }, now);
    if matches!(removal, Removal::Completed | Removal::NeverServed) {
        let finalizers = edit::items(lifecycle::metadata(definition), &["finalizers"]);
        let rest: Vec<Value> =
            finalizers.iter().filter(|one| one.as_str() != Some(CLEANUP)).cloned().collect();
        let rest = (!rest.is_empty()).then_some(Value::Array(rest));
        lifecycle::set_metadata(definition, "finalizers", rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Registry, Selection};

    fn definition(group: &str, plural: &str, kind: &str, short: &str) -> Object {
        let text = format!(
            r#"{{"kind":"CustomResourceDefinition","metadata":{{"name":"{plural}.{group}"}},
            "spec":{{"group":"{group}","names":{{"plural":"{plural}","singular":"{plural}1",
            "shortNames":["{short}"],"kind":"{kind}","listKind":"{kind}List"}}}},
            "status":{{"conditions":null,"acceptedNames":{{"plural":"","kind":""}},
            "storedVersions":["v1"]}}}}"#
        );
        match serde_json::from_str(&text).expect("valid JSON") {
            Value::Object(object) => object,
            _ => Object::new(),
        }
    }

    fn reviewed(definition: &Object, all: &[Object]) -> Option<Object> {
        let registry = Registry::built_in(Selection::Default);
        let resource = registry.find_resource("apiextensions.k8s.io", "customresourcedefinitions");
        let target = Target::stored(resource.expect("built in"));
        let now = Timestamp::parse("2026-01-01T00:00:00Z").expect("a time");
        review(target, definition, all.iter(), now)
    }

    fn shown(definition: &Object) -> Vec<String> {
        let conditions = edit::items(definition, &["status", "conditions"]).iter();
        conditions
            .map(|one| {
                let text = |name| one.get(name).and_then(Value::as_str).unwrap_or_default();
                format!(
                    "{}={} {}: {}",
                    text("type"),
                    text("status"),
                    text("reason"),
                    text("message")
                )
            })
            .collect()
    }

    #[test]
    fn free_names_are_accepted_at_once() {
        let one = definition("example.com", "widgets", "Widget", "wd");
        let reviewed_once = reviewed(&one, &[]).expect("a change");
        assert_eq!(
            shown(&reviewed_once),
            [
                "NamesAccepted=True NoConflicts: no conflicts found",
                "Established=True InitialNamesAccepted: the initial names have been accepted",
            ]
        );
        let names = |path: &[&str]| edit::object(&reviewed_once, path).cloned();
        assert_eq!(names(&["status", "acceptedNames"]), names(&["spec", "names"]));
        assert!(is_served(&reviewed_once));
        assert_eq!(reviewed(&reviewed_once, &[]), None);
    }

    #[test]
    fn taken_names_are_refused_until_they_are_free() {
        let first = reviewed(&definition("example.com", "widgets", "Widget", "wd"), &[]);
        let first = first.expect("a change");
        let second = definition("example.com", "gadgets", "Widget", "wd");
        let refused = reviewed(&second, std::slice::from_ref(&first)).expect("a change");
        assert_eq!(
            shown(&refused),
            [
                "NamesAccepted=False ListKindConflict: \"WidgetList\" is already in use",
                "Established=False NotAccepted: not all names are accepted",
            ]
        );
        assert_eq!(edit::text(&refused, &["status", "acceptedNames", "plural"]), "gadgets");
        assert!(edit::items(&refused, &["status", "acceptedNames", "shortNames"]).is_empty());
        assert_eq!(reviewed(&refused, &[first, refused.clone()]), None);
        assert!(is_served(&reviewed(&refused, std::slice::from_ref(&refused)).expect("free now")));
        let elsewhere = definition("example.org", "widgets", "Widget", "wd");
        assert!(is_served(&reviewed(&elsewhere, &[refused]).expect("a change")));
    }

    #[test]
    fn protected_groups_need_approval() {
        let mut one = definition("x.k8s.io", "widgets", "Widget", "wd");
        let last = |one: &Object| shown(one).pop().unwrap_or_default();
        assert!(last(&reviewed(&one, &[]).expect("a change")).contains("False MissingAnnotation"));
        for (given, expected) in [
            (
                "unapproved, so far",
                "False UnapprovedAnnotation: not approved: \"unapproved, so far\"",
            ),
            ("https://example.com/1", "True ApprovedAnnotation: approved in https://example.com/1"),
            ("/relative", "False InvalidAnnotation"),
        ] {
            let annotations = std::iter::once((APPROVAL.into(), given.into())).collect();
            lifecycle::set_metadata(&mut one, "annotations", Some(Value::Object(annotations)));
            let text = last(&reviewed(&one, &[]).expect("a change"));
            assert!(text.contains(expected), "{text}");
        }
    }
}
