//! Fan-out: many watches of one collection, writers underneath. An operation is one event at one
//! watcher.

use super::Setting;
use crate::BenchError;
use crate::api::load::{Measured, measure};
use crate::api::namespace::Namespace;
use crate::api::objects::{self, WATCHED_BYTES};
use crate::api::pool::{Caller, Pool};
use crate::api::row::FanOut;
use crate::api::watchers::{Connection, Request, Shared};
use crate::measure::{Latency, Sample};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Watches on one connection: servers take no more than 100 requests on one at a time, some of
/// them.
const PER_CONNECTION_MAX: usize = 90;
/// Writers, each with one write at a time, and the object that it writes to.
const WRITERS: usize = 64;
/// Writes that may run ahead of their delivery to all watchers.
const AHEAD_MAX: u64 = 64;
const LOOK: Duration = Duration::from_micros(500);
/// Silence after which events count as lost.
const SILENCE: Duration = Duration::from_secs(3);
/// Connections that are opened at a time.
const OPENINGS: usize = 8;

pub async fn run(
    shape: FanOut,
    setting: &Setting,
    pool: &Arc<Pool>,
    namespace: &Namespace,
) -> Result<Measured, BenchError> {
    let path = namespace.config_maps();
    let mut caller = pool.caller(0).await;
    for writer in 0..WRITERS {
        let object = objects::config_map(&name(writer), WATCHED_BYTES, 0);
        caller.create(&path, object).await?;
    }
    let list = caller.get(&format!("{path}?limit=1")).await?.success("listing")?;
    let no_version = || BenchError::Invalid("a list has no resourceVersion".into());
    let version = list.resource_version().ok_or_else(no_version)?;
    let request = Request {
        path: format!("{path}?watch=1&resourceVersion={version}"),
        encoding: setting.encoding,
    };

    let rss_before = setting.processes.rss_bytes()?;
    let connections = open(shape, setting, pool, &request).await?;
    let grown = setting.processes.rss_bytes()?.saturating_sub(rss_before);
    let writes_max = shape.writes_per_s.unwrap_or(0) * (setting.duration.as_secs() + 2);
    let shared = Arc::new(Shared {
        delivered: AtomicU64::new(0),
        ended: AtomicU64::new(0),
        begun: Instant::now(),
        sent_us: (0..writes_max).map(|_| AtomicU64::new(0)).collect(),
    });
    let (stop, stopped) = watch::channel(false);
    let mut watchers = JoinSet::new();
    for connection in connections {
        watchers.spawn(connection.count(shared.clone(), stopped.clone()));
    }
    let load = Writes { path: path.into(), shape, duration: setting.duration, shared, pool };
    let measured = measure(&setting.processes, load.run()).await;
    stop.send_replace(true);
    let mut latencies_us = Vec::new();
    while let Some(done) = watchers.join_next().await {
        latencies_us.extend(done.expect("a watching task does not panic"));
    }
    let mut measured = measured?;
    measured.sample.latency = Latency::new(latencies_us);
    measured.bytes_per_watch = (grown > 0).then(|| grown / shape.watchers as u64);
    Ok(measured)
}

fn name(writer: usize) -> String {
    format!("o{writer:02}")
}

/// All watches, some connections at a time.
async fn open(
    shape: FanOut,
    setting: &Setting,
    pool: &Arc<Pool>,
    request: &Request,
) -> Result<Vec<Connection>, BenchError> {
    let count = connections(shape, setting.watch_connections);
    let mut opening = JoinSet::new();
    let mut open = Vec::with_capacity(count);
    for at in 0..count {
        if opening.len() >= OPENINGS {
            take(&mut opening, &mut open).await?;
        }
        let watches = share(shape.watchers, count, at);
        let (access, request) = (pool.access().clone(), request.clone());
        opening.spawn(async move { Connection::open(&access, at, watches, &request).await });
    }
    while !opening.is_empty() {
        take(&mut opening, &mut open).await?;
    }
    Ok(open)
}

async fn take(
    opening: &mut JoinSet<Result<Connection, BenchError>>,
    open: &mut Vec<Connection>,
) -> Result<(), BenchError> {
    if let Some(done) = opening.join_next().await {
        open.push(done.expect("an opening task does not panic")?);
    }
    Ok(())
}

fn connections(shape: FanOut, wanted: usize) -> usize {
    if shape.apart {
        return shape.watchers;
    }
    wanted.max(shape.watchers.div_ceil(PER_CONNECTION_MAX)).min(shape.watchers)
}

fn share(total: usize, parts: usize, part: usize) -> usize {
    total / parts + usize::from(part < total % parts)
}

/// The writes of one fan-out.
struct Writes<'a> {
    path: Arc<str>,
    shape: FanOut,
    duration: Duration,
    shared: Arc<Shared>,
    pool: &'a Arc<Pool>,
}

impl Writes<'_> {
    async fn run(self) -> Result<Measured, BenchError> {
        let begun = Instant::now();
        let written = match self.shape.writes_per_s {
            Some(rate) => self.pace(rate, begun).await?,
            None => self.flood(begun + self.duration).await?,
        };
        let expected = written * self.shape.watchers as u64;
        let last = await_delivery(&self.shared, expected).await;
        let operations = self.shared.delivered.load(Ordering::Relaxed);
        let ended = self.shared.ended.load(Ordering::Relaxed);
        let sample = Sample {
            operations,
            failures: expected.saturating_sub(operations),
            elapsed: last - begun,
            ..Sample::default()
        };
        let first_failure = (ended > 0).then(|| format!("{ended} watches were ended"));
        Ok(Measured { sample, first_failure, ..Measured::default() })
    }

    /// One write after the other at their times; how many.
    async fn pace(&self, rate: u64, begun: Instant) -> Result<u64, BenchError> {
        let mut caller = self.pool.caller(0).await;
        for number in 0..rate * self.duration.as_secs() {
            let due = begun + Duration::from_micros(number * 1_000_000 / rate);
            tokio::time::sleep_until(due.into()).await;
            let sent_us = self.shared.begun.elapsed().as_micros() as u64;
            self.shared.sent_us[number as usize].store(sent_us, Ordering::Relaxed);
            write(&mut caller, &self.path, 0, number + 1).await?;
        }
        Ok(rate * self.duration.as_secs())
    }

    /// As many writes as are delivered; how many.
    async fn flood(&self, end: Instant) -> Result<u64, BenchError> {
        let written = Arc::new(AtomicU64::new(0));
        let watchers = self.shape.watchers as u64;
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let mut caller = self.pool.caller(writer).await;
            let (path, shared) = (self.path.clone(), self.shared.clone());
            let written = written.clone();
            writers.spawn(async move {
                while Instant::now() < end {
                    let seen = shared.delivered.load(Ordering::Relaxed) / watchers;
                    if written.load(Ordering::Relaxed) >= seen + AHEAD_MAX {
                        tokio::time::sleep(LOOK).await;
                        continue;
                    }
                    let turn = written.fetch_add(1, Ordering::Relaxed) + 1;
                    write(&mut caller, &path, writer, turn).await?;
                }
                Ok::<_, BenchError>(())
            });
        }
        while let Some(done) = writers.join_next().await {
            done.expect("a writing task does not panic")?;
        }
        Ok(written.load(Ordering::Relaxed))
    }
}

/// One update; repeated where servers have no leader for a moment. A repetition may be a second
/// event, which is no harm.
async fn write(
    caller: &mut Caller,
    path: &str,
    writer: usize,
    turn: u64,
) -> Result<(), BenchError> {
    let object = objects::config_map(&name(writer), WATCHED_BYTES, turn);
    let answer = caller.put(&format!("{path}/{}", name(writer)), object).await?;
    answer.success("updating what is watched").map(drop)
}

/// Waits for the events of the last writes; the time of the last one.
async fn await_delivery(shared: &Shared, expected: u64) -> Instant {
    let (mut seen, mut since) = (shared.delivered.load(Ordering::Relaxed), Instant::now());
    while seen < expected && since.elapsed() < SILENCE {
        tokio::time::sleep(LOOK).await;
        let now = shared.delivered.load(Ordering::Relaxed);
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
    }
    since
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_connection_has_more_watches_than_servers_take() {
        let shape = |watchers, apart| FanOut { watchers, apart, writes_per_s: None };
        assert_eq!(connections(shape(1_000, false), 30), 30);
        assert_eq!(connections(shape(5_000, false), 30), 56);
        assert_eq!(connections(shape(10, false), 30), 10);
        assert_eq!(connections(shape(1_000, true), 30), 1_000);
        let shares: Vec<usize> = (0..56).map(|at| share(5_000, 56, at)).collect();
        assert_eq!(shares.iter().sum::<usize>(), 5_000);
        assert!(shares.iter().all(|share| *share <= PER_CONNECTION_MAX));
    }
}
