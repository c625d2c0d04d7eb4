//! Random commands over few keys, so that they meet.

use bytes::Bytes;
use proptest::prelude::*;
use xebec_store::command::{
    Alarm, Body, Compact, Compare, CompareTarget, DeleteRange, KeyRange, LeaseGrant, LeaseRevoke,
    Op, OpKind, Put, Range, Txn,
};

fn key() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        4 => (b'a'..=b'e').prop_map(|letter| Bytes::from(vec![letter])),
        1 => Just(Bytes::from_static(b"a\0")),
        1 => Just(Bytes::from_static(b"a\0\xff")),
        1 => Just(Bytes::from_static(b"\xff\xff")),
    ]
}

pub fn key_range() -> impl Strategy<Value = KeyRange> {
    let end = prop_oneof![
        3 => Just(Bytes::new()),
        1 => Just(Bytes::from_static(b"\0")),
        3 => key(),
    ];
    (key(), end).prop_map(|(key, end)| KeyRange { key, end })
}

fn lease() -> impl Strategy<Value = i64> {
    prop_oneof![4 => Just(0i64), 3 => 1i64..4]
}

fn put() -> impl Strategy<Value = Put> {
    let flags = (any::<bool>(), proptest::bool::weighted(0.15), proptest::bool::weighted(0.15));
    (key(), proptest::collection::vec(b'0'..=b'3', 0..3), lease(), flags).prop_map(
        |(key, value, lease, (prev_kv, ignore_value, ignore_lease))| Put {
            key,
            value: value.into(),
            lease,
            prev_kv,
            ignore_value,
            ignore_lease,
        },
    )
}

fn delete() -> impl Strategy<Value = DeleteRange> {
    (key_range(), any::<bool>()).prop_map(|(range, prev_kv)| DeleteRange { range, prev_kv })
}

pub fn range() -> impl Strategy<Value = Range> {
    let filter = || prop_oneof![4 => Just(0i64), 1 => 1i64..25];
    (
        key_range(),
        prop_oneof![2 => Just(0i64), 1 => -1i64..4],
        prop_oneof![2 => Just(0i64), 3 => -2i64..40],
        (0i32..3, 0i32..5),
        (proptest::bool::weighted(0.2), proptest::bool::weighted(0.2)),
        (filter(), filter(), filter(), filter()),
    )
        .prop_map(|(range, limit, revision, sort, only, filters)| Range {
            range,
            limit,
            revision,
            sort_order: sort.0,
            sort_target: sort.1,
            keys_only: only.0,
            count_only: only.1,
            min_mod_revision: filters.0,
            max_mod_revision: filters.1,
            min_create_revision: filters.2,
            max_create_revision: filters.3,
        })
}

fn compare() -> impl Strategy<Value = Compare> {
    let target = prop_oneof![
        Just(None),
        (0i64..4).prop_map(|n| Some(CompareTarget::Version(n))),
        (0i64..20).prop_map(|n| Some(CompareTarget::Create(n))),
        (0i64..20).prop_map(|n| Some(CompareTarget::Mod(n))),
        (0i64..4).prop_map(|n| Some(CompareTarget::Lease(n))),
        proptest::collection::vec(b'0'..=b'3', 0..2)
            .prop_map(|value| Some(CompareTarget::Value(value.into()))),
    ];
    (key_range(), 0i32..4, target).prop_map(|(range, result, target)| Compare {
        range,
        result,
        target,
    })
}

fn txn() -> impl Strategy<Value = Txn> {
    let flat = prop_oneof![
        3 => put().prop_map(OpKind::Put),
        2 => delete().prop_map(OpKind::DeleteRange),
        2 => range().prop_map(OpKind::Range),
    ];
    let leaf = branches(flat.clone().prop_map(|kind| Op { kind: Some(kind) }).boxed());
    leaf.prop_recursive(2, 12, 3, move |inner| {
        let op = prop_oneof![
            4 => flat.clone().prop_map(Some),
            2 => inner.prop_map(|txn| Some(OpKind::Txn(txn))),
            1 => Just(None),
        ];
        branches(op.prop_map(|kind| Op { kind }).boxed())
    })
}

fn branches(op: BoxedStrategy<Op>) -> BoxedStrategy<Txn> {
    (
        proptest::collection::vec(compare(), 0..3),
        proptest::collection::vec(op.clone(), 0..4),
        proptest::collection::vec(op, 0..4),
    )
        .prop_map(|(compares, success, failure)| Txn { compares, success, failure })
        .boxed()
}

pub fn body() -> impl Strategy<Value = Body> {
    let ttl = prop_oneof![8 => 0i64..5, 1 => Just(9_000_000_001)];
    let alarm = (any::<bool>(), 0u64..3, prop_oneof![6 => Just(1i32), 1 => 0i32..3]);
    prop_oneof![
        12 => put().prop_map(Body::Put),
        5 => delete().prop_map(Body::DeleteRange),
        12 => txn().prop_map(Body::Txn),
        2 => (-2i64..30).prop_map(|revision| Body::Compact(Compact { revision })),
        5 => (0i64..4, ttl).prop_map(|(id, ttl_s)| Body::LeaseGrant(LeaseGrant { id, ttl_s })),
        2 => (0i64..4).prop_map(|id| Body::LeaseRevoke(LeaseRevoke { id })),
        1 => alarm.prop_map(|(active, member, kind)| Body::Alarm(Alarm { active, member, kind })),
    ]
}

/// Moves the larger ones of the revisions that a command reads at to just before `now`, where
/// they meet the changes of the same entry.
pub fn anchor(body: &mut Body, now: i64) {
    if let Body::Txn(txn) = body {
        anchor_txn(txn, now);
    }
}

fn anchor_txn(txn: &mut Txn, now: i64) {
    for op in txn.success.iter_mut().chain(&mut txn.failure) {
        match &mut op.kind {
            Some(OpKind::Range(range)) if range.revision >= 15 => {
                range.revision = now + 1 - range.revision % 5;
            }
            Some(OpKind::Txn(nested)) => anchor_txn(nested, now),
            _ => {}
        }
    }
}
