//! openraft's own suite, on both engines.

use crate::machine::Machine;
use crate::support::{home, options};
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use xebec_raft::log::{self, RaftLog, WriterThread};
use xebec_raft::types::TypeConfig;
use xebec_store::engine::EngineHome;
use xebec_store::engine::rocks::RocksHome;

struct InMemory;

struct OnDisk;

/// Outlives the log of a test, and ends its thread.
struct Guard {
    thread: Option<WriterThread>,
    _dir: Option<tempfile::TempDir>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.thread.take().expect("joined once").join();
    }
}

fn start(home: &dyn EngineHome, dir: Option<tempfile::TempDir>) -> (Guard, RaftLog, Machine) {
    let (log, writer) = RaftLog::open(home, options().0).expect("a log");
    let thread = writer.spawn().expect("a thread");
    (Guard { thread: Some(thread), _dir: dir }, log, Machine::default())
}

type Built = Result<(Guard, RaftLog, Machine), StorageError<TypeConfig>>;

impl StoreBuilder<TypeConfig, RaftLog, Machine, Guard> for InMemory {
    async fn build(&self) -> Built {
        Ok(start(&home(), None))
    }
}

impl StoreBuilder<TypeConfig, RaftLog, Machine, Guard> for OnDisk {
    async fn build(&self) -> Built {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Ok(start(&RocksHome::new(dir.path(), log::ROCKS), Some(dir)))
    }
}

#[tokio::test]
async fn log_passes_the_suite_in_memory() {
    Suite::test_all(InMemory).await.expect("the suite");
}

#[tokio::test]
async fn log_passes_the_suite_on_disk() {
    Suite::test_all(OnDisk).await.expect("the suite");
}
