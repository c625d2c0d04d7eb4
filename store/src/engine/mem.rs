//! The engine in memory, with the losses and faults of a disk: for tests and the simulation.
//!
//! [`MemHome`] is the disk, [`MemEngine`] one process's view of it. [`MemHome::crash`] keeps a
//! prefix of the batches that were not durable, chosen by the caller, and leaves every engine
//! opened before it dead. [`Faults`] makes writes and reads fail.
//!
//! Deterministic: ordered maps, no clock, no randomness of its own, no threads.

mod checkpoint;
mod cursor;
mod disk;
mod home;

pub use disk::{Chooser, Fault, Faults};
pub use home::MemHome;

use super::{Batch, Checkpoint, Cursor, Durability, Engine, EngineError, Space};
use bytes::Bytes;
use checkpoint::MemCheckpoint;
use cursor::MemCursor;
use disk::{Disk, Spaces};
use parking_lot::Mutex;
use std::sync::Arc;

/// One opening of a [`MemHome`].
pub struct MemEngine {
    disk: Arc<Mutex<Disk>>,
    durability: Durability,
    /// The content of the disk that this engine was opened on; another one after a crash or an
    /// install.
    generation: u64,
    /// What is read once the disk holds another generation: a retired engine still serves those
    /// who hold it.
    last: Mutex<Spaces>,
}

impl MemEngine {
    fn open(disk: &Arc<Mutex<Disk>>, durability: Durability) -> Self {
        let (generation, last) = {
            let disk = disk.lock();
            (disk.generation(), disk.spaces().clone())
        };
        Self { disk: Arc::clone(disk), durability, generation, last: Mutex::new(last) }
    }

    /// The state that this engine shows.
    fn spaces(&self) -> Result<Spaces, EngineError> {
        let mut disk = self.disk.lock();
        disk.fail_read(self.generation)?;
        if disk.generation() != self.generation {
            return Ok(self.last.lock().clone());
        }
        Ok(disk.spaces().clone())
    }
}

impl Engine for MemEngine {
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError> {
        assert_eq!(durability, self.durability, "the durability is that of the home");
        let mut disk = self.disk.lock();
        disk.write(self.generation, batch)?;
        *self.last.lock() = disk.spaces().clone();
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        match self.durability {
            Durability::Logged => self.disk.lock().sync(self.generation),
            Durability::Unlogged => Ok(()),
        }
    }

    fn flush(&self) -> Result<(), EngineError> {
        self.disk.lock().sync(self.generation)
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        let spaces = self.spaces()?;
        let value = spaces.space(space).get(key);
        value.map(|value| value.read(space, key).cloned()).transpose()
    }

    fn cursor<'a>(
        &'a self,
        space: Space,
        from: &[u8],
        to: &[u8],
    ) -> Result<Box<dyn Cursor + 'a>, EngineError> {
        Ok(Box::new(MemCursor::new(space, self.spaces()?.space(space).clone(), from, to)))
    }

    fn checkpoint(&self) -> Result<Arc<dyn Checkpoint>, EngineError> {
        // As a checkpoint of a disk does: what it holds is durable.
        self.flush()?;
        Ok(Arc::new(MemCheckpoint::new(&self.spaces()?)?))
    }

    fn size_bytes(&self) -> u64 {
        self.disk.lock().spaces().size_bytes()
    }

    fn live_bytes(&self) -> u64 {
        self.size_bytes()
    }
}
