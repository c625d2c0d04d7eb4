//! Rules over what depends on what: the arrows between our crates, and deny.toml's bans, licences
//! and sources, read from `cargo tree` (`cargo metadata` also lists optional crates that no feature turns on).

use crate::{assert_clean, root};
use std::collections::BTreeSet;
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
    ("xebec-bench", &["xebec", "xebec-chaos"]),
];

/// Crates that only the named crates of ours may depend on directly.
const RESERVED: &[(&str, &[&str])] = &[
    ("rocksdb", &["xebec-store"]),
    ("openraft", &["xebec-raft", "xebec-chaos"]),
    ("tikv-jemallocator", &["xebec"]),
    ("rcgen", &["xebec", "xebec-bench", "xebec-chaos"]),
];

/// One line of `cargo tree`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    licence: String,
    /// Empty for a package of the registry; else a path or a git address.
    source: String,
}

/// What `cargo tree` lists, the package itself first.
fn tree(arguments: &[&str]) -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--prefix=none", "--format={p}|{l}", "--no-dedupe"])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().filter_map(parse).collect()
}

/// `name v1.2.3 (proc-macro) (source)|licence`
fn parse(line: &str) -> Option<Package> {
    let (package, licence) = line.split_once('|')?;
    let mut words = package.split_whitespace();
    let name = words.next()?.to_owned();
    let source = words.skip(1).find(|word| word.starts_with('(') && *word != "(proc-macro)");
    let source = source.unwrap_or_default().trim_matches(['(', ')']).to_owned();
    Some(Package { name, licence: licence.to_owned(), source })
}

/// The crates of the workspace, by the names that the tables above use.
fn ours() -> BTreeSet<String> {
    tree(&["--workspace", "--depth=0"]).into_iter().map(|package| package.name).collect()
}

fn forbidden_edges(rules: &[(&str, &[&str])]) -> Vec<String> {
    let mut findings = Vec::new();
    for (from, forbidden) in rules {
        let reach = tree(&["--edges=normal", "-p", from]);
        let hits = forbidden.iter().filter(|to| reach[1..].iter().any(|p| p.name == **to));
        findings.extend(hits.map(|to| format!("{from} must not reach {to}")));
    }
    findings
}

fn reserved_edges(rules: &[(&str, &[&str])]) -> Vec<String> {
    let mut findings = Vec::new();
    for from in ours() {
        for to in tree(&["--edges=normal", "--depth=1", "-p", &from]) {
            let rule = rules.iter().find(|(reserved, _)| *reserved == to.name);
            if rule.is_some_and(|(_, by)| !by.contains(&from.as_str())) {
                findings.push(format!("{from} must not depend on {} directly", to.name));
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

/// What `packages` breach of deny.toml.
fn denied(packages: &BTreeSet<Package>, deny: &toml::Table) -> Vec<String> {
    let licences = strings(deny["licenses"].get("allow"));
    let bans = deny["bans"]["deny"].as_array().into_iter().flatten();
    let bans: BTreeSet<&str> = bans.filter_map(|ban| ban.get("crate")?.as_str()).collect();
    let root = root().to_string_lossy().into_owned();
    let mut findings = Vec::new();
    for package in packages {
        let Package { name, licence, source } = package;
        if bans.contains(name.as_str()) {
            findings.push(format!("{name} is banned"));
        }
        if !licence_allowed(licence, &licences) {
            findings.push(format!("{name}: licence {licence}"));
        }
        if !source.is_empty() && !source.starts_with(&root) {
            findings.push(format!("{name}: source {source}"));
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
    let mut findings = forbidden_edges(FORBIDDEN);
    findings.extend(reserved_edges(RESERVED));
    assert_clean("dependency arrows", &findings);
}

#[test]
fn deny_toml_holds() {
    let linked = tree(&["--workspace", "--edges=normal,build"]).into_iter().collect();
    assert_clean("deny.toml", &denied(&linked, &deny_toml()));
}

#[test]
fn the_rules_find_breaches() {
    let rules: &[(&str, &[&str])] = &[("xebec", &["xebec-store"]), ("xebec-raft", &["rocksdb"])];
    assert_eq!(forbidden_edges(rules).len(), 2, "a chain counts as well as an edge");
    assert!(!reserved_edges(&[("bytes", &[])]).is_empty());

    let package = |line: &str| BTreeSet::from([parse(line).expect("a line of cargo tree")]);
    let findings = |line: &str| denied(&package(line), &deny_toml()).len();
    assert_eq!(findings("tokio v1.0.0|MIT"), 0);
    assert_eq!(findings("derive v1.0.0 (proc-macro)|MIT"), 0);
    assert_eq!(findings("ring v0.17.0|MIT"), 1);
    assert_eq!(findings("tokio v1.0.0|GPL-3.0"), 1);
    assert_eq!(findings("tokio v1.0.0 (https://example.org/tokio#abc)|MIT"), 1);

    let allowed = ["MIT", "Apache-2.0"].map(str::to_owned).into();
    assert!(licence_allowed("MIT OR GPL-3.0", &allowed));
    assert!(licence_allowed("(MIT OR GPL-3.0) AND Apache-2.0", &allowed));
    assert!(!licence_allowed("MIT AND GPL-3.0", &allowed));
    assert!(!licence_allowed("GPL-3.0", &allowed));
}
