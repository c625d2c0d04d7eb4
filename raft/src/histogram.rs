//! [`Histogram`]: how often something measured was how large, in buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const NANOS_PER_S: f64 = 1e9;

/// Counts without a lock. What is read meanwhile may be one measurement ahead in one place.
#[derive(Debug)]
pub struct Histogram {
    /// Upper bounds, in the unit of measurements.
    bounds: &'static [u64],
    /// Units in one of what is shown.
    scale: f64,
    /// One more than bounds: what is above all of them.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// A histogram at one moment, as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Upper bounds with the number of measurements up to each.
    pub up_to: Vec<(f64, u64)>,
    pub count: u64,
    pub sum: f64,
}

impl Histogram {
    /// Of spans of time: bounds in nanoseconds, shown in seconds.
    pub fn of_seconds(bounds_ns: &'static [u64]) -> Self {
        Self::new(bounds_ns, NANOS_PER_S)
    }

    /// Of sizes.
    pub fn of_bytes(bounds: &'static [u64]) -> Self {
        Self::new(bounds, 1.0)
    }

    fn new(bounds: &'static [u64], scale: f64) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, scale, buckets, sum: AtomicU64::new(0) }
    }

    pub fn observe(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    pub fn observe_span(&self, span: Duration) {
        self.observe(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
    }

    pub fn snapshot(&self) -> Snapshot {
        let mut count = 0;
        let mut up_to = Vec::with_capacity(self.bounds.len());
        for (at, bucket) in self.buckets.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            if let Some(bound) = self.bounds.get(at) {
                up_to.push((*bound as f64 / self.scale, count));
            }
        }
        Snapshot { up_to, count, sum: self.sum.load(Ordering::Relaxed) as f64 / self.scale }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_count_up_to_their_bounds() {
        let histogram = Histogram::of_seconds(&[1_000_000, 5_000_000]);
        for span in [1, 2, 5, 6] {
            histogram.observe_span(Duration::from_millis(span));
        }
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.up_to, [(0.001, 1), (0.005, 3)]);
        assert_eq!((snapshot.count, snapshot.sum), (4, 0.014));
    }
}
