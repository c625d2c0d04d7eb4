//! What happened in a run, in order: a hash over all of it, and the last lines for people.
//!
//! Invariant: a line holds nothing that differs between two runs of one seed (no addresses, no
//! real times, no thread names); equal hashes mean equal runs.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt;
use xxhash_rust::xxh3::Xxh3;

/// Lines kept for a failure's report.
const LINES_KEPT: usize = 400;

/// The event trace of one run. Everything that takes part in the run writes to it.
pub struct Trace {
    inner: Mutex<Inner>,
}

struct Inner {
    now_us: u64,
    hash: Xxh3,
    lines: u64,
    tail: VecDeque<String>,
    full: Option<Vec<String>>,
}

impl Trace {
    /// With `full`, every line is kept (to find where two runs part).
    pub fn new(full: bool) -> Self {
        Self {
            inner: Mutex::new(Inner {
                now_us: 0,
                hash: Xxh3::new(),
                lines: 0,
                tail: VecDeque::with_capacity(LINES_KEPT),
                full: full.then(Vec::new),
            }),
        }
    }

    pub fn set_now_us(&self, now_us: u64) {
        self.inner.lock().now_us = now_us;
    }

    pub fn now_us(&self) -> u64 {
        self.inner.lock().now_us
    }

    pub fn line(&self, what: fmt::Arguments<'_>) {
        let mut inner = self.inner.lock();
        let at = inner.now_us;
        let line = format!("{:>4}.{:06} {what}", at / 1_000_000, at % 1_000_000);
        inner.hash.update(line.as_bytes());
        inner.hash.update(b"\n");
        inner.lines += 1;
        if inner.tail.len() == LINES_KEPT {
            inner.tail.pop_front();
        }
        if let Some(full) = &mut inner.full {
            full.push(line.clone());
        }
        inner.tail.push_back(line);
    }

    /// Enters the hash without a line: for what happens too often to be read.
    pub fn count(&self, what: &[u64]) {
        let mut inner = self.inner.lock();
        for number in what {
            inner.hash.update(&number.to_le_bytes());
        }
    }

    pub fn hash(&self) -> u64 {
        self.inner.lock().hash.digest()
    }

    pub fn lines(&self) -> u64 {
        self.inner.lock().lines
    }

    pub fn tail(&self) -> Vec<String> {
        self.inner.lock().tail.iter().cloned().collect()
    }

    pub fn full(&self) -> Vec<String> {
        self.inner.lock().full.clone().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_covers_order_time_and_text() {
        let run = |lines: &[(u64, &str)]| {
            let trace = Trace::new(false);
            for (at, text) in lines {
                trace.set_now_us(*at);
                trace.line(format_args!("{text}"));
            }
            trace.hash()
        };
        assert_eq!(run(&[(1, "a"), (2, "b")]), run(&[(1, "a"), (2, "b")]));
        assert_ne!(run(&[(1, "a"), (2, "b")]), run(&[(1, "b"), (2, "a")]));
        assert_ne!(run(&[(1, "a")]), run(&[(2, "a")]));
    }

    #[test]
    fn keeps_the_last_lines() {
        let trace = Trace::new(false);
        for number in 0..LINES_KEPT + 5 {
            trace.line(format_args!("{number}"));
        }
        let tail = trace.tail();
        assert_eq!(tail.len(), LINES_KEPT);
        assert!(tail[0].ends_with(" 5"));
        assert_eq!(trace.lines(), LINES_KEPT as u64 + 5);
    }
}
