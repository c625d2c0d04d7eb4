//! Recorded exchanges with an upstream server, replayed against a fresh cluster. They lie beside
//! the repository; where they do not, the test says so.

use crate::harness::{Cluster, text};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many cases of an area agree wholly, and how many may be wrong. The first only rises, the
/// second only falls.
const FLOORS: [(&str, usize, usize); 16] = [
    ("access", 30, 2),
    ("admission", 5, 0),
    ("apply", 38, 2),
    ("boot", 86, 0),
    ("crd", 16, 0),
    ("create", 30, 2),
    ("delete", 9, 0),
    ("discovery", 17, 0),
    ("invalid", 2_028, 22),
    ("list", 23, 0),
    ("patch", 21, 0),
    ("setup", 68, 2),
    ("sub", 8, 0),
    ("transport", 14, 1),
    ("unknown", 477, 11),
    ("update", 618, 10),
];

fn recordings() -> Option<PathBuf> {
    // A worktree lies one level deeper.
    let places = ["../../shared/k8s/golden", "../../../shared/k8s/golden"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = places.iter().map(|place| root.join(place)).find(|place| place.is_dir());
    if found.is_none() {
        eprintln!("SKIPPED: no recordings beside the repository");
    }
    found
}

#[test]
fn answers_are_those_of_upstream() {
    let Some(dir) = recordings() else { return };
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("SKIPPED: no python3");
        return;
    }
    let cluster = Cluster::start(&["--agents", "none"]);
    let server = format!("https://{}:6443", cluster.network.address(10));
    let mut replay = Command::new("python3");
    replay.current_dir(&dir).env("PYTHONDONTWRITEBYTECODE", "1").arg("replay.py");
    replay.args(["--server", &server, "--show", "40", "--kubeconfig"]);
    replay.arg(cluster.path().join("admin.kubeconfig")).arg("cases-public.jsonl.gz");
    let output = replay.output().expect("python3 starts");
    let printed = text(&output);
    let table = String::from_utf8_lossy(&output.stdout);
    let scores = scores(&table);
    let fallen: Vec<String> = FLOORS
        .iter()
        .filter_map(|(area, exact_min, wrong_max)| {
            let (exact, wrong) = scores.get(*area).copied().unwrap_or_default();
            let fell = exact < *exact_min || wrong > *wrong_max;
            fell.then(|| {
                format!("{area}: {exact} exact of {exact_min}, {wrong} wrong of {wrong_max}")
            })
        })
        .collect();
    assert!(fallen.is_empty(), "{}\n{printed}", fallen.join("\n"));
    println!("{printed}");
}

/// Exact and wrong answers by area, from the table at the end.
fn scores(printed: &str) -> BTreeMap<&str, (usize, usize)> {
    let rows = printed.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [area, _, exact, _, wrong] = words.as_slice() else { return None };
        Some((*area, (exact.parse().ok()?, wrong.parse().ok()?)))
    });
    rows.collect()
}

#[test]
fn the_table_is_read() {
    let table = "area  cases  exact  near  wrong\ncreate  32  28  2  2\n";
    assert_eq!(scores(table), BTreeMap::from([("create", (28, 2))]));
}
