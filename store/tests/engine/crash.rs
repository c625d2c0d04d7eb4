//! What a crash leaves.

use crate::support::{A, B, mem, rocks};
use std::fs;
use std::path::{Path, PathBuf};
use xebec_store::engine::mem::{Fault, Faults};
use xebec_store::engine::{Batch, Durability, Engine, EngineError, EngineHome};

fn put(engine: &dyn Engine, durability: Durability, number: u32) {
    let mut batch = Batch::default();
    batch.put(A, number.to_be_bytes().to_vec(), vec![b'x'; 100]);
    batch.put(B, number.to_be_bytes().to_vec(), vec![b'y'; 100]);
    engine.write(batch, durability).expect("write");
}

/// The numbers that are in both spaces; a batch is never there by half.
fn numbers(engine: &dyn Engine) -> Vec<u32> {
    let of = |space| {
        let mut cursor = engine.cursor(space, b"", b"").expect("a cursor");
        let mut found = Vec::new();
        while cursor.next().expect("next") {
            found.push(u32::from_be_bytes(cursor.key().try_into().expect("four bytes")));
        }
        found
    };
    let found = of(A);
    assert_eq!(found, of(B), "batches are atomic");
    found
}

#[test]
fn engine_mem_crash_keeps_a_prefix_of_what_was_not_synced() {
    for kept in 0..=3 {
        let home = mem(Durability::Logged);
        let engine = home.open().expect("an engine");
        put(&*engine, Durability::Logged, 0);
        engine.sync().expect("sync");
        for number in 1..=3 {
            put(&*engine, Durability::Logged, number);
        }
        home.crash(&mut |pending| {
            assert_eq!(pending, 3);
            kept
        });
        let expected: Vec<u32> = (0..=u32::try_from(kept).expect("small")).collect();
        assert_eq!(numbers(&*home.open().expect("again")), expected);
        engine.write(Batch::default(), Durability::Logged).expect_err("a dead process");
        engine.get(A, b"").expect_err("a dead process");
    }
}

#[test]
fn engine_mem_sync_does_not_save_unlogged_batches_but_flush_does() {
    let home = mem(Durability::Unlogged);
    let engine = home.open().expect("an engine");
    put(&*engine, Durability::Unlogged, 0);
    engine.flush().expect("flush");
    put(&*engine, Durability::Unlogged, 1);
    engine.sync().expect("sync");
    home.crash(&mut |_| 0);
    assert_eq!(numbers(&*home.open().expect("again")), [0]);
}

#[test]
fn engine_mem_fails_for_good_after_a_failed_write_or_sync() {
    for (fault, in_sync) in [(Fault::NoSpace, false), (Fault::Io, true)] {
        let home = mem(Durability::Logged);
        let engine = home.open().expect("an engine");
        put(&*engine, Durability::Logged, 0);
        let mut batch = Batch::default();
        batch.put(A, "key", "value");
        let error = if in_sync {
            home.inject(Faults { sync: Some(fault), ..Faults::default() });
            engine.sync().expect_err("injected")
        } else {
            home.inject(Faults { write: Some(fault), ..Faults::default() });
            engine.write(batch.clone(), Durability::Logged).expect_err("injected")
        };
        let no_space = matches!(error, EngineError::NoSpace { .. });
        assert_eq!(no_space, fault == Fault::NoSpace, "{error}");
        engine.write(batch, Durability::Logged).expect_err("unknown state");
        engine.sync().expect_err("unknown state");
        home.crash(&mut |_| 0);
        assert_eq!(numbers(&*home.open().expect("again")), [0_u32; 0]);
    }
}

#[test]
fn engine_mem_damage_is_seen_or_not_as_asked() {
    let home = mem(Durability::Logged);
    let engine = home.open().expect("an engine");
    put(&*engine, Durability::Logged, 0);
    let key = 0_u32.to_be_bytes();
    assert!(home.alter(A, &key, |value| value[1..].to_vec()));
    assert_eq!(engine.get(A, &key).expect("get").expect("there").len(), 99);
    assert!(home.make_unreadable(A, &key));
    assert!(matches!(engine.get(A, &key), Err(EngineError::Corrupt { .. })));
    let mut cursor = engine.cursor(A, b"", b"").expect("a cursor");
    assert!(matches!(cursor.next(), Err(EngineError::Corrupt { .. })));
    assert!(!home.alter(A, b"no such key", <[u8]>::to_vec));
}

/// Copies the database as a killed process leaves it.
fn copy_database(home: &Path, to: &Path) {
    let target = to.join("data-1");
    fs::create_dir_all(&target).expect("a directory");
    fs::copy(home.join("current"), to.join("current")).expect("a copy");
    for entry in fs::read_dir(home.join("data-1")).expect("a database") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), target.join(entry.file_name())).expect("a copy");
    }
}

#[test]
fn engine_rocks_logged_batches_survive_a_kill() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (home, copy) = (dir.path().join("home"), dir.path().join("copy"));
    let engine = rocks(&home, Durability::Logged).open().expect("an engine");
    for number in 0..10 {
        put(&*engine, Durability::Logged, number);
    }
    engine.sync().expect("sync");
    copy_database(&home, &copy);
    let again = rocks(&copy, Durability::Logged).open().expect("again");
    assert_eq!(numbers(&*again), (0..10).collect::<Vec<_>>());
}

#[test]
fn engine_rocks_unlogged_batches_survive_a_kill_once_flushed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (home, copy) = (dir.path().join("home"), dir.path().join("copy"));
    let engine = rocks(&home, Durability::Unlogged).open().expect("an engine");
    for number in 0..10 {
        put(&*engine, Durability::Unlogged, number);
    }
    engine.flush().expect("flush");
    put(&*engine, Durability::Unlogged, 10);
    copy_database(&home, &copy);
    let again = rocks(&copy, Durability::Unlogged).open().expect("again");
    assert_eq!(numbers(&*again), (0..10).collect::<Vec<_>>());
}

fn write_ahead_log(home: &Path) -> PathBuf {
    let entries = fs::read_dir(home.join("data-1")).expect("a database");
    let mut logs: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .filter(|path| fs::metadata(path).expect("a file").len() > 0)
        .collect();
    logs.pop().expect("a write-ahead log")
}

#[test]
fn engine_rocks_opens_after_a_torn_last_record() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (home, copy) = (dir.path().join("home"), dir.path().join("copy"));
    let engine = rocks(&home, Durability::Logged).open().expect("an engine");
    for number in 0..10 {
        put(&*engine, Durability::Logged, number);
    }
    engine.sync().expect("sync");
    copy_database(&home, &copy);
    let log = write_ahead_log(&copy);
    let mut bytes = fs::read(&log).expect("a log");
    bytes.truncate(bytes.len() - 50);
    fs::write(&log, bytes).expect("a write");
    let again = rocks(&copy, Durability::Logged).open().expect("again");
    assert_eq!(numbers(&*again), (0..9).collect::<Vec<_>>());
}

/// A shorter log would be a broken promise to the other replicas.
#[test]
fn engine_rocks_refuses_a_log_damaged_before_its_end() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (home, copy) = (dir.path().join("home"), dir.path().join("copy"));
    let engine = rocks(&home, Durability::Logged).open().expect("an engine");
    for number in 0..10 {
        put(&*engine, Durability::Logged, number);
    }
    engine.sync().expect("sync");
    copy_database(&home, &copy);
    let log = write_ahead_log(&copy);
    let mut bytes = fs::read(&log).expect("a log");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, bytes).expect("a write");
    let error = rocks(&copy, Durability::Logged).open().err().expect("damaged");
    assert!(matches!(error, EngineError::Corrupt { .. }), "{error}");
}
