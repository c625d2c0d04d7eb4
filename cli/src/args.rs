//! The command line.

use crate::client::Connection;
use crate::member::Member;
use crate::server::Server;
use crate::snapshot::Snapshot;
use crate::up::Up;
use clap::{Args, Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "xebec", version, about, propagate_version = true)]
#[command(
    after_help = "Examples:\n  xebec up                      three replicas on this machine\n  \
    xebec status                  how they are\n  xebec snapshot save day.xsnap a backup"
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one replica.
    Server(Box<Server>),
    /// Run three replicas on this machine, with mutual TLS, and keep them running.
    Up(Up),
    /// Show every member: leader, term, revision, size, hash, health.
    Status(StatusArguments),
    /// List, add, remove, promote or change members.
    Member(MemberArguments),
    /// Save, check or restore a backup.
    Snapshot(Snapshot),
    /// Break real replicas under load and judge what their clients saw.
    Chaos(Box<xebec_chaos::Args>),
    /// Measure: against etcd, or on a cluster that is running.
    #[command(subcommand)]
    Bench(xebec_bench::Command),
    /// Print the version of this binary and of the etcd API it speaks.
    Version,
}

#[derive(Debug, Args)]
pub struct StatusArguments {
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Args)]
pub struct MemberArguments {
    #[command(flatten)]
    pub connection: Connection,
    #[command(subcommand)]
    pub command: Member,
}
