//! Validation held to tables: objects, changes of them, and what is then wrong. The recordings of
//! `golden_validation` say what upstream answers; these say it of kinds and rules that nobody
//! recorded.
//!
//! A table has an `object` that is right, and `cases`: what they `set` in it (by JSON pointers;
//! null takes away), whether they replace the object (`update`, through a `subresource`), and the
//! `errors` that follow: their whole texts, or with `…` what they begin with. Where nothing is
//! wrong, `warnings` may say what is unwise.

use std::path::Path;
use xebec_core::codec::{json, yaml};
use xebec_core::convert;
use xebec_core::defaults;
use xebec_core::registry::{Registry, Resource, Selection, Version};
use xebec_core::strategy::{self, Context, Requester};
use xebec_core::target::Target;
use xebec_core::time::Timestamp;
use xebec_core::validation;
use xebec_core::value::{Object, Value};

struct Kind<'r> {
    resource: &'r Resource,
    version: &'r Version,
}

impl<'r> Kind<'r> {
    fn of(registry: &'r Registry, object: &Value) -> Self {
        let text = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let found = registry.find_kind(group, version, kind);
        let (resource, version) = found.unwrap_or_else(|| panic!("no kind {api_version} {kind}"));
        Self { resource, version }
    }

    /// The object as it would be stored.
    fn stored(&self, tree: &Value) -> Object {
        let message = &self.version.message;
        let decoded = json::decode_tree(message.schema(), message.id(), tree);
        let mut object = decoded.unwrap_or_else(|error| panic!("{error}: {tree:?}")).object;
        let target = Target { resource: self.resource, version: self.version, subresource: "" };
        defaults::complete(target, &mut object);
        let mut object = convert::to_stored(self.resource, object).expect("convertible");
        let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
        let metadata = metadata.expect("metadata");
        // What only asks something has no name, and no uid either.
        if metadata.get("name").is_some() {
            metadata.insert("uid", "UID".into());
        }
        if self.resource.namespaced {
            metadata.insert("namespace", "default".into());
        }
        object
    }
}

/// Puts a value where a JSON pointer leads.
fn set(tree: &mut Value, pointer: &str, value: &Value) {
    let (step, rest) = pointer.split_once('/').map_or((pointer, None), |(a, b)| (a, Some(b)));
    let step = step.replace("~1", "/");
    let inner = match tree {
        Value::Array(items) => {
            let at: usize = step.parse().unwrap_or(items.len());
            if at == items.len() {
                items.push(Value::Object(Object::new()));
            }
            &mut items[at]
        }
        tree => {
            let object = tree.as_object_mut().expect("an object on the way");
            if rest.is_none() && value.is_null() {
                object.remove(&step);
                return;
            }
            if object.get(&step).is_none() {
                object.push(step.as_str(), Value::Object(Object::new()));
            }
            object.get_mut(&step).expect("just put")
        }
    };
    match rest {
        Some(rest) => set(inner, rest, value),
        None => *inner = value.clone(),
    }
}

fn changed(tree: &Value, case: &Value) -> Value {
    let mut tree = tree.clone();
    for (pointer, value) in
        case.get("set").and_then(Value::as_object).into_iter().flat_map(Object::iter)
    {
        set(&mut tree, pointer.trim_start_matches('/'), value);
    }
    tree
}

/// Errors and warnings.
fn judged(registry: &Registry, base: &Value, case: &Value) -> (Vec<String>, Vec<String>) {
    let tree = changed(base, case);
    let kind = Kind::of(registry, base);
    let context = Context {
        now: Timestamp::parse("2026-01-01T00:00:00Z").expect("a time"),
        namespace: None,
        requester: Requester::named("admin"),
    };
    let subresource = case.get("subresource").and_then(Value::as_str).unwrap_or_default();
    let is_update = !subresource.is_empty() || case.get("update").is_some();
    let mut old = kind.stored(base);
    let target = Target { subresource, ..Target::asked(kind.resource, "") };
    strategy::prepare_for_create(Target::stored(kind.resource), &mut old, &context);
    if let Some(status) = base.get("status") {
        old.insert("status", status.clone());
    }
    let mut new = kind.stored(&tree);
    let stored = Target { subresource, ..Target::stored(kind.resource) };
    let found = if is_update {
        strategy::prepare_for_update(stored, &mut new, &old, &context);
        validation::on_update(target, &new, &old)
    } else {
        strategy::prepare_for_create(stored, &mut new, &context);
        validation::on_create(target, &new)
    };
    let old = is_update.then_some(&old);
    let warnings =
        if found.is_empty() { validation::warnings(target, &new, old) } else { Vec::new() };
    (found.iter().map(ToString::to_string).collect(), warnings)
}

fn fits(expected: &str, found: &str) -> bool {
    match expected.strip_suffix('…') {
        Some(lead) => found.starts_with(lead),
        None => expected == found,
    }
}

#[test]
fn objects_are_judged_as_tables_say() {
    let registry = Registry::built_in(Selection::All);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validation");
    let entries =
        std::fs::read_dir(directory).expect("a directory").map(|one| one.expect("a file"));
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    let mut failures = Vec::new();
    for file in files {
        let text = std::fs::read(&file).expect("readable");
        let tables = yaml::parse(&text).unwrap_or_else(|error| panic!("{file:?}: {error}")).value;
        for table in tables.as_array().expect("a list of tables") {
            let base = table.get("object").expect("an object");
            let cases = table.get("cases").and_then(Value::as_array).unwrap_or_default();
            for case in std::iter::once(&Value::Null).chain(cases) {
                let (found, warnings) = judged(&registry, base, case);
                let texts = |name: &str| -> Vec<&str> {
                    let texts = case.get(name).and_then(Value::as_array).unwrap_or_default();
                    texts.iter().filter_map(Value::as_str).collect()
                };
                let as_said = |expected: &[&str], found: &[String]| {
                    expected.len() == found.len()
                        && expected.iter().zip(found).all(|(expected, found)| fits(expected, found))
                };
                let same = as_said(&texts("errors"), &found)
                    && (case.get("warnings").is_none() || as_said(&texts("warnings"), &warnings));
                if !same {
                    let kind = base.get("kind").and_then(Value::as_str).unwrap_or_default();
                    let shown = serde_json::to_string(case).expect("a tree");
                    failures.push(format!(
                        "{kind} {shown}: got\n    {}",
                        [found, warnings].concat().join("\n    ")
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
