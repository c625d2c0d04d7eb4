//! What can be done to the replicas, and how it is undone. One file per group.

mod disk;
mod kill;
mod membership;
mod partition;
mod pause;
mod restart;
mod slow;

use super::ProcessError;
use super::cluster::Cluster;
use super::network::Node;
use clap::ValueEnum;
use rand::RngExt;
use rand::rngs::StdRng;
use std::fmt;
use std::time::Duration;

/// What a person can choose with `--faults`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FaultGroup {
    /// kill -9.
    Kill,
    /// SIGSTOP, then SIGCONT.
    Pause,
    /// Directions of the network cut.
    Partition,
    /// A narrow, lossy network.
    Slow,
    /// Disks filled up.
    Disk,
    /// Stopped as planned, and started again.
    Restart,
    /// Leadership handed over.
    Transfer,
    /// A dead replica replaced by a new member.
    Replace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    KillLeader,
    KillFollower,
    KillMajority,
    KillAll,
    PauseLeader,
    PauseFollower,
    PauseMajority,
    IsolateLeader,
    IsolateFollower,
    UnplugLeader,
    LeaderCannotSend,
    LeaderCannotReceive,
    SplitAll,
    CutClients,
    SlowAll,
    SlowLeader,
    Flapping,
    DiskTight,
    DiskFullLeader,
    DiskFullFollower,
    RestartOne,
    RestartRolling,
    MoveLeader,
    ReplaceMember,
}

/// Every kind, with its group and its name.
const KINDS: [(FaultKind, FaultGroup, &str); 24] = [
    (FaultKind::KillLeader, FaultGroup::Kill, "kill leader"),
    (FaultKind::KillFollower, FaultGroup::Kill, "kill follower"),
    (FaultKind::KillMajority, FaultGroup::Kill, "kill majority"),
    (FaultKind::KillAll, FaultGroup::Kill, "kill all"),
    (FaultKind::PauseLeader, FaultGroup::Pause, "pause leader"),
    (FaultKind::PauseFollower, FaultGroup::Pause, "pause follower"),
    (FaultKind::PauseMajority, FaultGroup::Pause, "pause majority"),
    (FaultKind::IsolateLeader, FaultGroup::Partition, "isolate leader"),
    (FaultKind::IsolateFollower, FaultGroup::Partition, "isolate follower"),
    (FaultKind::UnplugLeader, FaultGroup::Partition, "unplug leader"),
    (FaultKind::LeaderCannotSend, FaultGroup::Partition, "leader cannot send"),
    (FaultKind::LeaderCannotReceive, FaultGroup::Partition, "leader cannot receive"),
    (FaultKind::SplitAll, FaultGroup::Partition, "all apart"),
    (FaultKind::CutClients, FaultGroup::Partition, "clients cut from one"),
    (FaultKind::SlowAll, FaultGroup::Slow, "slow network"),
    (FaultKind::SlowLeader, FaultGroup::Slow, "slow leader"),
    (FaultKind::Flapping, FaultGroup::Slow, "flapping network"),
    (FaultKind::DiskTight, FaultGroup::Disk, "disk below reserve"),
    (FaultKind::DiskFullLeader, FaultGroup::Disk, "disk full, leader"),
    (FaultKind::DiskFullFollower, FaultGroup::Disk, "disk full, follower"),
    (FaultKind::RestartOne, FaultGroup::Restart, "planned restart"),
    (FaultKind::RestartRolling, FaultGroup::Restart, "rolling restart"),
    (FaultKind::MoveLeader, FaultGroup::Transfer, "move leader"),
    (FaultKind::ReplaceMember, FaultGroup::Replace, "replace member"),
];

/// A fault that lasts until it is undone.
pub struct Injected {
    pub what: String,
    pub hold: Duration,
    pub undo: Vec<Undo>,
}

#[derive(Debug, Clone, Copy)]
pub enum Undo {
    Start(Node),
    Resume(Node),
    Join(Node, Node),
    Plug(Node),
    Unslow(Node),
    Unfill(Node),
}

impl FaultKind {
    /// The kinds of the groups asked for (all, if none is named) that the cluster's place can do.
    pub fn possible(groups: &[FaultGroup], cluster: &Cluster) -> Vec<Self> {
        let stage = &cluster.stage;
        let can = |group: FaultGroup| match group {
            FaultGroup::Partition | FaultGroup::Slow => stage.network.can_break(),
            FaultGroup::Disk => stage.disks.can_fill(),
            FaultGroup::Transfer | FaultGroup::Replace => cluster.nodes().len() > 2,
            FaultGroup::Kill | FaultGroup::Pause | FaultGroup::Restart => true,
        };
        let asked = |group: FaultGroup| groups.is_empty() || groups.contains(&group);
        let kinds = KINDS.iter().filter(|(_, group, _)| asked(*group) && can(*group));
        kinds.map(|(kind, ..)| *kind).collect()
    }

    pub async fn inject(
        self,
        cluster: &mut Cluster,
        rng: &mut StdRng,
    ) -> Result<Injected, ProcessError> {
        let target = Targets::choose(cluster, rng).await;
        match self {
            Self::KillLeader => kill::some(cluster, &[target.leader], rng).await,
            Self::KillFollower => kill::some(cluster, &[target.follower], rng).await,
            Self::KillMajority => kill::some(cluster, &target.majority, rng).await,
            Self::KillAll => kill::some(cluster, &target.all, rng).await,
            Self::PauseLeader => Ok(pause::some(cluster, &[target.leader], rng)),
            Self::PauseFollower => Ok(pause::some(cluster, &[target.follower], rng)),
            Self::PauseMajority => Ok(pause::some(cluster, &target.majority, rng)),
            Self::IsolateLeader => partition::isolate(cluster, target.leader, rng).await,
            Self::IsolateFollower => partition::isolate(cluster, target.follower, rng).await,
            Self::UnplugLeader => partition::unplug(cluster, target.leader, rng).await,
            Self::LeaderCannotSend => partition::one_way(cluster, target.leader, true, rng).await,
            Self::LeaderCannotReceive => {
                partition::one_way(cluster, target.leader, false, rng).await
            }
            Self::SplitAll => partition::split(cluster, rng).await,
            Self::CutClients => partition::cut_clients(cluster, target.any, rng).await,
            Self::SlowAll => slow::some(cluster, &target.all, rng).await,
            Self::SlowLeader => slow::some(cluster, &[target.leader], rng).await,
            Self::Flapping => slow::flap(cluster, rng).await,
            Self::DiskTight => disk::tight(cluster, target.any, rng),
            Self::DiskFullLeader => disk::full(cluster, target.leader, rng),
            Self::DiskFullFollower => disk::full(cluster, target.follower, rng),
            Self::RestartOne => restart::some(cluster, &[target.any]).await,
            Self::RestartRolling => restart::some(cluster, &target.all).await,
            Self::MoveLeader => Ok(membership::move_leader(cluster, target.follower).await),
            Self::ReplaceMember => Ok(membership::replace(cluster, target.any).await),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = KINDS.iter().find(|(kind, ..)| kind == self);
        f.write_str(found.map_or("fault", |(_, _, name)| name))
    }
}

/// Whom a fault hits.
struct Targets {
    leader: Node,
    follower: Node,
    any: Node,
    majority: Vec<Node>,
    all: Vec<Node>,
}

impl Targets {
    async fn choose(cluster: &Cluster, rng: &mut StdRng) -> Self {
        let all = cluster.nodes();
        let any = all[rng.random_range(0..all.len())];
        // Without a leader anybody may stand for it.
        let leader = cluster.leader().await.map_or(any, |(leader, _)| leader);
        let followers: Vec<Node> = all.iter().copied().filter(|node| *node != leader).collect();
        let follower = match followers.len() {
            0 => leader,
            count => followers[rng.random_range(0..count)],
        };
        let skipped = rng.random_range(0..all.len());
        let in_turn = all.iter().cycle().skip(skipped).take(all.len() / 2 + 1);
        let majority = in_turn.copied().collect();
        Self { leader, follower, any, majority, all }
    }
}

impl Injected {
    /// Takes the fault back.
    pub async fn heal(self, cluster: &mut Cluster) -> Result<(), ProcessError> {
        for undo in self.undo {
            let stage = cluster.stage.clone();
            // The replica may have been replaced by another fault meanwhile.
            match undo {
                Undo::Start(node) if cluster.has(node) && cluster.server(node).is_down() => {
                    cluster.run(node)?;
                }
                Undo::Resume(node) if cluster.has(node) => cluster.server(node).resume(),
                Undo::Join(from, to) if cluster.has(from) => stage.network.join(from, to).await?,
                Undo::Plug(node) if cluster.has(node) => stage.network.link(node, true).await?,
                Undo::Unslow(node) if cluster.has(node) => stage.network.unslow(node).await?,
                Undo::Unfill(node) if cluster.has(node) => {
                    stage.disks.unfill(node)?;
                    // A replica that cannot write its log stops; that is what it must do.
                    if cluster.server(node).is_down() {
                        cluster.server(node).kill().await;
                        cluster.run(node)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn hold(rng: &mut StdRng, milliseconds: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.random_range(milliseconds))
}

/// `r1, r3`.
fn names(nodes: &[Node]) -> String {
    nodes.iter().map(|node| format!("r{node}")).collect::<Vec<_>>().join(", ")
}
