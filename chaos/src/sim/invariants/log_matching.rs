//! Log matching: two logs that agree on the term of an index agree on its content (Raft §5.3).
//! Judged at each append, by the log's tap.

use crate::sim::logbook::Record;
use std::collections::BTreeMap;

pub const NAME: &str = "log matching";

#[derive(Default)]
pub struct LogMatching {
    contents: BTreeMap<(u64, u64), (u64, usize)>,
}

impl LogMatching {
    pub fn appended(&mut self, host: usize, index: u64, record: Record) -> Option<String> {
        let key = (index, record.term);
        let (first, by) = *self.contents.entry(key).or_insert((record.digest, host));
        (first != record.digest).then(|| {
            format!("hosts {by} and {host} differ in the entry {index} of term {}", record.term)
        })
    }
}
