//! Rules over the text of single files.

use crate::{assert_clean, root, tracked_files};
use std::path::{Path, PathBuf};

/// A file above this many lines needs an entry in [`LONG_FILES`].
const LINES_WITH_REASON: usize = 600;
/// No file is longer than this, tests apart.
const LINES_MAX: usize = 1000;

/// Files that may exceed [`LINES_WITH_REASON`], with the reason. A ratchet: an entry whose file
/// has become short enough is itself a finding.
const LONG_FILES: &[(&str, &str)] = &[];

/// Macros that mark unfinished work. Split, so that this file does not contain them.
const UNFINISHED: &[&str] = &[
    concat!("todo", "!("),
    concat!("dbg", "!("),
    concat!("unimplemented", "!("),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("HA", "CK"),
];

/// Words that stay out of code and text: places on one machine, and salesmanship.
const BANNED_WORDS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/home", "/"),
    concat!("blazing", "ly"),
    concat!("seam", "less"),
    concat!("lever", "ag"),
    concat!("util", "ize"),
    concat!("cutting", "-edge"),
    concat!("world", "-class"),
];

#[derive(Debug)]
struct Source {
    path: PathBuf,
    text: String,
}

fn sources() -> Vec<Source> {
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(root().join(&path)).ok()?;
        Some(Source { path, text })
    };
    tracked_files().unwrap_or_default().into_iter().filter_map(read).collect()
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "benches")))
        || path.file_stem().is_some_and(|stem| stem == "tests")
}

fn missing_head(source: &Source) -> Option<String> {
    let starts = source.text.trim_start().starts_with("//!");
    (is_rust(&source.path) && !starts)
        .then(|| format!("{}: does not start with //!", source.path.display()))
}

fn unfinished(source: &Source) -> Vec<String> {
    if !is_rust(&source.path) {
        return Vec::new();
    }
    containing(source, UNFINISHED)
}

fn banned(source: &Source) -> Vec<String> {
    // The licence is not ours to edit, and a lock file has no style.
    if matches!(source.path.to_str(), Some("LICENSE" | "Cargo.lock")) {
        return Vec::new();
    }
    containing(source, BANNED_WORDS)
}

fn containing(source: &Source, needles: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let hit = needles.iter().find(|needle| line.contains(**needle));
        findings
            .extend(hit.map(|needle| format!("{}:{}: {needle}", source.path.display(), index + 1)));
    }
    findings
}

/// Pictographs: text stays text.
fn emoji(source: &Source) -> Option<String> {
    let pictograph = |c: &char| matches!(*c as u32, 0x1F300..=0x1FAFF | 0x2600..=0x27BF | 0x2B50);
    let found = source.text.chars().find(pictograph)?;
    Some(format!("{}: {found:?}", source.path.display()))
}

fn too_long(source: &Source, exceptions: &[(&str, &str)]) -> Option<String> {
    if !is_rust(&source.path) || is_test(&source.path) {
        return None;
    }
    let lines = code_lines(&source.text);
    let path = source.path.to_str()?;
    let excepted = exceptions.iter().any(|(file, _)| *file == path);
    if lines > LINES_MAX {
        return Some(format!("{path}: {lines} lines; the most is {LINES_MAX}"));
    }
    match (lines > LINES_WITH_REASON, excepted) {
        (true, false) => Some(format!("{path}: {lines} lines; split it, or give a reason")),
        (false, true) => Some(format!("{path}: short again: remove it from LONG_FILES")),
        _ => None,
    }
}

/// Lines before the unit tests that end a file.
fn code_lines(text: &str) -> usize {
    let tests = text.find("\n#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..tests].lines().count()
}

/// RocksDB is named by the engine that wraps it and by nobody else.
fn names_rocksdb(source: &Source) -> Vec<String> {
    let path = source.path.to_string_lossy();
    if !is_rust(&source.path) || path.starts_with("store/src/engine/rocks") {
        return Vec::new();
    }
    containing(source, &[concat!("rocks", "db::"), concat!("use rocks", "db")])
}

#[test]
fn every_file_says_what_it_is() {
    let findings: Vec<_> = sources().iter().filter_map(missing_head).collect();
    assert_clean("a file starts with //!", &findings);
}

#[test]
fn nothing_is_unfinished() {
    let findings: Vec<_> = sources().iter().flat_map(unfinished).collect();
    assert_clean("no markers of unfinished work", &findings);
}

#[test]
fn words_stay_plain() {
    let sources = sources();
    let mut findings: Vec<_> = sources.iter().flat_map(banned).collect();
    findings.extend(sources.iter().filter_map(emoji));
    assert_clean("no machine paths, salesmanship or pictographs", &findings);
}

#[test]
fn files_stay_short() {
    let findings: Vec<_> =
        sources().iter().filter_map(|source| too_long(source, LONG_FILES)).collect();
    assert_clean("files stay short", &findings);
}

#[test]
fn only_the_engine_names_rocksdb() {
    let findings: Vec<_> = sources().iter().flat_map(names_rocksdb).collect();
    assert_clean("only store/src/engine/rocks names the crate", &findings);
}

#[test]
fn the_rules_find_breaches() {
    let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
    assert!(missing_head(&source("a/src/x.rs", "use std::fs;\n")).is_some());
    assert!(missing_head(&source("a/src/x.rs", "//! What.\n")).is_none());
    assert_eq!(unfinished(&source("x.rs", concat!("//! X\nfn f() { todo", "!() }"))).len(), 1);
    assert_eq!(banned(&source("README.md", concat!("see /wo", "rk/x"))).len(), 1);
    assert!(emoji(&source("README.md", "fast \u{1F680}")).is_some());
    assert!(emoji(&source("README.md", "a \u{2192} b, \u{2265} 4\u{d7}")).is_none());
    let long = "x\n".repeat(LINES_WITH_REASON + 1);
    assert!(too_long(&source("a/src/x.rs", &long), &[]).is_some());
    assert!(too_long(&source("a/src/x.rs", &long), &[("a/src/x.rs", "a table")]).is_none());
    assert!(too_long(&source("a/src/x.rs", "x"), &[("a/src/x.rs", "a table")]).is_some());
    assert!(too_long(&source("a/tests/x.rs", &long), &[]).is_none());
    let with_tests = format!("x\n\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
    assert_eq!(code_lines(&with_tests), 1);
    let naming = concat!("use rocks", "db::DB;");
    assert_eq!(names_rocksdb(&source("raft/src/log.rs", naming)).len(), 1);
    assert!(names_rocksdb(&source("store/src/engine/rocks/home.rs", naming)).is_empty());
}
