//! A checkpoint of one replica becomes the state of another.

use crate::support::{Fixture, all, bytes, events, put, range};
use xebec_store::command::{Body, LeaseGrant, Put};
use xebec_store::engine::{Checkpoint, Staging};
use xebec_store::{Entry, LogPosition, Payload};

fn transfer(checkpoint: &dyn Checkpoint, staging: &mut dyn Staging) {
    for (at, file) in checkpoint.files().expect("readable files").iter().enumerate() {
        let content = checkpoint.read(at, 0, file.size_bytes as usize).expect("a readable file");
        staging.write(at, 0, &content).expect("a writable staging area");
    }
}

fn source() -> Fixture {
    let mut source = Fixture::new();
    source.must(Body::LeaseGrant(LeaseGrant { id: 7, ttl_s: 10 }));
    source.must(Body::Put(Put { key: bytes("l"), lease: 7, ..Put::default() }));
    for n in 0..10 {
        source.put("a", &n.to_string());
    }
    source.index += 1;
    let position = LogPosition::new(3, source.index);
    let payload = Payload::Membership(bytes("members"));
    source.store.apply(vec![Entry { position, payload }]).expect("the disk is well");
    source
}

#[test]
fn the_whole_state_travels() {
    let mut source = source();
    let (position, members, checkpoint) = source.store.checkpoint().expect("the disk is well");
    assert_eq!((position, &members[..]), (LogPosition::new(3, source.index), &b"members"[..]));
    source.put("a", "after the checkpoint");

    let mut target = Fixture::new();
    target.put("stale", "x");
    let old = target.store.view();
    let mut staging = target.home_stage(&*checkpoint);
    transfer(&*checkpoint, &mut *staging);
    target.store.install(staging).expect("a whole checkpoint");
    target.store.watches().dispatch();

    let view = target.store.view();
    assert_eq!(target.store.applied(), (Some(position), members));
    assert_eq!(view.revision(), 12);
    assert_eq!(view.hash(), source.store.view().hash_at(12).expect("retained"));
    assert_eq!(view.lease(7).expect("it travelled").keys, [bytes("l")]);
    assert_eq!(target.read(range("a", ""), 5), [("a".into(), "2".into())]);
    assert_eq!(old.revision(), 2, "a view stays what it is");
    target.index = position.index;
    assert_eq!(target.put("a", "on top"), 13);
    target.reopen();
    assert_eq!(target.store.view().revision(), 13);
}

#[test]
fn watches_go_on_across_an_install() {
    let source = source();
    let (_, _, checkpoint) = source.store.checkpoint().expect("the disk is well");
    let mut target = Fixture::new();
    target.put("a", "x");
    let mut staging = target.home_stage(&*checkpoint);
    transfer(&*checkpoint, &mut *staging);
    target.store.install(staging).expect("a whole checkpoint");
    target.store.watches().dispatch();
    let seen = events(&target.store, all(), 9).expect("nothing is compacted");
    let revisions: Vec<_> = seen.iter().map(|events| events[0].revision()).collect();
    assert_eq!(revisions, [9, 10, 11, 12]);
    assert_eq!(seen[0][0].prev.as_ref().map(|prev| prev.mod_revision), Some(8));
}

#[test]
fn an_incomplete_transfer_leaves_the_old_state_at_work() {
    let source = source();
    let (_, _, checkpoint) = source.store.checkpoint().expect("the disk is well");
    let mut target = Fixture::new();
    target.put("a", "mine");
    let staging = target.home_stage(&*checkpoint);
    assert!(target.store.install(staging).is_err());
    assert_eq!(target.read(all(), 0), [("a".into(), "mine".into())]);
    assert!(target.run(put("a", "still mine")).result.is_ok());
}

impl Fixture {
    fn home_stage(&self, checkpoint: &dyn Checkpoint) -> Box<dyn Staging> {
        let files = checkpoint.files().expect("readable files");
        self.store.home().stage(files).expect("room to stage")
    }
}
