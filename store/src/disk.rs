//! The layout on disk: one file per kind of record, described in `docs/storage-format.md`.
//!
//! Every decoder takes bytes that may have rotted: it answers [`EngineError::Corrupt`] and never
//! panics.

pub mod alarms;
pub mod compact;
pub mod escape;
pub mod format;
pub mod head;
pub mod keys;
pub mod leases;
pub mod log;
pub mod membership;
pub mod swept;

use crate::engine::rocks::{RocksOptions, SpaceOptions};
use crate::engine::{Durability, EngineError, Space};

/// Versions of keys.
pub const KEYS: Space = "keys";
/// Which keys each revision changed.
pub const LOG: Space = "log";
/// Leases.
pub const LEASES: Space = "leases";
/// Single records about the whole state.
pub const META: Space = "meta";

/// The spaces of the state engine, for whoever creates it.
pub const SPACES: &[Space] = &[KEYS, LOG, LEASES, META];

/// The same for a home on RocksDB. Everything is read in order, or once.
pub const ROCKS: RocksOptions = RocksOptions {
    spaces: &[
        SpaceOptions { name: KEYS, point_gets: false },
        SpaceOptions { name: LOG, point_gets: false },
        SpaceOptions { name: LEASES, point_gets: false },
        SpaceOptions { name: META, point_gets: false },
    ],
    durability: Durability::Unlogged,
};

fn corrupt(message: impl Into<String>) -> EngineError {
    EngineError::Corrupt { message: message.into() }
}

/// Splits off a big-endian number.
fn take<const N: usize>(bytes: &[u8], what: &str) -> Result<([u8; N], usize), EngineError> {
    match bytes.first_chunk::<N>() {
        Some(chunk) => Ok((*chunk, N)),
        None => Err(corrupt(format!("{what} of {} bytes is too short", bytes.len()))),
    }
}

/// A whole value that is one big-endian number.
fn whole<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N], EngineError> {
    bytes.try_into().map_err(|_| corrupt(format!("{what} has {} bytes, not {N}", bytes.len())))
}
