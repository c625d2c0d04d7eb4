//! Golden files of the layout on disk: what one fixed history leaves in every space, as hex.
//!
//! A file is written once, for a format or for a record that it gains, and never changed: old
//! data must stay readable. `UPDATE_EXPECT=1` writes a file that is missing, and only that.

use crate::support::{Fixture, bytes, delete, put};
use std::fmt::Write as _;
use std::path::PathBuf;
use xebec_store::command::{Alarm, Body, Compact, DeleteRange, LeaseGrant, Op, OpKind, Put, Txn};
use xebec_store::disk::SPACES;
use xebec_store::engine::{Batch, Durability, EngineHome};
use xebec_store::{CompactBudget, Entry, LogPosition, Payload};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// One record of every kind: puts, a replaced version, tombstones, leases, members, alarms,
/// compaction under way.
fn history() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.must(Body::LeaseGrant(LeaseGrant { id: 0x1234_5678, ttl_s: 60 }));
    fixture.must(put("/registry/pods/default/nginx", "first"));
    let (key, value) = (bytes("zero\0byte"), bytes("second"));
    fixture.must(Body::Put(Put { key, value, lease: 0x1234_5678, ..Put::default() }));
    fixture.must(put("/registry/pods/default/nginx", "third"));
    let sweep_all = DeleteRange { range: crate::support::range("/registry", "\0"), prev_kv: false };
    let replace = |kind| Op { kind: Some(kind) };
    let value = Put { key: bytes("zero\0byte"), value: bytes("fourth"), ..Put::default() };
    fixture.must(Body::Txn(Txn {
        compares: Vec::new(),
        success: vec![replace(OpKind::DeleteRange(sweep_all)), replace(OpKind::Put(value))],
        failure: Vec::new(),
    }));
    fixture.must(put("gone", "fifth"));
    fixture.must(delete("gone", ""));
    fixture.must(Body::Alarm(Alarm { active: true, member: 0xabcd, kind: 1 }));
    fixture.index += 1;
    let position = LogPosition::new(5, fixture.index);
    let payload = Payload::Membership(bytes("the consensus layer's own"));
    fixture.store.apply(vec![Entry { position, payload }]).expect("the disk is well");
    fixture.must(Body::Compact(Compact { revision: 3 }));
    fixture.store.compact_step(CompactBudget { changes: 1 }).expect("the disk is well");
    fixture
}

fn dump(fixture: &Fixture) -> String {
    let mut out = String::new();
    let engine = fixture.store.engine();
    for space in SPACES {
        let mut cursor = engine.cursor(space, &[], &[]).expect("a readable engine");
        while cursor.next().expect("a readable engine") {
            let (key, value) = (hex(cursor.key()), hex(cursor.value()));
            writeln!(out, "{space} {key} {value}").expect("a string grows");
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".into();
    }
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a string grows");
        out
    })
}

fn unhex(text: &str) -> Vec<u8> {
    if text == "-" {
        return Vec::new();
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex"))
        .collect()
}

#[test]
fn the_same_history_leaves_the_same_bytes() {
    let (path, dumped) = (path("keyspace-1.txt"), dump(&history()));
    if !path.exists() && std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &dumped).expect("a writable checkout");
    }
    let golden = std::fs::read_to_string(&path).expect("the golden file is part of the tests");
    assert_eq!(dumped, golden, "the layout on disk has changed: golden files are only added to");
}

#[test]
fn a_store_opens_from_the_golden_bytes() {
    let golden = std::fs::read_to_string(path("keyspace-1.txt")).expect("the golden file");
    let home = crate::support::home();
    let mut batch = Batch::default();
    for line in golden.lines() {
        let fields: Vec<_> = line.split(' ').collect();
        let [space, key, value] = fields[..] else { panic!("three fields: {line}") };
        let space = SPACES.iter().find(|known| **known == space).expect("a known space");
        batch.put(space, unhex(key), unhex(value));
    }
    let engine = home.open().expect("memory opens");
    engine.write(batch, Durability::Unlogged).expect("memory writes");
    let (opened, made) = (crate::support::open(&home), history().store);
    let (opened, made) = (opened.view(), made.view());
    assert_eq!(opened.hash(), made.hash());
    assert_eq!(opened.applied(), made.applied());
    assert_eq!(opened.membership(), made.membership());
    assert_eq!(opened.compact_revision(), made.compact_revision());
    assert_eq!(opened.alarms(), made.alarms());
    assert_eq!(opened.leases(), made.leases());
    assert!(opened.keys().iter().eq(made.keys().iter()));
}
