//! The shell around one replica's keyspace: disk, views, watches.

use crate::engine::{Checkpoint, EngineError, EngineHome, Staging};
use crate::entry::{Entry, LogPosition};
use crate::options::Options;
use crate::outcome::Outcome;
use crate::view::View;
use bytes::Bytes;
use std::sync::Arc;

/// One replica's keyspace.
pub struct Store {}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the keyspace cannot be read")]
    Engine(#[from] EngineError),
    #[error("the keyspace has format {found}; this build knows up to {known}")]
    Format { found: u32, known: u32 },
}

/// How much one step of physical compaction may do.
#[derive(Debug, Clone, Copy)]
pub struct CompactBudget {
    /// Changes looked at.
    pub changes: usize,
}

/// Where physical compaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is left to drop.
    Idle,
    /// There is more to do: call again after a pause.
    More { dropped: usize },
}

impl Store {
    pub fn open(_home: Arc<dyn EngineHome>, _options: Options) -> Result<Store, OpenError> {
        unimplemented!()
    }
    pub fn applied(&self) -> (Option<LogPosition>, Bytes) {
        unimplemented!()
    }
    pub fn apply(&self, _entries: Vec<Entry>) -> Result<Vec<Outcome>, EngineError> {
        unimplemented!()
    }
    pub fn persist(&self) -> Result<Option<LogPosition>, EngineError> {
        unimplemented!()
    }
    pub fn checkpoint(&self) -> Result<(LogPosition, Bytes, Arc<dyn Checkpoint>), EngineError> {
        unimplemented!()
    }
    pub fn install(&self, _staging: Box<dyn Staging>) -> Result<(), EngineError> {
        unimplemented!()
    }
    pub fn home(&self) -> &Arc<dyn EngineHome> {
        unimplemented!()
    }
    pub fn view(&self) -> Arc<View> {
        unimplemented!()
    }
    pub fn compact_step(&self, _budget: CompactBudget) -> Result<Progress, EngineError> {
        unimplemented!()
    }
}
