//! The longest time without an acknowledged write, by kind of fault.

use crate::history::{Fault, History, Nanos, Outcome, Request};
use std::collections::BTreeMap;
use std::time::Duration;

/// What one kind of fault did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    pub count: u32,
    pub longest_gap: Duration,
}

/// A gap counts for the faults that began before it ended, and had not long been over when it
/// began.
const AFTERMATH: Nanos = 500_000_000;

pub fn by_kind(history: &History) -> BTreeMap<String, Effect> {
    let acknowledged = acknowledged_ns(history);
    let mut effects: BTreeMap<String, Effect> = BTreeMap::new();
    for fault in &history.faults {
        let effect = effects.entry(fault.kind.clone()).or_default();
        effect.count += 1;
        let gap_ns = longest_ns(&acknowledged, fault);
        effect.longest_gap = effect.longest_gap.max(Duration::from_nanos(gap_ns));
    }
    effects
}

fn acknowledged_ns(history: &History) -> Vec<Nanos> {
    let writes = history.operations.iter().filter(|operation| {
        matches!(operation.outcome, Outcome::Ok { .. })
            && matches!(operation.request, Request::Put(_))
    });
    let mut times: Vec<Nanos> = writes.map(|operation| operation.return_ns).collect();
    times.sort_unstable();
    times
}

/// The longest pause between two acknowledgements that touches the time of the fault.
pub fn longest_ns(acknowledged: &[Nanos], fault: &Fault) -> Nanos {
    let first = acknowledged.partition_point(|at_ns| *at_ns < fault.start_ns).saturating_sub(1);
    let pairs = acknowledged[first..].windows(2);
    let touching = pairs.take_while(|pair| pair[0] < fault.end_ns + AFTERMATH);
    touching.map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_around_a_fault_is_found() {
        let ms = |at: u64| at * 1_000_000;
        let acknowledged = [0, 10, 20, 500, 510, 520, 3_000].map(ms);
        let fault = |start, end| Fault {
            start_ns: ms(start),
            end_ns: ms(end),
            kind: "kill".into(),
            what: String::new(),
        };
        assert_eq!(longest_ns(&acknowledged, &fault(15, 18)), ms(480), "it begins in the aftermath");
        assert_eq!(longest_ns(&acknowledged, &fault(100, 120)), ms(2_480));
        assert_eq!(longest_ns(&acknowledged, &fault(4_000, 4_001)), 0, "nothing came after");
    }
}
