//! Compaction by age or by number of revisions: `storage.auto_compaction_retention`.
//!
//! Every replica samples the revision, so that a new leader knows the past; only the leader
//! proposes. A replica that has just started knows no past, so history is kept somewhat longer
//! than asked for after a restart, never shorter.

use crate::config::Retention;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;
use xebec_raft::Replica;
use xebec_store::command::{Body, Compact};
use xebec_store::kv::Revision;

/// Between two looks when revisions are counted: etcd's interval.
const COUNT_INTERVAL: Duration = Duration::from_secs(300);
/// Age is kept to a tenth.
const SAMPLES: u32 = 10;
const INTERVAL_MIN: Duration = Duration::from_secs(1);
const INTERVAL_MAX: Duration = Duration::from_secs(3600);

/// Decides what to compact; knows no clock.
struct Policy {
    retention: Retention,
    /// Revisions with the time they were seen, oldest first.
    samples: VecDeque<(Instant, Revision)>,
}

impl Policy {
    fn new(retention: Retention) -> Self {
        Self { retention, samples: VecDeque::new() }
    }

    fn interval(&self) -> Duration {
        match self.retention {
            Retention::Age(age) => (age / SAMPLES).clamp(INTERVAL_MIN, INTERVAL_MAX),
            Retention::All | Retention::Revisions(_) => COUNT_INTERVAL,
        }
    }

    /// Notes that `revision` is current; returns the revision up to which history may go.
    fn sample(&mut self, now: Instant, revision: Revision) -> Option<Revision> {
        match self.retention {
            Retention::All => None,
            Retention::Revisions(kept) => {
                let target = revision - i64::try_from(kept).unwrap_or(i64::MAX);
                (target > 0).then_some(target)
            }
            Retention::Age(age) => {
                self.samples.push_back((now, revision));
                let old = |sample: &(Instant, Revision)| now.duration_since(sample.0) >= age;
                // The newest of the samples that are old enough stays, for the next time.
                while self.samples.get(1).is_some_and(old) {
                    self.samples.pop_front();
                }
                self.samples.front().filter(|sample| old(sample)).map(|(_, revision)| *revision)
            }
        }
    }
}

/// Runs until dropped.
pub async fn run(replica: Replica, retention: Retention) {
    if retention == Retention::All {
        return std::future::pending().await;
    }
    let mut policy = Policy::new(retention);
    let mut ticks = tokio::time::interval(policy.interval());
    loop {
        ticks.tick().await;
        let view = replica.store().view();
        let target = policy.sample(Instant::now(), view.revision());
        let due = target.filter(|target| *target > view.compact_revision());
        let status = replica.status();
        let leads = status.leader == Some(status.member_id);
        let (Some(revision), true) = (due, leads) else { continue };
        match replica.propose(Body::Compact(Compact { revision })).await {
            Ok(_) => tracing::info!(revision, "compacted by age or count"),
            Err(error) => {
                tracing::warn!(revision, %error, "compaction was not ordered; trying again");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_keeps_what_is_young() {
        let start = Instant::now();
        let mut policy = Policy::new(Retention::Age(Duration::from_secs(100)));
        let at = |second| start + Duration::from_secs(second);
        assert_eq!(policy.sample(at(0), 10), None);
        assert_eq!(policy.sample(at(60), 20), None);
        assert_eq!(policy.sample(at(100), 30), Some(10));
        assert_eq!(policy.sample(at(159), 40), Some(10));
        assert_eq!(policy.sample(at(165), 50), Some(20));
        assert!(policy.samples.len() <= 4, "the past is forgotten");
    }

    #[test]
    fn counts_keep_so_many_revisions() {
        let mut policy = Policy::new(Retention::Revisions(100));
        assert_eq!(policy.sample(Instant::now(), 100), None);
        assert_eq!(policy.sample(Instant::now(), 150), Some(50));
    }

    #[test]
    fn zero_keeps_all() {
        let mut policy = Policy::new(Retention::All);
        assert_eq!(policy.sample(Instant::now(), 1_000_000), None);
    }
}
