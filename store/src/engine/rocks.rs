//! The engine on RocksDB: the one place that names it.
//!
//! [`RocksHome`] is a directory that holds one database at a time and replaces it atomically by a
//! received checkpoint; [`RocksEngine`] is the open database. Two usages, told apart by the
//! [`Durability`] that the home is made for: the keyspace (no log of its own, all spaces flushed
//! together) and the Raft log (write-ahead log, synced by the caller).
//!
//! Invariants: a write never touches only part of the spaces after a crash; a damaged write-ahead
//! log is an error, never a silently shorter log; nothing outside the home's directory is written.

mod checkpoint;
mod cursor;
mod home;
mod options;
mod staging;

pub use home::RocksHome;
pub use options::{RocksOptions, SpaceOptions};

use super::{Batch, BatchOp, Checkpoint, Cursor, Durability, Engine, EngineError, Space};
use bytes::Bytes;
use checkpoint::CheckpointDir;
use cursor::RocksCursor;
use rocksdb::{ColumnFamily, DB, FlushOptions, WriteBatch, WriteOptions};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One open database.
pub struct RocksEngine {
    /// Only taken by `drop`.
    db: Option<DB>,
    options: RocksOptions,
    write_options: WriteOptions,
    dir: PathBuf,
    checkpoints: Arc<CheckpointDir>,
    /// Set when another database has taken this one's place: its files go with the last holder.
    retired: AtomicBool,
}

impl RocksEngine {
    /// Opens the database in `dir`. Unless `create`, it must exist.
    fn open(
        dir: PathBuf,
        options: RocksOptions,
        create: bool,
        checkpoints: Arc<CheckpointDir>,
    ) -> Result<Self, EngineError> {
        let db_options = options.database(create);
        let mut families = options.families();
        if !create {
            check_families(&dir, &db_options, &options)?;
        }
        families.push(options.default_family());
        let db = DB::open_cf_descriptors(&db_options, &dir, families).map_err(fault)?;
        let mut write_options = WriteOptions::default();
        write_options.disable_wal(options.durability == Durability::Unlogged);
        Ok(Self {
            db: Some(db),
            options,
            write_options,
            dir,
            checkpoints,
            retired: AtomicBool::new(false),
        })
    }

    /// The files of this database are removed when the last holder lets go of it.
    fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    fn db(&self) -> &DB {
        self.db.as_ref().expect("the database is there until the engine is dropped")
    }

    fn family(&self, space: Space) -> &ColumnFamily {
        self.db().cf_handle(space).expect("the space is declared by the home")
    }

    fn encode(&self, batch: &Batch) -> WriteBatch {
        let size = batch.ops.iter().map(op_size_bytes).sum();
        let mut encoded = WriteBatch::with_capacity_bytes(size);
        for op in &batch.ops {
            match op {
                BatchOp::Put { space, key, value } => {
                    encoded.put_cf(self.family(space), key, value);
                }
                BatchOp::Delete { space, key } => encoded.delete_cf(self.family(space), key),
                BatchOp::DeleteRange { space, from, to } if from < to => {
                    encoded.delete_range_cf(self.family(space), from, to);
                }
                BatchOp::DeleteRange { .. } => {}
            }
        }
        encoded
    }

    fn sum(&self, properties: &[&str]) -> u64 {
        let values = self.options.spaces.iter().flat_map(|space| {
            let family = self.family(space.name);
            properties.iter().filter_map(|property| {
                self.db().property_int_value_cf(family, *property).ok().flatten()
            })
        });
        values.sum()
    }
}

impl Engine for RocksEngine {
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError> {
        assert_eq!(durability, self.options.durability, "the durability is that of the home");
        self.db().write_opt(self.encode(&batch), &self.write_options).map_err(fault)
    }

    fn sync(&self) -> Result<(), EngineError> {
        match self.options.durability {
            Durability::Logged => self.db().flush_wal(true).map_err(fault),
            Durability::Unlogged => Ok(()),
        }
    }

    fn flush(&self) -> Result<(), EngineError> {
        if self.options.durability == Durability::Logged {
            return self.sync();
        }
        let families: Vec<_> = self.options.spaces.iter().map(|s| self.family(s.name)).collect();
        let mut wait = FlushOptions::default();
        wait.set_wait(true);
        self.db().flush_cfs_opt(&families, &wait).map_err(fault)
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        let value = self.db().get_pinned_cf(self.family(space), key).map_err(fault)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn cursor<'a>(
        &'a self,
        space: Space,
        from: &[u8],
        to: &[u8],
    ) -> Result<Box<dyn Cursor + 'a>, EngineError> {
        Ok(Box::new(RocksCursor::new(self.db(), self.family(space), from, to)))
    }

    fn checkpoint(&self) -> Result<Arc<dyn Checkpoint>, EngineError> {
        Ok(Arc::new(self.checkpoints.create(self.db())?))
    }

    fn size_bytes(&self) -> u64 {
        self.sum(&["rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables"])
    }

    fn live_bytes(&self) -> u64 {
        self.sum(&["rocksdb.estimate-live-data-size", "rocksdb.cur-size-all-mem-tables"])
    }
}

impl Drop for RocksEngine {
    fn drop(&mut self) {
        drop(self.db.take());
        if self.retired.load(Ordering::Acquire) {
            // What stays behind is removed when the home is opened again.
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// A space that this program does not know was written by a newer one: keep the hands off.
fn check_families(
    dir: &std::path::Path,
    db_options: &rocksdb::Options,
    options: &RocksOptions,
) -> Result<(), EngineError> {
    let families = DB::list_cf(db_options, dir).map_err(fault)?;
    for family in families {
        let known = family == rocksdb::DEFAULT_COLUMN_FAMILY_NAME
            || options.spaces.iter().any(|space| space.name == family);
        if !known {
            return Err(EngineError::Corrupt {
                message: format!("{}: unknown space {family:?}", dir.display()),
            });
        }
    }
    Ok(())
}

fn op_size_bytes(op: &BatchOp) -> usize {
    /// Tag, family and two lengths, in RocksDB's own encoding.
    const OVERHEAD_BYTES: usize = 16;
    OVERHEAD_BYTES
        + match op {
            BatchOp::Put { key, value, .. } => key.len() + value.len(),
            BatchOp::Delete { key, .. } => key.len(),
            BatchOp::DeleteRange { from, to, .. } => from.len() + to.len(),
        }
}

/// Tells the causes apart that a caller can act on.
fn fault(error: rocksdb::Error) -> EngineError {
    let kind = error.kind();
    let message = error.into_string();
    match kind {
        _ if message.contains("No space left on device")
            || message.contains("Disk quota exceeded") =>
        {
            EngineError::NoSpace { message }
        }
        rocksdb::ErrorKind::Corruption => EngineError::Corrupt { message },
        _ => EngineError::Io { message },
    }
}

/// The same for the files that are not RocksDB's.
fn io_fault(what: &std::path::Path) -> impl FnOnce(std::io::Error) -> EngineError {
    let what = what.display().to_string();
    move |error| {
        let message = format!("{what}: {error}");
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                EngineError::NoSpace { message }
            }
            _ => EngineError::Io { message },
        }
    }
}
