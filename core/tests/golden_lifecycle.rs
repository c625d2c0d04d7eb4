//! Recorded exchanges with an upstream server: what the life cycle and the strategies make of the
//! same requests. The recordings lie beside the repository; where they do not, the test says so.
//! What admission adds and allocators choose is not compared.

#[path = "golden_lifecycle/compare.rs"]
mod compare;
#[path = "golden_lifecycle/replay.rs"]
mod replay;
#[path = "shared/mod.rs"]
mod shared;
#[path = "golden_lifecycle/step.rs"]
mod step;

use replay::Replay;
use xebec_core::value::Value;

/// How many steps must agree, of those that can be judged.
const AGREEING_MIN: usize = 1_450;

#[test]
fn objects_live_as_recorded() {
    let Some(cases) = shared::all_golden() else { return };
    let cases: Vec<Value> =
        cases.into_iter().map(|case| serde_json::from_value(case).expect("a tree")).collect();
    let mut replay = Replay::new(&cases);
    cases.iter().for_each(|case| replay.run(case));
    for (area, (agreeing, wrong)) in &replay.scores {
        println!("{area:20} {agreeing:5} agree {wrong:5} differ");
    }
    let agreeing: usize = replay.scores.values().map(|(agreeing, _)| agreeing).sum();
    assert!(replay.wrong.is_empty(), "{} differ:\n{}", replay.wrong.len(), replay.wrong.join("\n"));
    assert!(agreeing >= AGREEING_MIN, "only {agreeing} steps could be judged");
}
