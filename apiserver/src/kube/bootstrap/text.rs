//! The form of `roles.txt`, which says what it is at its top.

use super::Wanted;
use crate::kube::rbac::GROUP;
use crate::kube::rbac::rule::Rule;
use xebec_core::value::{Object, Value};

const API: &str = "/apis/rbac.authorization.k8s.io/v1";
const AGGREGATE_TO: &str = "rbac.authorization.k8s.io/aggregate-to-";
const CONTROLLER: &str = "system:controller:";

/// Reads all objects; `None` where a line cannot be read.
pub fn parse(text: &str) -> Option<Vec<Wanted>> {
    let mut all: Vec<Wanted> = Vec::new();
    // The role that the rules which follow belong to.
    let mut role: Option<usize> = None;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        if line.starts_with(' ') {
            let object = &mut all.get_mut(role?)?.object;
            let rules = object.get_mut("rules").map(std::mem::take);
            let mut rules = rules.and_then(into_list).unwrap_or_default();
            rules.push(rule(&words)?.write());
            object.insert("rules", Value::Array(rules));
            continue;
        }
        match *words.as_slice() {
            ["clusterrole", name, ref options @ ..] => {
                role = Some(all.len());
                all.push(cluster_role(name, options)?);
            }
            ["controller", name] => {
                let full = format!("{CONTROLLER}{name}");
                let account = format!("account:kube-system/{name}");
                all.push(binding(None, &full, &full, &[&account])?);
                role = Some(all.len());
                all.push(cluster_role(&full, &[])?);
            }
            ["role", namespace, name] => {
                role = Some(all.len());
                all.push(wanted("Role", Some(namespace), head("Role", Some(namespace), name)));
            }
            ["bind", name, ref subjects @ ..] => all.push(binding(None, name, name, subjects)?),
            ["bindrole", namespace, name, role, ref subjects @ ..] => {
                all.push(binding(Some(namespace), name, role, subjects)?);
            }
            _ => return None,
        }
    }
    Some(all)
}

fn into_list(value: Value) -> Option<Vec<Value>> {
    if let Value::Array(items) = value { Some(items) } else { None }
}

/// Kind, name and the marks of a default object.
fn head(kind: &str, namespace: Option<&str>, name: &str) -> Object {
    let one = |name: &str, value: &str| {
        let mut map = Object::new();
        map.push(name, value.into());
        Value::Object(map)
    };
    let mut metadata = Object::new();
    metadata.push("name", name.into());
    if let Some(namespace) = namespace {
        metadata.push("namespace", namespace.into());
    }
    metadata.push("labels", one("kubernetes.io/bootstrapping", "rbac-defaults"));
    metadata.push("annotations", one("rbac.authorization.kubernetes.io/autoupdate", "true"));
    let mut object = Object::new();
    object.push("kind", kind.into());
    object.push("apiVersion", format!("{GROUP}/v1").into());
    object.push("metadata", Value::Object(metadata));
    object
}

fn wanted(kind: &str, namespace: Option<&str>, object: Object) -> Wanted {
    let plural = format!("{}s", kind.to_ascii_lowercase());
    let collection = match namespace {
        Some(namespace) => format!("{API}/namespaces/{namespace}/{plural}"),
        None => format!("{API}/{plural}"),
    };
    Wanted { collection, object }
}

fn cluster_role(name: &str, options: &[&str]) -> Option<Wanted> {
    let mut object = head("ClusterRole", None, name);
    for option in options {
        match option.split_once('=')? {
            ("to", role) => {
                let metadata = object.get_mut("metadata").and_then(Value::as_object_mut)?;
                let labels = metadata.get_mut("labels").and_then(Value::as_object_mut)?;
                labels.push(format!("{AGGREGATE_TO}{role}"), "true".into());
            }
            ("from", role) => {
                let mut labels = Object::new();
                labels.push(format!("{AGGREGATE_TO}{role}"), "true".into());
                let mut selector = Object::new();
                selector.push("matchLabels", Value::Object(labels));
                let mut aggregation = Object::new();
                let selectors = Value::Array(vec![Value::Object(selector)]);
                aggregation.push("clusterRoleSelectors", selectors);
                object.push("aggregationRule", Value::Object(aggregation));
            }
            _ => return None,
        }
    }
    Some(wanted("ClusterRole", None, object))
}

fn rule(words: &[&str]) -> Option<Rule> {
    let list = |text: &str| -> Vec<Box<str>> { text.split(',').map(Box::from).collect() };
    Some(match *words {
        [verbs, "path", paths] => {
            Rule { verbs: list(verbs), paths: list(paths), ..Rule::default() }
        }
        [verbs, groups, resources, ref names @ ..] if names.len() < 2 => {
            let groups = list(groups).into_iter();
            let groups = groups.map(|group| if *group == *"core" { "".into() } else { group });
            Rule {
                verbs: list(verbs),
                api_groups: groups.collect(),
                resources: list(resources),
                resource_names: names.first().map(|names| list(names)).unwrap_or_default(),
                paths: Vec::new(),
            }
        }
        _ => return None,
    })
}

fn binding(namespace: Option<&str>, name: &str, role: &str, subjects: &[&str]) -> Option<Wanted> {
    let (kind, role_kind) = match namespace {
        Some(_) => ("RoleBinding", "Role"),
        None => ("ClusterRoleBinding", "ClusterRole"),
    };
    let mut object = head(kind, namespace, name);
    let subjects: Option<Vec<Value>> = subjects.iter().map(|one| subject(one)).collect();
    object.push("subjects", Value::Array(subjects?));
    let mut reference = Object::new();
    reference.push("apiGroup", GROUP.into());
    reference.push("kind", role_kind.into());
    reference.push("name", role.into());
    object.push("roleRef", Value::Object(reference));
    Some(wanted(kind, namespace, object))
}

fn subject(text: &str) -> Option<Value> {
    let (kind, name) = text.split_once(':')?;
    let mut subject = Object::new();
    match kind {
        "account" => {
            let (namespace, name) = name.split_once('/')?;
            subject.push("kind", "ServiceAccount".into());
            subject.push("name", name.into());
            subject.push("namespace", namespace.into());
        }
        "user" | "group" => {
            subject.push("kind", if kind == "user" { "User" } else { "Group" }.into());
            subject.push("apiGroup", GROUP.into());
            subject.push("name", name.into());
        }
        _ => return None,
    }
    Some(Value::Object(subject))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Vec<String> {
        let all = parse(text).expect("valid").into_iter();
        all.map(|one| serde_json::to_string(&Value::Object(one.object)).expect("JSON")).collect()
    }

    #[test]
    fn roles_have_their_rules_and_bindings_their_subjects() {
        let all = json(
            "# nothing\nclusterrole edit to=admin from=edit\n  get,list core,apps pods a,b\n  get path /x\nbind edit user:u group:g account:n/s\n",
        );
        assert_eq!(
            all[0],
            r#"{"kind":"ClusterRole","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":"edit","labels":{"kubernetes.io/bootstrapping":"rbac-defaults","rbac.authorization.k8s.io/aggregate-to-admin":"true"},"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"true"}},"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"rbac.authorization.k8s.io/aggregate-to-edit":"true"}}]},"rules":[{"verbs":["get","list"],"apiGroups":["","apps"],"resources":["pods"],"resourceNames":["a","b"]},{"verbs":["get"],"nonResourceURLs":["/x"]}]}"#
        );
        assert!(all[1].ends_with(
            r#""subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"u"},{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"g"},{"kind":"ServiceAccount","name":"s","namespace":"n"}],"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"edit"}}"#
        ));
    }

    #[test]
    fn what_cannot_be_read_is_nothing() {
        for text in ["x y", "  get core pods", "clusterrole a b", "bind a b", "role a"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
