//! The map against a `BTreeMap` that does the same.

use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn version(key: &[u8], revision: i64) -> Arc<KeyValue> {
    let key = Bytes::copy_from_slice(key);
    Arc::new(KeyValue { key, mod_revision: revision, version: 1, ..KeyValue::default() })
}

fn check(map: &KeyMap, model: &BTreeMap<Vec<u8>, i64>) {
    node::check(&map.root, None, None, true);
    let found: Vec<_> = map.iter().map(|kv| (kv.key.to_vec(), kv.mod_revision)).collect();
    let wanted: Vec<_> = model.iter().map(|(key, revision)| (key.clone(), *revision)).collect();
    assert_eq!(found, wanted);
    assert_eq!(map.len(), model.len());
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => (0u16..400).prop_map(|n| n.to_be_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..3),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_a_btree_map(
        start in proptest::collection::btree_set(key(), 0..300),
        ops in proptest::collection::vec((key(), any::<bool>()), 1..600),
        bounds in proptest::collection::vec((key(), proptest::option::of(key())), 8),
    ) {
        let mut model: BTreeMap<_, _> = start.into_iter().map(|key| (key, 0)).collect();
        let sorted = model.keys().map(|key| version(key, 0)).collect();
        let mut map = KeyMap::from_sorted(sorted);
        check(&map, &model);
        let (kept, kept_model) = (map.clone(), model.clone());
        for (at, (key, insert)) in ops.iter().enumerate() {
            let revision = at as i64 + 1;
            let (got, wanted) = if *insert {
                (map.insert(version(key, revision)), model.insert(key.clone(), revision))
            } else {
                (map.remove(key), model.remove(key))
            };
            prop_assert_eq!(got.map(|kv| kv.mod_revision), wanted);
        }
        check(&map, &model);
        check(&kept, &kept_model);
        for (from, to) in bounds {
            let wanted: Vec<_> = model
                .iter()
                .filter(|(key, _)| **key >= from && to.as_ref().is_none_or(|to| *key < to))
                .map(|(key, _)| key.clone())
                .collect();
            let range = map.range(&from, to.as_deref());
            prop_assert_eq!(range.len(), wanted.len());
            let got: Vec<_> = range.map(|kv| kv.key.to_vec()).collect();
            prop_assert_eq!(got, wanted);
            prop_assert_eq!(map.get(&from).is_some(), model.contains_key(&from));
        }
    }
}

#[test]
fn ascending_inserts_fill_the_leaves() {
    let mut map = KeyMap::default();
    for n in 0u32..10_000 {
        map.insert(version(&n.to_be_bytes(), 1));
    }
    let depth = node::check(&map.root, None, None, true);
    assert!(depth <= 3, "10,000 ascending keys make a tree of depth {depth}");
}

#[test]
fn a_map_emptied_from_the_front_is_empty() {
    let sorted = (0u32..5_000).map(|n| version(&n.to_be_bytes(), 1)).collect();
    let mut map = KeyMap::from_sorted(sorted);
    for n in 0u32..5_000 {
        assert!(map.remove(&n.to_be_bytes()).is_some());
        if n % 500 == 0 {
            node::check(&map.root, None, None, true);
        }
    }
    assert!(map.is_empty());
    assert!(map.remove(&[0]).is_none());
    assert_eq!(map.iter().count(), 0);
}
