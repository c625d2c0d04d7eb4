//! The servers of a replica.
//!
//! [`EtcdServer`] serves etcd's v3 API over gRPC, and `/health`, `/version` and `/metrics` over
//! HTTP, on one port. It takes connections ([`server`]), tells the two apart, and hands requests
//! to [`etcd::Api`] or to [`endpoints`].
//!
//! Invariants: this crate knows no disk and no consensus library, only [`xebec_raft::Replica`] and
//! the store behind it; nothing from outside makes it panic; every task is tracked and ends with
//! the server.

mod authority;
mod coalesce;
mod connection;
mod endpoints;
pub mod etcd;
mod health;
pub mod kube;
mod metrics;
mod process;
mod server;
mod tls;
mod version;

pub use server::{EtcdServer, Options, OptionsError};
pub use tls::{TlsError, TlsOptions};
