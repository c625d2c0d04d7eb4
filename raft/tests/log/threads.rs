//! The writer on its own thread, on a real disk.

use crate::support::{callback, entry, ids, options};
use openraft::RaftLogReader;
use openraft::storage::RaftLogStorage;
use xebec_raft::log::{self, RaftLog, WriterThread};
use xebec_raft::types::{LogId, Vote};
use xebec_store::engine::rocks::RocksHome;

fn open(home: &RocksHome) -> (RaftLog, WriterThread) {
    let (log, writer) = RaftLog::open(home, options().0).expect("a log");
    (log, writer.spawn().expect("a thread"))
}

#[tokio::test]
async fn log_on_disk_is_found_again() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let home = RocksHome::new(dir.path(), log::ROCKS);
    let (mut log, thread) = open(&home);
    let mut waiting = Vec::new();
    for index in 0..5000 {
        let (callback, flushed) = callback();
        log.append([entry(1 + index / 1000, index)], callback).await.expect("append");
        waiting.push(flushed);
    }
    for flushed in waiting {
        flushed.await.expect("completed").expect("written");
    }
    log.save_vote(&Vote::new_committed(5, 9)).await.expect("saved");
    log.truncate_after(Some(LogId::new_term_index(5, 4499))).await.expect("truncate");
    log.purge(LogId::new_term_index(2, 1999)).await.expect("purge");
    log.purge(LogId::new_term_index(3, 2099)).await.expect("purge");
    log.save_committed(Some(LogId::new_term_index(5, 4400))).await.expect("save");
    log.flush().await.expect("flush");
    drop(log);
    tokio::task::spawn_blocking(|| thread.join()).await.expect("joined");

    let (mut log, thread) = open(&home);
    let state = log.get_log_state().await.expect("state");
    assert_eq!(state.last_purged_log_id, Some(LogId::new_term_index(3, 2099)));
    assert_eq!(state.last_log_id, Some(LogId::new_term_index(5, 4499)));
    assert_eq!(log.read_vote().await.expect("vote"), Some(Vote::new_committed(5, 9)));
    assert_eq!(
        log.read_committed().await.expect("committed"),
        Some(LogId::new_term_index(5, 4400))
    );
    let entries = log.try_get_log_entries(..).await.expect("read");
    let expected: Vec<_> = (2100..4500).map(|index| (1 + index / 1000, index)).collect();
    assert_eq!(ids(&entries), expected);
    drop(log);
    thread.join();
}
