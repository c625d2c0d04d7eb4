//! Checkpoints: directories of hard links below the home, each removed with its last holder.

use super::super::{Checkpoint, CheckpointFile, EngineError};
use super::{fault, io_fault};
use bytes::{Bytes, BytesMut};
use rocksdb::DB;
use rocksdb::checkpoint::Checkpoint as RocksDbCheckpoint;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use xxhash_rust::xxh3::Xxh3;

/// Enough to keep the disk streaming.
const READ_BYTES: usize = 256 * 1024;

/// Where checkpoints are made. Whatever is there when the home is opened is stale.
pub(super) struct CheckpointDir {
    path: PathBuf,
    made: AtomicU64,
}

impl CheckpointDir {
    pub fn new(path: PathBuf) -> Self {
        Self { path, made: AtomicU64::new(0) }
    }

    pub fn clear(&self) -> Result<(), EngineError> {
        remove_dir(&self.path)
    }

    pub fn create(&self, db: &DB) -> Result<RocksCheckpoint, EngineError> {
        fs::create_dir_all(&self.path).map_err(io_fault(&self.path))?;
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let dir = TempDir(self.path.join(number.to_string()));
        // Flushes first: what is only in memory has no other way into the checkpoint.
        let checkpoint = RocksDbCheckpoint::new(db).map_err(fault)?;
        checkpoint.create_checkpoint(&dir.0).map_err(fault)?;
        Ok(RocksCheckpoint { dir, files: OnceLock::new() })
    }
}

pub(super) struct RocksCheckpoint {
    dir: TempDir,
    files: OnceLock<Vec<CheckpointFile>>,
}

impl Checkpoint for RocksCheckpoint {
    fn files(&self) -> Result<&[CheckpointFile], EngineError> {
        if let Some(files) = self.files.get() {
            return Ok(files);
        }
        let files = list(&self.dir.0)?;
        Ok(self.files.get_or_init(|| files))
    }

    fn read(&self, file: usize, offset: u64, len: usize) -> Result<Bytes, EngineError> {
        let listed = &self.files()?[file];
        let left = listed.size_bytes.saturating_sub(offset);
        let len = usize::try_from(left).map_or(len, |left| left.min(len));
        let path = self.dir.0.join(&listed.name);
        let mut bytes = BytesMut::zeroed(len);
        let source = File::open(&path).map_err(io_fault(&path))?;
        source.read_exact_at(&mut bytes, offset).map_err(io_fault(&path))?;
        Ok(bytes.freeze())
    }
}

struct TempDir(PathBuf);

impl Drop for TempDir {
    fn drop(&mut self) {
        // What stays behind is removed when the home is opened again.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The files of a directory by name, so that two checkpoints of the same state list alike.
fn list(dir: &Path) -> Result<Vec<CheckpointFile>, EngineError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(io_fault(dir))? {
        let entry = entry.map_err(io_fault(dir))?;
        let name = entry.file_name().into_string().map_err(|name| EngineError::Corrupt {
            message: format!("{}: unexpected file {}", dir.display(), name.display()),
        })?;
        let size_bytes = entry.metadata().map_err(io_fault(dir))?.len();
        files.push(CheckpointFile { name, size_bytes, digest: digest(&entry.path())? });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// xxh3-128 of a file, big-endian.
pub(super) fn digest(path: &Path) -> Result<Bytes, EngineError> {
    let mut file = File::open(path).map_err(io_fault(path))?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = file.read(&mut buffer).map_err(io_fault(path))?;
        if read == 0 {
            return Ok(Bytes::copy_from_slice(&hash.digest128().to_be_bytes()));
        }
        hash.update(&buffer[..read]);
    }
}

/// Removes a directory if it is there.
pub(super) fn remove_dir(path: &Path) -> Result<(), EngineError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_fault(path)(error)),
        _ => Ok(()),
    }
}
