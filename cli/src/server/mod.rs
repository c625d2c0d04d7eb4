//! `xebec server`: one replica, from configuration to a drained stop.
//!
//! [`run`] reads top-down: claim the addresses and the directory, find out who this replica is,
//! open its data, start consensus, serve peers, serve clients, wait, drain.

mod data_dir;
mod environment;
mod errors;
mod homes;
mod parent;
mod peers;
mod retention;

pub use data_dir::DataDir;
pub use errors::engine_failure;
pub use homes::{log_home, state_home};

use crate::config::{self, Config, Settings, Url, commented_toml};
use crate::failure::Failure;
use crate::signals::Signals;
use crate::surroundings::{say, warn};
use clap::Args;
use environment::FatalSignal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use xebec_apiserver::{EtcdServer, TlsOptions};
use xebec_raft::options::{Options, Threads, Timing};
use xebec_raft::transport::Transport;
use xebec_raft::{Identity, Member, Replica};
use xebec_store::Store;

/// From the signal to the end of the process: what is not drained by then is cut off.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(12);

/// The same for a replica that has stopped by itself and can only say so.
const FATAL_DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Threads for consensus alone, so that client load never delays a heartbeat.
const RAFT_WORKERS: usize = 2;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    xebec server --insecure --data-dir ./alone        one replica on loopback, without TLS\n  \
    xebec server --config m1.toml                     settings from a file\n  \
    xebec server --config m1.toml --print-config      all settings in force, as such a file\n\n\
    All settings with their defaults: docs/configuration.md.")]
pub struct Server {
    /// Read settings from this TOML file; flags override it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print the settings in force as TOML, and exit.
    #[arg(long)]
    print_config: bool,

    /// Stop when this process, which must be the parent, ends.
    #[arg(long, value_name = "PID", hide = true)]
    parent_pid: Option<u32>,

    #[command(flatten)]
    settings: Settings,
}

impl Server {
    /// None if there is nothing to run.
    pub fn configure(self) -> Result<Option<Config>, Failure> {
        let settings = config::load(self.config.as_deref(), &self.settings)?;
        if self.print_config {
            say(commented_toml(&settings).trim_end());
            return Ok(None);
        }
        if let Some(parent) = self.parent_pid {
            parent::die_with(parent)?;
        }
        let config = settings.validate()?;
        crate::logging::install(&config.log)?;
        Ok(Some(config))
    }
}

/// Runs one replica until it is told to stop, or cannot go on.
pub async fn run(config: Config) -> Result<(), Failure> {
    let mut signals = Signals::install()?;
    let client_tls = config.client.tls.as_ref().map(peers::client_tls).transpose()?;
    let mut data = DataDir::open(&config.data_dir, &config.name)?;
    let client_listeners = listen(&config.client.listen).await?;
    let peer_listeners = listen(&config.peer.listen).await?;
    let transport = peers::transport(&config.peer)?;
    let (identity, bootstrap) = identify(&config, &mut data, &*transport).await?;
    let (environment, mut fatal) =
        environment::system(data.path().to_owned(), config.storage.disk_reserve_bytes);

    let store = open_store(&data, identity).await?;
    tracing::info!(
        name = config.name,
        member = format_args!("{:x}", identity.member_id),
        cluster = format_args!("{:x}", identity.cluster_id),
        revision = store.view().revision(),
        "starting"
    );
    let options = Options {
        identity,
        member: member(&config, identity),
        bootstrap,
        timing: Timing::default(),
        environment,
        threads: Threads::Own { workers: RAFT_WORKERS },
    };
    let replica = Replica::start(options, log_home(&data), Arc::new(store), transport).await;
    let replica = replica.map_err(|error| errors::start_failure(data.path(), &error))?;
    data.mark_started()?;

    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    peers::serve(&config.peer, peer_listeners, &replica, &stop, &mut tasks)?;
    let outcome = tokio::select! {
        biased;
        () = signals.stop() => Outcome::Stop,
        reason = fatal.reason() => Outcome::Fatal(reason),
        () = wait_ready(&replica) => Outcome::Ready,
    };
    let outcome = match outcome {
        Outcome::Ready => {
            serve_clients(client_tls, client_listeners, &replica, &stop, &mut tasks)?;
            let retention = retention::run(replica.clone(), config.storage.retention);
            tracing::info!(clients = urls(&config.client.advertise), "serving");
            tokio::select! {
                biased;
                () = signals.stop() => Outcome::Stop,
                reason = fatal.reason() => Outcome::Fatal(reason),
                () = retention => Outcome::Stop,
            }
        }
        other => other,
    };
    finish(outcome, replica, &stop, tasks, &mut signals, &mut fatal).await
}

enum Outcome {
    Ready,
    Stop,
    Fatal(String),
}

/// Binds every address, or says which one is taken.
async fn listen(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        listeners.push(listener.map_err(|error| Failure::io(address, &error))?);
    }
    Ok(listeners)
}

/// Who this replica is, and the members to begin with if its cluster is new.
async fn identify(
    config: &Config,
    data: &mut DataDir,
    transport: &dyn Transport,
) -> Result<(Identity, Option<Vec<Member>>), Failure> {
    let members: Vec<(String, Vec<String>)> = config
        .cluster
        .members
        .iter()
        .map(|(name, urls)| (name.clone(), urls.iter().map(Url::to_string).collect()))
        .collect();
    let (cluster_id, bootstrap) =
        xebec_raft::identity::initial_cluster(&members, &config.cluster.token);
    if let Some(identity) = data.identity()? {
        // An interrupted first start goes on where it was.
        let is_new = identity.cluster_id == cluster_id && !config.cluster.join;
        return Ok((identity, is_new.then_some(bootstrap)));
    }
    let identity = if config.cluster.join {
        let others = members.iter().filter(|(name, _)| *name != config.name);
        let others: Vec<Vec<String>> = others.map(|(_, urls)| urls.clone()).collect();
        let own: Vec<String> = config.peer.advertise.iter().map(Url::to_string).collect();
        let joined = xebec_raft::identity::join(transport, &others, &own).await;
        joined.map_err(|error| errors::join_failure(&error))?
    } else {
        let own = bootstrap.iter().find(|member| member.name == config.name);
        let member_id = own.map(|member| member.id).expect("validation found this member");
        Identity { cluster_id, member_id }
    };
    data.claim(&config.name, identity)?;
    Ok((identity, (!config.cluster.join).then_some(bootstrap)))
}

fn member(config: &Config, identity: Identity) -> Member {
    Member {
        id: identity.member_id,
        name: config.name.clone(),
        peer_urls: config.peer.advertise.iter().map(Url::to_string).collect(),
        client_urls: config.client.advertise.iter().map(Url::to_string).collect(),
        is_learner: false,
    }
}

fn urls(urls: &[Url]) -> String {
    urls.iter().map(Url::to_string).collect::<Vec<_>>().join(",")
}

/// Loads the keyspace: seconds for a large one.
async fn open_store(data: &DataDir, identity: Identity) -> Result<Store, Failure> {
    let home = state_home(data);
    let options = xebec_store::Options::new(identity.member_id);
    let opened = tokio::task::spawn_blocking(move || Store::open(home, options)).await;
    let opened = opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    opened.map_err(|error| errors::open_failure(data.path(), &error))
}

/// Waits for the cluster as long as it takes: the other replicas may start later.
async fn wait_ready(replica: &Replica) {
    while let Err(error) = replica.wait_ready().await {
        tracing::info!(%error, "waiting for the cluster");
    }
}

fn serve_clients(
    tls: Option<TlsOptions>,
    listeners: Vec<TcpListener>,
    replica: &Replica,
    stop: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> Result<(), Failure> {
    let options = xebec_apiserver::Options { tls, ..Default::default() };
    for listener in listeners {
        let server = EtcdServer::new(&options, replica.clone());
        let server = server.map_err(|error| errors::tls_failure("client", &error))?;
        tasks.spawn(server.run(listener, stop.clone()));
    }
    Ok(())
}

/// Hands leadership over while clients are still served, drains them, and stops consensus.
async fn finish(
    outcome: Outcome,
    replica: Replica,
    stop: &CancellationToken,
    mut tasks: JoinSet<()>,
    signals: &mut Signals,
    fatal: &mut FatalSignal,
) -> Result<(), Failure> {
    if let Outcome::Fatal(reason) = outcome {
        stop.cancel();
        // Clients get an error rather than a broken connection, if they are quick.
        let drained = async { while tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FATAL_DRAIN_TIMEOUT, drained).await;
        tasks.shutdown().await;
        // The databases must be closed before the process ends: their threads are running.
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, replica.abort()).await;
        return Err(errors::fatal_failure(&reason));
    }
    tracing::info!("stopping");
    let drain = async {
        replica.clone().shutdown().await;
        stop.cancel();
        while tasks.join_next().await.is_some() {}
    };
    tokio::select! {
        () = drain => tracing::info!("stopped"),
        () = signals.stop() => warn("stopping at once"),
        reason = fatal.reason() => return Err(errors::fatal_failure(&reason)),
        () = tokio::time::sleep(DRAIN_TIMEOUT) => {
            tracing::warn!("not everything was drained in time");
        }
    }
    Ok(())
}
