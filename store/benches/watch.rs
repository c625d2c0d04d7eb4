//! What a delivered event costs in the watch machinery alone: publish, dispatch, hand out and
//! encode, on one thread, in processor time.
//!
//! Each case prints events per processor second; `memory` prints what an idle watch holds.

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use xebec_store::command::KeyRange;
use xebec_store::kv::{Event, KeyValue, Revision};
use xebec_store::watch::{
    Delivery, HistoryError, HistoryReader, Hub, Limits, Scan, ScanLimit, WatchSpec, WatchStream,
};

const STREAMS: usize = 30;

/// Nobody falls behind here.
struct NoDisk;

impl HistoryReader for NoDisk {
    fn scan(
        &self,
        _: &KeyRange,
        from: Revision,
        to: Revision,
        _: ScanLimit,
    ) -> Result<Scan, HistoryError> {
        panic!("a watch fell behind: {from}..={to}")
    }
}

struct Bench {
    hub: Arc<Hub>,
    streams: Vec<WatchStream>,
    keys: Vec<Bytes>,
    value: Bytes,
    revision: Revision,
}

impl Bench {
    /// Watches of the given ranges, spread over the streams, and keys to be written in turn.
    fn new(ranges: impl Iterator<Item = KeyRange>, keys: Vec<Bytes>) -> Self {
        let hub = Hub::new(Arc::new(NoDisk), 1, 0, Limits::default());
        let mut streams: Vec<_> = (0..STREAMS).map(|_| hub.open()).collect();
        for (id, range) in (0_i64..).zip(ranges) {
            let stream = &mut streams[id as usize % STREAMS];
            let (no_put, no_delete, prev_kv) = (false, false, false);
            stream.watch(id, WatchSpec { range, start_revision: 0, no_put, no_delete, prev_kv });
        }
        Self { hub, streams, keys, value: Bytes::from(vec![b'v'; 1024]), revision: 1 }
    }

    fn event(&mut self) -> Event {
        self.revision += 1;
        let kv = KeyValue {
            key: self.keys[self.revision as usize % self.keys.len()].clone(),
            create_revision: self.revision,
            mod_revision: self.revision,
            version: 1,
            value: self.value.clone(),
            lease: 0,
        };
        Event { kv: Arc::new(kv), prev: None }
    }

    /// One pass of the dispatcher over `burst` revisions and what follows; the events delivered.
    fn pass(&mut self, events: Vec<Event>) -> usize {
        self.hub.publish(events);
        self.hub.dispatch();
        let mut delivered = 0;
        for stream in &mut self.streams {
            while let Some(Delivery::Events { batches, .. }) = stream.next(1000) {
                for batch in batches.iter() {
                    black_box(batch.encoded(false));
                }
                delivered += batches.len();
            }
        }
        delivered
    }

    /// Processor time of `passes` passes of `burst` revisions, each delivered `fan_out` times.
    fn run(&mut self, passes: u64, burst: usize, fan_out: usize) -> Duration {
        let mut spent = Duration::ZERO;
        for _ in 0..passes {
            let events: Vec<_> = (0..burst).map(|_| self.event()).collect();
            let before = processor_time();
            let delivered = self.pass(events);
            spent += processor_time() - before;
            assert_eq!(delivered, burst * fan_out);
        }
        spent
    }
}

/// Of this thread.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanos = text.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.expect("the first word is a number"))
}

fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    text.split(' ').nth(1).and_then(|word| word.parse::<u64>().ok()).expect("pages") * 4096
}

fn case(c: &mut Criterion, name: &str, mut bench: Bench, burst: usize, fan_out: usize) {
    let mut group = c.benchmark_group("watch");
    group.throughput(Throughput::Elements((burst * fan_out) as u64));
    group.bench_function(name, |b| b.iter_custom(|passes| bench.run(passes, burst, fan_out)));
    group.finish();
}

fn range(key: String, end: &str) -> KeyRange {
    KeyRange { key: key.into(), end: Bytes::from(end.to_owned()) }
}

fn names(count: usize) -> Vec<Bytes> {
    (0..count).map(|i| Bytes::from(format!("/registry/pods/ns-{i:05}/pod"))).collect()
}

fn watch(c: &mut Criterion) {
    // First, while no memory is left over from another case.
    memory();
    let one_prefix = || (0..1000).map(|_| range("/registry/pods/".into(), "/registry/pods0"));
    for burst in [64, 1] {
        let name = format!("1000 watches of one prefix, {burst} at a time");
        case(c, &name, Bench::new(one_prefix(), names(1000)), burst, 1000);
    }
    for burst in [64, 1] {
        let own_key = (0..10_000).map(|i| range(format!("/registry/pods/ns-{i:05}/pod"), ""));
        let name = format!("10000 watches of a key each, {burst} at a time");
        case(c, &name, Bench::new(own_key, names(10_000)), burst, 1);
    }
    let own_range = (0..10_000).map(|i| {
        range(format!("/registry/pods/ns-{i:05}/"), &format!("/registry/pods/ns-{i:05}0"))
    });
    case(
        c,
        "10000 watches of a range each, 64 at a time",
        Bench::new(own_range, names(10_000)),
        64,
        1,
    );
}

fn memory() {
    let count = 100_000;
    let before = resident_bytes();
    let keys = (0..count).map(|i| range(format!("/registry/pods/ns-{i:06}/pod"), ""));
    let bench = Bench::new(keys, names(1));
    let each = (resident_bytes() - before) / count;
    println!("watch/memory: {each} bytes for an idle watch of its own key");
    drop(bench);
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = watch
}
criterion_main!(benches);
