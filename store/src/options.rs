//! Settings of a [`crate::Store`].

/// Settings of one replica's keyspace.
#[derive(Debug, Clone)]
pub struct Options {
    /// This member: outcomes are made for the commands that it proposed.
    pub member: u64,
    /// Threads that read the keyspace from disk when it is opened.
    pub load_threads: usize,
    /// Memory for the events of the recent past, from which watches catch up without the disk.
    pub watch_history_bytes: usize,
    /// Memory for each ring of events that watchers of one range share.
    pub watch_ring_bytes: usize,
}

impl Options {
    /// The usual settings for a member.
    pub fn new(member: u64) -> Self {
        Self { member, load_threads: 2, watch_history_bytes: 64 << 20, watch_ring_bytes: 4 << 20 }
    }
}
