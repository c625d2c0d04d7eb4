//! `xebec up`: three replicas on this machine, from nothing to a table of members.
//!
//! [`ClusterFile`] remembers the members, `prepare` writes what each needs, one [`Supervisor`] per
//! member keeps its process running, `show` tells what happens.
//!
//! Invariants: one `xebec up` per directory; no replica outlives it; a member whose data has
//! vanished is never started anew under its old id.

mod backoff;
mod child;
mod cluster_file;
mod kubeconfig;
mod layout;
mod prepare;
mod show;
mod supervise;

pub use cluster_file::{Addresses, ClusterFile, LocalMember};
pub use layout::Layout;
pub use prepare::{initial_member, write_config};
pub use show::quoted;

use crate::client::{Connection, Probe};
use crate::config::{LogFormat, Settings};
use crate::failure::{Failure, Kind};
use crate::lock::DirLock;
use crate::signals::Signals;
use crate::status::member_table;
use crate::surroundings::{absolute, default_data_dir, say, warn};
use clap::Args;
use show::Progress;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;
use supervise::{Event, Supervisor};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Events that may wait to be shown.
const EVENTS_MAX: usize = 64;
/// Between two questions whether a replica is ready.
const POLL: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  xebec up\n  xebec up --data ./try --no-restart\n  \
    xebec up --data ./second --base-ip 127.0.0.21    a second cluster beside the first")]
pub struct Up {
    /// Directory of the cluster: data, certificates, logs. [default: ~/.local/share/xebec]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Address of the first replica; the others have the next ones. [default: 127.0.0.11, or
    /// what the cluster was made with]
    #[arg(long, value_name = "IP")]
    base_ip: Option<Ipv4Addr>,

    /// Port of the client API on each address. [default: 2379]
    #[arg(long, value_name = "PORT")]
    client_port: Option<u16>,

    /// Port for the other replicas on each address. [default: 2380]
    #[arg(long, value_name = "PORT")]
    peer_port: Option<u16>,

    /// Port of the Kubernetes API on each address. [default: 6443, or what it was the last time]
    #[arg(long, value_name = "PORT")]
    api_port: Option<u16>,

    /// Address on which the leader serves the Kubernetes API, whichever replica that is.
    /// [default: the one before --base-ip, or what it was the last time]
    #[arg(long, value_name = "IP")]
    vip: Option<Ipv4Addr>,

    /// Tokens of users of the Kubernetes API, a line each: token,user,uid,"group,group".
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// What to run of the work that is a controller's.
    #[arg(long, value_name = "AGENTS", default_value = "all")]
    agents: Agents,

    /// Leave a replica that dies alone.
    #[arg(long)]
    no_restart: bool,

    /// Format of the replicas' logs.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,

    /// Which events the replicas log (see xebec server --help).
    #[arg(long, value_name = "DIRECTIVES")]
    log_filter: Option<String>,
}

/// Controllers, scheduler, nodes: this version has only what replicas do themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Agents {
    /// The rules of admin, edit and view are gathered.
    All,
    /// The API alone.
    None,
}

impl Up {
    fn layout(&self) -> Result<Layout, Failure> {
        let dir = match &self.data {
            Some(dir) => absolute(dir)?,
            None => default_data_dir()?,
        };
        Ok(Layout::new(dir))
    }

    /// The cluster of the directory, or a new one.
    fn cluster(&self, layout: &Layout) -> Result<ClusterFile, Failure> {
        let existing = ClusterFile::read(layout)?;
        let first = existing.as_ref().and_then(|cluster| cluster.members.first());
        let known = first.and_then(|member| {
            let std::net::IpAddr::V4(base) = member.client_url.socket()?.ip() else { return None };
            let (client_port, peer_port) = (member.client_url.port, member.peer_url.port);
            Some(Addresses { base, client_port, peer_port })
        });
        let usual =
            Addresses { base: Ipv4Addr::new(127, 0, 0, 11), client_port: 2379, peer_port: 2380 };
        let default = known.unwrap_or(usual);
        let addresses = Addresses {
            base: self.base_ip.unwrap_or(default.base),
            client_port: self.client_port.unwrap_or(default.client_port),
            peer_port: self.peer_port.unwrap_or(default.peer_port),
        };
        let mut cluster = match existing {
            Some(cluster) if addresses == default => cluster,
            Some(cluster) => cluster.check(addresses, layout).map(|()| cluster)?,
            None => ClusterFile::new(addresses, "xebec")?,
        };
        cluster.set_api(self.api_port, self.vip.map(Into::into))?;
        Ok(cluster)
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = Settings::default();
        settings.api.token_file = self.token_file.as_deref().map(absolute).transpose()?;
        settings.log.format = self.log_format;
        settings.api.aggregate_roles = Some(self.agents == Agents::All);
        settings.log.filter.clone_from(&self.log_filter);
        Ok(settings)
    }
}

/// Runs until told to stop, or until no replica is left.
///
/// On a runtime of one thread: the replicas are told by the kernel when the thread that started
/// them ends.
pub async fn run(up: Up) -> Result<(), Failure> {
    let mut signals = Signals::install()?;
    let layout = up.layout()?;
    prepare::create_dir(layout.root())?;
    let _lock = DirLock::acquire(&layout.lock(), "the cluster in")?;
    let mut cluster = up.cluster(&layout)?;
    cluster.write(&layout)?;
    let startable = startable(&cluster, &layout)?;
    let admin = prepare::prepare(&layout, &cluster, &up.settings()?)?;

    say(format_args!("Starting {} replicas in {}", startable.len(), layout.root().display()));
    let stop = CancellationToken::new();
    let (events, mut inbox) = mpsc::channel(EVENTS_MAX);
    let mut supervisors = JoinSet::new();
    for name in &startable {
        let supervisor = Supervisor {
            name: name.clone(),
            config: layout.config(name),
            restart: !up.no_restart,
            stop: stop.clone(),
            events: events.clone(),
        };
        supervisors.spawn(supervisor.run());
    }
    drop(events);

    let progress = Progress::new(&cluster);
    let connection = Connection::of_directory(layout.root());
    let probe = Probe::new(&admin.kube_ca, &admin.kube)?;
    let outcome = tokio::select! {
        biased;
        _ = signals.stop() => Outcome::Stop,
        () = show_events(&mut inbox, &layout, &progress) => Outcome::NobodyLeft,
        ready = wait_ready(&probe, &cluster, &startable, &progress) => Outcome::Ready(ready),
    };
    progress.end();
    let outcome = match outcome {
        Outcome::Ready(ready) => {
            ready?;
            if !cluster.formed && startable.len() == cluster.members.len() {
                cluster.formed = true;
                cluster.write(&layout)?;
            }
            say(member_table(&connection.resolve()?).await);
            say(show::what_to_try(&layout, &cluster, &layout.pki().join("ca.crt"), &admin.etcd));
            tokio::select! {
                biased;
                _ = signals.stop() => Outcome::Stop,
                () = show_events(&mut inbox, &layout, &progress) => Outcome::NobodyLeft,
            }
        }
        other => other,
    };
    if matches!(outcome, Outcome::NobodyLeft) {
        return Err(Failure::new(Kind::Failed, "no replica is running any more")
            .remedy(format!("see the logs in {}", layout.logs().display())));
    }
    say("Stopping all replicas");
    stop.cancel();
    // A second signal ends the wait: dropping the supervisors kills what is left.
    tokio::select! {
        _ = signals.stop() => warn("killing the replicas"),
        () = async { while supervisors.join_next().await.is_some() {} } => say("Stopped"),
    }
    Ok(())
}

enum Outcome {
    Stop,
    NobodyLeft,
    Ready(Result<(), Failure>),
}

/// The members that can be started. One that has lost its data could vote twice in a term, so it
/// must be replaced under a new id.
fn startable(cluster: &ClusterFile, layout: &Layout) -> Result<Vec<String>, Failure> {
    let has_data = |name: &str| {
        std::fs::read_dir(layout.data(name)).is_ok_and(|mut entries| entries.next().is_some())
    };
    let (present, lost): (Vec<_>, Vec<_>) = cluster
        .members
        .iter()
        .partition(|member| !cluster.formed || member.join || has_data(&member.name));
    for member in &lost {
        warn(format_args!(
            "{} has lost its data ({}) and is not started. Replace it:\n  \
             xebec member remove {} --data {root}\n  xebec member add {} --data {root} ...",
            member.name,
            layout.data(&member.name).display(),
            member.name,
            member.name,
            root = quoted(layout.root()),
        ));
    }
    if present.is_empty() {
        let message = format!("no member in {} has its data any more", layout.root().display());
        return Err(Failure::new(Kind::Data, message).remedy(
            "restore a snapshot (xebec snapshot restore), or begin anew in another --data",
        ));
    }
    Ok(present.into_iter().map(|member| member.name.clone()).collect())
}

/// Shows what happens to the replicas; returns when none is left.
async fn show_events(inbox: &mut mpsc::Receiver<Event>, layout: &Layout, progress: &Progress) {
    while let Some(event) = inbox.recv().await {
        for line in show::describe(&event, layout) {
            progress.line(&line);
        }
    }
}

/// Returns when every replica that was started serves the Kubernetes API, which it does last.
async fn wait_ready(
    probe: &Probe,
    cluster: &ClusterFile,
    startable: &[String],
    progress: &Progress,
) -> Result<(), Failure> {
    let members = cluster.members.iter().filter(|member| startable.contains(&member.name));
    let mut waiting: Vec<&LocalMember> = members.collect();
    while !waiting.is_empty() {
        let mut unready = Vec::new();
        for member in waiting {
            let url = cluster.api_url(member);
            let Some(address) = url.socket() else { continue };
            if probe.is_ready(address).await {
                progress.ready(&member.name, &url.to_string());
            } else {
                unready.push(member);
            }
        }
        waiting = unready;
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}
