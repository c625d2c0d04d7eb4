//! The place of a [`MemEngine`]: survives crashes, takes faults, receives checkpoints.

use super::super::{CheckpointFile, Durability, Engine, EngineError, EngineHome, Space, Staging};
use super::MemEngine;
use super::checkpoint::{digest, restore};
use super::disk::{Chooser, Disk, Faults, Spaces, Value};
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;

/// Clones are the same disk.
#[derive(Clone)]
pub struct MemHome {
    spaces: &'static [Space],
    durability: Durability,
    disk: Arc<Mutex<Disk>>,
    staged: Arc<Mutex<Staged>>,
    free_bytes: Arc<Mutex<Option<u64>>>,
}

/// A transfer, and what has arrived of it.
#[derive(Default)]
struct Staged {
    number: u64,
    files: Vec<CheckpointFile>,
    contents: Vec<Vec<u8>>,
}

impl MemHome {
    pub fn new(spaces: &'static [Space], durability: Durability) -> Self {
        Self {
            spaces,
            durability,
            disk: Arc::new(Mutex::new(Disk::new(Spaces::new(spaces)))),
            staged: Arc::default(),
            free_bytes: Arc::default(),
        }
    }

    /// The machine stops: of the batches that are not durable, the first `choose(n)` of `n` are
    /// kept, and of each staged file, its first `choose(len)` bytes. Every engine opened before
    /// fails from now on. (A process that is killed keeps all: `|n| n`, if it writes a log.)
    pub fn crash(&self, choose: Chooser<'_>) {
        self.disk.lock().crash(&mut *choose);
        let mut staged = self.staged.lock();
        staged.number += 1;
        for content in &mut staged.contents {
            let kept = choose(content.len() as u64);
            content.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        }
    }

    /// Sets what goes wrong next. A crash clears it.
    pub fn inject(&self, faults: Faults) {
        *self.disk.lock().faults() = faults;
    }

    /// What [`EngineHome::free_bytes`] says from now on.
    pub fn set_free_bytes(&self, free_bytes: Option<u64>) {
        *self.free_bytes.lock() = free_bytes;
    }

    /// Makes a value unreadable: the disk notices, and says so when it is read. False if there is
    /// no such key.
    pub fn make_unreadable(&self, space: Space, key: &[u8]) -> bool {
        self.disk.lock().damage(space, key, &|value| Value::Unreadable(value.clone()))
    }

    /// Replaces a value behind everyone's back: the disk does not notice. False if there is no
    /// such key.
    pub fn alter(&self, space: Space, key: &[u8], change: impl Fn(&[u8]) -> Vec<u8>) -> bool {
        self.disk.lock().damage(space, key, &|value| Value::Good(change(value).into()))
    }
}

impl EngineHome for MemHome {
    fn open(&self) -> Result<Arc<dyn Engine>, EngineError> {
        Ok(Arc::new(MemEngine::open(&self.disk, self.durability)))
    }

    fn stage(&self, files: &[CheckpointFile]) -> Result<Box<dyn Staging>, EngineError> {
        let mut staged = self.staged.lock();
        let mut contents = vec![Vec::new(); files.len()];
        let before = std::mem::take(&mut staged.contents);
        for (file, content) in staged.files.iter().zip(before) {
            if let Some(index) = files.iter().position(|wanted| wanted == file) {
                contents[index] = content;
            }
        }
        staged.number += 1;
        staged.files = files.to_vec();
        staged.contents = contents;
        Ok(Box::new(MemStaging { staged: Arc::clone(&self.staged), number: staged.number }))
    }

    fn install(&self, mut staging: Box<dyn Staging>) -> Result<Arc<dyn Engine>, EngineError> {
        let staging = staging
            .as_any()
            .downcast_mut::<MemStaging>()
            .expect("the staging area was made by this home");
        let mut staged = self.staged.lock();
        staging.check(&staged)?;
        let mut spaces = Spaces::new(self.spaces);
        let Staged { files, contents, .. } = &mut *staged;
        for (file, content) in files.iter().zip(contents) {
            if content.len() as u64 != file.size_bytes {
                return Err(EngineError::Corrupt { message: "checkpoint is not complete".into() });
            }
            if digest(content) != file.digest {
                content.clear();
                return Err(EngineError::Corrupt {
                    message: format!("checkpoint file {:?} differs from its digest", file.name),
                });
            }
            restore(self.spaces, &file.name, content, &mut spaces)?;
        }
        self.disk.lock().replace(spaces);
        *staged = Staged { number: staged.number + 1, ..Staged::default() };
        self.open()
    }

    fn free_bytes(&self) -> Option<u64> {
        *self.free_bytes.lock()
    }

    fn path(&self) -> Option<PathBuf> {
        None
    }
}

struct MemStaging {
    staged: Arc<Mutex<Staged>>,
    number: u64,
}

impl MemStaging {
    fn check(&self, staged: &Staged) -> Result<(), EngineError> {
        if self.number == staged.number {
            return Ok(());
        }
        Err(EngineError::Io { message: "another transfer has begun".into() })
    }
}

impl Staging for MemStaging {
    fn received_bytes(&self, file: usize) -> u64 {
        self.staged.lock().contents.get(file).map_or(0, |content| content.len() as u64)
    }

    fn write(&mut self, file: usize, offset: u64, bytes: &[u8]) -> Result<(), EngineError> {
        let mut staged = self.staged.lock();
        self.check(&staged)?;
        let end = offset + bytes.len() as u64;
        let size_bytes = staged.files[file].size_bytes;
        let content = &mut staged.contents[file];
        if offset != content.len() as u64 || end > size_bytes {
            return Err(EngineError::Corrupt {
                message: format!("checkpoint: bytes {offset}..{end} do not follow"),
            });
        }
        content.extend_from_slice(bytes);
        Ok(())
    }

    fn as_any(&mut self) -> &mut dyn std::any::Any {
        self
    }
}
