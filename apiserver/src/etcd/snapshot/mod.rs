//! Snapshots as one file: what `Maintenance.Snapshot` streams, `etcdctl snapshot save` writes and
//! `xebec snapshot restore` reads.
//!
//! Layout, numbers big-endian:
//!
//! ```text
//! "XEBECSNP"            8 bytes
//! format version        u32, 1
//! length of manifest    u32
//! manifest              protobuf Manifest
//! contents              of the manifest's files, in its order
//! padding               zeros, up to a multiple of 512
//! digest                SHA-256 of everything before it
//! ```
//!
//! etcd's client takes a file for complete if its length is 32 more than a multiple of 512: hence
//! the padding. A format version is never changed, only added to.

mod read;
mod write;

use bytes::Bytes;
pub use read::{SnapshotError, SnapshotFile};
pub use write::stream;
use xebec_store::LogPosition;
use xebec_store::engine::CheckpointFile;

pub(crate) const MAGIC: &[u8; 8] = b"XEBECSNP";
pub(crate) const VERSION: u32 = 1;
/// Magic, version and length of the manifest.
pub(crate) const PREFIX_BYTES: usize = 16;
pub(crate) const BLOCK_BYTES: u64 = 512;
pub(crate) const DIGEST_BYTES: usize = 32;
/// A manifest names some hundred files; this is far above.
pub(crate) const MANIFEST_BYTES_MAX: usize = 16 * 1_048_576;

/// What a snapshot says of itself. Fields are only ever added.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Manifest {
    #[prost(fixed64, tag = "1")]
    pub cluster_id: u64,
    /// The member that made it.
    #[prost(fixed64, tag = "2")]
    pub member_id: u64,
    #[prost(message, required, tag = "3")]
    pub position: LogPosition,
    /// The members at that position, in the consensus layer's encoding.
    #[prost(bytes = "bytes", tag = "4")]
    pub membership: Bytes,
    #[prost(message, repeated, tag = "5")]
    pub files: Vec<CheckpointFile>,
    /// As they stood just before the snapshot was made: it may hold somewhat more.
    #[prost(int64, tag = "6")]
    pub revision: i64,
    #[prost(uint64, tag = "7")]
    pub key_count: u64,
    /// Rolling hash at `revision`.
    #[prost(fixed64, tag = "8")]
    pub hash: u64,
    /// The etcd API version that the member served.
    #[prost(string, tag = "9")]
    pub server_version: String,
}

impl Manifest {
    /// Bytes of all files.
    pub fn content_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).fold(0, u64::saturating_add)
    }
}

/// Zeros after `len` bytes.
pub(crate) fn padding_bytes(len: u64) -> u64 {
    len.next_multiple_of(BLOCK_BYTES) - len
}

#[cfg(test)]
mod tests;
