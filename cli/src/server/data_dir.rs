//! [`DataDir`]: the directory of one replica, and who it belongs to.
//!
//! ```text
//! lock          held while the replica runs
//! member.toml   who the replica is, for life: see MemberFile
//! log/          the Raft log
//! state/        the keyspace
//! ```
//!
//! Invariant: a directory belongs to one member of one cluster from its first start on. A member
//! that has lost its log must not come back under its id: it could vote twice in a term.

use crate::failure::{Failure, Kind};
use crate::lock::DirLock;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use xebec_raft::Identity;

/// `member.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberFile {
    /// Version of this file and of the directory's layout.
    pub format: u32,
    pub name: String,
    /// Hexadecimal, as etcd writes ids.
    pub cluster_id: String,
    pub member_id: String,
    /// True once there is a log: from then on a missing one is lost data.
    pub started: bool,
}

const FORMAT: u32 = 1;

pub struct DataDir {
    path: PathBuf,
    member: Option<MemberFile>,
    _lock: DirLock,
}

impl DataDir {
    /// Creates the directory if need be, locks it, and checks that it can be of the member `name`.
    pub fn open(path: &Path, name: &str) -> Result<Self, Failure> {
        std::fs::create_dir_all(path).map_err(|error| Failure::io(path.display(), &error))?;
        let lock = DirLock::acquire(&path.join("lock"), "the data in")?;
        let member = read(path)?;
        match &member {
            Some(member) => check(path, member, name)?,
            None => check_empty(path)?,
        }
        Ok(Self { path: path.to_owned(), member, _lock: lock })
    }

    /// Who the replica is; None before its first start.
    pub fn identity(&self) -> Result<Option<Identity>, Failure> {
        let Some(member) = &self.member else { return Ok(None) };
        let id = |text: &str| {
            u64::from_str_radix(text, 16)
                .map_err(|error| unusable(&self.path, format_args!("{text:?} is no id: {error}")))
        };
        let cluster_id = id(&member.cluster_id)?;
        Ok(Some(Identity { cluster_id, member_id: id(&member.member_id)? }))
    }

    /// Writes down who the replica is, before anything else is written.
    pub fn claim(&mut self, name: &str, identity: Identity) -> Result<(), Failure> {
        let member = MemberFile::new(name, identity);
        member.write(&self.path)?;
        self.member = Some(member);
        Ok(())
    }

    /// From now on the log must be there.
    pub fn mark_started(&mut self) -> Result<(), Failure> {
        match &mut self.member {
            Some(member) if !member.started => {
                member.started = true;
                member.write(&self.path)
            }
            _ => Ok(()),
        }
    }

    pub fn log(&self) -> PathBuf {
        log(&self.path)
    }

    pub fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl MemberFile {
    pub fn new(name: &str, identity: Identity) -> Self {
        Self {
            format: FORMAT,
            name: name.to_owned(),
            cluster_id: format!("{:016x}", identity.cluster_id),
            member_id: format!("{:016x}", identity.member_id),
            started: false,
        }
    }

    pub fn write(&self, dir: &Path) -> Result<(), Failure> {
        let text = toml::to_string(self).expect("a member file is made of TOML's types");
        let text =
            format!("# Who this replica is. Written by xebec; never edit or copy it.\n\n{text}");
        Ok(crate::pki::write_private(&dir.join("member.toml"), &text)?)
    }
}

fn log(dir: &Path) -> PathBuf {
    dir.join("log")
}

fn unusable(dir: &Path, problem: impl std::fmt::Display) -> Failure {
    Failure::new(Kind::Data, format!("{}: {problem}", dir.join("member.toml").display()))
        .remedy("restore a snapshot, or replace this member: docs/operations.md")
}

fn read(dir: &Path) -> Result<Option<MemberFile>, Failure> {
    let path = dir.join("member.toml");
    match std::fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).map(Some).map_err(|error| unusable(dir, error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io(path.display(), &error)),
    }
}

fn check(dir: &Path, member: &MemberFile, name: &str) -> Result<(), Failure> {
    if member.format > FORMAT {
        let problem = format!("has format {}, this build knows up to {FORMAT}", member.format);
        return Err(Failure::new(Kind::Data, format!("{}: {problem}", dir.display()))
            .remedy("start the newer version of xebec that wrote it"));
    }
    if member.name != name {
        let message = format!("{} holds the data of {}, not of {name}", dir.display(), member.name);
        return Err(Failure::new(Kind::Data, message).remedy("give the right --data-dir or --name"));
    }
    if member.started && !log(dir).is_dir() {
        let message = format!("{} has lost its Raft log", dir.display());
        return Err(Failure::new(Kind::Data, message).remedy(
            "remove this member (xebec member remove), add it anew and start it with an empty directory",
        ));
    }
    Ok(())
}

/// Only what an interrupted first start leaves may be there.
fn check_empty(dir: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::io(dir.display(), &error);
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if !["lock", "member.toml.new", "lost+found"].iter().any(|known| name == *known) {
            let message = format!(
                "{} holds something else ({}) and no member.toml",
                dir.display(),
                name.display()
            );
            return Err(Failure::new(Kind::Data, message).remedy(
                "give an empty or new --data-dir; if member.toml was lost, replace this member",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: Identity = Identity { cluster_id: 0xc, member_id: 0xabc };

    #[test]
    fn a_directory_is_claimed_for_life() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("m1");
        let mut data = DataDir::open(&path, "m1").expect("new");
        assert_eq!(data.identity().expect("none yet"), None);
        data.claim("m1", IDENTITY).expect("writable");
        drop(data);
        let data = DataDir::open(&path, "m1").expect("its own");
        assert_eq!(data.identity().expect("readable"), Some(IDENTITY));
        drop(data);
        let failure = DataDir::open(&path, "m2").err().expect("another's");
        assert_eq!(failure.kind, Kind::Data);
        assert!(failure.message.contains("the data of m1, not of m2"), "{failure}");
    }

    #[test]
    fn a_started_member_needs_its_log() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut data = DataDir::open(dir.path(), "m1").expect("new");
        data.claim("m1", IDENTITY).expect("writable");
        std::fs::create_dir(data.log()).expect("writable");
        data.mark_started().expect("writable");
        drop(data);
        drop(DataDir::open(dir.path(), "m1").expect("complete"));
        std::fs::remove_dir(dir.path().join("log")).expect("was there");
        let failure = DataDir::open(dir.path(), "m1").err().expect("incomplete");
        assert!(failure.message.contains("lost its Raft log"), "{failure}");
    }

    #[test]
    fn foreign_directories_are_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("thesis.txt"), "").expect("writable");
        let failure = DataDir::open(dir.path(), "m1").err().expect("not ours");
        assert!(failure.message.contains("thesis.txt"), "{failure}");
    }

    #[test]
    fn one_process_at_a_time() {
        let dir = tempfile::tempdir().expect("a directory");
        let _held = DataDir::open(dir.path(), "m1").expect("free");
        let failure = DataDir::open(dir.path(), "m1").err().expect("held");
        assert_eq!(failure.kind, Kind::InUse);
    }
}
