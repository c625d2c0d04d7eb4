//! Consensus: openraft wired to the keyspace.
//!
//! [`Replica`] is the handle to one running replica: [`Replica::propose`] has a command ordered by
//! all and applied here, [`Replica::read_index`] makes this replica's view linearizable. A command
//! goes through [`proposals`] to the leader, into an entry of the [`log`], over the [`network`] to a
//! quorum, and through the [`state_machine`] into the [`xebec_store::Store`], whose outcome answers
//! the client. What replicas say to one another is in [`wire`]; how it travels, in [`transport`].
//!
//! Invariants: nothing here reads a clock but through `tokio::time` and [`options::WallClock`], or
//! draws a random number but through [`runtime`]; every task is started by [`tasks`]; a replica
//! that cannot go on says why through [`health`] and stops.

mod applied;
mod core;
mod disk;
pub mod errors;
mod greeter;
mod handover;
mod health;
pub mod histogram;
pub mod identity;
mod integrity;
mod leadership;
mod leases;
pub mod limits;
pub mod log;
pub mod member;
mod membership;
mod network;
pub mod options;
mod peer;
mod proposals;
mod reads;
mod replica;
pub mod restore;
pub mod runtime;
mod snapshot;
mod start;
mod state_machine;
pub mod status;
mod tasks;
pub mod transport;
pub mod types;
mod upkeep;
mod watch_channel;
mod wire;

pub use leadership::Leadership;
pub use member::Member;
pub use options::{Environment, Identity, Options, Threads, Timing, Upkeep};
pub use replica::Replica;
pub use status::{LeaseTtl, Status};
