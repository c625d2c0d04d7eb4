//! Crashes in the middle of an installation, and damage to the home's own files.

use crate::support::{A, rocks, send};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use xebec_store::engine::rocks::RocksHome;
use xebec_store::engine::{Batch, Checkpoint, Durability, Engine, EngineError, EngineHome};

const DURABILITY: Durability = Durability::Unlogged;

fn filled(home: &RocksHome, key: &'static str) -> Arc<dyn Engine> {
    let engine = home.open().expect("an engine");
    let mut batch = Batch::default();
    batch.put(A, key, "value");
    engine.write(batch, DURABILITY).expect("write");
    engine.flush().expect("flush");
    engine
}

fn holds(home: &RocksHome, key: &str) -> bool {
    let engine = home.open().expect("an engine");
    engine.get(A, key.as_bytes()).expect("get").is_some()
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// A home that holds "old" and has "new" staged, both whole, and nothing open.
fn staged(dir: &Path) -> Arc<dyn Checkpoint> {
    let source = rocks(&dir.join("source"), DURABILITY);
    let checkpoint = filled(&source, "new").checkpoint().expect("a checkpoint");
    let target = rocks(&dir.join("target"), DURABILITY);
    drop(filled(&target, "old"));
    let files = checkpoint.files().expect("files");
    let mut staging = target.stage(files).expect("a staging area");
    send(&*checkpoint, &mut *staging, u64::MAX);
    checkpoint
}

/// The steps of an installation are renames; a crash leaves the directory as it is between two.
#[test]
fn engine_install_cut_short_leaves_the_old_or_the_new() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let checkpoint = staged(dir.path());
    let target = dir.path().join("target");

    let moved = dir.path().join("moved");
    copy_dir(&target, &moved);
    fs::rename(moved.join("staging/files"), moved.join("data-2")).expect("a rename");
    let home = rocks(&moved, DURABILITY);
    assert!(holds(&home, "old"), "not the new one before `current` names it");
    assert!(!moved.join("data-2").exists(), "the leftover is gone");
    let files = checkpoint.files().expect("files");
    let mut staging = home.stage(files).expect("a staging area");
    send(&*checkpoint, &mut *staging, u64::MAX);
    drop(home.install(staging).expect("the new engine"));
    assert!(holds(&home, "new"));

    let named = dir.path().join("named");
    copy_dir(&target, &named);
    fs::rename(named.join("staging/files"), named.join("data-2")).expect("a rename");
    fs::write(named.join("current"), "data-2 ready\n").expect("a write");
    let home = rocks(&named, DURABILITY);
    assert!(holds(&home, "new"), "the new one once `current` names it");
    assert!(!named.join("data-1").exists(), "the old one is gone");
}

#[test]
fn engine_install_survives_a_restart_of_the_transfer() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let checkpoint = staged(dir.path());
    let home = rocks(&dir.path().join("target"), DURABILITY);
    let old = home.open().expect("an engine");
    let files = checkpoint.files().expect("files");
    let staging = home.stage(files).expect("a staging area");
    for (index, file) in files.iter().enumerate() {
        assert_eq!(staging.received_bytes(index), file.size_bytes);
    }
    drop(home.install(staging).expect("the new engine"));
    assert!(dir.path().join("target/data-1").exists(), "as long as somebody reads it");
    drop(old);
    assert!(!dir.path().join("target/data-1").exists());
    assert!(holds(&home, "new"));
}

#[test]
fn engine_install_of_a_checkpoint_that_does_not_open_keeps_the_old() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let checkpoint = staged(dir.path());
    let home = rocks(&dir.path().join("target"), DURABILITY);
    let mut files = checkpoint.files().expect("files").to_vec();
    files.retain(|file| !file.name.starts_with("MANIFEST"));
    let kept = |name: &str| files.iter().any(|file| file.name == name);
    let mut staging = home.stage(&files).expect("a staging area");
    for (index, file) in checkpoint.files().expect("files").iter().enumerate() {
        if kept(&file.name) {
            let at = files.iter().position(|kept| kept.name == file.name).expect("kept");
            let offset = staging.received_bytes(at);
            let rest = checkpoint.read(index, offset, usize::MAX).expect("a readable file");
            staging.write(at, offset, &rest).expect("a writable staging area");
        }
    }
    home.install(staging).err().expect("no manifest, no database");
    assert!(holds(&home, "old"));
}

#[test]
fn engine_staging_refuses_names_that_leave_it() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let checkpoint = staged(dir.path());
    let home = rocks(&dir.path().join("target"), DURABILITY);
    for name in ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\0b", ".hidden"] {
        let mut files = checkpoint.files().expect("files").to_vec();
        files[0].name = name.to_owned();
        let error = home.stage(&files).err().expect("refused");
        assert!(matches!(error, EngineError::Corrupt { .. }), "{error}");
    }
    let mut files = checkpoint.files().expect("files").to_vec();
    files[0].name = files[1].name.clone();
    assert!(home.stage(&files).is_err(), "the same name twice");
}

#[test]
fn engine_open_removes_stale_checkpoints() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let home = rocks(dir.path(), DURABILITY);
    let checkpoint = filled(&home, "key").checkpoint().expect("a checkpoint");
    assert_eq!(fs::read_dir(dir.path().join("checkpoints")).expect("there").count(), 1);
    std::mem::forget(checkpoint);
    assert!(holds(&home, "key"));
    assert!(!dir.path().join("checkpoints").exists());
}

#[test]
fn engine_open_refuses_a_home_that_lost_its_database() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let home = rocks(dir.path(), DURABILITY);
    drop(filled(&home, "key"));
    fs::rename(dir.path().join("current"), dir.path().join("away")).expect("a rename");
    let error = home.open().err().expect("a database that nothing names");
    assert!(matches!(error, EngineError::Corrupt { .. }), "{error}");
    fs::rename(dir.path().join("away"), dir.path().join("current")).expect("a rename");
    fs::remove_dir_all(dir.path().join("data-1")).expect("removed");
    home.open().err().expect("a name without a database");
    assert!(!dir.path().join("data-1/CURRENT").exists(), "no empty database in its place");
}

#[test]
fn engine_open_finishes_a_creation_cut_short() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join("current"), "data-1 new\n").expect("a write");
    fs::create_dir(dir.path().join("data-1")).expect("a directory");
    fs::write(dir.path().join("data-1/000001.log"), "half a file").expect("a write");
    let home = rocks(dir.path(), DURABILITY);
    drop(filled(&home, "key"));
    assert!(holds(&home, "key"));
}
