//! The command line of `xebec bench`.

use crate::BenchError;
use crate::api::{self, ApiArgs};
use crate::cluster::Layout;
use crate::compare::{self, ALL, Workload};
use crate::measure::{Processes, Sample};
use crate::report::{Row, table};
use crate::target::{Target, TlsFiles};
use crate::workload::{Load, million};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Load generator and comparisons.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Starts etcd and Xebec in turn, puts the same load on both and prints the ratios
    #[command(after_help = "Example:\n  xebec bench compare --only put,get --seconds 10")]
    Compare(CompareArgs),
    /// Puts load on a cluster that is running
    #[command(
        after_help = "Example:\n  xebec bench etcd --endpoints https://127.0.0.11:2379 \\\n    \
                      --cacert ca.crt --cert admin.crt --key admin.key --pids 101,102,103 --only get"
    )]
    Etcd(EtcdArgs),
    /// Puts load on a Kubernetes API server that is running: Xebec's or any other
    #[command(after_help = API_EXAMPLES)]
    Api(Box<ApiArgs>),
    /// Fills a cluster of its own with many keys, overwrites them while compacting, restarts it
    Million(MillionArgs),
}

const API_EXAMPLES: &str = "Examples:
  What a cluster of `xebec up` does, spread over its replicas:
    xebec bench api --kubeconfig DIR/admin.kubeconfig --pids 101,102,103 \\
      --server https://127.0.0.11:6443,https://127.0.0.12:6443,https://127.0.0.13:6443

  The fan-out of watches of another server, for a minute each, and a chart of it:
    xebec bench api --server https://10.0.0.1:6443 --ca ca.crt --cert admin.crt --key admin.key \\
      --only watch-100,watch-1000,watch-5000,paced-1000 --seconds 60 --svg fan-out.svg

docs/benchmarks.md says what each row does.";

#[derive(Debug, clap::Args)]
pub struct CompareArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Loads to run, separated by commas; all of them if not given
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<Workload>,
    /// Length of each load
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Also run `etcdctl check perf` with this load (s, m, l, xl; a minute each)
    #[arg(long, value_name = "LOAD")]
    check_perf: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct PlaceArgs {
    /// First of three loopback addresses to use
    #[arg(long, default_value = "127.0.0.31")]
    base_ip: Ipv4Addr,
    #[arg(long, default_value_t = 2379)]
    client_port: u16,
    #[arg(long, default_value_t = 2380)]
    peer_port: u16,
    /// Where data goes; a temporary directory if not given
    #[arg(long)]
    dir: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct EtcdArgs {
    /// The members' client URLs, separated by commas
    #[arg(long, value_delimiter = ',', required = true)]
    endpoints: Vec<String>,
    #[arg(long, requires_all = ["cert", "key"])]
    cacert: Option<PathBuf>,
    #[arg(long)]
    cert: Option<PathBuf>,
    #[arg(long)]
    key: Option<PathBuf>,
    /// Process ids of the members, for CPU and memory
    #[arg(long, value_delimiter = ',')]
    pids: Vec<u32>,
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<Workload>,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

#[derive(Debug, clap::Args)]
pub struct MillionArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    #[arg(long, default_value_t = 1_024)]
    value_size_bytes: usize,
    /// Length of the overwriting
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

/// Runs the command; prints progress to stderr and the result to stdout.
pub async fn run(command: Command) -> Result<(), BenchError> {
    let report = match command {
        Command::Compare(args) => compare(args).await?,
        Command::Etcd(args) => etcd(args).await?,
        Command::Api(args) => api::run(*args, progress).await?,
        Command::Million(args) => many_keys(args).await?,
    };
    println!("{report}");
    Ok(())
}

fn progress(step: &str) {
    eprintln!("bench: {step}");
}

fn workloads(only: Vec<Workload>) -> Vec<Workload> {
    if only.is_empty() { ALL.to_vec() } else { only }
}

async fn compare(args: CompareArgs) -> Result<String, BenchError> {
    let place = Place::new(args.place)?;
    let options = compare::Options {
        layout: place.layout.clone(),
        workloads: workloads(args.only),
        duration: Duration::from_secs(args.seconds),
        check_perf: args.check_perf,
    };
    compare::run(&options, progress).await
}

async fn etcd(args: EtcdArgs) -> Result<String, BenchError> {
    let tls = match (args.cacert, args.cert, args.key) {
        (Some(ca), Some(cert), Some(key)) => Some(TlsFiles { ca, cert, key }),
        _ => None,
    };
    let target = Target {
        name: "target".into(),
        endpoints: args.endpoints,
        tls,
        processes: Processes::new(args.pids),
    };
    let mut rows = Vec::new();
    for workload in workloads(args.only) {
        progress(&format!("{workload:?}"));
        let sample = workload.run(&target, Duration::from_secs(args.seconds)).await?;
        rows.push(Row { workload: format!("{workload:?}"), target: target.name.clone(), sample });
    }
    Ok(table(&rows))
}

async fn many_keys(args: MillionArgs) -> Result<String, BenchError> {
    let place = Place::new(args.place)?;
    let load = Load {
        prefix: "/registry/bench-million/",
        connections: 12,
        clients: 256,
        duration: Duration::from_secs(args.seconds),
        value_size_bytes: args.value_size_bytes,
        keys: args.keys,
    };
    progress("starting three replicas of xebec");
    let cluster = place.layout.start_xebec().await?;
    progress("filling");
    let filled = million::fill(&cluster.target, &load).await;
    progress("overwriting");
    let overwritten = million::overwrite(&cluster.target, &load).await;
    cluster.stop().await;
    progress("restarting");
    let begun = Instant::now();
    let cluster = place.layout.start_xebec().await?;
    let restart = begun.elapsed();
    let resident = cluster.target.measure(async { Ok(Sample::default()) }).await;
    cluster.stop().await;
    Ok(million_report(&load, filled?, overwritten?, restart, resident?.server_rss_bytes))
}

fn million_report(
    load: &Load,
    filled: Sample,
    overwritten: Sample,
    restart: Duration,
    resident_bytes: u64,
) -> String {
    let row =
        |workload: &str, sample| Row { workload: workload.into(), target: "xebec".into(), sample };
    let replicas = 3;
    let data_bytes = load.keys * load.value_size_bytes as u64;
    let share = resident_bytes as f64 / replicas as f64 / data_bytes as f64;
    format!(
        "{}\nrestart of all three to serving: {:.1} s\nresident after the restart: {} MiB in each \
         of {replicas} replicas, {share:.2}× the values",
        table(&[row("fill", filled), row("overwrite", overwritten)]),
        restart.as_secs_f64(),
        (resident_bytes / replicas) >> 20,
    )
}

/// The layout, and the temporary directory that goes when the run ends.
struct Place {
    layout: Layout,
    _temporary: Option<tempfile::TempDir>,
}

impl Place {
    fn new(args: PlaceArgs) -> Result<Self, BenchError> {
        let failed = |path: &str, source| BenchError::Read { path: path.into(), source };
        let xebec = std::env::current_exe().map_err(|e| failed("/proc/self/exe", e))?;
        let (dir, temporary) = match args.dir {
            Some(dir) => (dir, None),
            None => {
                let made = tempfile::Builder::new().prefix("xebec-bench-").tempdir();
                let made = made.map_err(|e| failed("a temporary directory", e))?;
                (made.path().to_owned(), Some(made))
            }
        };
        let layout = Layout {
            xebec,
            dir,
            base_ip: args.base_ip,
            client_port: args.client_port,
            peer_port: args.peer_port,
        };
        Ok(Self { layout, _temporary: temporary })
    }
}
