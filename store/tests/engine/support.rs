//! Homes to test with, and how a checkpoint travels.

use bytes::Bytes;
use xebec_store::engine::mem::MemHome;
use xebec_store::engine::rocks::{RocksHome, RocksOptions, SpaceOptions};
use xebec_store::engine::{Checkpoint, Cursor, Durability, EngineHome, Space, Staging};

pub const A: Space = "a";
pub const B: Space = "b";
pub const SPACES: &[Space] = &[A, B];
const ROCKS_SPACES: &[SpaceOptions] =
    &[SpaceOptions { name: A, point_gets: true }, SpaceOptions { name: B, point_gets: false }];

pub fn rocks(path: &std::path::Path, durability: Durability) -> RocksHome {
    RocksHome::new(path, RocksOptions { spaces: ROCKS_SPACES, durability })
}

pub fn mem(durability: Durability) -> MemHome {
    MemHome::new(SPACES, durability)
}

/// Runs a test once for each kind of home.
pub fn each_home(durability: Durability, test: impl Fn(&dyn Fn() -> Box<dyn EngineHome>)) {
    let dirs = tempfile::tempdir().expect("a temporary directory");
    let made = std::cell::Cell::new(0);
    test(&|| {
        made.set(made.get() + 1);
        Box::new(rocks(&dirs.path().join(made.get().to_string()), durability))
    });
    test(&|| Box::new(mem(durability)));
}

/// Everything that a cursor gives from here on.
pub fn rest(cursor: &mut dyn Cursor) -> Vec<(Bytes, Bytes)> {
    let mut entries = Vec::new();
    while cursor.next().expect("a readable engine") {
        entries.push(here(cursor));
    }
    entries
}

pub fn here(cursor: &dyn Cursor) -> (Bytes, Bytes) {
    (Bytes::copy_from_slice(cursor.key()), Bytes::copy_from_slice(cursor.value()))
}

/// Sends what is missing of every file, in small pieces, at most `budget` bytes in all.
pub fn send(checkpoint: &dyn Checkpoint, staging: &mut dyn Staging, mut budget: u64) {
    const PIECE_BYTES: usize = 1000;
    let files = checkpoint.files().expect("readable files");
    for (index, file) in files.iter().enumerate() {
        loop {
            let offset = staging.received_bytes(index);
            if offset == file.size_bytes || budget == 0 {
                break;
            }
            let len = PIECE_BYTES.min(usize::try_from(budget).unwrap_or(usize::MAX));
            let bytes = checkpoint.read(index, offset, len).expect("a readable file");
            staging.write(index, offset, &bytes).expect("a writable staging area");
            budget -= bytes.len() as u64;
        }
    }
}
