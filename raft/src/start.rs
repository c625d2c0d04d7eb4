//! Starting a replica: its parts, in order.

use crate::applied::Applied;
use crate::core::{Core, find_target};
use crate::errors::StartError;
use crate::health::Health;
use crate::histogram::Histogram;
use crate::leadership::{self, Leadership};
use crate::leases::{self, Leases};
use crate::log::{LogError, LogOptions, LogWriter, RaftLog, WriterThread};
use crate::network::Network;
use crate::options::{Options, Threads, Timing};
use crate::proposals::{self, Proposals};
use crate::reads::{self, Reads};
use crate::runtime::{blocking, disk_delay, random_u64};
use crate::state_machine::{Raft, StateMachine};
use crate::tasks::{Kind, Tasks};
use crate::transport::Transport;
use crate::types::StoredMembership;
use crate::watch_channel as watch;
use crate::{disk, greeter, integrity, limits, upkeep};
use openraft::errors::{InitializeError, RaftError};
use openraft::{Config, SnapshotPolicy};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use xebec_store::Store;
use xebec_store::engine::EngineHome;

/// A running replica, and the thread of its log, if it has one.
pub struct Started {
    pub core: Arc<Core>,
    pub log_thread: Option<WriterThread>,
}

/// Runs on the runtime that the replica will live on.
pub async fn start(
    options: Options,
    log_home: Arc<dyn EngineHome>,
    store: Arc<Store>,
    transport: Arc<dyn Transport>,
) -> Result<Started, StartError> {
    let config = config(&options)?;
    let identity = options.identity;
    let health = Arc::new(Health::new(options.environment.fatal.clone()));
    let (log, writer, log_syncs) = open_log(log_home, &health).await?;
    let tasks = Tasks::new(Handle::current(), health.clone());
    let log_thread = run_writer(&options, &tasks, writer)?;

    let own_id = identity.member_id;
    let (leadership_tx, leadership) = watch::channel(Leadership { own_id, leader: None, term: 0 });
    let (membership_tx, membership) = watch::channel(StoredMembership::default());
    let applied = Arc::new(Applied::default());
    let timeout = options.timing.request_timeout;
    let proposals =
        Arc::new(Proposals::new(own_id, random_u64(), timeout, leadership.clone(), health.clone()));
    let state_machine = StateMachine::new(
        store.clone(),
        proposals.clone(),
        applied.clone(),
        membership_tx,
        options.upkeep.log_keep_entries,
    );
    let state_machine = state_machine.map_err(consensus)?;
    let started = state_machine.started();
    transport.attach(Handle::current());
    let network = Network { identity, transport, membership: membership.clone() };
    let raft = Raft::new(own_id, Arc::new(config), network.clone(), log, state_machine).await;
    let raft = raft.map_err(consensus)?;
    started();
    bootstrap(&options, &raft).await?;

    let reads = Arc::new(Reads::new(applied.clone(), health.clone(), timeout));
    let core = Arc::new(Core {
        options,
        store,
        raft: raft.clone(),
        network,
        health: health.clone(),
        applied,
        proposals,
        reads,
        leases: Leases::new(),
        log_syncs,
        leadership,
        membership,
        changing: tokio::sync::Mutex::default(),
        tasks,
    });
    core.tasks.spawn(Kind::Observer, leadership::observe(raft, own_id, leadership_tx, health));
    spawn_tasks(&core);
    Ok(Started { core, log_thread })
}

fn spawn_tasks(core: &Arc<Core>) {
    let tasks = &core.tasks;
    let clock = core.options.environment.clock.clone();
    tasks.spawn(Kind::Proposals, proposals::run(core.proposals.clone(), core.raft.clone(), clock));
    let (forward, network, raft) =
        (core.proposals.clone(), core.network.clone(), core.raft.clone());
    let find = move |id| find_target(&raft, id);
    tasks.spawn(Kind::Forward, proposals::forward::run(forward, network, find));
    tasks.spawn(Kind::Reads, reads::run(core.clone()));
    tasks.spawn(Kind::Leases, leases::run(core.clone()));
    tasks.spawn(Kind::Persister, upkeep::persist(core.clone()));
    tasks.spawn(Kind::Compaction, upkeep::compact(core.clone()));
    tasks.spawn(Kind::Disk, disk::run(core.clone()));
    tasks.spawn(Kind::Integrity, integrity::run(core.clone()));
    tasks.spawn(Kind::Greeter, greeter::run(core.clone()));
    tasks.spawn(Kind::Greeter, greeter::publish(core.clone()));
    tasks.spawn(Kind::Greeter, greeter::watch_removal(core.clone()));
}

async fn open_log(
    home: Arc<dyn EngineHome>,
    health: &Arc<Health>,
) -> Result<(RaftLog, LogWriter, Arc<Histogram>), StartError> {
    let health = health.clone();
    let on_fatal = Arc::new(move |error: &LogError| health.fail(&chain(error)));
    let options = LogOptions::new(on_fatal);
    let syncs = options.syncs.clone();
    let opened = blocking(move || RaftLog::open(&*home, options)).await;
    let (log, writer) = opened.map_err(StartError::Log)?;
    Ok((log, writer, syncs))
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    message
}

fn run_writer(
    options: &Options,
    tasks: &Tasks,
    mut writer: LogWriter,
) -> Result<Option<WriterThread>, StartError> {
    match options.threads {
        Threads::Own { .. } => writer.spawn().map(Some).map_err(StartError::Runtime),
        Threads::Current => {
            tasks.spawn(Kind::Log, async move {
                while writer.ready().await {
                    // A crash may come between the two.
                    writer.begin();
                    disk_delay().await;
                    writer.finish();
                }
                writer.close();
            });
            Ok(None)
        }
    }
}

/// Makes the cluster, if this is a new one. Every initial member does the same.
async fn bootstrap(options: &Options, raft: &Raft) -> Result<(), StartError> {
    let Some(members) = &options.bootstrap else { return Ok(()) };
    if raft.is_initialized().await.map_err(consensus)? {
        return Ok(());
    }
    let members: BTreeMap<u64, _> =
        members.iter().map(|member| (member.id, member.clone())).collect();
    match raft.initialize(members).await {
        // Another member was quicker, and its membership has arrived.
        Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
        Err(error) => Err(consensus(error)),
    }
}

fn config(options: &Options) -> Result<Config, StartError> {
    let Timing { heartbeat, election_min, election_max, .. } = options.timing;
    let config = Config {
        cluster_name: format!("{:x}", options.identity.cluster_id),
        heartbeat_interval: millis(heartbeat),
        election_timeout_min: millis(election_min),
        election_timeout_max: millis(election_max),
        // A busy stream of entries says as much as heartbeats do.
        heartbeat_min_interval: Some(millis(heartbeat) / 2),
        max_payload_entries: limits::APPEND_ENTRIES_MAX,
        // Both are decided in `upkeep`, by bytes.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX,
        purge_batch_size: limits::PURGE_ENTRIES_MIN,
        replication_lag_threshold: limits::PURGE_ENTRIES_MIN,
        enable_pre_vote: Some(true),
        // The keyspace is not durable when it is applied: a restarted leader does not know what
        // it had answered until it has won an election again.
        enable_leader_restore: Some(false),
        backoff: "10ms 20ms 40ms ...200ms".to_string(),
        install_snapshot_timeout: millis(limits::SNAPSHOT_STALL),
        // Replication reads entries from memory as soon as they are queued for the disk.
        broadcast_submitted_on_append: Some(true),
        ..Config::default()
    };
    config.validate().map_err(|error| StartError::Config { message: error.to_string() })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn consensus(error: impl std::fmt::Display) -> StartError {
    StartError::Consensus { message: error.to_string() }
}
