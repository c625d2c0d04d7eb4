//! The settings of one replica, and what it takes from its surroundings.

use crate::limits;
use crate::member::Member;
use std::sync::Arc;
use std::time::Duration;

/// Who a replica is, for life. Chosen once (see [`crate::identity`]) and kept beside its data.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Identity {
    #[prost(fixed64, tag = "1")]
    pub cluster_id: u64,
    #[prost(fixed64, tag = "2")]
    pub member_id: u64,
}

/// Everything that [`crate::Replica::start`] needs to know.
#[derive(Clone)]
pub struct Options {
    pub identity: Identity,
    /// What this replica publishes about itself; its peer URLs are where it listens.
    pub member: Member,
    /// The members of a new cluster. `None` when joining one. Ignored once there is a log.
    pub bootstrap: Option<Vec<Member>>,
    pub timing: Timing,
    pub upkeep: Upkeep,
    pub environment: Environment,
    pub threads: Threads,
}

/// Where the tasks of a replica run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// A runtime of its own, so that client load never delays a heartbeat.
    Own { workers: usize },
    /// The caller's runtime, everything inline: the simulation.
    Current,
}

/// The clock of elections (see `docs/decisions/0007-election-timings.md`).
///
/// A follower campaigns when it has not heard from the leader for `election_max` (the leader's
/// lease) and a random time between `election_min` and `election_max`. With the defaults that is
/// 150 to 210 ms after the last heartbeat, so that a new leader serves within 300 ms of a crash,
/// a tie of two candidates included. Whoever was merely late to hear does no harm: a pre-vote
/// needs a quorum whose own leases have run out, which five heartbeats in a row would have to miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    pub heartbeat: Duration,
    pub election_min: Duration,
    pub election_max: Duration,
    /// How long a request may wait for consensus: etcd's 5 s plus two election timeouts of its
    /// default of 1 s.
    pub request_timeout: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(20),
            election_min: Duration::from_millis(45),
            election_max: Duration::from_millis(105),
            request_timeout: Duration::from_secs(7),
        }
    }
}

/// When the keyspace is made durable, and what the log keeps. Tests and the simulation make all of
/// this small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upkeep {
    /// The keyspace is made durable when so many bytes of entries were applied since the last
    /// time.
    pub persist_bytes: u64,
    /// The same, counted in entries.
    pub persist_entries: u64,
    /// The same by time, if anything was applied.
    pub persist_interval: Duration,
    /// The log keeps about so many bytes of entries that are durable in the keyspace, for
    /// followers that are a little behind.
    pub log_keep_bytes: u64,
    /// The same, counted in entries.
    pub log_keep_entries: u64,
    /// Entries purged from the log at a time.
    pub purge_entries_min: u64,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self {
            persist_bytes: limits::PERSIST_BYTES,
            persist_entries: limits::PERSIST_ENTRIES,
            persist_interval: limits::PERSIST_INTERVAL,
            log_keep_bytes: limits::LOG_KEEP_BYTES,
            log_keep_entries: limits::LOG_KEEP_ENTRIES,
            purge_entries_min: limits::PURGE_ENTRIES_MIN,
        }
    }
}

/// What the simulation replaces.
#[derive(Clone)]
pub struct Environment {
    pub clock: Arc<dyn WallClock>,
    pub disk: Arc<dyn FreeSpace>,
    pub fatal: Arc<dyn FatalHook>,
}

/// The wall clock; commands carry its time as data.
pub trait WallClock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
}

/// The free space of the disk under the data.
pub trait FreeSpace: Send + Sync + 'static {
    fn free_bytes(&self) -> std::io::Result<u64>;
    fn total_bytes(&self) -> std::io::Result<u64>;

    /// Free space below which the keyspace refuses to grow; `None` for the usual share of the disk
    /// (see [`crate::limits`]).
    fn reserve_bytes(&self) -> Option<u64> {
        None
    }
}

/// Called once when the replica cannot go on (a failed log write, corruption, removal from the
/// cluster). It has stopped by then; the process should say why and exit.
pub trait FatalHook: Send + Sync + 'static {
    fn stop(&self, reason: &str);
}
