//! `xebec snapshot`: backups of the keyspace in one file, and new clusters made of them.

mod restore;
mod save;

use crate::client::Connection;
use crate::config::{InitialMember, Url};
use crate::failure::{Failure, Kind};
use crate::status::size;
use crate::surroundings::say;
use crate::table::table;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use xebec_apiserver::etcd::snapshot::{SnapshotError, SnapshotFile};

#[derive(Debug, Args)]
pub struct Snapshot {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Save the keyspace of a running cluster to a file.
    Save {
        /// The file to write.
        file: PathBuf,
        #[command(flatten)]
        connection: Connection,
    },
    /// Check a file and show what it holds.
    Status {
        /// A file that `xebec snapshot save` or `etcdctl snapshot save` wrote.
        file: PathBuf,
    },
    /// Make the data directory of one member of a new cluster out of a file.
    Restore(Restore),
}

/// Run it for each member, with the same file, list and token.
#[derive(Debug, Args)]
pub struct Restore {
    /// A file that `xebec snapshot save` or `etcdctl snapshot save` wrote.
    file: PathBuf,

    /// Name of the new member.
    #[arg(long, value_name = "NAME", default_value = "default")]
    name: String,

    /// Its data directory, which must not exist or be empty. [default: <name>.xebec]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// All members of the new cluster as name=peer-URL, separated by commas.
    #[arg(
        long,
        alias = "initial-cluster",
        value_name = "NAME=URL,...",
        value_delimiter = ',',
        required = true
    )]
    cluster_initial: Vec<InitialMember>,

    /// Never one that a cluster of the same members has had.
    #[arg(long, alias = "initial-cluster-token", value_name = "TEXT", default_value = "xebec")]
    cluster_token: String,

    /// The peer URLs of this member. [default: those of the list]
    #[arg(
        long,
        alias = "initial-advertise-peer-urls",
        value_name = "URL,...",
        value_delimiter = ','
    )]
    peer_advertise: Option<Vec<Url>>,
}

pub async fn run(snapshot: Snapshot) -> Result<(), Failure> {
    match snapshot.command {
        Command::Save { file, connection } => save::run(&file, &connection).await,
        Command::Status { file } => status(&file),
        Command::Restore(restore) => restore::run(restore).await,
    }
}

fn status(path: &Path) -> Result<(), Failure> {
    let snapshot = open(path)?;
    let manifest = snapshot.manifest();
    let mut table =
        table(["revision", "keys", "size", "hash", "cluster", "member", "term", "index"]);
    table.add_row([
        manifest.revision.to_string(),
        manifest.key_count.to_string(),
        size(i64::try_from(snapshot.size_bytes()).unwrap_or(i64::MAX)),
        format!("{:016x}", manifest.hash),
        format!("{:x}", manifest.cluster_id),
        format!("{:x}", manifest.member_id),
        manifest.position.term.to_string(),
        manifest.position.index.to_string(),
    ]);
    say(table);
    Ok(())
}

/// Opens and checks all of it.
fn open(path: &Path) -> Result<SnapshotFile, Failure> {
    SnapshotFile::open(path).map_err(|error| match error {
        SnapshotError::Io(error) => Failure::io(path.display(), &error),
        error => Failure::new(Kind::Data, format!("{}: {error}", path.display()))
            .remedy("take another snapshot: this one cannot be trusted"),
    })
}
