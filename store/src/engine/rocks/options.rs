//! How RocksDB is set up: every number with its reason.
//!
//! The machine that it is meant for has two cores, which the rest of the replica needs too, and a
//! budget of 60 MB for an idle replica with two databases in it.

use super::super::{Durability, Space};
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode, LogLevel,
    Options,
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The keyspace is served from memory above the engine; the disk is read for old revisions and
/// late watchers only.
const KEYSPACE_CACHE_BYTES: usize = 8 * MIB;

/// The newest entries are cached above the engine; older ones are read once, in order, by a
/// replica that was away.
const LOG_CACHE_BYTES: usize = 2 * MIB;

/// One table in memory. At 12 MB/s of puts one fills every 1.3 s, so that a compaction of a
/// dozen of them stays short. All spaces of the keyspace are flushed when one of them is full.
const KEYSPACE_BUFFER_BYTES: usize = 16 * MIB;

/// Larger than the entries that are kept after a purge, so that most entries are purged in memory
/// and never reach a table on disk.
const LOG_BUFFER_BYTES: usize = 24 * MIB;

/// A writer stalls when so many tables wait for the disk: several seconds of full load.
const BUFFERS_MAX: i32 = 6;

/// The unit in which a table in memory grows. The default (1 MiB) would cost an idle replica
/// a megabyte for each of its spaces.
const ARENA_BLOCK_BYTES: usize = 256 * KIB;

/// Tables on level 0 at which compaction begins, at which writes are slowed down, and stopped.
/// Each compaction from level 0 rewrites what lies below: the more tables it takes at once, the
/// less often (at four tables, compaction took a quarter of the CPU of a load of puts).
/// The latter two lie far beyond what compaction leaves behind under full load: a stall of
/// writes is worse than slower reads, which hardly happen.
const LEVEL0_COMPACT_FILES: i32 = 12;
const LEVEL0_SLOWDOWN_FILES: i32 = 48;
const LEVEL0_STOP_FILES: i32 = 96;

/// Debt of compaction at which writes are slowed down, and stopped: only so that a disk that
/// cannot keep up for hours is noticed before it is full.
const DEBT_SLOWDOWN_BYTES: usize = 32 << 30;
const DEBT_STOP_BYTES: usize = 128 << 30;

/// Compaction and flush together write no faster than this, so that the sync of the Raft log
/// does not queue behind them.
const BACKGROUND_BYTES_PER_S: i64 = 128 << 20;
const BACKGROUND_REFILL_US: i64 = 20_000;
/// Compaction still gets one write in so many when flushes take all of the rate.
const BACKGROUND_FAIRNESS: i32 = 10;

/// One flush and one compaction at a time in each database: there are two cores.
const BACKGROUND_JOBS: i32 = 2;

/// Written-back steadily, so that the sync at the end of a table finds little left to do.
const BYTES_PER_SYNC: u64 = 512 * KIB as u64;

const TABLE_FILE_BYTES: u64 = 32 * MIB as u64;
const LEVEL_BASE_BYTES: u64 = 256 * MIB as u64;

/// Larger blocks make smaller indexes; what is read is mostly read in order.
const BLOCK_BYTES: usize = 16 * KIB;

/// About 1 % false positives.
const BLOOM_BITS_PER_KEY: f64 = 10.0;

/// Open tables beyond these are opened again when they are needed.
const OPEN_FILES_MAX: i32 = 256;

/// The write-ahead logs together, before the oldest one's tables are flushed.
const WAL_TOTAL_BYTES: u64 = 128 * MIB as u64;

const INFO_LOG_BYTES: usize = MIB;
const INFO_LOG_FILES: usize = 2;

/// One space of a database.
#[derive(Debug, Clone, Copy)]
pub struct SpaceOptions {
    pub name: Space,
    /// Keys are looked up one by one, present or not: worth a bloom filter.
    pub point_gets: bool,
}

/// What a home needs to know of its database.
#[derive(Debug, Clone, Copy)]
pub struct RocksOptions {
    pub spaces: &'static [SpaceOptions],
    pub durability: Durability,
}

impl RocksOptions {
    pub(super) fn database(&self, create: bool) -> Options {
        let mut options = Options::default();
        options.create_if_missing(create);
        options.create_missing_column_families(true);
        options.set_max_background_jobs(BACKGROUND_JOBS);
        options.set_max_open_files(OPEN_FILES_MAX);
        options.set_bytes_per_sync(BYTES_PER_SYNC);
        options.set_ratelimiter(BACKGROUND_BYTES_PER_S, BACKGROUND_REFILL_US, BACKGROUND_FAIRNESS);
        options.set_skip_stats_update_on_db_open(true);
        // Removing files would otherwise happen on the thread of whoever drops a cursor last.
        options.set_avoid_unnecessary_blocking_io(true);
        options.set_stats_dump_period_sec(0);
        options.set_stats_persist_period_sec(0);
        options.set_log_level(LogLevel::Warn);
        options.set_max_log_file_size(INFO_LOG_BYTES);
        options.set_keep_log_file_num(INFO_LOG_FILES);
        match self.durability {
            Durability::Unlogged => options.set_atomic_flush(true),
            Durability::Logged => {
                // The default would shorten the log silently at the first damaged record, synced
                // or not: a vote or an entry that others count on. An incomplete record at the
                // very end is the trace of a crash and is tolerated.
                options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
                options.set_max_total_wal_size(WAL_TOTAL_BYTES);
            }
        }
        options
    }

    pub(super) fn families(&self) -> Vec<ColumnFamilyDescriptor> {
        let cache = Cache::new_lru_cache(match self.durability {
            Durability::Unlogged => KEYSPACE_CACHE_BYTES,
            Durability::Logged => LOG_CACHE_BYTES,
        });
        let spaces = self.spaces.iter();
        spaces
            .map(|space| ColumnFamilyDescriptor::new(space.name, self.family(*space, &cache)))
            .collect()
    }

    /// RocksDB wants a family of this name; it stays empty.
    pub(super) fn default_family(&self) -> ColumnFamilyDescriptor {
        let mut options = Options::default();
        options.set_arena_block_size(ARENA_BLOCK_BYTES);
        ColumnFamilyDescriptor::new(rocksdb::DEFAULT_COLUMN_FAMILY_NAME, options)
    }

    fn family(&self, space: SpaceOptions, cache: &Cache) -> Options {
        let mut options = Options::default();
        options.set_write_buffer_size(match self.durability {
            Durability::Unlogged => KEYSPACE_BUFFER_BYTES,
            Durability::Logged => LOG_BUFFER_BYTES,
        });
        options.set_max_write_buffer_number(BUFFERS_MAX);
        options.set_arena_block_size(ARENA_BLOCK_BYTES);
        options.set_level_zero_file_num_compaction_trigger(LEVEL0_COMPACT_FILES);
        options.set_level_zero_slowdown_writes_trigger(LEVEL0_SLOWDOWN_FILES);
        options.set_level_zero_stop_writes_trigger(LEVEL0_STOP_FILES);
        options.set_soft_pending_compaction_bytes_limit(DEBT_SLOWDOWN_BYTES);
        options.set_hard_pending_compaction_bytes_limit(DEBT_STOP_BYTES);
        options.set_target_file_size_base(TABLE_FILE_BYTES);
        options.set_max_bytes_for_level_base(LEVEL_BASE_BYTES);
        options.set_level_compaction_dynamic_level_bytes(true);
        // The same on every level: a table that overlaps no other is then moved to the next level
        // as it is, which is what becomes of most that is written in order.
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_block_based_table_factory(&table(space, cache));
        options
    }
}

fn table(space: SpaceOptions, cache: &Cache) -> BlockBasedOptions {
    let mut table = BlockBasedOptions::default();
    table.set_block_size(BLOCK_BYTES);
    table.set_block_cache(cache);
    // Indexes and filters count against the cache: otherwise memory grows with the data.
    table.set_cache_index_and_filter_blocks(true);
    table.set_cache_index_and_filter_blocks_with_high_priority(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    if space.point_gets {
        table.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
        table.set_optimize_filters_for_memory(true);
    }
    table
}
