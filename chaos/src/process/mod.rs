//! Chaos on real replicas: processes, their network and their disks.
//!
//! [`run::run`] starts a [`cluster::Cluster`] in a place of its own ([`sandbox`], [`network`],
//! [`disk`]), lets clients work on it ([`load`], [`watcher`], [`recorder`]) while the [`nemesis`]
//! injects [`faults`], keeps what the clients saw in a [`journal`], and has it judged
//! ([`crate::check`]); [`verdict`] is what a person reads. [`failover`] measures instead, and
//! [`kube`] kills leaders under clients of the Kubernetes API.
//!
//! Invariants: nothing outlives the run (the processes of a sandbox die with it; on loopback they
//! are killed when dropped); nobody but the run's own processes is ever signalled.

pub mod client;
pub mod cluster;
pub mod convert;
pub mod disk;
pub mod endpoint;
pub mod failover;
pub mod faults;
pub mod finale;
pub mod gaps;
pub mod journal;
pub mod kube;
pub mod leaser;
pub mod load;
pub mod nemesis;
pub mod network;
pub mod recorder;
pub mod run;
pub mod sandbox;
pub mod server;
pub mod shell;
pub mod stage;
pub mod tls;
pub mod verdict;
pub mod watcher;

/// What keeps a run from going on; a fault of the replicas is a finding instead.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
    #[error("`{command}` failed: {output}")]
    Command { command: String, output: String },
    #[error("certificates: {0}")]
    Certificates(#[from] rcgen::Error),
    #[error("this machine cannot give the run its own namespaces: {0}")]
    NoNamespaces(String),
    #[error("a client: {0}")]
    Client(#[from] tonic::transport::Error),
    #[error("the replicas did not begin to serve within {seconds} s; their logs are in {logs}")]
    NotServing { seconds: u64, logs: String },
    #[error("{what}: {message}")]
    Refused { what: String, message: String },
}

impl ProcessError {
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
