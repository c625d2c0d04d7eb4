//! One seed, one run: bit for bit, on any thread, after whatever ran before.

use xebec_chaos::sim::{Outcome, Scenario, Settings, run};

fn play(seed: u64) -> Outcome {
    run(Settings { full_trace: true, ..Scenario::Any.settings(seed, 2_000) })
}

#[test]
fn a_seed_repeats_bit_for_bit() {
    for seed in [3, 4] {
        let first = play(seed);
        // Another thread has other hash seeds, other task ids, another history.
        let second = std::thread::spawn(move || {
            play(seed + 100);
            play(seed)
        });
        let second = second.join().expect("the run does not panic");
        let differ = first.full_trace.iter().zip(&second.full_trace).find(|(a, b)| a != b);
        assert_eq!(differ, None, "seed {seed}: here the runs part");
        assert_eq!(first.trace_hash, second.trace_hash, "seed {seed}");
        assert_eq!(first.stats, second.stats, "seed {seed}");
    }
}

#[test]
fn seeds_differ() {
    assert_ne!(play(3).trace_hash, play(4).trace_hash);
}
