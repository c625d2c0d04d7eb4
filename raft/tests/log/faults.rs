//! Faults of the disk end the log, and say why.

use crate::support::{Fatal, Flushed, callback, entry, home, ids, options};
use futures::{FutureExt, StreamExt};
use openraft::RaftLogReader;
use openraft::storage::RaftLogStorage;
use std::io;
use xebec_raft::log::{LogWriter, READ_BYTES_MAX, RaftLog, SPACE, format};
use xebec_raft::types::{EncodedBatch, Entry, LogId, Vote};
use xebec_store::engine::mem::{Fault, Faults, MemHome};

struct Log {
    home: MemHome,
    log: RaftLog,
    writer: LogWriter,
    fatal: Fatal,
}

fn open(home: MemHome) -> Log {
    let (options, fatal) = options();
    let (log, writer) = RaftLog::open(&home, options).expect("a log");
    Log { home, log, writer, fatal }
}

async fn append(log: &mut RaftLog, entries: Vec<Entry>) -> Flushed {
    let (callback, flushed) = callback();
    log.append(entries, callback).await.expect("append");
    flushed
}

/// A log with the entries 0 to 9, written, synced and opened again, so that nothing is in memory.
async fn filled() -> Log {
    let Log { home, mut log, mut writer, .. } = open(home());
    let flushed = append(&mut log, (0..10).map(|index| entry(1, index)).collect()).await;
    writer.step();
    flushed.await.expect("completed").expect("written");
    drop((log, writer));
    open(home)
}

#[tokio::test]
async fn log_stops_for_good_when_it_cannot_write() {
    for (fault, kind, in_sync) in [
        (Fault::NoSpace, io::ErrorKind::StorageFull, false),
        (Fault::Io, io::ErrorKind::Other, false),
        (Fault::NoSpace, io::ErrorKind::StorageFull, true),
        (Fault::Io, io::ErrorKind::Other, true),
    ] {
        let Log { home, mut log, mut writer, fatal } = open(home());
        let faults = Faults { write: (!in_sync).then_some(fault), ..Faults::default() };
        home.inject(Faults { sync: in_sync.then_some(fault), ..faults });
        let first = append(&mut log, vec![entry(1, 0)]).await;
        let second = append(&mut log, vec![entry(1, 1)]).await;
        writer.step();
        for flushed in [first, second] {
            let error = flushed.await.expect("completed").expect_err("the disk has failed");
            assert_eq!(error.kind(), kind, "{error}");
        }
        let (callback, _flushed) = callback();
        log.append([entry(1, 2)], callback).await.expect_err("ended");
        log.save_vote(&Vote::new(2, 1)).await.expect_err("ended");
        log.flush().await.expect_err("ended");
        log.try_get_log_entries(0..1).await.expect_err("ended");
        assert_eq!(fatal.lock().len(), 1, "said once");
    }
}

#[tokio::test]
async fn log_names_a_corrupt_entry() {
    let Log { home, mut log, writer: _writer, fatal } = filled().await;
    assert!(home.alter(SPACE, &format::entry_key(4), |value| {
        let mut value = value.to_vec();
        value[12] ^= 1;
        value
    }));
    assert_eq!(log.try_get_log_entries(5..8).await.expect("whole").len(), 3);
    let error = log.try_get_log_entries(2..8).await.expect_err("damaged");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(error.to_string().contains("entry 4 is corrupt"), "{error}");
    assert_eq!(fatal.lock().len(), 1, "a corrupt replica ends");
    log.try_get_log_entries(5..8).await.expect_err("and does not limp on");
}

#[tokio::test]
async fn log_notices_what_the_disk_cannot_read_or_has_lost() {
    let Log { home, mut log, writer: _writer, .. } = filled().await;
    assert!(home.make_unreadable(SPACE, &format::entry_key(4)));
    let error = log.try_get_log_entries(..).await.expect_err("unreadable");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);

    let Log { home, mut log, writer: _writer, .. } = filled().await;
    let engine = xebec_store::engine::EngineHome::open(&home).expect("the engine");
    let mut batch = xebec_store::engine::Batch::default();
    batch.delete(SPACE, format::entry_key(4).to_vec());
    engine.write(batch, xebec_store::engine::Durability::Logged).expect("write");
    let error = log.try_get_log_entries(..).await.expect_err("a hole");
    assert!(error.to_string().contains("entry 4 is missing"), "{error}");
}

#[tokio::test]
async fn log_does_not_open_on_damaged_records() {
    for key in [format::entry_key(9).to_vec(), format::state_key("vote").to_vec()] {
        let Log { home, mut log, mut writer, .. } = filled().await;
        let vote = Vote::new(1, 1);
        let mut saving = Box::pin(log.save_vote(&vote));
        assert!((&mut saving).now_or_never().is_none());
        writer.step();
        saving.await.expect("saved");
        assert!(home.alter(SPACE, &key, |value| value[..value.len() - 1].to_vec()));
        let error = RaftLog::open(&home, options().0).err().expect("damaged");
        assert!(error.to_string().contains("is corrupt"), "{error}");
    }
}

#[tokio::test]
async fn log_refuses_a_gap() {
    let Log { mut log, writer: _writer, .. } = filled().await;
    let (callback, _flushed) = callback();
    let error = log.append([entry(1, 11)], callback).await.expect_err("a gap");
    assert!(error.to_string().contains("entry 11 does not follow entry 9"), "{error}");
}

#[tokio::test]
async fn log_reads_are_bounded_but_never_empty() {
    let Log { mut log, mut writer, .. } = open(home());
    let large = |index| {
        let mut entry = entry(1, index);
        let bytes = vec![0; READ_BYTES_MAX * 2 / 5];
        entry.payload = openraft::EntryPayload::Normal(EncodedBatch(bytes.into()));
        entry
    };
    let mut huge = large(6);
    let bytes = vec![0; READ_BYTES_MAX * 2];
    huge.payload = openraft::EntryPayload::Normal(EncodedBatch(bytes.into()));
    let mut entries: Vec<Entry> = (0..6).map(large).collect();
    entries.push(huge);
    let flushed = append(&mut log, entries).await;
    // Once from memory, once from the engine.
    for _ in 0..2 {
        for (from, expected) in [(0, 2), (1, 2), (5, 1), (6, 1)] {
            let read = log.limited_get_log_entries(from, 7).await.expect("read");
            assert_eq!(read.len(), expected, "from {from}");
            assert_eq!(read[0].log_id.index, from);
        }
        writer.step();
    }
    flushed.await.expect("completed").expect("written");
    let mut reader = log.get_log_reader().await;
    let all: Vec<_> = reader.entries_stream(0..7).await.map(|e| e.expect("read")).collect().await;
    assert_eq!(ids(&all), (0..7).map(|index| (1, index)).collect::<Vec<_>>());
}

#[tokio::test]
async fn log_stream_of_a_leader_ends_with_its_leadership() {
    let Log { mut log, mut writer, .. } = filled().await;
    let mut save = async |vote: Vote| {
        let mut saving = Box::pin(log.save_vote(&vote));
        assert!((&mut saving).now_or_never().is_none());
        writer.step();
        saving.await.expect("saved");
        log.get_log_reader().await
    };
    let leader = Vote::new_committed(1, 1);
    let mut reader = save(leader).await;
    let stream = reader.leader_bounded_stream(leader.leader_id, 0..10).await;
    let mut stream = std::pin::pin!(stream);
    stream.next().await.expect("an entry").expect("of the leader");
    save(Vote::new(2, 2)).await;
    stream.next().await.expect("an error").expect_err("no longer the leader");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn log_makes_the_caller_wait_when_the_disk_does_not_keep_up() {
    let Log { mut log, mut writer, .. } = open(home());
    let mut waiting = Vec::new();
    let mut index = 0;
    let blocked = loop {
        let (callback, flushed) = callback();
        let entries = [entry(1, index)];
        let mut appending = Box::pin(log.append(entries, callback));
        match (&mut appending).now_or_never() {
            Some(result) => result.expect("append"),
            None => {
                drop(appending);
                break flushed;
            }
        }
        waiting.push(flushed);
        index += 1;
        assert!(index < 100_000, "the queue has no bound");
    };
    drop(blocked);
    assert_eq!(
        log.get_log_state().await.expect("state").last_log_id.map(|id| id.index),
        Some(index - 1)
    );
    while writer.ready().now_or_never() == Some(true) {
        writer.step();
    }
    for flushed in waiting {
        flushed.await.expect("completed").expect("written");
    }
    let last = append(&mut log, vec![entry(1, index)]).await;
    writer.step();
    last.await.expect("completed").expect("written");
}

#[tokio::test]
async fn log_answers_everyone_when_its_writer_goes_away() {
    let Log { mut log, writer, .. } = open(home());
    let flushed = append(&mut log, vec![entry(1, 0)]).await;
    drop(writer);
    flushed.await.expect("completed").expect_err("not written");
    let (callback, _flushed) = callback();
    log.append([entry(1, 1)], callback).await.expect_err("no writer");
    log.save_vote(&Vote::new(1, 1)).await.expect_err("no writer");
}

#[tokio::test]
async fn log_writer_leaves_the_commit_mark_when_it_ends() {
    let Log { home, mut log, mut writer, .. } = filled().await;
    let committed = LogId::new_term_index(1, 7);
    log.save_committed(Some(committed)).await.expect("save");
    drop(log);
    assert!(!writer.ready().await, "nothing waits");
    writer.close();
    home.crash(&mut |_| 0);
    let Log { mut log, writer: _writer, .. } = open(home);
    assert_eq!(log.read_committed().await.expect("read"), Some(committed));
}
