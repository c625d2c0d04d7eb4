//! Where the files of a checkpoint from elsewhere arrive.
//!
//! `staging/files` holds what has arrived, `staging/list` what is expected. The list is written
//! before any file, so that after a restart each file found is known for what it is.

use super::super::{CheckpointFile, EngineError, Staging};
use super::checkpoint::{digest, remove_dir};
use super::home::{sync_dir, write_atomically};
use super::io_fault;
use prost::Message;
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const LIST: &str = "list";
const FILES: &str = "files";

/// Longer names than RocksDB ever makes.
const NAME_BYTES_MAX: usize = 64;

#[derive(Clone, PartialEq, prost::Message)]
struct FileList {
    #[prost(message, repeated, tag = "1")]
    files: Vec<CheckpointFile>,
}

pub(super) struct RocksStaging {
    dir: PathBuf,
    files: Vec<CheckpointFile>,
    received_bytes: Vec<u64>,
    open: Option<(usize, File)>,
    /// The home's current staging area has the number that it had when this one was made.
    number: u64,
    newest: Arc<AtomicU64>,
}

impl RocksStaging {
    /// Takes up what an earlier transfer left in `dir`, as far as it belongs to `files`.
    pub fn open(
        dir: PathBuf,
        files: &[CheckpointFile],
        newest: Arc<AtomicU64>,
    ) -> Result<Self, EngineError> {
        check_names(files)?;
        let number = newest.fetch_add(1, Ordering::AcqRel) + 1;
        keep_known(&dir, files)?;
        let content = dir.join(FILES);
        fs::create_dir_all(&content).map_err(io_fault(&content))?;
        let list = FileList { files: files.to_vec() };
        write_atomically(&dir, LIST, &list.encode_to_vec())?;
        let mut received_bytes = Vec::with_capacity(files.len());
        for file in files {
            received_bytes.push(len_or_zero(&content.join(&file.name), file.size_bytes)?);
        }
        Ok(Self { dir, files: files.to_vec(), received_bytes, open: None, number, newest })
    }

    pub fn is_current(&self) -> bool {
        self.number == self.newest.load(Ordering::Acquire)
    }

    /// Checks every file and makes all of them durable. Returns the directory that holds them.
    pub fn complete(&mut self) -> Result<PathBuf, EngineError> {
        self.open = None;
        let content = self.dir.join(FILES);
        for (index, file) in self.files.iter().enumerate() {
            let path = content.join(&file.name);
            if self.received_bytes[index] != file.size_bytes {
                let received = self.received_bytes[index];
                return Err(EngineError::Corrupt {
                    message: format!(
                        "checkpoint is not complete: {received} of {} bytes of {:?}",
                        file.size_bytes, file.name
                    ),
                });
            }
            if file.size_bytes == 0 {
                File::create(&path).map_err(io_fault(&path))?;
            }
            if digest(&path)? != file.digest {
                fs::remove_file(&path).map_err(io_fault(&path))?;
                return Err(EngineError::Corrupt {
                    message: format!("checkpoint file {:?} differs from its digest", file.name),
                });
            }
            File::open(&path).and_then(|file| file.sync_all()).map_err(io_fault(&path))?;
        }
        sync_dir(&content)?;
        Ok(content)
    }

    fn file(&mut self, index: usize) -> Result<&File, EngineError> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != index) {
            let path = self.dir.join(FILES).join(&self.files[index].name);
            let mut options = OpenOptions::new();
            let file = options.create(true).append(false).truncate(false).write(true);
            self.open = Some((index, file.open(&path).map_err(io_fault(&path))?));
        }
        Ok(&self.open.as_ref().expect("just opened").1)
    }
}

impl Staging for RocksStaging {
    fn received_bytes(&self, file: usize) -> u64 {
        self.received_bytes[file]
    }

    fn write(&mut self, file: usize, offset: u64, bytes: &[u8]) -> Result<(), EngineError> {
        let end = offset + bytes.len() as u64;
        if !self.is_current() {
            return Err(EngineError::Io { message: "another transfer has begun".into() });
        }
        if offset != self.received_bytes[file] || end > self.files[file].size_bytes {
            return Err(EngineError::Corrupt {
                message: format!(
                    "checkpoint file {:?}: bytes {offset}..{end} do not follow",
                    self.files[file].name
                ),
            });
        }
        let path = self.dir.join(FILES);
        self.file(file)?.write_all_at(bytes, offset).map_err(io_fault(&path))?;
        self.received_bytes[file] = end;
        Ok(())
    }

    fn as_any(&mut self) -> &mut dyn std::any::Any {
        self
    }
}

/// The names come from another machine and become paths here.
fn check_names(files: &[CheckpointFile]) -> Result<(), EngineError> {
    let mut seen = HashSet::new();
    for file in files {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let name = file.name.as_str();
        let valid = !name.is_empty()
            && name.len() <= NAME_BYTES_MAX
            && !name.starts_with('.')
            && name.bytes().all(plain)
            && seen.insert(name);
        if !valid {
            return Err(EngineError::Corrupt {
                message: format!("checkpoint lists a file {name:?}"),
            });
        }
    }
    Ok(())
}

/// Removes what the wanted list does not have in common with the list of the transfer before.
fn keep_known(dir: &Path, wanted: &[CheckpointFile]) -> Result<(), EngineError> {
    let path = dir.join(LIST);
    let before = match fs::read(&path) {
        Ok(bytes) => FileList::decode(bytes.as_slice()).unwrap_or_default().files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(io_fault(&path)(error)),
    };
    let common: HashSet<_> =
        before.iter().filter(|file| wanted.contains(file)).map(|file| file.name.as_str()).collect();
    let content = dir.join(FILES);
    // An install that a crash cut short has taken the files away.
    if common.is_empty() || !content.is_dir() {
        return remove_dir(dir);
    }
    for entry in fs::read_dir(&content).map_err(io_fault(&content))? {
        let entry = entry.map_err(io_fault(&content))?;
        if entry.file_name().to_str().is_none_or(|name| !common.contains(name)) {
            fs::remove_file(entry.path()).map_err(io_fault(&content))?;
        }
    }
    Ok(())
}

/// What is there of a file; nothing if it is longer than it can be.
fn len_or_zero(path: &Path, max: u64) -> Result<u64, EngineError> {
    match fs::metadata(path) {
        Ok(found) if found.len() <= max => Ok(found.len()),
        Ok(_) => fs::remove_file(path).map_err(io_fault(path)).map(|()| 0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(io_fault(path)(error)),
    }
}
