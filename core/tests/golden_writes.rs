//! Recorded exchanges with an upstream server: what our patches, applies and managed fields make
//! of the same requests. The recordings lie beside the repository; where they do not, the test
//! says so. What needs a server (defaults, allocation, strategies) is taken from the answers.

#[path = "golden_writes/replay.rs"]
mod replay;

use replay::{Created, Score, replay};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use xebec_core::value::Value;

fn cases() -> Option<Vec<Value>> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/k8s/golden/cases-public.jsonl.gz");
    if !path.is_file() {
        println!("skipped: no recordings at {}", path.display());
        return None;
    }
    let output = Command::new("gzip").arg("-dc").arg(&path).output();
    let Ok(output) = output else {
        println!("skipped: no gzip to read {}", path.display());
        return None;
    };
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Some(lines.map(|line| serde_json::from_slice(line).expect("a case per line")).collect())
}

#[test]
fn writes_are_as_recorded() {
    let Some(cases) = cases() else { return };
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    let created = Created::gather(&cases);
    let mut wrong = Vec::new();
    for case in &cases {
        let text = |name| case.get(name).and_then(Value::as_str).unwrap_or_default();
        let score = scores.entry(text("area").to_owned()).or_default();
        replay(case, &created, score, &mut wrong);
    }
    for (area, score) in scores.iter().filter(|(_, score)| score.checked > 0) {
        println!("{area:12} {:5} checked {:5} wrong", score.checked, score.wrong);
    }
    let checked: usize = scores.values().map(|score| score.checked).sum();
    assert!(checked > 1_000, "only {checked} steps could be checked");
    assert!(wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), wrong.join("\n"));
}
