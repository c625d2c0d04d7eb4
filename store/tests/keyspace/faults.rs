//! Faults of the disk and damaged records: an error that says so, and nothing applied on top.

use crate::support::{Fixture, all, bytes, entry, put};
use xebec_store::command::{Body, Command, CommandBatch, LeaseGrant, Put, Range};
use xebec_store::disk::{KEYS, LEASES, META, head, keys, leases};
use xebec_store::engine::mem::{Fault, Faults};
use xebec_store::engine::{EngineError, EngineHome};
use xebec_store::{Entry, LogPosition, OpenError, Options, Payload, Store};

#[test]
fn a_failed_write_stops_the_store_and_a_restart_resumes_it() {
    let mut fixture = Fixture::new();
    fixture.put("a", "1");
    fixture.store.persist().expect("the disk is well");
    fixture.home.inject(Faults { write: Some(Fault::Io), ..Faults::default() });
    let failed = fixture.store.apply(vec![entry(2, 1, vec![put("a", "2")])]);
    assert!(matches!(failed, Err(EngineError::Io { .. })));
    assert_eq!(fixture.store.view().revision(), 2, "readers see what was written");
    assert!(fixture.store.apply(vec![entry(3, 1, vec![put("a", "3")])]).is_err());
    fixture.home.crash(&mut |_| 0);
    fixture.reopen();
    assert_eq!(fixture.index, 1);
    assert_eq!(fixture.put("a", "2"), 3);
}

#[test]
fn a_command_of_an_unknown_kind_stops_the_store() {
    let fixture = Fixture::new();
    let command = Command { origin: 2, id: 1, body: None };
    let batch = CommandBatch { time_ms: 1, commands: vec![command] };
    let position = LogPosition::new(1, 1);
    let applied = fixture.store.apply(vec![Entry { position, payload: Payload::Commands(batch) }]);
    assert!(matches!(applied, Err(EngineError::Corrupt { .. })));
}

fn reopened(fixture: &Fixture) -> Result<Store, OpenError> {
    let options = Options { load_threads: 1, dispatcher: false, ..Options::new(1) };
    Store::open(fixture.home.clone(), options)
}

fn is_corrupt(opened: &Result<Store, OpenError>) -> bool {
    matches!(opened, Err(OpenError::Engine(EngineError::Corrupt { .. })))
}

#[test]
fn a_damaged_record_is_found_when_the_store_opens() {
    let damages: [(&'static str, bytes::Bytes); 3] = [
        (KEYS, keys::ser_key(b"a", 2)),
        (LEASES, leases::ser_key(7)),
        (META, bytes::Bytes::from_static(head::KEY)),
    ];
    for (space, key) in damages {
        let mut fixture = Fixture::new();
        fixture.put("a", "1");
        fixture.must(Body::LeaseGrant(LeaseGrant { id: 7, ttl_s: 10 }));
        assert!(fixture.home.alter(space, &key, |_| vec![0xff, 0xff, 0xff]), "{space} {key:?}");
        assert!(is_corrupt(&reopened(&fixture)), "{space} {key:?}");
        assert!(fixture.home.make_unreadable(space, &key));
        assert!(is_corrupt(&reopened(&fixture)), "{space} {key:?}");
    }
}

#[test]
fn a_key_on_a_lease_that_is_gone_is_corrupt() {
    let mut fixture = Fixture::new();
    fixture.must(Body::LeaseGrant(LeaseGrant { id: 7, ttl_s: 10 }));
    fixture.must(Body::Put(Put { key: bytes("a"), lease: 7, ..Put::default() }));
    let mut batch = xebec_store::engine::Batch::default();
    batch.delete(LEASES, leases::ser_key(7));
    let durability = xebec_store::engine::Durability::Unlogged;
    let engine = fixture.home.open().expect("memory opens");
    engine.write(batch, durability).expect("memory writes");
    assert!(is_corrupt(&reopened(&fixture)));
}

#[test]
fn a_later_format_is_refused_by_name() {
    let mut fixture = Fixture::new();
    fixture.put("a", "1");
    assert!(fixture.home.alter(META, b"format", |_| vec![0, 0, 0, 9]));
    let opened = reopened(&fixture);
    assert!(matches!(opened, Err(OpenError::Format { found: 9, known: 1 })));
}

#[test]
fn a_read_error_on_the_past_is_an_error_of_that_read_only() {
    let mut fixture = Fixture::new();
    fixture.put("a", "1");
    fixture.put("a", "2");
    fixture.home.inject(Faults { read: Some(Fault::Io), ..Faults::default() });
    let range = Range { range: all(), revision: 2, ..Range::default() };
    assert!(fixture.store.view().range(&range).is_err());
    assert_eq!(fixture.store.view().range(&range).expect("it fired once").count, 1);
}
