//! `xebec bench api`: measures any Kubernetes API server that is given by address and credentials.
//!
//! An [`access::Access`] says where the servers are and as whom to ask; a [`pool::Pool`] holds
//! HTTP/2 connections to them. Each [`row::Row`] is one kind of load: it makes a namespace of its
//! own, puts the load on it, and removes it again. [`report`] prints the table, [`chart`] draws the
//! fan-out of watches.
//!
//! Invariant: the client is thrifty, so that the server is what is measured: answers are counted,
//! not decoded, and watches are read below HTTP's level ([`wire`], [`watchers`]).

pub mod access;
pub mod answer;
pub mod args;
pub mod chart;
pub mod kubeconfig;
pub mod load;
pub mod namespace;
pub mod objects;
pub mod pool;
pub mod report;
pub mod row;
pub mod rows;
pub mod watchers;
pub mod wire;

pub use args::ApiArgs;

use crate::BenchError;
use crate::measure::Processes;
use namespace::Namespace;
use pool::Pool;
use report::Line;
use rows::Setting;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Runs all rows; what is to be printed.
pub async fn run(args: ApiArgs, progress: fn(&str)) -> Result<String, BenchError> {
    let access = args.access()?;
    let pool = Arc::new(Pool::connect(&access, args.connections).await?);
    let version = server_version(&pool).await?;
    progress(&format!("{} answers as Kubernetes {version}", access.describe()));
    let setting = Setting {
        clients: args.clients,
        duration: Duration::from_secs(args.seconds),
        objects: args.objects,
        list_of: args.list_of,
        watch_connections: args.watch_connections,
        encoding: args.watch_encoding,
        processes: Processes::new(args.pids.clone()),
    };
    let idle = memory(&setting.processes)?;
    let mut lines = Vec::new();
    for row in args.rows() {
        progress(&format!("{row}: {}", row.describe()));
        let name = format!("xebec-bench-{}-{row}", unique());
        let namespace = Namespace::create(&pool, &name).await?;
        let measured = tokio::select! {
            measured = rows::run(row, &setting, &pool, &namespace) => measured,
            _ = tokio::signal::ctrl_c() => Err(BenchError::Invalid("interrupted".into())),
        };
        if args.keep {
            progress(&format!("{row}: namespace {name} is kept"));
        } else {
            progress(&format!("{row}: removing its namespace"));
            namespace.remove(&pool).await?;
        }
        let measured = measured?;
        if let Some(failure) = &measured.first_failure {
            progress(&format!("{row}: {} failed; the first: {failure}", measured.sample.failures));
        }
        lines.push(Line { row, measured });
    }
    if let Some(path) = &args.svg {
        write(path, &chart::fan_out(&access.describe(), &lines))?;
        progress(&format!("chart: {}", path.display()));
    }
    Ok(idle + &report::table(&lines))
}

/// A line on the servers' memory before any load.
fn memory(processes: &Processes) -> Result<String, BenchError> {
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    Ok(match (processes.rss_bytes()?, processes.pss_bytes()) {
        (0, _) => String::new(),
        (rss, None) => format!("before any load: RSS {}\n", mib(rss)),
        (rss, Some(pss)) => format!("before any load: RSS {}, PSS {}\n", mib(rss), mib(pss)),
    })
}

/// Tells runs apart that measure the same server.
fn unique() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}{:05x}", std::process::id(), now.subsec_micros())
}

async fn server_version(pool: &Arc<Pool>) -> Result<String, BenchError> {
    let answer = pool.caller(0).await.get("/version").await?.success("GET /version")?;
    let version = answer.json().and_then(|json| Some(json.get("gitVersion")?.as_str()?.to_owned()));
    version.ok_or_else(|| BenchError::Invalid("/version does not say a gitVersion".into()))
}

fn write(path: &Path, text: &str) -> Result<(), BenchError> {
    std::fs::write(path, text)
        .map_err(|source| BenchError::Write { path: path.display().to_string(), source })
}
