//! A run: replicas, load, faults, and the verdict.

use super::cluster::Cluster;
use super::faults::FaultKind;
use super::journal::Journal;
use super::load::{self, Clients};
use super::nemesis::Nemesis;
use super::recorder::{self, Positions};
use super::stage::Stage;
use super::verdict::Verdict;
use super::{ProcessError, client, finale, gaps, leaser, watcher};
use crate::args::RunArgs;
use crate::check;
use crate::history::Revision;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use xebec_apiserver::etcd::proto::etcdserverpb as pb;
use xebec_apiserver::etcd::proto::etcdserverpb::kv_client::KvClient;

const WORKERS: u32 = 10;
const WATCHERS: u32 = 6;
const RECORDERS: usize = 3;
const LEASERS: u32 = 2;
/// Pulses write so often; the rest of the rate is for the workers.
const PULSE: Duration = Duration::from_millis(20);

/// How long clients may take to end after the load is stopped.
const END_TIMEOUT: Duration = Duration::from_secs(15);

pub async fn run(args: &RunArgs) -> Result<Verdict, ProcessError> {
    let stage = Arc::new(Stage::set(&args.cluster).await?);
    println!(
        "seed {}, {} replicas of {}, {}",
        stage.seed,
        args.cluster.replicas,
        stage.binary.display(),
        if stage.network.can_break() { "in namespaces" } else { "on loopback" },
    );
    let mut cluster = Cluster::start(stage.clone(), args.cluster.replicas).await?;
    let result = run_on(args, &mut cluster).await;
    cluster.stop_all().await;
    let mut verdict = result?;
    verdict.findings.append(&mut cluster.findings);
    verdict.findings.append(&mut cluster.panics());
    verdict.out_is_kept = !(verdict.is_clean() && stage.out_is_ours);
    stage.strike(verdict.is_clean());
    Ok(verdict)
}

async fn run_on(args: &RunArgs, cluster: &mut Cluster) -> Result<Verdict, ProcessError> {
    let stage = cluster.stage.clone();
    let kinds = FaultKind::possible(&args.faults, cluster);
    let mut nemesis = Nemesis::new(stage.seed, kinds);
    let mut verdict = Verdict {
        seed: stage.seed,
        out: stage.out.clone(),
        skipped: skipped(&stage),
        ..Verdict::default()
    };
    let interrupted = interruption();
    let started = Instant::now();
    let is_over = |injected| {
        *interrupted.borrow() || (started.elapsed() >= args.duration && injected >= args.faults_min)
    };
    while !is_over(nemesis.injected) {
        let base = if verdict.rounds == 0 { 1 } else { sweep(cluster).await? };
        let round = Round::begin(args, cluster, verdict.rounds, base, &interrupted)?;
        nemesis.wait_for_load(cluster, &round.clients).await?;
        while !is_over(nemesis.injected) && round.clients.started.elapsed() < args.round {
            nemesis.strike(cluster, &round.clients).await?;
            let counts = round.clients.journal.counts();
            println!(
                "{:>5} s  {} faults, {} ok, {} failed, {} unknown, revision {}",
                started.elapsed().as_secs(),
                nemesis.injected,
                verdict.counts.ok + counts.ok,
                verdict.counts.failed + counts.failed,
                verdict.counts.unknown + counts.unknown,
                round.clients.journal.revision(),
            );
        }
        round.end(cluster, &mut verdict).await?;
    }
    verdict.lasted = started.elapsed();
    Ok(verdict)
}

fn skipped(stage: &Stage) -> Vec<String> {
    let mut skipped = vec!["clock jumps: this kernel has one wall clock for all".to_owned()];
    if !stage.network.can_break() {
        skipped.push("network and disk faults: no namespaces".to_owned());
    } else if !stage.network.has_netem() {
        skipped.push("random delay: no netem here, a narrow link instead".to_owned());
    }
    skipped
}

/// Becomes true on Ctrl-C or SIGTERM: the run then ends early, with a verdict.
fn interruption() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let terminate = async {
            let kind = tokio::signal::unix::SignalKind::terminate();
            match tokio::signal::unix::signal(kind) {
                Ok(mut signal) => _ = signal.recv().await,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = terminate => {}
        }
        println!("interrupted: healing and judging what there is");
        sender.send_replace(true);
    });
    receiver
}

/// Deletes all keys between two rounds; the revision after it.
async fn sweep(cluster: &Cluster) -> Result<Revision, ProcessError> {
    let key = bytes::Bytes::from_static(load::PREFIX.as_bytes());
    let range_end = crate::history::prefix_end(load::PREFIX).into();
    let request = pb::DeleteRangeRequest { key, range_end, prev_kv: false };
    let mut last = String::new();
    for attempt in 0..50 {
        let endpoint = cluster.endpoints.at(attempt);
        let mut kv = KvClient::new(endpoint.requests);
        match client::order(Duration::from_secs(3), kv.delete_range(request.clone())).await {
            Ok(response) => return Ok(client::revision_of(response.header)),
            Err(reason) => last = reason,
        }
    }
    Err(ProcessError::Refused { what: "deleting all keys".to_owned(), message: last })
}

/// One history: its clients, from their start to the judgement.
struct Round {
    clients: Arc<Clients>,
    tasks: JoinSet<()>,
    recorders: JoinSet<()>,
    stop: watch::Sender<bool>,
    last: watch::Sender<Option<Revision>>,
    file: PathBuf,
}

impl Round {
    fn begin(
        args: &RunArgs,
        cluster: &Cluster,
        number: u32,
        base: Revision,
        interrupted: &watch::Receiver<bool>,
    ) -> Result<Self, ProcessError> {
        let stage = &cluster.stage;
        let file = stage.history_file(number);
        let (stop, stopped) = watch::channel(*interrupted.borrow());
        let (last, last_known) = watch::channel(None);
        let clients = Arc::new(Clients {
            journal: Journal::new(&file, base)?,
            base,
            endpoints: cluster.endpoints.clone(),
            compactable: Arc::new(Positions::new(RECORDERS, base)),
            compacted: AtomicI64::new(base),
            stop: stopped,
            seed: stage.seed.wrapping_add(u64::from(number)),
            started: Instant::now(),
        });
        let tasks = spawn_clients(args, &clients);
        let mut recorders = JoinSet::new();
        for number in 0..RECORDERS {
            let id = 200 + u32::try_from(number).unwrap_or(0);
            let follow = recorder::recorder(clients.clone(), id, number, base, last_known.clone());
            recorders.spawn(follow);
        }
        Ok(Self { clients, tasks, recorders, stop, last, file })
    }

    /// Stops the load, inspects the replicas, and judges the history.
    async fn end(
        mut self,
        cluster: &mut Cluster,
        verdict: &mut Verdict,
    ) -> Result<(), ProcessError> {
        self.stop.send_replace(true);
        if tokio::time::timeout(END_TIMEOUT, drain(&mut self.tasks)).await.is_err() {
            self.tasks.shutdown().await;
        }
        cluster.wait_for_all().await?;
        verdict.findings.append(&mut finale::inspect(cluster, &self.clients).await);
        let last = self.clients.journal.revision();
        self.last.send_replace(Some(last));
        if tokio::time::timeout(END_TIMEOUT, drain(&mut self.recorders)).await.is_err() {
            let seen = self.clients.compactable.least();
            verdict.findings.push(format!("a watch of everything saw {seen} of {last} revisions"));
            self.recorders.shutdown().await;
        }
        let (history, counts) = self.clients.journal.finish()?;
        verdict.counts += counts;
        verdict.add_effects(gaps::by_kind(&history));
        verdict.rounds += 1;
        let report = tokio::task::spawn_blocking(move || check::check(&history)).await;
        let report = report.map_err(|error| ProcessError::Refused {
            what: "judging the history".to_owned(),
            message: error.to_string(),
        })?;
        forget_if_clean(&self.file, &report, verdict);
        verdict.reports.push((self.file, report));
        Ok(())
    }
}

/// Histories of good rounds are not kept, but for the last one.
fn forget_if_clean(file: &Path, report: &check::Report, verdict: &Verdict) {
    let earlier = verdict.reports.last().filter(|(_, earlier)| earlier.is_clean());
    if let Some((earlier, _)) = earlier
        && let Err(error) = std::fs::remove_file(earlier)
    {
        println!("cannot remove {}: {error}", earlier.display());
    }
    if !report.is_clean() {
        println!("a contradiction was found, see {}", file.display());
    }
}

async fn drain(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        // A client that panics is a bug of this crate, and would make a run look better than it is.
        if let Err(error) = ended
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

fn spawn_clients(args: &RunArgs, clients: &Arc<Clients>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let pulses = args.cluster.replicas;
    let pulse_rate = pulses * u32::try_from(1_000 / PULSE.as_millis()).unwrap_or(1);
    let rate = args.rate.saturating_sub(pulse_rate).max(WORKERS);
    let pace = Duration::from_secs(1) * WORKERS / rate;
    for id in 0..WORKERS {
        tasks.spawn(load::worker(clients.clone(), id, pace));
    }
    for pulse in 0..pulses {
        let position = usize::try_from(pulse).unwrap_or(0);
        tasks.spawn(load::pulse(clients.clone(), 100 + pulse, position, PULSE));
    }
    for id in 0..WATCHERS {
        tasks.spawn(watcher::watcher(clients.clone(), 300 + id));
    }
    for id in 0..LEASERS {
        tasks.spawn(leaser::leaser(clients.clone(), 400 + id));
    }
    tasks.spawn(load::janitor(clients.clone(), 500));
    tasks.spawn(finale::auditor(clients.clone()));
    tasks
}
