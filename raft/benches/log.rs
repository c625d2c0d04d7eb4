//! How fast entries become durable: so many appends at once, until the last callback.
//!
//! The figure of one append is the latency of a sync; the others show what group commit makes
//! of it.

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use openraft::EntryPayload;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use xebec_raft::log::{self, LogOptions, RaftLog};
use xebec_raft::types::{EncodedBatch, Entry, LogId, TypeConfig};
use xebec_store::engine::Durability;
use xebec_store::engine::EngineHome;
use xebec_store::engine::mem::MemHome;
use xebec_store::engine::rocks::RocksHome;

const ENTRY_BYTES: usize = 1024;
const APPENDS: [u64; 4] = [1, 8, 64, 512];

/// As a replica does: now and then, in large ranges.
const PURGE_ENTRIES: u64 = 10_000;

fn append(runtime: &Runtime, log: &mut RaftLog, next: &mut u64, count: u64, payload: &Bytes) {
    runtime.block_on(async {
        let mut last = None;
        for _ in 0..count {
            let payload = EntryPayload::Normal(EncodedBatch(payload.clone()));
            let entry = Entry { log_id: LogId::new_term_index(1, *next), payload };
            *next += 1;
            let (sender, flushed) = TypeConfig::oneshot();
            log.append([entry], IOFlushed::signal(sender)).await.expect("append");
            last = Some(flushed);
            if (*next).is_multiple_of(PURGE_ENTRIES) {
                let upto = LogId::new_term_index(1, *next - PURGE_ENTRIES);
                log.purge(upto).await.expect("purge");
            }
        }
        last.expect("at least one").await.expect("completed").expect("written");
    });
}

fn run(criterion: &mut Criterion, name: &str, home: &dyn EngineHome) {
    let options = LogOptions::new(Arc::new(|error| panic!("{error}")));
    let (mut log, writer) = RaftLog::open(home, options).expect("a log");
    let thread = writer.spawn().expect("a thread");
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let payload = Bytes::from(vec![b'x'; ENTRY_BYTES]);
    let mut next = 0;
    let mut group = criterion.benchmark_group(format!("log/{name}"));
    for count in APPENDS {
        group.throughput(Throughput::Elements(count));
        group.bench_function(count.to_string(), |bencher| {
            bencher.iter(|| append(&runtime, &mut log, &mut next, count, &payload));
        });
    }
    group.finish();
    drop(log);
    thread.join();
}

fn log(criterion: &mut Criterion) {
    // The cost of all but the disk.
    run(criterion, "memory", &MemHome::new(log::SPACES, Durability::Logged));
    let dir = tempfile::tempdir().expect("a temporary directory");
    run(criterion, "disk", &RocksHome::new(dir.path(), log::ROCKS));
}

criterion_group!(benches, log);
criterion_main!(benches);
