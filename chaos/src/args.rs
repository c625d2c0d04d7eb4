//! `xebec chaos`: its arguments.

use crate::process::faults::FaultGroup;
use crate::sim::SimArgs;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Variables that carry choices of the program into its sandbox.
pub const SEED: &str = "XEBEC_CHAOS_SEED";
pub const SANDBOXED: &str = "XEBEC_CHAOS_SANDBOXED";
pub const OWN_OUT: &str = "XEBEC_CHAOS_OWN_OUT";

/// Runs real replicas under load, breaks them, and judges what the clients saw.
#[derive(Debug, Clone, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Judge the history of an earlier run again.
    Check(CheckArgs),
    /// Play the deterministic simulation: whole replicas on simulated time, network and disks.
    Sim(SimArgs),
    /// Kill the leader again and again and measure the longest gap between acknowledged writes.
    Failover(FailoverArgs),
    /// Kill the leader again and again under clients of the Kubernetes API: every write must be
    /// seen once by every watch, also by one that goes from replica to replica.
    Kube(KubeArgs),
}

#[derive(Debug, Clone, ClapArgs)]
pub struct CheckArgs {
    /// A history.jsonl that a run kept.
    pub file: PathBuf,
}

/// What every kind of run needs to know of its replicas.
#[derive(Debug, Clone, ClapArgs)]
pub struct ClusterArgs {
    /// The server to start: a xebec, or an etcd to compare with. [default: this program]
    #[arg(long, value_name = "FILE")]
    pub binary: Option<PathBuf>,

    /// Number of replicas.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=9))]
    pub replicas: u32,

    /// Where the replicas live.
    #[arg(long, value_enum, default_value_t = Place::Auto)]
    pub place: Place,

    /// Directory for history and logs; kept after the run. [default: a new one under the
    /// system's temporary directory, removed if nothing was wrong]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Seed of all random choices. [default: random]
    #[arg(long, env = SEED)]
    pub seed: Option<u64>,

    /// Set by the run itself when it starts again within its namespaces.
    #[arg(long, hide = true, env = SANDBOXED)]
    pub sandboxed: bool,

    /// The directory that the run made before it did so.
    #[arg(long, hide = true, env = OWN_OUT)]
    pub own_out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// Namespaces where possible, else loopback.
    Auto,
    /// A network namespace and a small disk for each replica, in namespaces of the run's own.
    Namespaces,
    /// Loopback addresses of this machine: no network and no disk faults.
    Loopback,
}

#[derive(Debug, Clone, ClapArgs)]
pub struct RunArgs {
    #[command(flatten)]
    pub cluster: ClusterArgs,

    /// How long to break things, such as 60s, 10m or 1h.
    #[arg(long, default_value = "60s", value_parser = parse_duration)]
    pub duration: Duration,

    /// Go on until so many faults have been injected, even beyond the duration.
    #[arg(long, default_value_t = 30, value_name = "COUNT")]
    pub faults_min: u32,

    /// Kinds of faults to inject. [default: all that this place can]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND,...")]
    pub faults: Vec<FaultGroup>,

    /// Requests per second of the load, over all clients.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    pub rate: u32,

    /// A history is judged and begun anew after this time, so that long runs stay small.
    #[arg(long, default_value = "3m", value_parser = parse_duration)]
    pub round: Duration,
}

#[derive(Debug, Clone, ClapArgs)]
pub struct FailoverArgs {
    #[command(flatten)]
    pub cluster: ClusterArgs,

    /// How many leaders to kill.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub kills: u32,
}

#[derive(Debug, Clone, ClapArgs)]
pub struct KubeArgs {
    #[command(flatten)]
    pub cluster: ClusterArgs,

    /// How many leaders to kill.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub kills: u32,

    /// Inject so many faults of these kinds instead.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND,...")]
    pub faults: Vec<FaultGroup>,
}

/// A number and a unit: `500ms`, `90s`, `10m`, `1h`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("{text:?} is no duration such as 90s"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number * 60)),
        "h" => Ok(Duration::from_secs(number * 3_600)),
        _ => Err(format!("{text:?} needs a unit: ms, s, m or h")),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_duration;
    use std::time::Duration;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1h"), Ok(Duration::from_secs(3_600)));
        for wrong in ["", "s", "5", "5d", "-1s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
