//! What one run is made of. Everything that is not given follows from the seed.

use super::client::{Manner, Mix};
use super::disk::Lies;
use super::faults::Weather;
use super::rng::Rng;
use super::watcher::{Pace, WatchBug};

/// One run.
#[derive(Debug, Clone)]
pub struct Settings {
    pub seed: u64,
    /// Milliseconds of simulated time under faults; booting and healing come on top.
    pub steps: u64,
    /// The founders of the cluster.
    pub voters: usize,
    /// Hosts that may join.
    pub spares: usize,
    pub sessions: u32,
    pub watchers: u32,
    pub weather: Weather,
    pub mix: Mix,
    /// Longest pause of a client between two requests.
    pub think_max_us: u64,
    pub pace: Pace,
    /// How long a watcher stays with a replica, at most.
    pub stay_max_us: u64,
    /// Longest time between two requests for progress.
    pub marks_max_us: u64,
    /// How often a watcher that lost its place begins at a revision to come, per million.
    pub future_ppm: u32,
    /// Entries after which a replica makes its keyspace durable and purges its log.
    pub retention_entries: u64,
    /// The longest time that a disk takes for one thing while it is well.
    pub disk_delay_max_ms: u64,
    /// Planted bugs.
    pub lies: PlantedLies,
    pub watch_bug: Option<WatchBug>,
    /// A planted bug: the timers of every host run so fast.
    pub rate_ppm: u64,
    pub manner: Manner,
    /// Timers run up to this much too fast or too slow, in millionths.
    pub drift_ppm: u64,
    /// Keeps the whole trace.
    pub full_trace: bool,
}

/// Disks that betray, on every host.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlantedLies {
    pub log: Lies,
    pub state: Lies,
}

impl Settings {
    /// A run of its own kind for each seed.
    pub fn from_seed(seed: u64, steps: u64) -> Self {
        let mut rng = Rng::new(seed).fork(0x5e77);
        let voters = if rng.chance_ppm(700_000) { 3 } else { 5 };
        let mix = Mix {
            reads: rng.between(10, 40),
            deletes: rng.between(2, 14),
            transactions: rng.between(10, 30),
            leases: rng.between(0, 12),
            compactions: rng.between(0, 4),
            keys: rng.between(2, 12),
            padding: *rng.pick(&[0, 100, 1_500]),
        };
        Self {
            seed,
            steps,
            voters,
            spares: if voters == 3 { 2 } else { 1 },
            sessions: rng.between(2, 8) as u32,
            watchers: rng.between(3, 6) as u32,
            weather: Weather::from_seed(&mut rng),
            mix,
            think_max_us: *rng.pick(&[3_000, 30_000, 100_000]),
            pace: Pace { stall_max_ms: 400, stall_ppm: 30_000, events_max: 40 },
            stay_max_us: *rng.pick(&[600_000, 3_000_000]),
            marks_max_us: 400_000,
            future_ppm: 50_000,
            retention_entries: *rng.pick(&[30, 300, 5_000]),
            disk_delay_max_ms: *rng.pick(&[0, 1, 4]),
            watch_bug: None,
            rate_ppm: 1_000_000,
            lies: PlantedLies::default(),
            manner: Manner::default(),
            drift_ppm: *rng.pick(&[0, 1_000, 20_000]),
            full_trace: false,
        }
    }

    pub fn hosts(&self) -> usize {
        self.voters + self.spares
    }
}
