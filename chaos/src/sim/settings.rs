//! What one run is made of. Everything that is not given follows from the seed.

use super::client::{Manner, Mix};
use super::disk::Lies;
use super::faults::Weather;
use super::rng::Rng;

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
    /// Planted bugs.
    pub lies: PlantedLies,
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
