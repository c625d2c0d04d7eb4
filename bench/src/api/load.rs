//! Closed loops: as many requests in flight as there are clients, until the time is over.

use super::pool::{Caller, Pool};
use crate::BenchError;
use crate::measure::{Latency, Processes, Sample};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What one row yields.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    pub sample: Sample,
    /// Bytes of the answers, of rows where they are the point.
    pub bytes: u64,
    /// Proportional share of memory of all server processes: pages that they share count once.
    pub server_pss_bytes: Option<u64>,
    /// CPU of this process during the load: what the servers had to do without, if they share its
    /// cores.
    pub client_cpu: Duration,
    /// How much of the resident memory came with the load.
    pub grown_bytes: u64,
    /// From asking to the first byte of the answer's body, of rows where it is long.
    pub first_byte: Latency,
    /// What a watch costs the servers in resident memory.
    pub bytes_per_watch: Option<u64>,
    pub first_failure: Option<String>,
}

/// What one client does, again and again.
pub trait Work: Send + 'static {
    fn once(
        &mut self,
        caller: &mut Caller,
    ) -> impl Future<Output = Result<Done, BenchError>> + Send;
}

/// One operation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Done {
    /// Of the answer's body, where that is the point.
    pub bytes: u64,
    /// Until the first of them came.
    pub first_byte_us: Option<u32>,
}

/// A client's counts.
#[derive(Default)]
struct Tally {
    latencies_us: Vec<u32>,
    first_bytes_us: Vec<u32>,
    bytes: u64,
    failures: u64,
    first_failure: Option<String>,
}

/// After a failure a client waits, so that a server that is down is not asked in a tight loop.
const FAILURE_PAUSE: Duration = Duration::from_millis(10);

/// Runs `clients` of what `make` gives for each of their numbers.
pub async fn closed_loop<W: Work>(
    pool: &Arc<Pool>,
    clients: usize,
    duration: Duration,
    make: impl Fn(usize) -> W,
) -> Measured {
    let mut callers = Vec::with_capacity(clients);
    for client in 0..clients {
        callers.push((pool.caller(client).await, make(client)));
    }
    let begun = Instant::now();
    let end = begun + duration;
    let mut tasks = JoinSet::new();
    for (caller, work) in callers {
        tasks.spawn(repeat(caller, work, end));
    }
    let mut all = Tally::default();
    while let Some(done) = tasks.join_next().await {
        let tally = done.expect("a client task does not panic");
        all.latencies_us.extend(tally.latencies_us);
        all.first_bytes_us.extend(tally.first_bytes_us);
        all.bytes += tally.bytes;
        all.failures += tally.failures;
        all.first_failure = all.first_failure.or(tally.first_failure);
    }
    let sample = Sample {
        operations: all.latencies_us.len() as u64,
        failures: all.failures,
        elapsed: begun.elapsed(),
        latency: Latency::new(all.latencies_us),
        ..Sample::default()
    };
    Measured {
        sample,
        bytes: all.bytes,
        first_byte: Latency::new(all.first_bytes_us),
        first_failure: all.first_failure,
        ..Measured::default()
    }
}

async fn repeat<W: Work>(mut caller: Caller, mut work: W, end: Instant) -> Tally {
    let mut tally = Tally::default();
    let mut now = Instant::now();
    while now < end {
        let sent = now;
        let done = work.once(&mut caller).await;
        now = Instant::now();
        match done {
            Ok(done) => {
                tally.latencies_us.push((now - sent).as_micros() as u32);
                tally.first_bytes_us.extend(done.first_byte_us);
                tally.bytes += done.bytes;
            }
            Err(error) => {
                tally.failures += 1;
                tally.first_failure.get_or_insert_with(|| error.to_string());
                tokio::time::sleep(FAILURE_PAUSE).await;
                now = Instant::now();
            }
        }
    }
    tally
}

/// Runs a load and puts the servers' CPU and memory beside what the load itself counted.
pub async fn measure(
    processes: &Processes,
    load: impl Future<Output = Result<Measured, BenchError>>,
) -> Result<Measured, BenchError> {
    let rss_before = processes.rss_bytes()?;
    let client = Processes::new(vec![std::process::id()]);
    let (cpu_before, client_before) = (processes.cpu()?, client.cpu()?);
    let mut measured = load.await?;
    measured.client_cpu = client.cpu()?.saturating_sub(client_before);
    measured.sample.server_cpu = processes.cpu()?.saturating_sub(cpu_before);
    let resident = processes.rss_bytes()?;
    measured.sample.server_rss_bytes = resident;
    measured.grown_bytes = resident.saturating_sub(rss_before);
    measured.server_pss_bytes = processes.pss_bytes();
    Ok(measured)
}
