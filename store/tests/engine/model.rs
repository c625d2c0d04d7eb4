//! Random sequences of operations: every engine against a plain ordered map.

use crate::support::{A, B, each_home, here, rest};
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use xebec_store::engine::{Batch, Durability, Engine, EngineHome, Space};

type Model = BTreeMap<(Space, Bytes), Bytes>;

#[derive(Debug, Clone)]
enum Op {
    Put(Space, Bytes, Bytes),
    Delete(Space, Bytes),
    DeleteRange(Space, Bytes, Bytes),
}

#[derive(Debug, Clone)]
enum Step {
    Write(Vec<Op>),
    Get(Space, Bytes),
    Scan(Space, Bytes, Bytes),
    Seek(Space, Bytes, Bytes, Bytes),
    SeekForPrev(Space, Bytes, Bytes, Bytes),
    /// Makes everything durable and opens the engine again.
    Reopen,
}

fn space() -> impl Strategy<Value = Space> {
    prop_oneof![Just(A), Just(B)]
}

/// Few keys, so that they meet; some are prefixes of others; one is empty.
fn key() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(prop_oneof![Just(0), Just(b'k'), Just(0xff)], 0..3).prop_map(Bytes::from)
}

fn value() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (space(), key(), value()).prop_map(|(s, k, v)| Op::Put(s, k, v)),
        2 => (space(), key()).prop_map(|(s, k)| Op::Delete(s, k)),
        1 => (space(), key(), key()).prop_map(|(s, a, b)| Op::DeleteRange(s, a, b)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(op(), 0..6).prop_map(Step::Write),
        2 => (space(), key()).prop_map(|(s, k)| Step::Get(s, k)),
        2 => (space(), key(), key()).prop_map(|(s, a, b)| Step::Scan(s, a, b)),
        2 => (space(), key(), key(), key()).prop_map(|(s, a, b, k)| Step::Seek(s, a, b, k)),
        2 => (space(), key(), key(), key()).prop_map(|(s, a, b, k)| Step::SeekForPrev(s, a, b, k)),
        1 => Just(Step::Reopen),
    ]
}

fn write(model: &mut Model, ops: &[Op]) -> Batch {
    let mut batch = Batch::default();
    for op in ops.iter().cloned() {
        match op {
            Op::Put(space, key, value) => {
                batch.put(space, key.clone(), value.clone());
                model.insert((space, key), value);
            }
            Op::Delete(space, key) => {
                batch.delete(space, key.clone());
                model.remove(&(space, key));
            }
            Op::DeleteRange(space, from, to) => {
                batch.delete_range(space, from.clone(), to.clone());
                model.retain(|(at, key), _| *at != space || *key < from || *key >= to);
            }
        }
    }
    batch
}

fn range(model: &Model, space: Space, from: &Bytes, to: &Bytes) -> Vec<(Bytes, Bytes)> {
    let within = |key: &Bytes| key >= from && (to.is_empty() || key < to);
    let entries = model.iter().filter(|((at, key), _)| *at == space && within(key));
    entries.map(|((_, key), value)| (key.clone(), value.clone())).collect()
}

fn check(model: &Model, engine: &dyn Engine, step: &Step) {
    match step {
        Step::Get(space, key) => {
            let expected = model.get(&(*space, key.clone())).cloned();
            assert_eq!(engine.get(space, key).expect("get"), expected);
        }
        Step::Scan(space, from, to) => {
            let mut cursor = engine.cursor(space, from, to).expect("a cursor");
            assert_eq!(rest(&mut *cursor), range(model, space, from, to));
        }
        Step::Seek(space, from, to, key) => {
            let mut expected = range(model, space, from, to);
            expected.retain(|(at, _)| at >= key);
            let mut cursor = engine.cursor(space, from, to).expect("a cursor");
            let mut found = Vec::new();
            if cursor.seek(key).expect("seek") {
                found.push(here(&*cursor));
            }
            found.extend(rest(&mut *cursor));
            assert_eq!(found, expected);
        }
        Step::SeekForPrev(space, from, to, key) => {
            let mut expected = range(model, space, from, to);
            expected.retain(|(at, _)| at <= key);
            let mut cursor = engine.cursor(space, from, to).expect("a cursor");
            let found = cursor.seek_for_prev(key).expect("seek").then(|| here(&*cursor));
            assert_eq!(found, expected.pop());
        }
        Step::Write(_) | Step::Reopen => {}
    }
}

fn run(steps: &[Step], durability: Durability, home: &dyn EngineHome) {
    let mut model = Model::new();
    let mut engine: Option<Arc<dyn Engine>> = Some(home.open().expect("an engine"));
    for step in steps {
        let open = engine.as_ref().expect("open between steps");
        match step {
            Step::Write(ops) => {
                open.write(write(&mut model, ops), durability).expect("write");
            }
            Step::Reopen => {
                open.flush().expect("flush");
                drop(engine.take());
                engine = Some(home.open().expect("the engine again"));
            }
            other => check(&model, &**open, other),
        }
    }
    let open = engine.expect("open at the end");
    for space in [A, B] {
        check(&model, &*open, &Step::Scan(space, Bytes::new(), Bytes::new()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn engine_equals_an_ordered_map(
        steps in prop::collection::vec(step(), 1..60),
        logged in any::<bool>(),
    ) {
        let durability = if logged { Durability::Logged } else { Durability::Unlogged };
        each_home(durability, |make| run(&steps, durability, &*make()));
    }
}
