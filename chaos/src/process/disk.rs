//! The replicas' disks: small ones of memory in a sandbox, which can be filled up.

use super::network::Node;
use super::{ProcessError, shell};
use std::path::{Path, PathBuf};

/// Of one replica's disk in a sandbox.
const SIZE_MIB: u64 = 256;

/// What a replica is told to keep free; below it, it refuses writes.
pub const RESERVE_MIB: u64 = 48;

const BALLAST: &str = "ballast";

#[derive(Debug, Clone)]
pub enum Disks {
    /// Directories on a disk of this machine, which is not to be filled.
    Directory(PathBuf),
    /// A file system of its own for each replica.
    Own(PathBuf),
}

impl Disks {
    pub fn can_fill(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    fn mount_point(&self, node: Node) -> PathBuf {
        match self {
            Self::Directory(root) | Self::Own(root) => root.join(format!("r{node}")),
        }
    }

    pub fn data(&self, node: Node) -> PathBuf {
        self.mount_point(node).join("data")
    }

    pub async fn add(&self, node: Node) -> Result<(), ProcessError> {
        let path = self.mount_point(node);
        let shown = path.display();
        std::fs::create_dir_all(&path).map_err(ProcessError::io(format!("directory {shown}")))?;
        if self.can_fill() {
            shell::run(&format!("mount -t tmpfs -o size={SIZE_MIB}m tmpfs {shown}")).await?;
        }
        Ok(())
    }

    /// Gives up a replica's disk with all that is on it.
    pub async fn remove(&self, node: Node) -> Result<(), ProcessError> {
        let path = self.mount_point(node);
        if self.can_fill() {
            shell::run(&format!("umount -l {}", path.display())).await?;
        }
        std::fs::remove_dir_all(&path)
            .map_err(ProcessError::io(format!("directory {}", path.display())))
    }

    /// Leaves `free_mib` on a replica's disk, or no byte at all.
    pub fn fill(&self, node: Node, free_mib: u64) -> Result<(), ProcessError> {
        let path = self.mount_point(node);
        let error = |source: nix::Error| ProcessError::Io {
            what: format!("ballast on {}", path.display()),
            source: source.into(),
        };
        let free_bytes = free_bytes(&path).map_err(error)?;
        let ballast = std::fs::File::create(path.join(BALLAST))
            .map_err(ProcessError::io("ballast on a replica's disk"))?;
        let length = free_bytes.saturating_sub(free_mib << 20);
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        if length == 0 {
            return Ok(());
        }
        let flags = nix::fcntl::FallocateFlags::empty();
        match nix::fcntl::fallocate(&ballast, flags, 0, length) {
            // The replica took the rest meanwhile, which will do.
            Ok(()) | Err(nix::Error::ENOSPC) => Ok(()),
            Err(source) => Err(error(source)),
        }
    }

    /// True while a fault fills the replica's disk.
    pub fn is_filled(&self, node: Node) -> bool {
        self.can_fill() && self.mount_point(node).join(BALLAST).exists()
    }

    pub fn unfill(&self, node: Node) -> Result<(), ProcessError> {
        std::fs::remove_file(self.mount_point(node).join(BALLAST))
            .map_err(ProcessError::io("ballast on a replica's disk"))
    }
}

fn free_bytes(path: &Path) -> nix::Result<u64> {
    let stat = nix::sys::statvfs::statvfs(path)?;
    Ok(stat.blocks_available() * stat.fragment_size())
}
