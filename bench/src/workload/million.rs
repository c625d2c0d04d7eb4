//! Many keys: what they cost in memory, and whether writes stall while the store compacts.

use super::{Load, Tally, closed_loop, gather, key, kv, value};
use crate::BenchError;
use crate::measure::Sample;
use crate::target::Target;
use std::time::Instant;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use xebec_apiserver::etcd::proto::etcdserverpb::PutRequest;

/// Writes every key once. The sample's latencies show the stalls.
pub async fn fill(target: &Target, load: &Load) -> Result<Sample, BenchError> {
    let channels = target.connect(load.connections).await?;
    target.measure(async { Ok(write_all(&channels, load).await) }).await
}

async fn write_all(channels: &[Channel], load: &Load) -> Sample {
    let begun = Instant::now();
    let (clients, keys, size) = (load.clients, load.keys, load.value_size_bytes);
    let prefix = load.prefix;
    let mut tasks = JoinSet::new();
    for client in 0..clients as u64 {
        let mut kv = kv(&channels[client as usize % channels.len()]);
        tasks.spawn(async move {
            let mut tally = Tally::default();
            for number in (client..keys).step_by(clients) {
                let value = value(size, number);
                let request =
                    PutRequest { key: key(prefix, number), value, ..PutRequest::default() };
                let sent = Instant::now();
                match kv.put(request).await {
                    Ok(_) => tally.latencies_us.push(sent.elapsed().as_micros() as u32),
                    Err(_) => tally.failures += 1,
                }
            }
            tally
        });
    }
    gather(tasks, begun).await
}

/// Overwrites random keys for the load's duration: what a compaction competes with.
pub async fn overwrite(target: &Target, load: &Load) -> Result<Sample, BenchError> {
    let channels = target.connect(load.connections).await?;
    let (prefix, keys, value) = (load.prefix, load.keys, value(load.value_size_bytes, 3));
    let put = move |mut kv: super::KvClient<_>, random: u64| {
        let value = value.clone();
        async move {
            let request =
                PutRequest { key: key(prefix, random % keys), value, ..PutRequest::default() };
            kv.put(request).await.map(drop)
        }
    };
    target.measure(async { Ok(closed_loop(&channels, load, put).await) }).await
}
