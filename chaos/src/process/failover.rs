//! How long writes stand still when the leader is killed.

use super::ProcessError;
use super::client;
use super::cluster::Cluster;
use super::endpoint::{Endpoint, Endpoints};
use super::stage::Stage;
use crate::args::FailoverArgs;
use crate::history::{Outcome, Put, Request};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Writers for each replica, each with one write at a time.
const WRITERS: usize = 4;
const DEADLINE: Duration = Duration::from_millis(1_500);
const SETTLE: Duration = Duration::from_millis(1_500);
const SERVING_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest gaps, one for each kill, shortest first.
pub struct Gaps(Vec<Duration>);

impl Gaps {
    fn new(mut gaps: Vec<Duration>) -> Self {
        gaps.sort_unstable();
        Self(gaps)
    }

    /// The least value that a share of all gaps does not exceed (nearest rank).
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Gaps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [p50, p99, max] = [50, 99, 100].map(|percent| self.percentile(percent).as_millis());
        write!(f, "failover over {} kills: p50 {p50} ms, p99 {p99} ms, max {max} ms", self.0.len())
    }
}

pub async fn failover(args: &FailoverArgs) -> Result<Gaps, ProcessError> {
    let stage = Arc::new(Stage::set(&args.cluster).await?);
    let mut cluster = Cluster::start(stage.clone(), args.cluster.replicas).await?;
    let result = measure(args.kills, &mut cluster).await;
    cluster.stop_all().await;
    stage.strike(result.is_ok());
    result
}

async fn measure(kills: u32, cluster: &mut Cluster) -> Result<Gaps, ProcessError> {
    let (stop, stopped) = watch::channel(false);
    let writes = Arc::new(Writes::default());
    let mut writers = JoinSet::new();
    for writer in 0..cluster.nodes().len() * WRITERS {
        let (endpoints, writes) = (cluster.endpoints.clone(), writes.clone());
        writers.spawn(write(endpoints, writer, writes, stopped.clone()));
    }
    let mut gaps = Vec::new();
    for kill in 1..=kills {
        wait_until(cluster).await?;
        tokio::time::sleep(SETTLE).await;
        let Some((leader, _)) = cluster.leader().await else { continue };
        writes.begin();
        cluster.server(leader).kill().await;
        tokio::time::sleep(SETTLE).await;
        // The gap may be longer than that; it ends with a write, however late.
        let before = Instant::now();
        while !writes.went_on_since(before) && before.elapsed() < SERVING_TIMEOUT {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let gap = writes.longest();
        println!("kill {kill:>3} of {kills}: r{leader}, {} ms", gap.as_millis());
        gaps.push(gap);
        cluster.run(leader)?;
    }
    stop.send_replace(true);
    while writers.join_next().await.is_some() {}
    Ok(Gaps::new(gaps))
}

/// Until all replicas serve again.
async fn wait_until(cluster: &mut Cluster) -> Result<(), ProcessError> {
    cluster.wait_for_all().await
}

/// The times of acknowledged writes since the last kill.
#[derive(Default)]
struct Writes {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: Option<Instant>,
    longest: Duration,
}

impl Writes {
    /// Forgets gaps so far, but not the last write: the gap to come begins with it.
    fn begin(&self) {
        self.state.lock().longest = Duration::ZERO;
    }

    fn acknowledged(&self) {
        let now = Instant::now();
        let mut state = self.state.lock();
        if let Some(last) = state.last {
            state.longest = state.longest.max(now.saturating_duration_since(last));
        }
        state.last = Some(now);
    }

    fn went_on_since(&self, moment: Instant) -> bool {
        self.state.lock().last.is_some_and(|last| last > moment)
    }

    fn longest(&self) -> Duration {
        self.state.lock().longest
    }
}

async fn write(
    endpoints: Arc<Endpoints>,
    writer: usize,
    writes: Arc<Writes>,
    stopped: watch::Receiver<bool>,
) {
    let key = format!("/failover/{writer}");
    let request = Request::Put(Put { key, value: "x".repeat(100), ..Put::default() });
    let mut position = writer;
    while !*stopped.borrow() {
        let endpoint: Endpoint = endpoints.at(position);
        match client::execute(endpoint.requests, &request, DEADLINE).await {
            Outcome::Ok { .. } => writes.acknowledged(),
            // As a client would: the next replica.
            Outcome::Failed(_) | Outcome::Unknown(_) => {
                position += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Gaps;
    use std::time::Duration;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let gaps = Gaps::new((1..=20).rev().map(Duration::from_millis).collect());
        assert_eq!(gaps.percentile(50), Duration::from_millis(10));
        assert_eq!(gaps.percentile(99), Duration::from_millis(20));
        assert_eq!(gaps.to_string(), "failover over 20 kills: p50 10 ms, p99 20 ms, max 20 ms");
    }
}
