//! etcd and Xebec in turn, under the same loads, on the same machine: what `make bench` prints.

use crate::BenchError;
use crate::cluster::Layout;
use crate::etcdctl::{self, CheckPerf};
use crate::measure::Sample;
use crate::report::{Row, table};
use crate::target::Target;
use crate::workload::watch::Fanout;
use crate::workload::{Load, get, put, range, watch};
use std::time::Duration;

/// One kind of load, by the name that the table shows and `--only` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// 1 KB puts, 256 in flight.
    Put,
    /// 1 KB puts, one at a time.
    PutOne,
    /// Linearizable gets, 256 in flight.
    Get,
    /// Linearizable ranges of 10,000 keys.
    Range,
    /// 1,000 watchers of one prefix on 30 connections, writes as fast as they are delivered.
    Watch,
    /// The same at 50 writes per second: the latency from write to last delivery.
    WatchPaced,
}

pub const ALL: [Workload; 6] = [
    Workload::Put,
    Workload::PutOne,
    Workload::Get,
    Workload::Range,
    Workload::Watch,
    Workload::WatchPaced,
];

impl Workload {
    fn name(self) -> &'static str {
        match self {
            Self::Put => "put 1 KB, 256 in flight",
            Self::PutOne => "put 1 KB, one at a time",
            Self::Get => "linearizable get",
            Self::Range => "range of 10,000 keys",
            Self::Watch => "watch, 1,000 on a prefix",
            Self::WatchPaced => "watch, 50 writes/s",
        }
    }

    fn load(self, duration: Duration) -> Load {
        let (prefix, connections, clients, value_size_bytes, keys) = match self {
            Self::Put => ("/registry/bench-put/", 12, 256, 1_024, 100_000),
            Self::PutOne => ("/registry/bench-one/", 1, 1, 1_024, 1_000),
            Self::Get => ("/registry/bench-get/", 12, 256, 1_024, 1_000),
            Self::Range => ("/registry/bench-range/", 3, 3, 100, 10_000),
            Self::Watch => ("/registry/bench-watch/", 3, 1, 1_024, 1_000),
            Self::WatchPaced => ("/registry/bench-paced/", 3, 1, 1_024, 1_000),
        };
        Load { prefix, connections, clients, duration, value_size_bytes, keys }
    }

    pub async fn run(self, target: &Target, duration: Duration) -> Result<Sample, BenchError> {
        let load = self.load(duration);
        let fanout = |writes_per_s| Fanout { connections: 30, watchers: 1_000, writes_per_s };
        match self {
            Self::Put | Self::PutOne => put::run(target, &load).await,
            Self::Get => get::run(target, &load).await,
            Self::Range => range::run(target, &load).await,
            Self::Watch => watch::run(target, &load, fanout(0)).await,
            Self::WatchPaced => watch::run(target, &load, fanout(50)).await,
        }
    }
}

/// What to compare, and for how long each.
#[derive(Debug, Clone)]
pub struct Options {
    pub layout: Layout,
    pub workloads: Vec<Workload>,
    pub duration: Duration,
    /// Also run `etcdctl check perf` with this load on both.
    pub check_perf: Option<String>,
}

/// Runs everything and returns the report. `progress` hears of each step.
pub async fn run(options: &Options, progress: impl Fn(&str)) -> Result<String, BenchError> {
    progress("starting three replicas of xebec");
    let xebec = options.layout.start_xebec().await?;
    let ours = measure(&xebec.target, options, &progress).await;
    xebec.stop().await;
    let ours = ours?;
    progress("starting three members of etcd");
    let etcd = options.layout.start_etcd().await?;
    let theirs = measure(&etcd.target, options, &progress).await;
    etcd.stop().await;
    Ok(render(&theirs?, &ours))
}

struct Measured {
    rows: Vec<Row>,
    check_perf: Option<CheckPerf>,
}

async fn measure(
    target: &Target,
    options: &Options,
    progress: &impl Fn(&str),
) -> Result<Measured, BenchError> {
    let mut rows = Vec::new();
    for workload in &options.workloads {
        progress(&format!("{}: {}", target.name, workload.name()));
        let sample = workload.run(target, options.duration).await?;
        rows.push(Row { workload: workload.name().into(), target: target.name.clone(), sample });
    }
    let mut check_perf = None;
    if let Some(load) = &options.check_perf {
        progress(&format!("{}: etcdctl check perf --load={load}", target.name));
        check_perf = Some(etcdctl::check_perf(target, load).await?);
    }
    Ok(Measured { rows, check_perf })
}

fn render(theirs: &Measured, ours: &Measured) -> String {
    let pairs = theirs.rows.iter().zip(&ours.rows);
    let rows: Vec<Row> = pairs.flat_map(|(base, other)| [base.clone(), other.clone()]).collect();
    let mut text = table(&rows);
    for (name, measured) in [("etcd", theirs), ("xebec", ours)] {
        if let Some(check) = &measured.check_perf {
            text.push_str(&format!("\n\netcdctl check perf on {name}:\n  "));
            text.push_str(&check.lines.join("\n  "));
        }
    }
    text
}
