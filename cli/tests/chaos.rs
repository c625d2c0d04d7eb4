//! A short run of chaos on real replicas of this very binary: at least thirty faults under load,
//! and a history without a contradiction; and leaders killed under clients of the Kubernetes API.
//! `xebec chaos` runs it for as long as one likes.

use std::process::{Command, Output};

const FAULTS_MIN: u32 = 30;

fn xebec(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xebec"));
    command.arg("chaos").args(arguments).output().expect("the binary runs")
}

fn text(output: &Output) -> String {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}\n{err}")
}

/// `faults      31 in 45 s`.
fn faults(report: &str) -> Option<u32> {
    let line = report.lines().find(|line| line.trim_start().starts_with("faults  "))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn replicas_survive_chaos() {
    let minimum = FAULTS_MIN.to_string();
    let output = xebec(&["--duration", "30s", "--faults-min", &minimum]);
    let report = text(&output);
    assert!(output.status.success(), "{report}");
    assert!(faults(&report).is_some_and(|count| count >= FAULTS_MIN), "{report}");
}

#[test]
fn watches_of_the_kubernetes_api_survive_dying_leaders() {
    let report = xebec(&["kube", "--kills", "4"]);
    let text = text(&report);
    assert!(report.status.success(), "{text}");
    assert!(faults(&text) == Some(4), "{text}");
    // A run in which nothing happened would pass as well.
    for counted in
        ["writes      0", "events      0", " 0 bookmarks", "contests    0", "reads       0"]
    {
        assert!(!text.contains(counted), "{text}");
    }
}

#[test]
fn a_spoilt_history_is_judged_broken() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("history.jsonl");
    let put = |id: u64, call_ns: u64, revision: i64| {
        serde_json::json!({ "operation": {
            "id": id, "client": 1, "replica": 1, "call_ns": call_ns, "return_ns": call_ns + 5,
            "request": { "Put": { "key": "a", "value": format!("v{id}") } },
            "outcome": { "Ok": { "revision": revision, "response": { "Put": { "prev": null } } } },
        }})
    };
    let good = format!("{{\"base\":1}}\n{}\n{}\n", put(1, 10, 2), put(2, 20, 3));
    std::fs::write(&file, good).expect("writable");
    let path = file.display().to_string();
    let judged = xebec(&["check", &path]);
    assert!(judged.status.success(), "{}", text(&judged));
    // The later write stands at the earlier revision.
    let bad = format!("{{\"base\":1}}\n{}\n{}\n", put(1, 10, 3), put(2, 20, 2));
    std::fs::write(&file, bad).expect("writable");
    let judged = xebec(&["check", &path]);
    let report = text(&judged);
    assert_eq!(judged.status.code(), Some(1), "{report}");
    assert!(report.contains("BROKEN  real time"), "{report}");
}
