//! Saving: the stream of a replica into a file that is whole or not there.

use super::open;
use crate::client::{Connection, failure};
use crate::failure::{Failure, Kind};
use crate::status::size;
use crate::surroundings::say;
use std::path::{Path, PathBuf};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use xebec_apiserver::etcd::proto::etcdserverpb::SnapshotRequest;

pub async fn run(path: &Path, connection: &Connection) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::new(Kind::Failed, format!("{} exists already", path.display()))
            .remedy("give a new name: a backup is never overwritten"));
    }
    let partial = Partial::beside(path);
    let endpoints = connection.resolve()?;
    let client = endpoints.any().await?;
    let stream = client.without_deadline().snapshot(SnapshotRequest {}).await;
    let mut stream = stream.map_err(|status| failure(&client.url, &status))?.into_inner();
    let failed = |error: std::io::Error| Failure::io(partial.0.display(), &error);
    let mut file = File::create_new(&partial.0).await.map_err(failed)?;
    while let Some(part) = stream.message().await.map_err(|status| failure(&client.url, &status))? {
        file.write_all(&part.blob).await.map_err(failed)?;
    }
    file.sync_all().await.map_err(failed)?;
    let snapshot = open(&partial.0)?;
    std::fs::rename(&partial.0, path).map_err(failed)?;
    let bytes = i64::try_from(snapshot.size_bytes()).unwrap_or(i64::MAX);
    let revision = snapshot.manifest().revision;
    say(format_args!("Saved revision {revision} ({}) to {}", size(bytes), path.display()));
    Ok(())
}

/// A file that is removed unless it has been renamed.
struct Partial(PathBuf);

impl Partial {
    fn beside(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(".part");
        Self(PathBuf::from(name))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
