//! Equal revisions have equal rolling hashes, whoever computed them and in whichever life.

use super::{Finding, Sample};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct EqualHash {
    hashes: BTreeMap<i64, (u64, usize)>,
}

impl EqualHash {
    pub fn observe(&mut self, sample: &Sample<'_>) -> Finding {
        let (revision, hash) = (sample.view.revision(), sample.view.hash());
        let (first, host) = *self.hashes.entry(revision).or_insert((hash, sample.host));
        (first != hash).then(|| {
            let detail = format!(
                "revision {revision} has hash {first:x} at host {host}, {hash:x} at host {}",
                sample.host
            );
            ("equal revisions have equal hashes", detail)
        })
    }
}
