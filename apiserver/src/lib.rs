//! The servers of a replica.
//!
//! [`EtcdServer`] serves etcd's v3 API over gRPC, and `/health`, `/version` and `/metrics` over
//! HTTP, on one port. It takes connections ([`server`]), tells the two apart, and hands requests
//! to [`etcd::Api`] or to [`endpoints`]. [`KubeServer`] serves the Kubernetes API ([`kube`]) on
//! ports of its own.
//!
//! Invariants: this crate knows no disk and no consensus library, only [`xebec_raft::Replica`] and
//! the store behind it; nothing from outside makes it panic; every task is tracked and ends with
//! the server.

mod accept;
mod authority;
mod coalesce;
mod connection;
mod endpoints;
pub mod etcd;
mod exposition;
mod health;
mod http_connection;
pub mod kube;
mod metrics;
mod process;
mod server;
mod tls;
mod version;

pub use kube::server::KubeServer;
pub use server::{EtcdServer, Options, OptionsError};
pub use tls::{TlsError, TlsOptions};
