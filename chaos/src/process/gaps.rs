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

/// The longest pause between two acknowledgements that touches the time of the fault, whose
/// beginning counts as one if there was none before.
pub fn longest_ns(acknowledged: &[Nanos], fault: &Fault) -> Nanos {
    let after = acknowledged.partition_point(|at_ns| *at_ns < fault.start_ns);
    let mut last_ns = after.checked_sub(1).map_or(fault.start_ns, |before| acknowledged[before]);
    let mut longest_ns = 0;
    for at_ns in &acknowledged[after..] {
        if last_ns >= fault.end_ns + AFTERMATH {
            break;
        }
        longest_ns = longest_ns.max(at_ns - last_ns);
        last_ns = *at_ns;
    }
    longest_ns
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
        assert_eq!(
            longest_ns(&acknowledged, &fault(15, 18)),
            ms(480),
            "it begins in the aftermath"
        );
        assert_eq!(longest_ns(&acknowledged, &fault(100, 120)), ms(2_480));
        assert_eq!(longest_ns(&acknowledged, &fault(4_000, 4_001)), 0, "nothing came after");
        assert_eq!(longest_ns(&[ms(700)], &fault(0, 10)), ms(700), "nothing came before");
    }
}
