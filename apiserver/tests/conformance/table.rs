//! The table of behaviours is whole, names tests that exist, and is what `docs/conformance.md`
//! says.

use expect_test::expect_file;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const TABLE: &str = include_str!("behaviours.tsv");

/// How many tests the suite of v1.36 has.
const TESTS: usize = 446;

/// What a test may need, in the order in which it is to come.
const NEEDS: [&str; 7] =
    ["api", "webhooks", "cel", "aggregation", "controllers", "scheduler", "nodes"];

const HEAD: &str = "\
# Conformance

The conformance suite of Kubernetes v1.36 has 446 tests. Most of them need a whole cluster: nodes
that run containers, a scheduler, controllers. Xebec has API servers: it has none of those yet, calls
no webhooks, evaluates no CEL and forwards nothing to other API servers. So the suite was not run
against it, and it is not conformant.

What API servers alone must do is tested: for each test of the suite that needs nothing else, one of
ours makes the same exchanges and expects the same answers. `apiserver/tests/conformance/behaviours.tsv`
lists every test, what it needs, and what proves it here. \"In part\" counts tests that need more, of
which the exchanges with API servers are tested.

This page is checked by the tests; `UPDATE_EXPECT=1 cargo test -p xebec-apiserver --test conformance`
writes it.

";

struct Row {
    need: &'static str,
    proofs: Vec<&'static str>,
    name: &'static str,
}

impl Row {
    fn sig(&self) -> &'static str {
        let inner = self.name.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        inner.unwrap_or_else(|| panic!("{} names no group", self.name)).0
    }
}

fn rows() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let row = |line: &'static str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [need, proofs, name] = fields[..] else { panic!("not three fields: {line:?}") };
        let proofs = proofs.split(',').filter(|proof| !proof.is_empty()).collect();
        Row { need, proofs, name }
    };
    lines.map(row).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

/// The file that has the tests of a topic.
fn file(topic: &str) -> PathBuf {
    if topic.contains('/') {
        return Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(topic);
    }
    folder().join(format!("{topic}.rs"))
}

/// Functions of a file that are marked as tests.
fn tests(path: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let (mut found, mut marked) = (BTreeSet::new(), false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| marked) {
            found.extend(rest.split_once('(').map(|(name, _)| name.to_owned()));
            marked = false;
        }
    }
    found
}

#[test]
fn the_table_has_every_test_of_the_suite_once() {
    let rows = rows();
    assert_eq!(rows.len(), TESTS);
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), TESTS, "a name stands twice");
    for row in &rows {
        assert!(NEEDS.contains(&row.need), "{}: {}", row.need, row.name);
        assert!(row.sig().starts_with("sig-"), "{}", row.name);
    }
}

#[test]
fn every_proof_is_a_test() {
    let mut known: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in rows() {
        for proof in row.proofs {
            let (topic, function) = proof.rsplit_once("::").expect("topic::function");
            let tests = known.entry(topic).or_insert_with(|| tests(&file(topic)));
            assert!(
                tests.contains(function),
                "there is no {proof}, which should prove {}",
                row.name
            );
        }
    }
}

/// Nothing that API servers alone must do is left to be believed.
#[test]
fn every_behaviour_of_api_servers_is_proved() {
    for row in rows().iter().filter(|row| row.need == "api") {
        assert!(!row.proofs.is_empty(), "{} has no test", row.name);
    }
}

/// A topic that is not a module of the test binary has tests that never run.
#[test]
fn every_topic_is_compiled() {
    let binary = folder().with_extension("rs");
    let binary = std::fs::read_to_string(binary).expect("the binary's source");
    for entry in std::fs::read_dir(folder()).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let topic = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
            assert!(binary.contains(&format!("mod {topic};")), "{topic} is not compiled");
        }
    }
}

#[derive(Default)]
struct Counts {
    needing: BTreeMap<&'static str, usize>,
    proved: usize,
    in_part: usize,
}

impl Counts {
    fn add(&mut self, row: &Row) {
        *self.needing.entry(row.need).or_default() += 1;
        match (row.proofs.is_empty(), row.need) {
            (true, _) => {}
            (false, "api") => self.proved += 1,
            (false, _) => self.in_part += 1,
        }
    }

    fn line(&self, of: &str) -> String {
        let needing = |need| self.needing.get(need).copied().unwrap_or_default();
        let mut line = format!("| {of} | {} |", NEEDS.into_iter().map(needing).sum::<usize>());
        let api = needing(NEEDS[0]);
        let _ = write!(line, " {api} | {} | {} |", self.proved, self.in_part);
        for need in &NEEDS[1..] {
            let _ = write!(line, " {} |", needing(need));
        }
        line
    }
}

#[test]
fn the_page_says_what_the_table_says() {
    let (mut all, mut groups) = (Counts::default(), BTreeMap::<&str, Counts>::new());
    for row in rows() {
        all.add(&row);
        groups.entry(row.sig()).or_default().add(&row);
    }
    let mut page = String::from(HEAD);
    page.push_str("| group | tests | need API servers alone | proved | in part |");
    for need in &NEEDS[1..] {
        let _ = write!(page, " need {need} |");
    }
    let _ = writeln!(page, "\n|{}", "---|".repeat(4 + NEEDS.len()));
    for (sig, counts) in &groups {
        let _ = writeln!(page, "{}", counts.line(sig));
    }
    let _ = writeln!(page, "{}", all.line("all"));
    expect_file![folder().join("../../../docs/conformance.md")].assert_eq(&page);
}
