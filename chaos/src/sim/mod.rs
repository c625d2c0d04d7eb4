//! The deterministic simulation: whole replicas on simulated time, network and disks.
//!
//! [`run`] plays one seed: the real consensus and keyspace code, every replica on a tokio runtime
//! of its own with paused time ([`host`]), over wires that lose, delay, reorder and break
//! ([`wire`], [`net`]) and disks that forget what was not synced ([`disk`]), under faults
//! ([`faults`]) and clients ([`client`], [`watcher`]). Invariants are looked at after every
//! millisecond ([`invariants`], [`truth`]); what clients saw is judged at the end
//! ([`crate::check`]).
//!
//! Invariant: a seed repeats bit for bit. Everything runs on one thread; chance comes from
//! [`rng`]; nothing that is observed depends on the order of a hash map, an address or the real
//! time.

pub mod args;
pub mod client;
pub mod disk;
pub mod faults;
pub mod host;
pub mod invariants;
pub mod logbook;
pub mod net;
mod panics;
pub mod rng;
pub mod scenarios;
pub mod settings;
pub mod sweep;
pub mod tap;
pub mod trace;
pub mod truth;
pub mod violation;
pub mod watcher;
pub mod wire;
pub mod world;

pub use args::SimArgs;
pub use scenarios::Scenario;
pub use settings::Settings;
pub use world::{Outcome, Stats, World};

/// Plays one run.
pub fn run(settings: Settings) -> Outcome {
    let mut world = World::new(settings);
    world.run();
    world.outcome()
}
