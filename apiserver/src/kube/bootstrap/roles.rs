//! Default roles and bindings: made where they are missing, mended where they grant less than they
//! did, as upstream's reconciliation does. An administrator keeps what was added, and can keep a
//! whole object from being touched by its annotation.

use super::Wanted;
use super::text::parse;
use crate::kube::loopback::{Loopback, Refused};
use crate::kube::object::metadata_mut;
use crate::kube::rbac::covers::missing_rules;
use crate::kube::rbac::rule::Rule;
use xebec_core::edit;
use xebec_core::value::{Object, Value};

const TEXT: &str = include_str!("roles.txt");
const AUTO_UPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

pub fn all() -> Vec<Wanted> {
    parse(TEXT).expect("a test reads the compiled-in roles")
}

pub async fn ensure(loopback: &Loopback, wanted: Wanted) -> Result<(), Refused> {
    let uri = wanted.uri();
    let Some(existing) = loopback.get(&uri).await? else {
        loopback.create(&wanted.collection, &wanted.object).await?;
        return Ok(());
    };
    match mend(&existing, &wanted.object) {
        Mended::Keep => {}
        Mended::Update(object) => {
            loopback.update(&uri, &object).await?;
        }
        // What a binding refers to never changes.
        Mended::Replace => {
            loopback.delete(&uri).await?;
            loopback.create(&wanted.collection, &wanted.object).await?;
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq)]
enum Mended {
    Keep,
    Update(Object),
    Replace,
}

/// What becomes of a default object that is there.
fn mend(existing: &Object, wanted: &Object) -> Mended {
    if edit::text(existing, &["metadata", "annotations", AUTO_UPDATE]) == "false" {
        return Mended::Keep;
    }
    let mut object = existing.clone();
    let mut changed = false;
    for name in ["labels", "annotations"] {
        changed |= add_entries(&mut object, wanted, name);
    }
    if let Some(role) = wanted.get("roleRef") {
        if existing.get("roleRef") != Some(role) {
            return Mended::Replace;
        }
        changed |= add_items(&mut object, wanted, &["subjects"]);
    } else if wanted.get("aggregationRule").is_some() {
        changed |= add_items(&mut object, wanted, &["aggregationRule", "clusterRoleSelectors"]);
    } else {
        let mut rules = Rule::list(existing.get("rules"));
        let missing = missing_rules(&rules, &Rule::list(wanted.get("rules")));
        changed |= !missing.is_empty();
        rules.extend(missing);
        object.insert("rules", Value::Array(rules.iter().map(Rule::write).collect()));
    }
    if changed { Mended::Update(object) } else { Mended::Keep }
}

/// Adds entries of a map of the metadata; what is there stays.
fn add_entries(object: &mut Object, wanted: &Object, name: &str) -> bool {
    let Some(wanted) = edit::object(wanted, &["metadata", name]) else { return false };
    let metadata = metadata_mut(object);
    let mut map = match metadata.remove(name) {
        Some(Value::Object(map)) => map,
        _ => Object::new(),
    };
    let mut changed = false;
    for (key, value) in wanted.iter() {
        if map.get(key).is_none() {
            map.insert_sorted(key, value.clone());
            changed = true;
        }
    }
    metadata.insert(name, Value::Object(map));
    changed
}

/// Adds items of a list; what is there stays.
fn add_items(object: &mut Object, wanted: &Object, path: &[&str]) -> bool {
    let mut items = edit::items(object, path).to_vec();
    let before = items.len();
    for item in edit::items(wanted, path) {
        if !items.contains(item) {
            items.push(item.clone());
        }
    }
    let changed = items.len() > before;
    if changed {
        put(object, path, Value::Array(items));
    }
    changed
}

/// Sets a value of objects in objects.
fn put(object: &mut Object, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => {
            object.insert(*name, value);
        }
        [name, rest @ ..] => {
            let mut inner = match object.remove(name) {
                Some(Value::Object(inner)) => inner,
                _ => Object::new(),
            };
            put(&mut inner, rest, value);
            object.insert(*name, Value::Object(inner));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::object::meta;
    use crate::kube::object::object;

    #[test]
    fn the_compiled_in_roles_are_read() {
        let all = all();
        let names: std::collections::HashSet<String> = all.iter().map(Wanted::uri).collect();
        assert_eq!(names.len(), all.len(), "every object once");
        assert!(names.contains("/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin"));
        assert!(all.iter().all(|one| !meta(&one.object, "name").is_empty()));
    }

    const ROLE: &str = r#"{"metadata":{"name":"r","labels":{"a":"1"}},"rules":[{"verbs":["get","list"],"apiGroups":[""],"resources":["pods"]}]}"#;

    #[test]
    fn what_is_missing_is_added_and_the_rest_stays() {
        let wanted = object(ROLE);
        assert_eq!(mend(&wanted, &wanted), Mended::Keep);
        let existing = object(
            r#"{"metadata":{"name":"r","labels":{"a":"2","b":"1"}},"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods","secrets"]}]}"#,
        );
        let Mended::Update(mended) = mend(&existing, &wanted) else { panic!("rules are missing") };
        assert_eq!(edit::text(&mended, &["metadata", "labels", "a"]), "2");
        let rules = edit::items(&mended, &["rules"]);
        assert_eq!(
            serde_json::to_string(rules).expect("JSON"),
            r#"[{"verbs":["get"],"apiGroups":[""],"resources":["pods","secrets"]},{"verbs":["list"],"apiGroups":[""],"resources":["pods"]}]"#
        );
    }

    #[test]
    fn a_protected_object_is_left_alone() {
        let existing = object(
            r#"{"metadata":{"name":"r","annotations":{"rbac.authorization.kubernetes.io/autoupdate":"false"}},"rules":[]}"#,
        );
        assert_eq!(mend(&existing, &object(ROLE)), Mended::Keep);
    }

    #[test]
    fn a_binding_to_another_role_is_replaced() {
        let binding = |role: &str, subjects: &str| {
            object(&format!(
                r#"{{"metadata":{{"name":"b"}},"subjects":{subjects},"roleRef":{{"name":"{role}"}}}}"#
            ))
        };
        let (a, b) = (binding("a", r#"[{"name":"x"}]"#), binding("b", r#"[{"name":"x"}]"#));
        assert_eq!(mend(&a, &b), Mended::Replace);
        let more = binding("a", r#"[{"name":"x"},{"name":"y"}]"#);
        assert_eq!(mend(&more, &a), Mended::Keep);
        assert!(matches!(mend(&a, &more), Mended::Update(_)));
    }
}
