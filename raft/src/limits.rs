//! Every bound of this crate, with its reason.

use std::time::Duration;

/// A command larger than this is refused. etcd's default limit of a request is 1.5 MiB; the rest
/// is room for the encoding.
pub const COMMAND_BYTES_MAX: usize = 2 << 20;

/// Commands are put together into one entry up to this size, so that an entry is written and sent
/// in a few milliseconds.
pub const ENTRY_BYTES_MAX: usize = 1 << 20;

/// Entries that this leader has handed to openraft and that are not applied yet. Enough to keep
/// disk and network busy; few enough that commands gather into large entries under load.
pub const ENTRIES_IN_FLIGHT_MAX: usize = 6;

/// Batches of own commands that are on their way to the leader or being ordered.
pub const FLIGHTS_MAX: usize = 12;

/// Commands that may wait for their outcome; more are refused with etcd's "too many requests".
pub const PENDING_COMMANDS_MAX: usize = 20_000;

/// Bytes of commands that may wait for their outcome.
pub const PENDING_BYTES_MAX: usize = 128 << 20;

/// Bytes of commands of all members that may wait at the leader to be put into entries.
pub const ORDERING_BYTES_MAX: usize = 128 << 20;

/// Readers that may wait for one replica's read index.
pub const PENDING_READS_MAX: usize = 100_000;

/// Entries in one AppendEntries message. The log reader bounds it in bytes too.
pub const APPEND_ENTRIES_MAX: u64 = 64;

/// AppendEntries messages on one stream that are not answered yet.
pub const APPEND_PIPELINE_MAX: usize = 32;

/// Messages that a stream between replicas holds before its sender waits.
pub const STREAM_BUFFER_MESSAGES: usize = 64;

/// The largest message that a replica takes from another: the entries of one AppendEntries, of
/// which the last may exceed what the log reader aims at.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// An append stream with unanswered messages and no answer for so long is given up and opened
/// again: well above a slow disk's sync, well below a client's patience.
pub const APPEND_STALL: Duration = Duration::from_millis(1000);

/// Entries applied in one batch of the store, in bytes of commands: large enough to share the
/// cost of a batch, small enough that the first outcome does not wait for the last command.
pub const APPLY_BYTES_MAX: usize = 4 << 20;

/// A piece of a checkpoint file on the wire.
pub const SNAPSHOT_CHUNK_BYTES: usize = 512 << 10;

/// Pieces on their way at a time, so that an interruption is noticed early.
pub const SNAPSHOT_CHUNKS_IN_FLIGHT: u64 = 8;

/// A snapshot stream without progress for so long is given up; the next one resumes it.
pub const SNAPSHOT_STALL: Duration = Duration::from_secs(10);

/// A checkpoint is kept for the next attempt at most so long after its last use: it holds disk
/// space.
pub const CHECKPOINT_KEEP: Duration = Duration::from_secs(120);

/// The keyspace is made durable when so many bytes of entries were applied since the last time:
/// about what a restart replays in half a second.
pub const PERSIST_BYTES: u64 = 64 << 20;

/// The same, counted in entries.
pub const PERSIST_ENTRIES: u64 = 50_000;

/// The same by time, if anything was applied: bounds the log of an idle cluster.
pub const PERSIST_INTERVAL: Duration = Duration::from_secs(300);

/// The log keeps about so many bytes of entries that are durable in the keyspace, for followers
/// that are a little behind: catching up from the log is cheaper than from a checkpoint.
pub const LOG_KEEP_BYTES: u64 = 128 << 20;

/// The same, counted in entries.
pub const LOG_KEEP_ENTRIES: u64 = 20_000;

/// Entries purged from the log at a time: many small range deletions slow a RocksDB down.
pub const PURGE_ENTRIES_MIN: u64 = 1_000;

/// Leases revoked per tick of the lessor.
pub const LEASE_REVOKES_PER_TICK: usize = 500;

/// How often the leader looks for expired leases; etcd's figure.
pub const LEASE_TICK: Duration = Duration::from_millis(500);

/// Learners in a cluster; etcd's default.
pub const LEARNERS_MAX: usize = 1;

/// A learner is in sync when it has this share of the leader's log, in percent; etcd's figure.
pub const LEARNER_READY_PERCENT: u64 = 90;

/// A member counts as active when it answered within this time.
pub const MEMBER_ACTIVE: Duration = Duration::from_secs(2);

/// Between two comparisons of hashes across replicas.
pub const INTEGRITY_INTERVAL: Duration = Duration::from_secs(10);

/// Between two looks at the free space of the disk.
pub const DISK_INTERVAL: Duration = Duration::from_millis(500);

/// Below this share of the disk, or this many bytes if that is less, growth is refused. It is the
/// room that the log and the keyspace need to go on with deletes and compaction.
pub const DISK_RESERVE_PERCENT: u64 = 10;
pub const DISK_RESERVE_BYTES_MAX: u64 = 512 << 20;

/// Physical compaction looks at so many changes per step, with a pause between steps.
pub const COMPACT_STEP_CHANGES: usize = 2_000;
pub const COMPACT_PAUSE: Duration = Duration::from_millis(10);
pub const COMPACT_IDLE_PAUSE: Duration = Duration::from_millis(500);

/// How long a stopping leader waits for another to take over.
pub const HANDOVER_TIMEOUT: Duration = Duration::from_secs(3);

/// A call on behalf of a client from one replica to another, tried again until the client's
/// deadline.
pub const CALL_TIMEOUT: Duration = Duration::from_millis(1000);

/// Between two attempts of such a call.
pub const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Between two greetings of every peer, which keep connections warm for elections.
pub const GREETING_INTERVAL: Duration = Duration::from_secs(3);

const _: () = assert!(COMMAND_BYTES_MAX * 8 <= MESSAGE_BYTES_MAX);
const _: () = assert!(SNAPSHOT_CHUNK_BYTES * 4 <= MESSAGE_BYTES_MAX);
const _: () = assert!(ENTRY_BYTES_MAX <= PENDING_BYTES_MAX);
const _: () = assert!(APPEND_PIPELINE_MAX < STREAM_BUFFER_MESSAGES);
const _: () = assert!(FLIGHTS_MAX * 2 < STREAM_BUFFER_MESSAGES);
const _: () = assert!(PURGE_ENTRIES_MIN < LOG_KEEP_ENTRIES);
