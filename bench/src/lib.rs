//! Load generation and measurement: what `xebec bench` runs.
//!
//! A [`target::Target`] is a cluster that speaks etcd's v3 API, with the process ids of its
//! members. Each file of [`workload`] puts one kind of load on it and returns a
//! [`measure::Sample`]: a rate, latencies, CPU per operation over all members, memory.
//! [`compare`] starts etcd and Xebec in turn, runs every workload on both and prints the ratios.
//! [`api`] measures any Kubernetes API server.
//!
//! Invariant: nothing here knows the server's insides; it measures through the public API and
//! `/proc` alone.

#![expect(clippy::disallowed_methods, reason = "measuring is reading the clock")]

pub mod api;
pub mod args;
pub mod cluster;
pub mod compare;
pub mod etcdctl;
pub mod measure;
pub mod report;
pub mod target;
pub mod workload;

pub use args::{Command, run};

/// What can keep a measurement from being made.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("cannot reach {endpoint}: {source}")]
    Connect { endpoint: String, source: tonic::transport::Error },
    #[error("invalid endpoint {endpoint:?}: write scheme://host:port")]
    Endpoint { endpoint: String },
    #[error("request failed: {code:?}: {message}")]
    Request { code: tonic::Code, message: String },
    #[error("cannot read {path}: {source}")]
    Read { path: String, source: std::io::Error },
    #[error("cannot write {path}: {source}")]
    Write { path: String, source: std::io::Error },
    #[error("{server}: {reason}")]
    Unreachable { server: String, reason: String },
    #[error("{what}: {code}: {message}")]
    Refused { what: String, code: u16, message: String },
    #[error("cannot start {program}: {source}")]
    Spawn { program: String, source: std::io::Error },
    #[error("{program} ended or was not ready within {seconds} s; its log is {log}")]
    NotReady { program: String, seconds: u64, log: String },
    #[error("{0}")]
    Invalid(String),
}

impl From<tonic::Status> for BenchError {
    fn from(status: tonic::Status) -> Self {
        Self::Request { code: status.code(), message: status.message().to_owned() }
    }
}
