//! Golden files hold the bytes of a format version: they are added, never changed, renamed or
//! removed, because replicas in the field hold the same bytes.

use crate::{assert_clean, git};

/// Where golden files live: any directory of that name.
const GOLDEN: &str = ":(glob)**/golden/**";

/// Changes and removals in the output of `git log --name-status`.
fn changes(log: &str) -> Vec<String> {
    let changed =
        |line: &&str| line.split('\t').count() >= 2 && line.starts_with(['M', 'D', 'R', 'T']);
    log.lines().filter(changed).map(|line| line.replace('\t', " ")).collect()
}

#[test]
fn golden_files_are_only_added() {
    // From the newest release on: before the first one no replica in the field holds these bytes.
    let Some(tag) = git(&["describe", "--tags", "--abbrev=0", "--match", "v*"]) else {
        eprintln!("golden: no release yet (or no git): only uncommitted changes are checked");
        let uncommitted = git(&["diff", "--name-status", "HEAD", "--", GOLDEN]);
        return assert_clean("golden files", &changes(&uncommitted.unwrap_or_default()));
    };
    let since = git(&["diff", "--name-status", tag.trim(), "--", GOLDEN]).expect("the tag exists");
    assert_clean("golden files are only added since the last release", &changes(&since));
}

#[test]
fn the_rule_finds_breaches() {
    let log = "A\tstore/tests/golden/v1.bin\nM\tstore/tests/golden/v0.bin\nR100\ta\tb\n";
    assert_eq!(changes(log), ["M store/tests/golden/v0.bin", "R100 a b"]);
}
