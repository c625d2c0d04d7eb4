//! What a list in protobuf pays for each of its objects: a Pod of 3 KB at rest, through a tree and
//! without.

mod pod;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pod::{decode, id, pod_json};
use xebec_core::codec::proto::{self, Transcoder};
use xebec_core::schema::BUILT_IN;
use xebec_core::value::Value;

fn encode(criterion: &mut Criterion) {
    let at_rest = serde_json::to_vec(&Value::Object(decode(&pod_json()))).expect("serializes");
    let mut group = criterion.benchmark_group("a pod in protobuf");
    group.throughput(Throughput::Bytes(at_rest.len() as u64));
    group.bench_function("through a tree", |b| {
        b.iter(|| match serde_json::from_slice(&at_rest).expect("valid") {
            Value::Object(pod) => proto::encode(&BUILT_IN, id(), &pod).expect("encodes"),
            _ => Vec::new(),
        });
    });
    let tree = decode(&pod_json());
    group.bench_function("of a tree", |b| {
        b.iter(|| proto::encode(&BUILT_IN, id(), &tree).expect("encodes"));
    });
    let mut transcoder = Transcoder::default();
    group.bench_function("from its text", |b| {
        b.iter(|| transcoder.encode(&BUILT_IN, id(), &at_rest).expect("compact").len());
    });
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
