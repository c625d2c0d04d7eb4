//! What ends a log.

use std::io;
use std::sync::Arc;
use xebec_store::engine::EngineError;

/// Any of these ends the replica: what is durable, or what was promised, is no longer known.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("raft log")]
    Engine(#[from] EngineError),
    #[error("raft log: entry {index} is corrupt: {reason}")]
    CorruptEntry { index: u64, reason: &'static str },
    #[error("raft log: record {name:?} is corrupt: {reason}")]
    CorruptRecord { name: &'static str, reason: &'static str },
    #[error("raft log: entry {expected} is missing")]
    Missing { expected: u64 },
    #[error("raft log: entry {index} does not follow entry {last}")]
    Gap { index: u64, last: u64 },
    #[error("raft log: written by a newer version (format {found}, known {known})")]
    NewerFormat { found: u32, known: u32 },
    #[error("raft log: the writer has stopped")]
    Stopped,
    #[error("raft log: the writer panicked")]
    Panicked,
}

impl LogError {
    fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Engine(EngineError::NoSpace { .. }) => io::ErrorKind::StorageFull,
            Self::Engine(EngineError::Corrupt { .. })
            | Self::CorruptEntry { .. }
            | Self::CorruptRecord { .. }
            | Self::Missing { .. } => io::ErrorKind::InvalidData,
            Self::Gap { .. } => io::ErrorKind::InvalidInput,
            Self::Engine(EngineError::Io { .. })
            | Self::NewerFormat { .. }
            | Self::Stopped
            | Self::Panicked => io::ErrorKind::Other,
        }
    }

    /// As openraft takes it. It prints only the outermost message, so this one has them all.
    pub(super) fn to_io(self: &Arc<Self>) -> io::Error {
        let message = match &**self {
            Self::Engine(cause) => format!("raft log: {cause}"),
            other => other.to_string(),
        };
        io::Error::new(self.kind(), message)
    }
}
