//! Restoring: the data directory of one member of a new cluster.

use super::{Restore, open};
use crate::config::{Url, by_name};
use crate::failure::{Failure, Kind};
use crate::server::{DataDir, engine_failure, log_home, state_home};
use crate::surroundings::say;
use std::path::{Path, PathBuf};
use xebec_apiserver::etcd::snapshot::SnapshotFile;
use xebec_raft::{Identity, Member};
use xebec_store::engine::EngineHome;
use xebec_store::{Options, Store};

pub async fn run(restore: Restore) -> Result<(), Failure> {
    let name = restore.name.clone();
    let (cluster_id, members) = members(&restore)?;
    let own = members.iter().find(|member| member.name == name).map(|member| member.id);
    let member_id = own.ok_or_else(|| {
        Failure::new(Kind::Configuration, format!("--cluster-initial does not name {name:?}"))
    })?;
    let mut snapshot = open(&restore.file)?;
    if snapshot.manifest().cluster_id == cluster_id {
        return Err(Failure::new(
            Kind::Configuration,
            "the new cluster would have the id of the old one",
        )
        .remedy("give a --cluster-token that was not used before"));
    }
    let dir = restore.data_dir.unwrap_or_else(|| PathBuf::from(format!("{name}.xebec")));
    let mut data = DataDir::open(&dir, &name)?;
    if data.identity()?.is_some() {
        return Err(Failure::new(Kind::Data, format!("{} holds a member already", dir.display()))
            .remedy("restore into an empty directory"));
    }
    // The member file comes last: a directory without one does not start.
    let state = state_home(&data);
    fill(&*state, &mut snapshot, &dir)?;
    let store = Store::open(state, Options::new(member_id))
        .map_err(|error| Failure::new(Kind::Data, format!("{}: {error}", dir.display())))?;
    let revision = store.view().revision();
    xebec_raft::restore::restore(&store, log_home(&data), members, member_id)
        .await
        .map_err(|error| Failure::new(Kind::Failed, format!("{}: {error}", dir.display())))?;
    data.claim(&name, Identity { cluster_id, member_id })?;
    data.mark_started()?;
    say(format_args!(
        "Restored revision {revision} as member {member_id:x} ({name}) of cluster {cluster_id:x} in {}",
        dir.display()
    ));
    say(
        "Restore the other members from the same file, then start them all: xebec server --name ... --data-dir ...",
    );
    Ok(())
}

/// The new cluster's id and members.
fn members(restore: &Restore) -> Result<(u64, Vec<Member>), Failure> {
    let mut members = by_name(&restore.cluster_initial);
    if let Some(urls) = &restore.peer_advertise {
        let own = members.iter().find(|(name, _)| *name == restore.name);
        if own.is_some_and(|(_, listed)| listed != urls) {
            let message = "--peer-advertise and --cluster-initial give different URLs";
            return Err(Failure::new(Kind::Configuration, message));
        }
    }
    let members: Vec<(String, Vec<String>)> = members
        .drain(..)
        .map(|(name, urls)| (name, urls.iter().map(Url::to_string).collect()))
        .collect();
    Ok(xebec_raft::identity::initial_cluster(&members, &restore.cluster_token))
}

/// Puts the files of the snapshot in the place of the keyspace.
fn fill(state: &dyn EngineHome, snapshot: &mut SnapshotFile, dir: &Path) -> Result<(), Failure> {
    let failed = |error| engine_failure(dir, &error);
    let mut staging = state.stage(&snapshot.manifest().files).map_err(failed)?;
    snapshot
        .restore(&mut *staging)
        .map_err(|error| Failure::new(Kind::Data, format!("{}: {error}", dir.display())))?;
    drop(state.install(staging).map_err(failed)?);
    Ok(())
}
