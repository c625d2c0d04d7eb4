//! Linearizable ranges over a whole prefix. The client counts bytes and decodes nothing, so that
//! the server is what is measured.

use super::{Load, fill, gather, prefix_end};
use crate::BenchError;
use crate::measure::Sample;
use crate::target::Target;
use crate::workload::watch::raw;
use std::time::Instant;
use tokio::task::JoinSet;
use xebec_apiserver::etcd::proto::etcdserverpb::RangeRequest;

pub async fn run(target: &Target, load: &Load) -> Result<Sample, BenchError> {
    let channels = target.connect(load.connections).await?;
    fill(&channels, load, 64).await?;
    target.measure(async { Ok(ranges(&channels, load).await) }).await
}

async fn ranges(channels: &[tonic::transport::Channel], load: &Load) -> Sample {
    let begun = Instant::now();
    let end = begun + load.duration;
    let prefix = load.prefix;
    let whole_bytes = load.keys as usize * load.value_size_bytes;
    let mut tasks = JoinSet::new();
    for client in 0..load.clients {
        let channel = channels[client % channels.len()].clone();
        tasks.spawn(async move {
            let mut tally = super::Tally::default();
            while Instant::now() < end {
                let sent = Instant::now();
                match raw::range(channel.clone(), request(prefix)).await {
                    Ok(body) if body.len() >= whole_bytes => {
                        tally.latencies_us.push(sent.elapsed().as_micros() as u32);
                    }
                    _ => tally.failures += 1,
                }
            }
            tally
        });
    }
    gather(tasks, begun).await
}

fn request(prefix: &'static str) -> RangeRequest {
    RangeRequest { key: prefix.into(), range_end: prefix_end(prefix), ..RangeRequest::default() }
}
