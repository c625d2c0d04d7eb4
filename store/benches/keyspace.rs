//! What the keyspace costs: apply, ranges, open. On RocksDB, in a temporary directory.
//!
//! `XEBEC_BENCH_KEYS` sets the size of the keyspace that is opened (default 100,000 keys of 1 KB).

#![expect(clippy::disallowed_methods, reason = "a variable gives the number of keys")]

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use xebec_store::command::{Body, Command, CommandBatch, KeyRange, Put, Range};
use xebec_store::disk::ROCKS;
use xebec_store::engine::rocks::RocksHome;
use xebec_store::{Entry, LogPosition, Options, Payload, Store};

const VALUE_BYTES: usize = 1024;
const BATCH: usize = 64;

fn open(path: &Path) -> Store {
    let home = RocksHome::new(path, ROCKS);
    Store::open(Arc::new(home), Options::new(1)).expect("a temporary directory opens")
}

fn put(id: u64, key: u64) -> Command {
    let key = Bytes::from(format!("/registry/configmaps/default/object-{key:09}"));
    // Values that do not compress, like those of a cluster with secrets in it.
    let mut state = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let value: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .take(VALUE_BYTES / 8)
    .flatten()
    .collect();
    let put = Put { key, value: value.into(), ..Put::default() };
    Command { origin: 1, id, body: Some(Body::Put(put)) }
}

/// One entry of puts; `spread` scatters them over so many keys.
fn entry(index: u64, spread: Option<u64>) -> Entry {
    let commands = (0..BATCH as u64)
        .map(|at| {
            let id = index * BATCH as u64 + at;
            let key = spread.map_or(id, |keys| id.wrapping_mul(0x9e37_79b9_7f4a_7c15) % keys);
            put(id, key)
        })
        .collect();
    let batch = CommandBatch { time_ms: index, commands };
    Entry { position: LogPosition::new(1, index + 1), payload: Payload::Commands(batch) }
}

fn fill(store: &Store, keys: u64) -> u64 {
    let entries = keys.div_ceil(BATCH as u64);
    for index in 0..entries {
        store.apply(vec![entry(index, None)]).expect("the disk is well");
    }
    entries
}

fn all(limit: i64) -> Range {
    let range = KeyRange { key: "/registry/".into(), end: "/registry0".into() };
    Range { range, limit, ..Range::default() }
}

fn apply(c: &mut Criterion) {
    let mut group = c.benchmark_group("apply");
    group.throughput(Throughput::Elements(BATCH as u64)).measurement_time(Duration::from_secs(4));
    for (name, spread) in [("create_1kb_x64", None), ("update_1kb_x64", Some(10_000))] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = open(dir.path());
        let mut index = fill(&store, 10_000);
        group.bench_function(name, |b| {
            b.iter_batched(
                || {
                    index += 1;
                    entry(index, spread)
                },
                |entry| store.apply(vec![entry]).expect("the disk is well"),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn range(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    let entries = fill(&store, 10_000);
    let past = store.view().revision();
    store.apply(vec![entry(entries, Some(10_000))]).expect("the disk is well");
    let mut group = c.benchmark_group("range_10000_keys");
    group.measurement_time(Duration::from_secs(2));
    let ranges = [
        ("memory", all(0)),
        ("memory_limit_500", all(500)),
        ("memory_count_only", Range { count_only: true, ..all(0) }),
        ("disk", Range { revision: past, ..all(0) }),
    ];
    for (name, range) in ranges {
        group.bench_function(name, |b| {
            b.iter(|| black_box(store.view().range(&range).expect("the revision is retained")));
        });
    }
    group.finish();
}

fn reopen(c: &mut Criterion) {
    let keys = std::env::var("XEBEC_BENCH_KEYS").ok().and_then(|keys| keys.parse().ok());
    let keys = keys.unwrap_or(100_000);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    fill(&store, keys);
    store.persist().expect("the disk is well");
    drop(store);
    report_memory(dir.path());
    let mut group = c.benchmark_group("open");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    group.throughput(Throughput::Elements(keys));
    group.bench_function(format!("{keys}_keys_1kb"), |b| b.iter(|| black_box(open(dir.path()))));
    group.finish();
}

/// Prints what the process holds with the keyspace open, in proportion to the keys and values.
/// What filling it left behind counts too: a figure from above.
fn report_memory(path: &Path) {
    let store = open(path);
    let (data, held) = (store.view().data_bytes(), resident_bytes());
    println!(
        "memory: {} MB of keys and values, {} MB resident: {:.2} x",
        data >> 20,
        held >> 20,
        held as f64 / data as f64
    );
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("the second field is resident pages") * 4096
}

criterion_group!(benches, apply, range, reopen);
criterion_main!(benches);
