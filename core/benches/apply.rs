//! What every write pays for the ownership of fields: a Pod of 3 KB, updated and applied.

mod pod;

use criterion::{Criterion, criterion_group, criterion_main};
use pod::{decode, id, pod_json};
use std::hint::black_box;
use xebec_core::apply::{Filter, Manager, Writer};
use xebec_core::patch::{self, FieldValidation, Patch, PatchKind};
use xebec_core::schema::BUILT_IN;
use xebec_core::time::Timestamp;
use xebec_core::value::{Object, Value};

const NOW: Timestamp = Timestamp { seconds: 1_700_000_000, nanos: 0 };

fn with_manager<T>(act: impl FnOnce(Manager<'_>) -> T) -> T {
    let filter = Filter::except(&[&["status"]]);
    let versions = [("v1", id())];
    act(Manager {
        schema: &BUILT_IN,
        id: id(),
        api_version: "v1",
        kind: "Pod",
        subresource: "",
        filter: &filter,
        versions: &versions,
    })
}

fn created(manager: Manager<'_>) -> Object {
    let mut pod = decode(&pod_json());
    manager.on_update(None, &mut pod, false, Writer { manager: "kubectl-create", now: NOW });
    pod
}

fn updates(criterion: &mut Criterion) {
    with_manager(|manager| {
        let live = created(manager);
        println!("pod: {} bytes", pod_json().split_whitespace().map(str::len).sum::<usize>());
        let mut changed = live.clone();
        if let Some(metadata) = changed.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("labels", serde_json::from_str(r#"{"app":"web"}"#).expect("JSON"));
        }
        let writer = Writer { manager: "controller", now: NOW };
        let plain = decode(&pod_json());
        criterion.bench_function("clone a pod (baseline)", |b| b.iter(|| black_box(&live).clone()));
        criterion.bench_function("create", |b| {
            b.iter_batched_ref(
                || plain.clone(),
                |new| manager.on_update(None, new, false, writer),
                criterion::BatchSize::SmallInput,
            );
        });
        criterion.bench_function("update, nothing changed", |b| {
            b.iter_batched_ref(
                || live.clone(),
                |new| manager.on_update(Some(&live), new, false, writer),
                criterion::BatchSize::SmallInput,
            );
        });
        criterion.bench_function("update, labels changed", |b| {
            b.iter_batched_ref(
                || changed.clone(),
                |new| manager.on_update(Some(&live), new, false, writer),
                criterion::BatchSize::SmallInput,
            );
        });
    });
}

fn applies(criterion: &mut Criterion) {
    with_manager(|manager| {
        let writer = Writer { manager: "deployer", now: NOW };
        let config: Value = serde_json::from_str(&pod_json()).expect("JSON");
        let Value::Object(mut config) = config else { return };
        config.retain(|name, _| name != "status");
        let live = manager.on_apply(None, &config, false, writer).expect("applies").object;
        let mut changed = config.clone();
        if let Some(spec) = changed.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("terminationGracePeriodSeconds", Value::Int(60));
            spec.remove("priority");
        }
        criterion.bench_function("apply, nothing changed", |b| {
            b.iter(|| manager.on_apply(Some(&live), &config, false, writer).expect("applies"));
        });
        criterion.bench_function("apply, one changed and one removed", |b| {
            b.iter(|| manager.on_apply(Some(&live), &changed, false, writer).expect("applies"));
        });
    });
}

fn patches(criterion: &mut Criterion) {
    let live = with_manager(created);
    let image = r#"{"spec":{"containers":[{"name":"web","image":"next"}]}}"#;
    let label = r#"{"metadata":{"labels":{"app":"next"}}}"#;
    let json = r#"[{"op":"replace","path":"/spec/containers/0/image","value":"next"}]"#;
    for (name, kind, body) in [
        ("strategic merge patch", PatchKind::Strategic, image),
        ("merge patch", PatchKind::Merge, label),
        ("JSON patch", PatchKind::Json, json),
    ] {
        let patch = Patch { kind, body: body.as_bytes(), validation: FieldValidation::Warn };
        criterion.bench_function(name, |b| {
            b.iter(|| patch::apply(&BUILT_IN, id(), &live, patch).expect("applies"));
        });
    }
}

criterion_group!(benches, updates, applies, patches);
criterion_main!(benches);
