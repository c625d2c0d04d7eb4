//! Rules over what depends on what: the arrows between our crates, and deny.toml's bans, licences
//! and sources, read from `cargo metadata`.

use crate::{assert_clean, root};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Crates that a crate of ours must not reach, over any chain of normal dependencies.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "xebec-store",
        &["tokio", "openraft", "tonic", "hyper", "rustls", "xebec-raft", "xebec-apiserver"],
    ),
    ("xebec-raft", &["xebec-apiserver", "clap"]),
    ("xebec-apiserver", &["clap", "xebec-chaos", "xebec-bench", "xebec"]),
    ("xebec-chaos", &["xebec"]),
    ("xebec-bench", &["xebec", "xebec-raft", "xebec-store"]),
];

/// Crates that only the named crates of ours may depend on directly.
const RESERVED: &[(&str, &[&str])] = &[
    ("rocksdb", &["xebec-store"]),
    ("openraft", &["xebec-raft", "xebec-chaos"]),
    ("tikv-jemallocator", &["xebec"]),
    ("rcgen", &["xebec"]),
];

/// The resolved graph: names of packages by id, normal edges, and the packages themselves.
struct Graph {
    packages: BTreeMap<String, Value>,
    edges: BTreeMap<String, Vec<String>>,
}

impl Graph {
    fn load() -> Graph {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--locked"])
            .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
            .current_dir(root())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Graph::parse(&serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON"))
    }

    fn parse(metadata: &Value) -> Graph {
        let id = |value: &Value| value["id"].as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let packages = list(&metadata["packages"]).into_iter().map(|p| (id(&p), p)).collect();
        let normal = |dep: &Value| list(&dep["dep_kinds"]).iter().any(|k| k["kind"].is_null());
        let edges = list(&metadata["resolve"]["nodes"]).into_iter().map(|node| {
            let to = list(&node["deps"]).into_iter().filter(normal);
            (id(&node), to.map(|dep| dep["pkg"].as_str().unwrap_or_default().to_owned()).collect())
        });
        Graph { packages, edges: edges.collect() }
    }

    fn name(&self, id: &str) -> &str {
        self.packages.get(id).and_then(|package| package["name"].as_str()).unwrap_or_default()
    }

    fn ours(&self) -> impl Iterator<Item = &String> {
        self.packages.iter().filter(|(_, package)| package["source"].is_null()).map(|(id, _)| id)
    }

    /// Names of all that a package reaches over normal edges.
    fn reach(&self, start: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![start];
        while let Some(id) = open.pop() {
            for next in self.edges.get(id).into_iter().flatten() {
                if seen.insert(next.as_str()) {
                    open.push(next);
                }
            }
        }
        seen.into_iter().map(|id| self.name(id)).collect()
    }
}

fn forbidden_edges(graph: &Graph, rules: &[(&str, &[&str])]) -> Vec<String> {
    let mut findings = Vec::new();
    for id in graph.ours() {
        let name = graph.name(id);
        let reach = graph.reach(id);
        for (_, forbidden) in rules.iter().filter(|(from, _)| *from == name) {
            let hits = forbidden.iter().filter(|to| reach.contains(**to));
            findings.extend(hits.map(|to| format!("{name} must not reach {to}")));
        }
    }
    findings
}

fn reserved_edges(graph: &Graph) -> Vec<String> {
    let mut findings = Vec::new();
    for id in graph.ours() {
        let name = graph.name(id);
        for to in graph.edges.get(id).into_iter().flatten().map(|to| graph.name(to)) {
            let allowed = RESERVED.iter().find(|(reserved, _)| *reserved == to);
            if allowed.is_some_and(|(_, by)| !by.contains(&name)) {
                findings.push(format!("{name} must not depend on {to} directly"));
            }
        }
    }
    findings
}

/// True if an SPDX expression can be satisfied with the allowed licences. Parentheses do not nest
/// in practice; `/` is the old spelling of OR.
fn licence_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    if let (Some(open), Some(close)) = (expression.find('('), expression.find(')')) {
        let inner = licence_allowed(&expression[open + 1..close], allowed);
        let replaced = if inner { "MIT" } else { "None" };
        let rest = format!("{}{replaced}{}", &expression[..open], &expression[close + 1..]);
        return licence_allowed(&rest, allowed);
    }
    let all = |terms: &str| terms.split(" AND ").all(|term| allowed.contains(term.trim()));
    expression.split(" OR ").any(all)
}

fn strings(value: Option<&toml::Value>) -> BTreeSet<String> {
    let values = value.and_then(toml::Value::as_array).into_iter().flatten();
    values.filter_map(|value| Some(value.as_str()?.to_owned())).collect()
}

fn denied(graph: &Graph, deny: &toml::Table) -> Vec<String> {
    let licences = strings(deny["licenses"].get("allow"));
    let registries = strings(deny["sources"].get("allow-registry"));
    let bans: BTreeSet<&str> = deny["bans"]["deny"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|ban| ban.get("crate")?.as_str())
        .collect();
    let linked: BTreeSet<&str> = graph.ours().flat_map(|id| graph.reach(id)).collect();
    let mut findings = Vec::new();
    for package in graph.packages.values() {
        let name = package["name"].as_str().unwrap_or_default();
        if !linked.contains(name) {
            continue;
        }
        if bans.contains(name) {
            findings.push(format!("{name} is banned by deny.toml"));
        }
        let licence = package["license"].as_str().unwrap_or("none stated");
        if !licence_allowed(licence, &licences) {
            findings.push(format!("{name}: licence {licence}"));
        }
        let source = package["source"].as_str().map(|s| s.trim_start_matches("registry+"));
        if source.is_some_and(|source| !registries.contains(source)) {
            findings.push(format!("{name}: source {source:?}"));
        }
    }
    findings
}

fn deny_toml() -> toml::Table {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    text.parse().expect("deny.toml is TOML")
}

#[test]
fn arrows_hold() {
    let graph = Graph::load();
    let mut findings = forbidden_edges(&graph, FORBIDDEN);
    findings.extend(reserved_edges(&graph));
    assert_clean("dependency arrows", &findings);
}

#[test]
fn deny_toml_holds() {
    assert_clean("deny.toml", &denied(&Graph::load(), &deny_toml()));
}

#[test]
fn the_rules_find_breaches() {
    let graph = Graph::load();
    let rules: &[(&str, &[&str])] = &[("xebec", &["xebec-store"]), ("xebec-raft", &["rocksdb"])];
    assert_eq!(forbidden_edges(&graph, rules).len(), 2, "a chain counts as well as an edge");

    let mut deny = deny_toml();
    deny["licenses"]["allow"].as_array_mut().expect("a list").clear();
    assert!(denied(&graph, &deny).iter().any(|finding| finding.starts_with("tokio: licence")));

    let allowed = ["MIT", "Apache-2.0"].map(str::to_owned).into();
    assert!(licence_allowed("MIT OR GPL-3.0", &allowed));
    assert!(licence_allowed("(MIT OR GPL-3.0) AND Apache-2.0", &allowed));
    assert!(!licence_allowed("MIT AND GPL-3.0", &allowed));
    assert!(!licence_allowed("GPL-3.0", &allowed));
}
