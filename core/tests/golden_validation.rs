//! Validation compared with recorded answers: what clients sent is decoded, completed, prepared and
//! judged as the server does it, and the errors must be the recorded ones, word for word.
//!
//! `GOLDEN_KIND=pods cargo test -p xebec-core --test golden_validation -- --nocapture` shows the
//! failures of the resources whose names begin so.

#[path = "golden_validation/compare.rs"]
mod compare;
#[path = "golden_validation/replay.rs"]
mod replay;
mod shared;
#[path = "golden_lifecycle/step.rs"]
#[expect(dead_code, reason = "what other judges ask of a step")]
mod step;

use compare::Score;
use replay::Replay;
use std::collections::BTreeMap;
use std::io::Read;
use xebec_core::value::Value;

/// How many steps of each group must be judged rightly, errors and warnings. Only ever raised.
const FLOORS: &[(&str, usize)] = &[
    ("", 1_185),
    ("admissionregistration.k8s.io", 177),
    ("apiextensions.k8s.io", 135),
    ("apps", 324),
    ("autoscaling", 84),
    ("batch", 153),
    ("certificates.k8s.io", 25),
    ("coordination.k8s.io", 10),
    ("discovery.k8s.io", 29),
    ("events.k8s.io", 41),
    ("flowcontrol.apiserver.k8s.io", 108),
    ("networking.k8s.io", 193),
    ("node.k8s.io", 25),
    ("policy", 13),
    ("rbac.authorization.k8s.io", 150),
    ("resource.k8s.io", 45),
    ("scheduling.k8s.io", 12),
    ("storage.k8s.io", 60),
];

fn cases() -> Option<Vec<Value>> {
    let file = std::fs::File::open(shared::find("golden/cases-public.jsonl.gz")?);
    let mut text = String::new();
    flate2::read::GzDecoder::new(file.expect("readable"))
        .read_to_string(&mut text)
        .expect("gzip of UTF-8");
    Some(text.lines().map(|line| serde_json::from_str(line).expect("a case per line")).collect())
}

#[expect(clippy::disallowed_methods, reason = "says what a developer wants to see, nothing else")]
fn wanted_kind() -> Option<String> {
    std::env::var("GOLDEN_KIND").ok()
}

#[test]
fn errors_are_as_recorded() {
    let Some(cases) = cases() else { return };
    let mut replay = Replay::new(&cases);
    for case in &cases {
        replay.run(case);
    }
    let wanted = wanted_kind();
    let mut groups: BTreeMap<&str, Score> = BTreeMap::new();
    println!("{:60} {:>6} {:>6} {:>6} {:>6}", "resource", "steps", "exact", "near", "wrong");
    for ((group, plural), score) in &replay.scores {
        groups.entry(group).or_default().add(score);
        println!("{:60} {score}", format!("{group}/{plural}"));
        if wanted.as_ref().is_some_and(|wanted| plural.starts_with(wanted.as_str())) {
            score.failures.iter().for_each(|failure| println!("{failure}\n"));
        }
    }
    let mut all = Score::default();
    for (group, score) in &groups {
        all.add(score);
        println!("{group:60} {score}");
    }
    println!("{:60} {all}", "all");
    for (group, floor) in FLOORS {
        let exact = groups.get(group).map_or(0, |score| score.exact);
        assert!(exact >= *floor, "{group:?}: {exact} exact, it was {floor}");
    }
}
