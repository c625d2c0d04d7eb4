//! Consensus: openraft wired to the keyspace.

pub mod errors;
pub mod identity;
mod health;
pub mod limits;
pub mod log;
pub mod member;
pub mod options;
mod replica;
pub mod runtime;
pub mod status;
mod tasks;
pub mod transport;
pub mod types;
mod wire;

pub use member::Member;
pub use options::{Environment, Identity, Options, Threads, Timing};
pub use replica::Replica;
pub use status::{LeaseTtl, Status};
