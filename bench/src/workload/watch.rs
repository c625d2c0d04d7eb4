//! Watch fan-out: many watchers of one prefix, writers underneath. An operation is one event at
//! one watcher. The client looks only for the event fields of each response, so that the server
//! is what is measured.

pub mod raw;

use super::{Load, key, kv, prefix_end, value};
use crate::BenchError;
use crate::measure::{Latency, Sample};
use crate::target::Target;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use xebec_apiserver::etcd::proto::etcdserverpb::watch_request::RequestUnion;
use xebec_apiserver::etcd::proto::etcdserverpb::{PutRequest, WatchCreateRequest, WatchRequest};

/// How the watchers are spread.
#[derive(Debug, Clone, Copy)]
pub struct Fanout {
    pub connections: usize,
    pub watchers: usize,
    /// Writes per second over all writers; 0 writes as fast as the events arrive.
    pub writes_per_s: u64,
}

/// Silence after which the events of the last writes count as delivered or lost.
const DRAIN: Duration = Duration::from_millis(500);

pub async fn run(target: &Target, load: &Load, fanout: Fanout) -> Result<Sample, BenchError> {
    let delivered = Arc::new(AtomicU64::new(0));
    let mut watchers = JoinSet::new();
    let mut requests = Vec::new();
    for connection in 0..fanout.connections {
        let endpoint = &target.endpoints[connection % target.endpoints.len()];
        let channel = target.connect_to(endpoint).await?;
        let count = share(fanout.watchers, fanout.connections, connection);
        let (sender, stream) = open(channel, load.prefix, count).await?;
        requests.push(sender);
        watchers.spawn(count_events(stream, delivered.clone()));
    }
    let writers = target.connect(target.endpoints.len()).await?;
    let sample = target.measure(write(&writers, load, fanout, &delivered)).await;
    drop(requests);
    watchers.abort_all();
    sample
}

fn share(total: usize, parts: usize, part: usize) -> usize {
    total / parts + usize::from(part < total % parts)
}

/// One stream with `count` watches, all created when this returns.
async fn open(
    channel: Channel,
    prefix: &'static str,
    count: usize,
) -> Result<(mpsc::Sender<WatchRequest>, tonic::Streaming<Bytes>), BenchError> {
    let (sender, receiver) = mpsc::channel(count + 1);
    for _ in 0..count {
        sender.send(create(prefix)).await.expect("the receiver is held below");
    }
    let mut stream = raw::watch(channel, ReceiverStream::new(receiver)).await?;
    let mut created = 0;
    while created < count {
        let response = stream.message().await?;
        let response = response.ok_or_else(|| BenchError::Invalid("watch ended".into()))?;
        created += usize::from(raw::is_created(&response));
    }
    Ok((sender, stream))
}

fn create(prefix: &'static str) -> WatchRequest {
    let request = WatchCreateRequest {
        key: prefix.into(),
        range_end: prefix_end(prefix),
        ..WatchCreateRequest::default()
    };
    WatchRequest { request_union: Some(RequestUnion::CreateRequest(request)) }
}

async fn count_events(mut stream: tonic::Streaming<Bytes>, delivered: Arc<AtomicU64>) {
    while let Ok(Some(response)) = stream.message().await {
        delivered.fetch_add(raw::events(&response), Ordering::Relaxed);
    }
}

/// Writes until the time is over, then waits for the last events. With no set rate, at most
/// `IN_FLIGHT` writes run ahead of their delivery to all watchers.
async fn write(
    channels: &[Channel],
    load: &Load,
    fanout: Fanout,
    delivered: &AtomicU64,
) -> Result<Sample, BenchError> {
    const IN_FLIGHT: u64 = 64;
    let begun = Instant::now();
    let (mut written, mut latencies_us) = (0_u64, Vec::new());
    let watchers = fanout.watchers as u64;
    while begun.elapsed() < load.duration {
        #[expect(clippy::manual_checked_ops, reason = "0 means without a pause")]
        if fanout.writes_per_s > 0 {
            let due = begun + Duration::from_micros(written * 1_000_000 / fanout.writes_per_s);
            tokio::time::sleep_until(due.into()).await;
        } else if written.saturating_sub(delivered.load(Ordering::Relaxed) / watchers) > IN_FLIGHT {
            tokio::time::sleep(Duration::from_micros(200)).await;
            continue;
        }
        let batch = if fanout.writes_per_s > 0 { 1 } else { 16 };
        let sent = Instant::now();
        put_batch(channels, load, written, batch).await?;
        written += batch;
        if fanout.writes_per_s > 0 {
            await_delivery(delivered, written * watchers).await;
            latencies_us.push(sent.elapsed().as_micros() as u32);
        }
    }
    await_delivery(delivered, written * watchers).await;
    let operations = delivered.load(Ordering::Relaxed);
    Ok(Sample {
        operations,
        failures: (written * watchers).saturating_sub(operations),
        elapsed: begun.elapsed(),
        latency: Latency::new(latencies_us),
        ..Sample::default()
    })
}

async fn put_batch(
    channels: &[Channel],
    load: &Load,
    first: u64,
    count: u64,
) -> Result<(), BenchError> {
    let puts = (first..first + count).map(|number| {
        let mut kv = kv(&channels[number as usize % channels.len()]);
        let value = value(load.value_size_bytes, number);
        let request = PutRequest {
            key: key(load.prefix, number % load.keys),
            value,
            ..PutRequest::default()
        };
        async move { kv.put(request).await.map(drop) }
    });
    futures::future::try_join_all(puts).await?;
    Ok(())
}

async fn await_delivery(delivered: &AtomicU64, expected: u64) {
    let (mut seen, mut since) = (delivered.load(Ordering::Relaxed), Instant::now());
    while seen < expected && since.elapsed() < DRAIN {
        tokio::time::sleep(Duration::from_micros(200)).await;
        let now = delivered.load(Ordering::Relaxed);
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_add_up() {
        assert_eq!((0..30).map(|part| share(1_000, 30, part)).sum::<usize>(), 1_000);
        assert_eq!(share(1_000, 30, 0), 34);
        assert_eq!(share(1_000, 30, 29), 33);
    }
}
