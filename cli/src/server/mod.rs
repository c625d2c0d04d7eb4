//! `xebec server`: one replica, from configuration to a drained stop.
//!
//! [`run`] reads top-down: claim the addresses and the directory, find out who this replica is,
//! open its data, start consensus, serve peers, serve clients of both APIs, wait, drain.

mod data_dir;
mod environment;
mod errors;
mod homes;
mod kubernetes;
mod parent;
mod peers;
mod retention;
mod running;
mod vip;

pub use data_dir::DataDir;
pub use errors::engine_failure;
pub use homes::{log_home, state_home};

use crate::config::{self, Config, Settings, Url, commented_toml};
use crate::failure::Failure;
use crate::signals::{Signals, Stop};
use crate::surroundings::say;
use clap::Args;
use running::Running;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use xebec_raft::options::{Options, Threads, Timing, Upkeep};
use xebec_raft::transport::Transport;
use xebec_raft::{Identity, Member, Replica};
use xebec_store::Store;

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
    let kubernetes = match &config.api {
        Some(api) => Some(kubernetes::claim(api).await?),
        None => None,
    };
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
        upkeep: Upkeep::default(),
        environment,
        threads: Threads::Own { workers: RAFT_WORKERS },
    };
    let replica = Replica::start(options, log_home(&data), Arc::new(store), transport).await;
    let replica = replica.map_err(|error| errors::start_failure(data.path(), &error))?;
    data.mark_started()?;

    let mut running = Running::new(replica);
    running.serve_peers(&config.peer, peer_listeners)?;
    let end = tokio::select! {
        biased;
        stop = signals.stop() => Some(End::Told(stop)),
        reason = fatal.reason() => Some(End::Fatal(reason)),
        () = running.ready() => None,
    };
    let end = match end {
        Some(end) => end,
        None => {
            running.serve_clients(client_tls, client_listeners)?;
            if let Some(kubernetes) = kubernetes {
                running.serve_kubernetes(kubernetes)?;
            }
            tracing::info!(clients = urls(&config.client.advertise), "serving");
            tokio::select! {
                biased;
                stop = signals.stop() => End::Told(stop),
                reason = fatal.reason() => End::Fatal(reason),
                () = running.retain(config.storage.retention) => unreachable!("it has no end"),
            }
        }
    };
    match end {
        End::Told(stop) => running.drain(stop, &mut signals, &mut fatal).await,
        End::Fatal(reason) => running.fail(&reason).await,
    }
}

/// Why a replica stops.
enum End {
    Told(Stop),
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
