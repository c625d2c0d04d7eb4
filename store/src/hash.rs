//! The rolling hash: one number that says whether two replicas went through the same history.

use crate::kv::KeyValue;
use bytes::Bytes;
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

/// The hash after one more revision, from its changes in order, each with its value on disk
/// ([`crate::disk::keys::ser_value`]).
pub(crate) fn roll<'a>(hash: u64, changes: impl Iterator<Item = (&'a KeyValue, &'a Bytes)>) -> u64 {
    changes.fold(hash, |hash, (kv, value)| {
        if kv.is_tombstone() {
            let mut hasher = Xxh3::with_seed(hash);
            hasher.update(&kv.mod_revision.to_be_bytes());
            hasher.update(&kv.key);
            hasher.digest()
        } else {
            // The value names the key, its revisions and its lease.
            xxh3_64_with_seed(value, hash)
        }
    })
}
