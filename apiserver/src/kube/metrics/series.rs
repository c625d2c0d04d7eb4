//! [`Series`]: what is counted of requests of one kind.

use parking_lot::Mutex;
use std::sync::atomic::AtomicI64;
use std::time::Duration;
use xebec_raft::histogram::Histogram;

/// Upstream's buckets of durations.
const DURATIONS_NS: [u64; 23] = {
    let millis = [
        5, 25, 50, 100, 200, 400, 600, 800, 1_000, 1_250, 1_500, 2_000, 3_000, 4_000, 5_000, 6_000,
        8_000, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000,
    ];
    let mut nanos = [0; 23];
    let mut at = 0;
    while at < nanos.len() {
        nanos[at] = millis[at] * 1_000_000;
        at += 1;
    }
    nanos
};

/// Upstream's buckets of the sizes of answers.
const SIZES: [u64; 7] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// What tells requests of one kind from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Labels<T> {
    pub verb: &'static str,
    pub group: T,
    pub version: T,
    pub resource: T,
    pub subresource: T,
    pub scope: &'static str,
    pub dry_run: &'static str,
}

impl Labels<&str> {
    pub fn owned(self) -> Labels<Box<str>> {
        Labels {
            verb: self.verb,
            group: self.group.into(),
            version: self.version.into(),
            resource: self.resource.into(),
            subresource: self.subresource.into(),
            scope: self.scope,
            dry_run: self.dry_run,
        }
    }
}

impl Labels<Box<str>> {
    pub fn is(&self, other: &Labels<&str>) -> bool {
        self.verb == other.verb
            && *self.group == *other.group
            && *self.version == *other.version
            && *self.resource == *other.resource
            && *self.subresource == *other.subresource
            && self.scope == other.scope
            && self.dry_run == other.dry_run
    }

    /// Such requests last as long as their clients like.
    pub fn is_long_running(&self) -> bool {
        matches!(self.verb, "WATCH" | "CONNECT")
    }
}

/// Requests with the same labels.
#[derive(Debug)]
pub struct Series {
    pub labels: Labels<Box<str>>,
    /// A few codes each; never held for long.
    pub codes: Mutex<Vec<(u16, u64)>>,
    pub durations: Histogram,
    pub sizes: Histogram,
    /// Under way now, of long-running ones.
    pub running: AtomicI64,
}

impl Series {
    pub fn new(labels: Labels<Box<str>>) -> Self {
        Self {
            labels,
            codes: Mutex::default(),
            durations: Histogram::of_seconds(&DURATIONS_NS),
            sizes: Histogram::of_bytes(&SIZES),
            running: AtomicI64::new(0),
        }
    }

    pub fn end(&self, code: u16, took: Duration, size_bytes: Option<usize>) {
        let mut codes = self.codes.lock();
        match codes.iter_mut().find(|(known, _)| *known == code) {
            Some((_, count)) => *count += 1,
            None => codes.push((code, 1)),
        }
        drop(codes);
        self.durations.observe_span(took);
        if let Some(size_bytes) = size_bytes {
            self.sizes.observe(size_bytes as u64);
        }
    }
}
