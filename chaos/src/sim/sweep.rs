//! Many seeds, on all processors, until the first that fails.

use super::{Outcome, Settings};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Plays the seeds `first..first + count` on `threads` threads, each seed on one thread, and hands
/// every outcome to `report` (from any thread, one at a time). Stops when `report` says so.
pub fn sweep(
    first: u64,
    count: u64,
    threads: usize,
    settings: impl Fn(u64) -> Settings + Sync,
    report: impl FnMut(&Outcome) -> bool + Send,
) {
    let next = AtomicU64::new(first);
    let stop = AtomicBool::new(false);
    let report = Mutex::new(report);
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    let outcome = super::run(settings(seed));
                    let mut report = report.lock().expect("a report does not panic");
                    if !report(&outcome) {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
}
