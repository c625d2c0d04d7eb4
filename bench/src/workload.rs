//! The kinds of load, one file each.

pub mod get;
pub mod million;
pub mod put;
pub mod range;
pub mod watch;

use crate::BenchError;
use crate::measure::{Latency, Sample};
use bytes::Bytes;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tonic::transport::Channel;
use xebec_apiserver::etcd::proto::etcdserverpb::PutRequest;
use xebec_apiserver::etcd::proto::etcdserverpb::kv_client::KvClient;

/// How much load, for how long.
#[derive(Debug, Clone)]
pub struct Load {
    /// What the load's keys begin with. Each kind of load has its own, so that none reads what
    /// another wrote.
    pub prefix: &'static str,
    pub connections: usize,
    /// Requests in flight at any time.
    pub clients: usize,
    pub duration: Duration,
    pub value_size_bytes: usize,
    /// Distinct keys that the load works on.
    pub keys: u64,
}

/// A client's counts; merged into one [`Sample`] at the end.
#[derive(Debug, Default)]
struct Tally {
    latencies_us: Vec<u32>,
    failures: u64,
}

fn key(prefix: &str, number: u64) -> Bytes {
    Bytes::from(format!("{prefix}{number:012}"))
}

/// The end of the range of all keys with a prefix.
fn prefix_end(prefix: &str) -> Bytes {
    let mut end = prefix.as_bytes().to_vec();
    *end.last_mut().expect("a prefix is not empty") += 1;
    end.into()
}

/// Bytes that do not compress to nothing, the same in every run.
fn value(size_bytes: usize, seed: u64) -> Bytes {
    let mut random = Random(seed | 1);
    (0..size_bytes).map(|_| (random.next() >> 56) as u8).collect()
}

/// xorshift64*: enough to choose keys by, and the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

fn kv(channel: &Channel) -> KvClient<Channel> {
    KvClient::new(channel.clone())
        .max_decoding_message_size(crate::target::Target::message_size_max_bytes())
}

/// Keeps `load.clients` requests in flight until the time is over. `request` makes one request
/// with the client's random source; its error counts as a failure.
async fn closed_loop<R, F>(channels: &[Channel], load: &Load, request: R) -> Sample
where
    R: Fn(KvClient<Channel>, u64) -> F + Clone + Send + 'static,
    F: Future<Output = Result<(), tonic::Status>> + Send,
{
    let begun = Instant::now();
    let end = begun + load.duration;
    let mut tasks = JoinSet::new();
    for client in 0..load.clients {
        let kv = kv(&channels[client % channels.len()]);
        let request = request.clone();
        tasks.spawn(async move {
            let mut random = Random(client as u64 * 7_919 + 17);
            let mut tally = Tally::default();
            while Instant::now() < end {
                let sent = Instant::now();
                match request(kv.clone(), random.next()).await {
                    Ok(()) => tally.latencies_us.push(sent.elapsed().as_micros() as u32),
                    Err(_) => tally.failures += 1,
                }
            }
            tally
        });
    }
    gather(tasks, begun).await
}

async fn gather(mut tasks: JoinSet<Tally>, begun: Instant) -> Sample {
    let (mut latencies_us, mut failures) = (Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        let tally = done.expect("a client task does not panic");
        latencies_us.extend(tally.latencies_us);
        failures += tally.failures;
    }
    Sample {
        operations: latencies_us.len() as u64,
        failures,
        elapsed: begun.elapsed(),
        latency: Latency::new(latencies_us),
        ..Sample::default()
    }
}

/// Writes all keys of the load once, `in_flight` at a time.
async fn fill(channels: &[Channel], load: &Load, in_flight: usize) -> Result<(), BenchError> {
    let (prefix, count, value_size_bytes) = (load.prefix, load.keys, load.value_size_bytes);
    let mut tasks = JoinSet::new();
    for client in 0..in_flight as u64 {
        let mut kv = kv(&channels[client as usize % channels.len()]);
        tasks.spawn(async move {
            for number in (client..count).step_by(in_flight) {
                let value = value(value_size_bytes, number * 31 + 1);
                let put = PutRequest { key: key(prefix, number), value, ..PutRequest::default() };
                kv.put(put).await?;
            }
            Ok::<_, tonic::Status>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a filling task does not panic")?;
    }
    Ok(())
}
