//! openraft's own suite, on both engines.

use crate::machine::Machine;
use crate::support::{home, options};
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use xebec_raft::log::{self, RaftLog};
use xebec_raft::types::TypeConfig;
use xebec_store::engine::EngineHome;
use xebec_store::engine::rocks::RocksHome;

struct InMemory;

struct OnDisk;

fn start(home: &dyn EngineHome) -> RaftLog {
    let (log, writer) = RaftLog::open(home, options().0).expect("a log");
    writer.spawn().expect("a thread");
    log
}

impl StoreBuilder<TypeConfig, RaftLog, Machine> for InMemory {
    async fn build(&self) -> Result<((), RaftLog, Machine), StorageError<TypeConfig>> {
        Ok(((), start(&home()), Machine::default()))
    }
}

impl StoreBuilder<TypeConfig, RaftLog, Machine, tempfile::TempDir> for OnDisk {
    async fn build(
        &self,
    ) -> Result<(tempfile::TempDir, RaftLog, Machine), StorageError<TypeConfig>> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let log = start(&RocksHome::new(dir.path(), log::ROCKS));
        Ok((dir, log, Machine::default()))
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
