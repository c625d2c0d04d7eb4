//! Logs to test with.

use bytes::Bytes;
use openraft::EntryPayload;
use openraft::storage::IOFlushed;
use openraft::type_config::TypeConfigExt;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use tokio::sync::oneshot;
use xebec_raft::log::{self, LogError, LogOptions, LogWriter, RaftLog};
use xebec_raft::types::{EncodedBatch, Entry, LogId, TypeConfig};
use xebec_store::engine::mem::MemHome;
use xebec_store::engine::{Durability, EngineHome};

/// So small that most reads go to the engine.
const TAIL_BYTES_MAX: usize = 300;

/// What was given to the hook for faults.
pub type Fatal = Arc<Mutex<Vec<String>>>;

pub fn home() -> MemHome {
    MemHome::new(log::SPACES, Durability::Logged)
}

pub fn options() -> (LogOptions, Fatal) {
    let fatal = Fatal::default();
    let seen = Arc::clone(&fatal);
    let hook = move |error: &LogError| seen.lock().push(error.to_string());
    let mut options = LogOptions::new(Arc::new(hook));
    options.tail_bytes_max = TAIL_BYTES_MAX;
    (options, fatal)
}

pub fn open(home: &dyn EngineHome) -> (RaftLog, LogWriter) {
    RaftLog::open(home, options().0).expect("a log")
}

pub fn entry(term: u64, index: u64) -> Entry {
    let text = format!("entry {index} of term {term}");
    let payload = EntryPayload::Normal(EncodedBatch(Bytes::from(text)));
    Entry { log_id: LogId::new_term_index(term, index), payload }
}

pub fn ids(entries: &[Entry]) -> Vec<(u64, u64)> {
    entries.iter().map(|entry| (*entry.log_id.leader_id, entry.log_id.index)).collect()
}

pub type Flushed = oneshot::Receiver<Result<(), io::Error>>;

pub fn callback() -> (IOFlushed<TypeConfig>, Flushed) {
    let (sender, receiver) = TypeConfig::oneshot();
    (IOFlushed::signal(sender), receiver)
}
