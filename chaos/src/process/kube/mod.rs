//! Clients of the Kubernetes API while leaders are killed, or other faults injected.
//!
//! [`writer`]s create, update and delete ConfigMaps through random replicas and note what was
//! acknowledged. A [`spectator`] stays with each replica, another goes from replica to replica and
//! resumes where it was; [`judge`] compares what they were told with what was done. Meanwhile
//! [`contest`] lets two clients race on one object through two replicas, and [`fresh`] reads with
//! resourceVersion=0 at one replica after the other, which must never go back in time. At the end
//! [`past`] lists what there was at earlier revisions.

pub mod client;
pub mod contest;
pub mod fresh;
pub mod judge;
pub mod past;
pub mod spectator;
pub mod verdict;
pub mod writer;

use super::ProcessError;
use super::cluster::Cluster;
use super::faults::{FaultGroup, FaultKind};
use super::stage::Stage;
use crate::args::KubeArgs;
use client::Client;
use judge::{Seen, Write};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use verdict::Verdict;

const WRITERS: u32 = 4;
const MAPS: &str = "/api/v1/namespaces/chaos/configmaps";
/// Written when all else is: who sees it has seen everything.
const LAST: &str = "the-last";
/// Load between two deaths.
const SETTLE: Duration = Duration::from_millis(1_500);
/// How long anything may take after the replicas are well again.
const PATIENCE: Duration = Duration::from_secs(40);

/// What all clients of a run know.
pub struct Run {
    pub client: Client,
    /// Acknowledged writes.
    pub acknowledged: AtomicU64,
    pub stop: watch::Receiver<bool>,
    pub seed: u64,
}

impl Run {
    pub fn rng(&self, id: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed ^ id.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub fn is_over(&self) -> bool {
        *self.stop.borrow()
    }
}

/// A run from the first start of the replicas to the verdict.
pub async fn run(args: &KubeArgs) -> Result<Verdict, ProcessError> {
    let mut stage = Stage::set(&args.cluster).await?;
    stage.serves_kube = true;
    let stage = Arc::new(stage);
    println!("seed {}, {} replicas", stage.seed, args.cluster.replicas);
    let mut cluster = Cluster::start(stage.clone(), args.cluster.replicas).await?;
    let result = run_on(args, &mut cluster).await;
    cluster.stop_all().await;
    let mut verdict = result?;
    verdict.findings.append(&mut cluster.findings);
    verdict.findings.append(&mut cluster.panics());
    verdict.out = (!(verdict.is_clean() && stage.out_is_ours)).then(|| stage.out.clone());
    stage.strike(verdict.is_clean());
    Ok(verdict)
}

async fn run_on(args: &KubeArgs, cluster: &mut Cluster) -> Result<Verdict, ProcessError> {
    let (stop, stopped) = watch::channel(false);
    let run = Arc::new(Run {
        client: Client::new(cluster)?,
        acknowledged: AtomicU64::new(0),
        stop: stopped,
        seed: cluster.stage.seed,
    });
    let body = json!({"metadata": {"name": "chaos"}});
    run.client.insist("POST", "/api/v1/namespaces", &body, &[201, 409]).await?;
    let list = run.client.insist("GET", MAPS, &json!(null), &[200]).await?;
    let base = client::version(&list);

    let mut clients = Clients::start(&run, base);
    let begun = Instant::now();
    let mut findings = Vec::new();
    let mut strikes = Strikes::new(&run, &args.faults, cluster);
    for number in 1..=args.kills {
        tokio::time::sleep(SETTLE).await;
        cluster.revive()?;
        cluster.wait_for_all().await?;
        let before = run.acknowledged.load(Ordering::Relaxed);
        let what = strikes.next(&run, cluster).await?;
        println!("{number:>3} of {}: {what}, {before} writes so far", args.kills);
        if !went_on(&run, run.acknowledged.load(Ordering::Relaxed) + 20).await {
            findings.push(format!("no writes were acknowledged after: {what}"));
        }
    }
    cluster.revive()?;
    cluster.wait_for_all().await?;
    tokio::time::sleep(SETTLE).await;
    stop.send_replace(true);
    let mut verdict = clients.finish(&run, base).await?;
    verdict.findings.append(&mut findings);
    verdict.seed = run.seed;
    verdict.faults = args.kills;
    verdict.lasted = begun.elapsed();
    Ok(verdict)
}

/// What is done to the replicas, in turn.
struct Strikes {
    rng: StdRng,
    /// None: leaders are killed, and nothing else.
    kinds: Vec<FaultKind>,
    at: usize,
}

impl Strikes {
    fn new(run: &Run, groups: &[FaultGroup], cluster: &Cluster) -> Self {
        let mut rng = run.rng(4_000);
        let mut kinds = match groups {
            [] => Vec::new(),
            groups => FaultKind::possible(groups, cluster),
        };
        // The clients know the replicas of the start.
        kinds.retain(|kind| *kind != FaultKind::ReplaceMember);
        kinds.shuffle(&mut rng);
        Self { rng, kinds, at: 0 }
    }

    /// One of them, from its beginning to its end; in words.
    async fn next(&mut self, run: &Run, cluster: &mut Cluster) -> Result<String, ProcessError> {
        if self.kinds.is_empty() {
            return kill_leader(run, cluster).await;
        }
        let kind = self.kinds[self.at % self.kinds.len()];
        self.at += 1;
        let injected = kind.inject(cluster, &mut self.rng).await?;
        tokio::time::sleep(injected.hold).await;
        let what = format!("{kind} ({})", injected.what);
        injected.heal(cluster).await?;
        Ok(what)
    }
}

/// The leader stays away until the others have gone on without it, so that watches must resume
/// elsewhere, and comes back under load.
async fn kill_leader(run: &Run, cluster: &mut Cluster) -> Result<String, ProcessError> {
    let Some((leader, _)) = cluster.leader().await else { return Ok("no leader".to_owned()) };
    let before = run.acknowledged.load(Ordering::Relaxed);
    cluster.server(leader).kill().await;
    went_on(run, before + 20).await;
    cluster.run(leader)?;
    Ok(format!("killed r{leader}"))
}

async fn went_on(run: &Run, until: u64) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while run.acknowledged.load(Ordering::Relaxed) < until {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

/// The tasks of a run.
struct Clients {
    writers: JoinSet<Vec<Write>>,
    spectators: JoinSet<(String, Vec<Seen>, Vec<String>)>,
    /// What they found, and how often they looked.
    contests: JoinSet<(Vec<String>, u64)>,
    readers: JoinSet<(Vec<String>, u64)>,
}

impl Clients {
    fn start(run: &Arc<Run>, base: i64) -> Self {
        let mut clients = Self {
            writers: JoinSet::new(),
            spectators: JoinSet::new(),
            contests: JoinSet::new(),
            readers: JoinSet::new(),
        };
        for writer in 0..WRITERS {
            clients.writers.spawn(writer::write(run.clone(), writer));
        }
        for replica in 0..run.client.replicas() {
            clients.spectators.spawn(spectator::watch(run.clone(), Some(replica), base));
        }
        clients.spectators.spawn(spectator::watch(run.clone(), None, base));
        clients.contests.spawn(contest::contend(run.clone()));
        clients.readers.spawn(fresh::read(run.clone()));
        clients
    }

    /// Waits for all of them, and judges.
    async fn finish(&mut self, run: &Run, base: i64) -> Result<Verdict, ProcessError> {
        let mut verdict = Verdict::default();
        let mut writes = Vec::new();
        for written in gather(&mut self.writers).await {
            writes.extend(written);
        }
        for (findings, count) in gather(&mut self.contests).await {
            verdict.findings.extend(findings);
            verdict.contests += count;
        }
        for (findings, count) in gather(&mut self.readers).await {
            verdict.findings.extend(findings);
            verdict.reads += count;
        }
        let last = json!({"metadata": {"name": LAST}});
        run.client.insist("POST", MAPS, &last, &[201, 409]).await?;
        let spectators = tokio::time::timeout(PATIENCE, gather(&mut self.spectators)).await;
        let spectators = spectators.unwrap_or_default();
        if spectators.is_empty() {
            verdict.findings.push("not every watch came to the last write".to_owned());
            self.spectators.shutdown().await;
        }
        verdict.writes = writes.len();
        for (name, seen, problems) in &spectators {
            let changes = seen.iter().filter(|event| event.is_change()).count();
            verdict.events += changes;
            verdict.bookmarks += seen.len() - changes;
            let problems = problems.iter().cloned();
            let found = problems.chain(judge::judge(base, &writes, seen));
            verdict.findings.extend(found.map(|problem| format!("{name}: {problem}")));
        }
        verdict.findings.extend(judge::differences(&spectators));
        if let Some((_, seen, _)) = spectators.first() {
            verdict.findings.extend(past::inspect(run, seen).await);
        }
        Ok(verdict)
    }
}

async fn gather<T: 'static>(tasks: &mut JoinSet<T>) -> Vec<T> {
    let mut results = Vec::new();
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok(result) => results.push(result),
            // A client that panics is a bug of this crate.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => {}
        }
    }
    results
}
