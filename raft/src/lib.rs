//! Consensus: openraft wired to the keyspace.

mod applied;
pub mod errors;
pub mod identity;
mod health;
mod leadership;
pub mod limits;
pub mod log;
pub mod member;
mod network;
pub mod options;
mod proposals;
mod replica;
pub mod runtime;
mod snapshot;
mod state_machine;
pub mod status;
mod tasks;
pub mod transport;
pub mod types;
mod watch_channel;
mod wire;

pub use member::Member;
pub use options::{Environment, Identity, Options, Threads, Timing};
pub use replica::Replica;
pub use status::{LeaseTtl, Status};
