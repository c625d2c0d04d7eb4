//! What must hold at every replica and for every watcher, one invariant per file.
//!
//! The nine properties of the watch contract (etcd API guarantees, "Watch APIs"): [`filtered`],
//! [`ordered`], [`unique`], [`reliable`], [`atomic`], [`resumable`], [`bookmarkable`],
//! [`is_create`], [`prev_kv`]; and of the store: [`equal_hash`].

pub mod atomic;
pub mod bookmarkable;
pub mod equal_hash;
pub mod filtered;
pub mod is_create;
pub mod ordered;
pub mod prev_kv;
pub mod reliable;
pub mod resumable;
pub mod unique;
