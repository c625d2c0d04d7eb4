//! Compaction: what it keeps, what it drops, and reads beside it.

use crate::support::{Fixture, all, delete, entry, events, put, range, sweep};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use xebec_store::command::{Body, Compact, Range};
use xebec_store::disk::{KEYS, LOG, keys, log};
use xebec_store::kv::Revision;
use xebec_store::{CompactBudget, Progress, ReadError};

/// (key, revision) of every version on disk.
fn versions(fixture: &Fixture) -> Vec<(String, Revision)> {
    let engine = fixture.store.engine();
    let mut cursor = engine.cursor(KEYS, &[], &[]).expect("a readable engine");
    let mut found = Vec::new();
    while cursor.next().expect("a readable engine") {
        let at = keys::de_key(cursor.key()).expect("a whole key");
        found.push((crate::support::text(&at.key().expect("a whole key")), at.revision));
    }
    found
}

fn log_from(fixture: &Fixture) -> Revision {
    let engine = fixture.store.engine();
    let mut cursor = engine.cursor(LOG, &[], &[]).expect("a readable engine");
    assert!(cursor.next().expect("a readable engine"));
    log::de_key(cursor.key()).expect("a whole key").revision
}

#[test]
fn keeps_the_newest_of_the_living_and_the_log_from_the_compact_revision() {
    let mut fixture = Fixture::new();
    fixture.put("a", "1");
    fixture.put("a", "2");
    fixture.put("b", "3");
    fixture.must(delete("b", ""));
    fixture.put("c", "5");
    fixture.put("a", "6");
    fixture.must(delete("c", ""));
    fixture.compact(6);
    assert_eq!(sweep(&fixture.store, 1), 3);
    let left = [("a", 7), ("a", 3), ("c", 8), ("c", 6)];
    assert_eq!(versions(&fixture), left.map(|(key, at)| (key.to_owned(), at)));
    assert_eq!(log_from(&fixture), 6);
    assert_eq!(fixture.read(all(), 6), [("a".into(), "2".into()), ("c".into(), "5".into())]);
    assert_eq!(events(&fixture.store, all(), 6).expect("retained").len(), 3);
    assert_eq!(events(&fixture.store, all(), 5).expect_err("compacted"), 6);
}

#[test]
fn goes_on_from_where_it_stopped_after_a_crash() {
    let mut fixture = Fixture::new();
    for n in 0..50 {
        fixture.put("a", &n.to_string());
    }
    fixture.compact(40);
    let step = |fixture: &Fixture| {
        fixture.store.compact_step(CompactBudget { changes: 10 }).expect("the disk is well")
    };
    assert_eq!(step(&fixture), Progress::More { dropped: 9 });
    fixture.store.persist().expect("the disk is well");
    assert_eq!(step(&fixture), Progress::More { dropped: 10 });
    fixture.home.crash(&mut |_| 0);
    fixture.reopen();
    assert_eq!(step(&fixture), Progress::More { dropped: 10 });
    assert_eq!(step(&fixture), Progress::More { dropped: 10 });
    assert_eq!(step(&fixture), Progress::More { dropped: 9 });
    assert_eq!(step(&fixture), Progress::Idle);
    assert_eq!(versions(&fixture).len(), 12);
}

#[test]
fn the_revision_does_not_fall_back_when_all_is_deleted_compacted_and_reopened() {
    let mut fixture = Fixture::new();
    fixture.put("a", "1");
    fixture.must(delete("a", ""));
    fixture.compact(3);
    sweep(&fixture.store, 10);
    assert!(versions(&fixture).is_empty());
    fixture.reopen();
    assert_eq!(fixture.store.view().revision(), 3);
    assert_eq!(fixture.store.view().compact_revision(), 3);
    assert_eq!(fixture.put("a", "2"), 4);
}

#[test]
fn a_view_from_before_says_compacted_rather_than_less() {
    let mut fixture = Fixture::new();
    fixture.put("a", "1");
    fixture.put("b", "2");
    fixture.put("a", "3");
    let old = fixture.store.view();
    fixture.compact(4);
    sweep(&fixture.store, 10);
    let read = old.range(&Range { range: all(), revision: 3, ..Range::default() });
    assert!(matches!(read, Err(ReadError::Compacted)));
    assert!(matches!(old.hash_at(3), Err(ReadError::Compacted)));
    assert_eq!(old.range(&Range { range: all(), ..Range::default() }).expect("memory").count, 2);
}

/// A reader that always finds either the whole truth or an error, while a writer overwrites,
/// compacts and sweeps. At revision `r`, the ten keys hold the ten last values written.
#[test]
fn reads_beside_it_are_whole_or_refused() {
    const KEYS: i64 = 10;
    let mut fixture = Fixture::new();
    for n in 0..KEYS {
        fixture.put(&n.to_string(), &n.to_string());
    }
    let done = Arc::new(AtomicBool::new(false));
    let store =
        Arc::new(std::mem::replace(&mut fixture.store, crate::support::open(&fixture.home)));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut answered = 0;
            while !done.load(Ordering::Relaxed) {
                let view = store.view();
                for back in 0..20 {
                    let revision = view.revision() - back;
                    if revision < KEYS + 1 {
                        break;
                    }
                    let range = Range { range: range("0", "\0"), revision, ..Range::default() };
                    match view.range(&range) {
                        Ok(found) => {
                            let mut values: Vec<i64> = found
                                .kvs
                                .iter()
                                .map(|kv| {
                                    crate::support::text(&kv.value).parse().expect("a number")
                                })
                                .collect();
                            values.sort_unstable();
                            let newest = revision - 2;
                            assert_eq!(values, (newest - KEYS + 1..=newest).collect::<Vec<_>>());
                            answered += 1;
                        }
                        Err(ReadError::Compacted) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            answered
        });
        // Also when the writer panics.
        let stop = SetOnDrop(&done);
        for n in KEYS..1_500 {
            let index = n as u64 + 1;
            let mut bodies = vec![put(&(n % KEYS).to_string(), &n.to_string())];
            if n % 7 == 0 {
                bodies.push(Body::Compact(Compact { revision: n - 4 }));
            }
            store.apply(vec![entry(index, 1, bodies)]).expect("the disk is well");
            store.compact_step(CompactBudget { changes: 3 }).expect("the disk is well");
        }
        drop(stop);
        let answered = reader.join().expect("the reader found the truth");
        assert!(answered > 0, "every read was refused");
    });
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
