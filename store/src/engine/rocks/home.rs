//! The directory of one engine.
//!
//! ```text
//! current        the name of the database's directory, and whether it has been created
//! data-<n>/      the database
//! staging/       a checkpoint on its way in
//! checkpoints/   checkpoints on their way out
//! ```
//!
//! `current` is only ever replaced by an atomic rename, made durable before anything relies on
//! it: at every moment it names a whole database. Other `data-<n>` are leftovers.

use super::super::{CheckpointFile, Engine, EngineError, EngineHome, Staging};
use super::checkpoint::{CheckpointDir, remove_dir};
use super::staging::RocksStaging;
use super::{RocksEngine, RocksOptions, io_fault};
use parking_lot::Mutex;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

const CURRENT: &str = "current";
const DATA: &str = "data-";
const STAGING: &str = "staging";
const CHECKPOINTS: &str = "checkpoints";

/// Written beside the name as long as the database may not exist yet.
const NEW: &str = "new";
const READY: &str = "ready";

pub struct RocksHome {
    path: PathBuf,
    options: RocksOptions,
    checkpoints: Arc<CheckpointDir>,
    stagings: Arc<AtomicU64>,
    engine: Mutex<Weak<RocksEngine>>,
}

/// What `current` says.
struct Current {
    number: u64,
    ready: bool,
}

impl RocksHome {
    /// Names the place; nothing is touched before [`EngineHome::open`].
    pub fn new(path: impl Into<PathBuf>, options: RocksOptions) -> Self {
        let path = path.into();
        let checkpoints = Arc::new(CheckpointDir::new(path.join(CHECKPOINTS)));
        let engine = Mutex::new(Weak::new());
        Self { path, options, checkpoints, stagings: Arc::default(), engine }
    }

    fn data(&self, number: u64) -> PathBuf {
        self.path.join(format!("{DATA}{number}"))
    }

    fn read_current(&self) -> Result<Option<Current>, EngineError> {
        let path = self.path.join(CURRENT);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_fault(&path)(error)),
        };
        let parsed = text.trim_end().split_once(' ').and_then(|(name, state)| {
            let number = name.strip_prefix(DATA)?.parse().ok()?;
            matches!(state, NEW | READY).then_some(Current { number, ready: state == READY })
        });
        let damaged = || EngineError::Corrupt { message: format!("{}: {text:?}", path.display()) };
        parsed.ok_or_else(damaged).map(Some)
    }

    fn write_current(&self, current: &Current) -> Result<(), EngineError> {
        let state = if current.ready { READY } else { NEW };
        let text = format!("{DATA}{} {state}\n", current.number);
        write_atomically(&self.path, CURRENT, text.as_bytes())
    }

    /// The numbers of the databases in the directory, whole or not.
    fn numbers(&self) -> Result<Vec<u64>, EngineError> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(io_fault(&self.path))? {
            let entry = entry.map_err(io_fault(&self.path))?;
            let name = entry.file_name();
            let number: Option<u64> =
                name.to_str().and_then(|name| name.strip_prefix(DATA)?.parse().ok());
            numbers.extend(number);
        }
        Ok(numbers)
    }

    /// `current` for an empty home. A database without it is not ours to overwrite.
    fn begin(&self) -> Result<Current, EngineError> {
        if let Some(number) = self.numbers()?.first() {
            return Err(EngineError::Corrupt {
                message: format!("{}: {DATA}{number} without {CURRENT}", self.path.display()),
            });
        }
        let current = Current { number: 1, ready: false };
        self.write_current(&current)?;
        Ok(current)
    }

    /// Opens what `current` says, creating it if it never was whole.
    fn open_current(&self, current: &mut Current) -> Result<Arc<RocksEngine>, EngineError> {
        let dir = self.data(current.number);
        let create = !current.ready;
        if create {
            remove_dir(&dir)?;
        }
        let checkpoints = Arc::clone(&self.checkpoints);
        let engine = Arc::new(RocksEngine::open(dir, self.options, create, checkpoints)?);
        if create {
            sync_dir(&self.path)?;
            current.ready = true;
            self.write_current(current)?;
        }
        Ok(engine)
    }

    fn remove_leftovers(&self, current: &Current) -> Result<(), EngineError> {
        for number in self.numbers()? {
            if number != current.number {
                remove_dir(&self.data(number))?;
            }
        }
        self.checkpoints.clear()
    }

    /// Puts a checked, durable directory in the place of the database. It becomes the current one
    /// only if it opens.
    fn replace(&self, content: &Path) -> Result<Arc<RocksEngine>, EngineError> {
        let newest = self.numbers()?.into_iter().max().unwrap_or(0);
        let mut current = Current { number: newest + 1, ready: true };
        let dir = self.data(current.number);
        fs::rename(content, &dir).map_err(io_fault(&dir))?;
        sync_dir(&self.path)?;
        let engine = self.open_current(&mut current)?;
        self.write_current(&current)?;
        Ok(engine)
    }
}

impl EngineHome for RocksHome {
    fn open(&self) -> Result<Arc<dyn Engine>, EngineError> {
        fs::create_dir_all(&self.path).map_err(io_fault(&self.path))?;
        let found = self.read_current()?;
        let mut current = found.map_or_else(|| self.begin(), Ok)?;
        // Before anything is removed: opening takes the lock against a second process.
        let engine = self.open_current(&mut current)?;
        self.remove_leftovers(&current)?;
        *self.engine.lock() = Arc::downgrade(&engine);
        Ok(engine)
    }

    fn stage(&self, files: &[CheckpointFile]) -> Result<Box<dyn Staging>, EngineError> {
        let stagings = Arc::clone(&self.stagings);
        Ok(Box::new(RocksStaging::open(self.path.join(STAGING), files, stagings)?))
    }

    fn install(&self, mut staging: Box<dyn Staging>) -> Result<Arc<dyn Engine>, EngineError> {
        let staging = staging
            .as_any()
            .downcast_mut::<RocksStaging>()
            .expect("the staging area was made by this home");
        if !staging.is_current() {
            return Err(EngineError::Io { message: "another transfer has begun".into() });
        }
        let content = staging.complete()?;
        let before = self.read_current()?;
        let engine = self.replace(&content)?;
        let old = std::mem::replace(&mut *self.engine.lock(), Arc::downgrade(&engine));
        match (old.upgrade(), before) {
            (Some(old), _) => old.retire(),
            (None, Some(before)) => remove_dir(&self.data(before.number))?,
            (None, None) => {}
        }
        remove_dir(&self.path.join(STAGING))?;
        Ok(engine)
    }

    fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.path).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn path(&self) -> Option<PathBuf> {
        Some(self.path.clone())
    }
}

/// Replaces a small file so that a crash leaves either the old or the new content, and the new
/// one once this returns.
pub(super) fn write_atomically(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), EngineError> {
    let temporary = dir.join(format!("{name}.tmp"));
    let write = |file: &mut File| file.write_all(bytes).and_then(|()| file.sync_all());
    File::create(&temporary).and_then(|mut file| write(&mut file)).map_err(io_fault(&temporary))?;
    fs::rename(&temporary, dir.join(name)).map_err(io_fault(dir))?;
    sync_dir(dir)
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), EngineError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_fault(dir))
}
