//! Settings of a [`crate::Store`].

use crate::watch::Limits;

/// Settings of one replica's keyspace.
#[derive(Debug, Clone)]
pub struct Options {
    /// This member: outcomes are made for the commands that it proposed.
    pub member: u64,
    /// Threads that read the keyspace from disk when it is opened. With one, the caller's thread
    /// does it.
    pub load_threads: usize,
    /// Memory for watches.
    pub watch: Limits,
    /// Whether the store runs a thread that dispatches events to watches. Without one, somebody
    /// else must call [`crate::watch::Hub::dispatch`], as a simulation does.
    pub dispatcher: bool,
}

impl Options {
    /// The usual settings for a member.
    pub fn new(member: u64) -> Self {
        Self { member, load_threads: 2, watch: Limits::default(), dispatcher: true }
    }
}
